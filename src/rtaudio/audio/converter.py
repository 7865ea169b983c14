"""A stream of audio bytes, brought from one format to another as it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import numpy as np

from rtaudio._native.channels import to_mono
from rtaudio._native.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from rtaudio._native.resample import Resampler
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.audio.format import AudioFormat
    from rtaudio.audio.types import PcmLike, Quality, Samples

__all__ = ["AudioConverter"]


def _pcm_decode(data: bytes) -> Samples:
    return np.frombuffer(data, np.int16)


_DECODERS: Final[dict[str, Callable[[bytes], Samples]]] = {
    "pcm16": _pcm_decode,
    "pcmu": ulaw_decode,
    "pcma": alaw_decode,
}
_ENCODERS: Final[dict[str, Callable[[Samples], bytes]]] = {
    "pcm16": lambda samples: samples.tobytes(),
    "pcmu": ulaw_encode,
    "pcma": alaw_encode,
}


class AudioConverter:
    """Converts encoding, sample rate and channels of one stream.

    The output does not depend on how the input is cut into chunks, not even in the middle of a
    sample. One stream per converter; not for several threads at once.

    Args:
        source: what comes in.
        target: what goes out. Any number of channels becomes one (their average) and one becomes
            any number (copies); others must be equal.
        quality: of resampling: "fast", "balanced" or "high".

    Raises:
        AudioError: a format is Opus, which comes in packets, or the channels do not fit.
    """

    def __init__(
        self, source: AudioFormat, target: AudioFormat, quality: Quality = "balanced"
    ) -> None:
        for side in (source, target):
            if side.encoding == "opus":
                raise AudioError("Opus comes in packets: use OpusEncoder and OpusDecoder")
        if source.channels != target.channels and 1 not in (source.channels, target.channels):
            raise AudioError(
                f"got {source.channels} channels to be made {target.channels}; different numbers "
                "are converted only from or to 1"
            )
        self.source = source
        self.target = target
        # Resampling happens where there are fewer channels.
        self._channels = min(source.channels, target.channels)
        self._resampler = (
            None
            if source.sample_rate == target.sample_rate
            else Resampler(
                source.sample_rate,
                target.sample_rate,
                channels=self._channels,
                quality=quality,
            )
        )
        self._block_bytes = source.bytes_per_sample * source.channels
        self._rest = b""  # the beginning of a block, less than _block_bytes

    @property
    def delay(self) -> float:
        """Seconds by which the output lags behind the input; a flushed stream is as much longer."""
        return 0.0 if self._resampler is None else self._resampler.delay

    def process(self, data: PcmLike) -> bytes:
        """Convert the next piece of the stream.

        Args:
            data: contiguous bytes in the source format, of any length; also an int16 array where
                that is PCM16.

        Raises:
            AudioError: `data` is something else.
        """
        received = self._bytes(data)
        if self._rest:
            received = self._rest + received
        whole = len(received) - len(received) % self._block_bytes
        self._rest = received[whole:]
        if whole < len(received):
            received = received[:whole]
        if self.source == self.target or not received:
            return received
        samples = _DECODERS[self.source.encoding](received)
        if self.source.channels > self._channels:
            samples = to_mono(samples, self.source.channels)
        if self._resampler is not None:
            samples = self._resampler.process(samples)
        return self._encode(samples)

    def flush(self) -> bytes:
        """End the stream: return what was held back; the beginning of a sample is dropped.

        The converter is then ready for another stream.
        """
        rest = b"" if self._resampler is None else self._encode(self._resampler.flush())
        self.reset()
        return rest

    def reset(self) -> None:
        """Forget the stream so far, as if newly made."""
        self._rest = b""
        if self._resampler is not None:
            self._resampler.reset()

    def _bytes(self, data: PcmLike) -> bytes:
        if isinstance(data, bytes):
            return data
        try:
            view = memoryview(cast("bytes", data))
        except TypeError:
            raise AudioError(
                f"got {type(data).__name__}; audio is bytes-like or an int16 array"
            ) from None
        formats = ("B", "b", "c", "h", "<h") if self.source.encoding == "pcm16" else ("B", "b", "c")
        if view.format not in formats:
            raise AudioError(
                f"got items of format {view.format!r}; {self.source.encoding} is bytes-like"
                + (" or an int16 array" if len(formats) > 3 else "")
            )
        if not view.c_contiguous:
            raise AudioError("got data that is not contiguous; copy it first")
        return view.tobytes()

    def _encode(self, samples: Samples) -> bytes:
        samples = samples.reshape(-1)
        if self.target.channels > self._channels:
            samples = np.repeat(samples, self.target.channels)
        return _ENCODERS[self.target.encoding](samples)
