"""The vector level: what is found, how it is lowered, and that no level changes a bit."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from rtaudio._native.simd import LEVELS, detected_level, simd_level

# Filters by phases in groups of 2, 3 and 4, by rows and between rows, whole and in chunks of many
# lengths, of full-scale noise, printed as one digest.
RESAMPLED = """
import hashlib
import numpy as np
from rtaudio._native import resample
from rtaudio._native.simd import simd_level
noise = np.random.default_rng(5).integers(-32768, 32768, 6000).astype(np.int16)
noise[::7] = -32768
noise[3::7] = 32767
digest = hashlib.sha256()
for rates in [
    (24000, 16000), (16000, 24000), (24000, 32000), (24000, 23000), (48000, 8000), (8000, 192000),
    (44100, 48000), (22050, 16000), (48000, 47999), (192000, 4001),
]:
    for quality in ("fast", "balanced", "high"):
        for channels in (1, 2, 3, 4):
            digest.update(resample.resample(noise, *rates, quality, channels=channels).tobytes())
        stream = resample.Resampler(*rates, 1, quality)
        for length in range(1, 90):
            digest.update(stream.process(noise[:length]).tobytes())
print(simd_level(), digest.hexdigest())
"""


# All values, and all lengths up to twice the widest register, from even and odd addresses.
G711 = """
import hashlib
import numpy as np
from rtaudio._native import g711
from rtaudio._native.simd import simd_level
samples = np.arange(-32768, 32768).astype(np.int16)
codes = bytes(range(256))
digest = hashlib.sha256()
for law in ("ulaw", "alaw"):
    encode, decode = getattr(g711, law + "_encode"), getattr(g711, law + "_decode")
    digest.update(encode(samples) + decode(codes).tobytes())
    for length in range(130):
        digest.update(encode(memoryview(b"x" + samples[7000:].tobytes())[1 : 1 + 2 * length]))
        digest.update(decode(memoryview(codes)[1 : 1 + length]).tobytes())
print(simd_level(), digest.hexdigest())
"""


LEVELS_OF_SOUND = """
import hashlib
import numpy as np
from rtaudio._native import levels
from rtaudio._native.simd import simd_level
random = np.random.default_rng(3)
noise = random.integers(-32768, 32768, 4000).astype(np.int16)
noise[::5] = -32768
floats = (random.standard_normal(4000) * 2).astype(np.float32)
floats[::50] = [np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-40, -0.0, 3e38] * 10
digest = hashlib.sha256()
for length in range(130):
    part = noise[length : 2 * length]
    digest.update(str((levels.rms_dbfs(part), levels.peak_dbfs(part))).encode())
    digest.update(levels.mix(noise[:length], noise, part, gains_db=[3.1, -7.0, 0.0]).tobytes())
    digest.update(levels.to_stereo(part).tobytes() + levels.to_float32(part).tobytes())
    digest.update(levels.mix(noise, part, factors=[-1.5, 0.25]).tobytes())
    digest.update(levels.mix(noise, part, part).tobytes())
    digest.update(levels.apply_gain(part, factor=0.3).tobytes())
    digest.update(levels.split_channels(noise[: 6 * length], 2).tobytes())
    digest.update(levels.split_channels(noise[: 6 * length], 3).tobytes())
    digest.update(levels.to_mono(noise[: 6 * length], 2).tobytes())
    digest.update(levels.to_mono(noise[: 6 * length], 3).tobytes())
    digest.update(levels.to_int16(floats[length : 2 * length]).tobytes())
    odd = np.frombuffer(memoryview(b"?" + floats.tobytes())[1 : 1 + 4 * length], np.float32)
    digest.update(levels.to_int16(odd).tobytes())
digest.update(levels.frame_rms(noise, 37).tobytes() + levels.to_int16(floats).tobytes())
print(simd_level(), digest.hexdigest())
"""


def run(level: str | None, code: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "RTAUDIO_SIMD"}
    if level is not None:
        environment["RTAUDIO_SIMD"] = level
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


def test_the_level_in_use_is_at_most_the_detected_one():
    assert LEVELS[0] == "baseline"
    assert LEVELS.index(simd_level()) <= LEVELS.index(detected_level())


@pytest.mark.parametrize(
    "code", [RESAMPLED, G711, LEVELS_OF_SOUND], ids=["resample", "g711", "levels"]
)
def test_every_level_gives_the_same_bits(code):
    reachable = LEVELS[: LEVELS.index(detected_level()) + 1]
    answers = [run(level, code).stdout.split() for level in reachable]
    assert [answer[0] for answer in answers] == list(reachable)
    assert len({answer[1] for answer in answers}) == 1


def test_the_environment_cannot_raise_the_level():
    code = "from rtaudio._native.simd import simd_level; print(simd_level())"
    assert run(LEVELS[-1], code).stdout.strip() == detected_level()
    assert run("", code).stdout.strip() == detected_level()


@pytest.mark.parametrize("level", ["sse9", "AVX2", " "])
def test_an_unknown_level_is_refused_with_the_known_ones(level):
    result = run(level, "import rtaudio._native.simd")
    assert result.returncode == 1
    assert f"ConfigError: got RTAUDIO_SIMD={level!r}" in result.stderr
    assert ", ".join(LEVELS) in result.stderr
