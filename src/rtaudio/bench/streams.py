"""Every resampler as the same kind of stream and whole-signal function: PCM16 in, PCM16 out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from rtaudio.audio import Resampler, resample
from rtaudio.bench.cases import need

if TYPE_CHECKING:
    from rtaudio.audio import Samples

__all__ = ["RESAMPLERS", "ResamplerPeer", "Stream", "stream_chunks"]

NOTHING = np.zeros(0, np.int16)
CHUNK_S = 0.02


class Stream(NamedTuple):
    """An open live stream of mono sound.

    Attributes:
        process: takes a chunk and returns the samples that are ready, perhaps none.
        flush: returns what was held back; the stream is over then.
    """

    process: Callable[[Samples], Samples]
    flush: Callable[[], Samples]


Open: TypeAlias = Callable[[int, int], Stream]
Whole: TypeAlias = Callable[["Samples", int, int], "Samples"]


@dataclass(frozen=True, slots=True)
class ResamplerPeer:
    """A resampler at one setting.

    Attributes:
        name: as in tables.
        package: its distribution.
        open: opens a mono stream from one rate to another, in Hz; raises `Absent`.
        whole: resamples a whole mono signal, or None where it has no such function.
        module: what is imported first, to find out whether it is there.
        ours: whether it is rtaudio.
        streams: whether it has a stream of its own; else `open` calls `whole` chunk by chunk.
    """

    name: str
    package: str
    open: Open
    whole: Whole | None
    module: str
    ours: bool = False
    streams: bool = True


def stream_chunks(stream: Stream, signal: Samples, chunk: int) -> list[Samples]:
    """Run a signal through a stream in chunks of so many samples; the last output is `flush`'s."""
    out = [stream.process(signal[at : at + chunk]) for at in range(0, len(signal), chunk)]
    return [*out, stream.flush()]


def _ours(quality: Any) -> ResamplerPeer:
    def begin(rate_in: int, rate_out: int) -> Stream:
        resampler = Resampler(rate_in, rate_out, quality=quality)
        return Stream(resampler.process, resampler.flush)

    def whole(signal: Samples, rate_in: int, rate_out: int) -> Samples:
        return resample(signal, rate_in, rate_out, quality=quality)

    return ResamplerPeer(f"rtaudio {quality}", "rtaudio", begin, whole, "rtaudio", ours=True)


def _soxr(quality: str) -> ResamplerPeer:
    def begin(rate_in: int, rate_out: int) -> Stream:
        stream = need("soxr").ResampleStream(rate_in, rate_out, 1, dtype="int16", quality=quality)
        return Stream(stream.resample_chunk, lambda: stream.resample_chunk(NOTHING, last=True))

    def whole(signal: Samples, rate_in: int, rate_out: int) -> Samples:
        result: Samples = need("soxr").resample(signal, rate_in, rate_out, quality=quality)
        return result

    return ResamplerPeer(f"soxr {quality}", "soxr", begin, whole, "soxr")


def _samplerate(converter: str) -> ResamplerPeer:
    def begin(rate_in: int, rate_out: int) -> Stream:
        resampler = need("samplerate").Resampler(converter, channels=1)
        process, ratio = resampler.process, rate_out / rate_in
        nothing = np.zeros(0, np.float32)
        return Stream(
            lambda chunk: _to_s16(process(_to_f32(chunk), ratio)),
            lambda: _to_s16(process(nothing, ratio, end_of_input=True)),
        )

    def whole(signal: Samples, rate_in: int, rate_out: int) -> Samples:
        convert = need("samplerate").resample
        return _to_s16(convert(_to_f32(signal), rate_out / rate_in, converter))

    return ResamplerPeer(f"samplerate {converter}", "samplerate", begin, whole, "samplerate")


def _pyav() -> ResamplerPeer:
    def begin(rate_in: int, rate_out: int) -> Stream:
        av = need("av")
        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_out)
        make_frame = av.AudioFrame.from_ndarray

        def process(chunk: Samples) -> Samples:
            frame = make_frame(chunk.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = rate_in
            return _joined(resampler.resample(frame))

        return Stream(process, lambda: _joined(resampler.resample(None)))

    def whole(signal: Samples, rate_in: int, rate_out: int) -> Samples:
        stream = begin(rate_in, rate_out)
        return np.concatenate([stream.process(signal), stream.flush()])

    return ResamplerPeer("PyAV", "av", begin, whole, "av")


def _scipy() -> ResamplerPeer:
    def whole(signal: Samples, rate_in: int, rate_out: int) -> Samples:
        common = np.gcd(rate_in, rate_out)
        convert = need("scipy.signal").resample_poly
        # Of an integer array it would make integers early; float32 is what it is quickest with.
        return _to_s16(convert(_to_f32(signal), rate_out // common, rate_in // common))

    def begin(rate_in: int, rate_out: int) -> Stream:
        # It has no stream. Chunk by chunk it starts from silence each time, which the check hears.
        need("scipy.signal")
        return Stream(lambda chunk: whole(chunk, rate_in, rate_out), lambda: NOTHING)

    return ResamplerPeer(
        "scipy resample_poly", "scipy", begin, whole, "scipy.signal", streams=False
    )


def _to_f32(signal: Samples) -> Any:
    return signal.astype(np.float32) * np.float32(1 / 32768)


def _to_s16(signal: Any) -> Samples:
    scaled = np.rint(signal * np.float32(32768))
    return np.asarray(np.clip(scaled, -32768, 32767), np.int16)


def _joined(frames: list[Any]) -> Samples:
    if len(frames) == 1:
        one: Samples = frames[0].to_ndarray().reshape(-1)
        return one
    return np.concatenate([NOTHING, *(frame.to_ndarray().reshape(-1) for frame in frames)])


RESAMPLERS = (
    _ours("balanced"),
    _ours("high"),
    _ours("fast"),
    _soxr("HQ"),
    _soxr("VHQ"),
    _soxr("LQ"),
    _pyav(),
    _samplerate("sinc_medium"),
    _samplerate("sinc_best"),
    _scipy(),
)
