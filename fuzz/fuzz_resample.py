"""The resampler on any arguments: an AudioError, or the promised length, however input is cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from common import Reader, exact, fuzz

from rtaudio.audio import Resampler, resample
from rtaudio.errors import AudioError

# With three qualities 48 filters, which all stay in the designer's cache.
PAIRS = (
    *((24000, 16000), (16000, 24000), (8000, 24000), (24000, 8000)),
    *((48000, 24000), (24000, 48000), (44100, 24000), (48000, 16000)),
    *((16000, 8000), (11025, 16000), (22050, 24000), (192000, 4000)),
    *((4000, 192000), (4001, 16000), (48000, 44100), (24000, 24000)),
)
QUALITIES = ("fast", "balanced", "high")
STRANGE: tuple[Any, ...] = (
    *(None, 7, 1.5, "text", [1, 2], object),
    *(np.zeros(4, np.float32), np.zeros(4, ">i2"), np.zeros(8, np.int16)[::2]),
    *(np.zeros(4, np.uint16), np.zeros((2, 2, 2), np.int16), np.zeros((2, 9), np.int16)),
    *(b"x", memoryview(b"xyz")[::2], np.int16(3), {}, np.zeros(2, np.complex64)),
)
MAX_SAMPLES = 1200  # per channel; enough for the longest filters, short enough to stay fast


def rates(plan: Reader) -> tuple[int, int]:
    """Mostly a usual pair; designing a filter for each new one would take most of the time."""
    kind = plan.byte()
    if kind < 252:
        return PAIRS[kind % len(PAIRS)]
    size = 2 if kind < 254 else 4 if kind < 255 else 9
    first, second = plan.number(size), plan.number(size)
    return (first & 0xFFFF, second & 0xFFFF) if size == 2 else (first, second)


def shaped(samples: np.ndarray, channels: int, form: int) -> Any:
    """The same PCM16 in one of the forms that are taken."""
    data = samples.tobytes()
    forms = (
        lambda: data,
        lambda: bytearray(data),
        lambda: samples,
        lambda: samples.reshape(-1, channels),
        lambda: exact(data),
        lambda: memoryview(b"x" + data)[1:],
    )
    return forms[form % len(forms)]()


def check_refusals(resampler: Resampler, plan: Reader) -> None:
    """What is no PCM16 is refused, and leaves the stream as it was."""
    try:
        resampler.process(plan.choose(STRANGE))
    except AudioError:
        return
    raise AssertionError("what is no PCM16 was taken")


def check_too_small(resampler: Resampler, chunk: Any, out: np.ndarray) -> None:
    try:
        resampler.process_into(chunk, out)
    except AudioError:
        assert (out == 77).all()
        return
    raise AssertionError("a buffer that is too small was written to")


def check_stream(resampler: Resampler, samples: np.ndarray, plan: Reader) -> np.ndarray:
    """Feed `samples` in the chunks that the plan says; returns what came out."""
    channels, up, down = resampler.channels, resampler.sample_rate_out, resampler.sample_rate_in
    pieces, fed, come = [], 0, 0
    total = len(samples) // channels
    while fed < total:
        step = plan.byte()
        size = (
            min(plan.byte() if step & 1 else plan.byte() * 8, total - fed) if plan else total - fed
        )
        chunk = shaped(samples[fed * channels : (fed + size) * channels], channels, step // 2)
        promised = resampler.output_length(size)
        if step & 64:
            out = np.full((promised + step % 3) * channels, 77, np.int16)
            if promised:
                check_too_small(resampler, chunk, out[: (promised - 1) * channels])
            assert resampler.process_into(chunk, out) == promised
            assert (out[promised * channels :] == 77).all()
            pieces.append(out[: promised * channels])
        else:
            pieces.append(resampler.process(chunk).ravel())
        assert len(pieces[-1]) == promised * channels
        if step & 128:
            check_refusals(resampler, plan)
        fed, come = fed + size, come + promised
        assert come == -(-fed * up // down), "not the promised number of samples"
    pieces.append(resampler.flush().ravel())
    return np.concatenate(pieces)


def target(data: bytes) -> None:
    plan = Reader(data)
    pair = rates(plan)
    kind = plan.byte()
    channels = 1 + kind % 8 if kind < 240 else plan.number(2)
    quality = QUALITIES[kind // 8 % 3] if kind < 250 else plan.take(4).decode("latin-1")
    possible = all(4000 <= value <= 192000 for value in pair) and 1 <= channels <= 8
    try:
        resampler = Resampler(*pair, channels=channels, quality=quality)
    except AudioError:
        assert not possible or quality not in QUALITIES
        return
    assert possible
    assert quality in QUALITIES
    count = min(plan.number(2) & 0x7FF, MAX_SAMPLES // (channels if channels > 2 else 1))
    pattern = np.frombuffer(plan.take(2 * (1 + plan.byte() % 32)) or b"", np.uint8)
    pattern = pattern[: len(pattern) // 2 * 2].view(np.int16)
    samples = np.resize(pattern if len(pattern) else np.int16(-32768), count * channels)
    samples = samples.astype(np.int16)

    whole = check_stream(Resampler(*pair, channels=channels, quality=quality), samples, Reader(b""))
    cut = check_stream(resampler, samples, plan)
    assert (whole == cut).all(), "the output depends on how the input was cut"
    again = check_stream(resampler, samples, Reader(b""))
    assert (whole == again).all(), "a stream that was flushed is not as new"
    length = -(-count * pair[1] // pair[0])
    aligned = resample(samples, *pair, quality, channels=channels)
    assert len(aligned) == length * channels
    delay = len(whole) - len(aligned)
    assert delay >= 0


if __name__ == "__main__":
    fuzz(target)
