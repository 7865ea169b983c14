"""The vector level: what is found, how it is lowered, and that results agree as far as promised."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtaudio._native.simd import LEVELS, detected_level, simd_level

if TYPE_CHECKING:
    from pathlib import Path

# Filters by phases in groups of 2, 3 and 4, by rows and between rows, whole and in chunks of many
# lengths, of full-scale noise, all written to one file.
RESAMPLED = """
import sys
import numpy as np
from rtaudio._native import resample
from rtaudio._native.simd import simd_level
noise = np.random.default_rng(5).integers(-32768, 32768, 6000).astype(np.int16)
noise[::7] = -32768
noise[3::7] = 32767
results = []
for rates in [
    (24000, 16000), (24000, 8000), (16000, 24000), (24000, 32000), (24000, 23000), (48000, 8000),
    (8000, 192000), (44100, 48000), (22050, 16000), (48000, 47999), (192000, 4001),
]:
    for quality in ("fast", "balanced", "high"):
        for channels in (1, 2, 3, 4):
            results.append(resample.resample(noise, *rates, quality, channels=channels))
        stream = resample.Resampler(*rates, 1, quality)
        for length in range(1, 90):
            results.append(stream.process(noise[:length]))
np.concatenate(results).tofile(sys.argv[1])
print(simd_level())
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
from rtaudio._native import channels, levels
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
    digest.update(channels.to_stereo(part).tobytes() + channels.to_float32(part).tobytes())
    digest.update(levels.mix(noise, part, factors=[-1.5, 0.25]).tobytes())
    digest.update(levels.mix(noise, part, part).tobytes())
    digest.update(levels.apply_gain(part, factor=0.3).tobytes())
    digest.update(channels.split_channels(noise[: 6 * length], 2).tobytes())
    digest.update(channels.split_channels(noise[: 6 * length], 3).tobytes())
    digest.update(channels.to_mono(noise[: 6 * length], 2).tobytes())
    digest.update(channels.to_mono(noise[: 6 * length], 3).tobytes())
    digest.update(channels.to_int16(floats[length : 2 * length]).tobytes())
    odd = np.frombuffer(memoryview(b"?" + floats.tobytes())[1 : 1 + 4 * length], np.float32)
    digest.update(channels.to_int16(odd).tobytes())
digest.update(levels.frame_rms(noise, 37).tobytes() + channels.to_int16(floats).tobytes())
print(simd_level(), digest.hexdigest())
"""


# Streams cut at random against the same fed at once: filters by phases of many group widths and
# remainders, by rows and between rows.
CUT = """
import numpy as np
from rtaudio._native import resample
from rtaudio._native.simd import simd_level
random = np.random.default_rng(11)
noise = random.integers(-32768, 32768, 9000).astype(np.int16)
for rates in [
    (24000, 16000), (16000, 24000), (8000, 24000), (48000, 24000), (24000, 8000), (48000, 8000),
    (24000, 23000), (16000, 40000), (44100, 24000), (44100, 48000), (48000, 47999),
]:
    for quality in ("balanced", "high"):
        stream = resample.Resampler(*rates, 1, quality)
        at_once = np.concatenate([stream.process(noise), stream.flush()])
        cuts = np.sort(random.integers(0, len(noise), 40))
        pieces = [stream.process(piece) for piece in np.split(noise, cuts)]
        assert np.array_equal(np.concatenate([*pieces, stream.flush()]), at_once), (rates, quality)
print(simd_level())
"""


def run(level: str | None, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "RTAUDIO_SIMD"}
    if level is not None:
        environment["RTAUDIO_SIMD"] = level
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def reachable_levels() -> tuple[str, ...]:
    return LEVELS[: LEVELS.index(detected_level()) + 1]


def test_the_level_in_use_is_at_most_the_detected_one():
    assert LEVELS[0] == "baseline"
    assert LEVELS.index(simd_level()) <= LEVELS.index(detected_level())


@pytest.mark.parametrize("code", [G711, LEVELS_OF_SOUND], ids=["g711", "levels"])
def test_every_level_gives_the_same_bits(code: str) -> None:
    answers = [run(level, code).stdout.split() for level in reachable_levels()]
    assert [answer[0] for answer in answers] == list(reachable_levels())
    assert len({answer[1] for answer in answers}) == 1


def test_resampling_gives_the_same_bits_at_all_levels_that_fuse_and_else_is_at_most_1_off(
    tmp_path: Path,
) -> None:
    results = []
    for level in reachable_levels():
        assert run(level, RESAMPLED, str(tmp_path / level)).stdout.strip() == level
        results.append(np.fromfile(tmp_path / level, np.int16).astype(int))
    baseline, *fused = results
    assert len(baseline) > 1_000_000
    for result in fused:
        assert np.array_equal(result, fused[0])
        difference = np.abs(result - baseline)
        assert difference.max() <= 1
        assert np.count_nonzero(difference) < len(difference) / 1000


@pytest.mark.parametrize("level", reachable_levels())
def test_resampling_does_not_depend_on_how_the_input_is_cut_at_any_level(level: str) -> None:
    result = run(level, CUT)
    assert result.stderr == ""
    assert result.stdout.strip() == level


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
