"""What a stream of audio bytes means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from rtaudio.errors import AudioError

__all__ = ["AudioFormat", "Encoding"]

Encoding = Literal["pcm16", "pcmu", "pcma", "opus"]

MIN_SAMPLE_RATE: Final = 4_000  # Hz, the range of the resampler
MAX_SAMPLE_RATE: Final = 192_000
MAX_CHANNELS: Final = 8
OPUS_SAMPLE_RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)  # Hz
OPUS_MAX_CHANNELS: Final = 2

_BYTES_PER_SAMPLE: Final = {"pcm16": 2, "pcmu": 1, "pcma": 1}


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How sound is written as bytes.

    Attributes:
        encoding: "pcm16" (little endian), "pcmu" and "pcma" (G.711 mu-law and A-law, one byte per
            sample), or "opus" (packets).
        sample_rate: in Hz, 4000 to 192000; for Opus 8000, 12000, 16000, 24000 or 48000.
        channels: 1 to 8, interleaved; for Opus 1 or 2.

    Raises:
        AudioError: a value is outside its range.
    """

    encoding: Encoding
    sample_rate: int
    channels: int = 1

    def __post_init__(self) -> None:
        encodings = get_args(Encoding)
        if self.encoding not in encodings:
            raise AudioError(f"got encoding {self.encoding!r}; it is one of {', '.join(encodings)}")
        if not _is_int(self.sample_rate, MIN_SAMPLE_RATE, MAX_SAMPLE_RATE):
            raise AudioError(
                f"got sample rate {self.sample_rate!r}; it is a whole number of Hz from "
                f"{MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE}"
            )
        if not _is_int(self.channels, 1, MAX_CHANNELS):
            raise AudioError(f"got {self.channels!r} channels; it is 1 to {MAX_CHANNELS}")
        if self.encoding == "opus":
            if self.sample_rate not in OPUS_SAMPLE_RATES:
                rates = ", ".join(map(str, OPUS_SAMPLE_RATES))
                raise AudioError(f"got {self.sample_rate} Hz; Opus runs at one of {rates} Hz")
            if self.channels > OPUS_MAX_CHANNELS:
                raise AudioError(f"got {self.channels} channels; an Opus stream has 1 or 2")

    @property
    def bytes_per_sample(self) -> int:
        """Bytes of one sample of one channel.

        Raises:
            AudioError: the encoding is "opus", whose packets vary in size.
        """
        try:
            return _BYTES_PER_SAMPLE[self.encoding]
        except KeyError:
            raise AudioError("Opus packets have no fixed number of bytes per sample") from None

    @property
    def bytes_per_second(self) -> int:
        """Bytes of one second of all channels; AudioError as for `bytes_per_sample`."""
        return self.bytes_per_sample * self.channels * self.sample_rate


def _is_int(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
