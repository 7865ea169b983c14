"""Mono sound that is kept as it arrives, plain or compressed.

A recorder takes a stream of bytes as they come over the wire and grows; finished, it gives a
recording, which never changes. Both can be read at any time as samples, at the rate they came in.

Opus at 22 kbit/s takes 8.6 to 10 MB an hour. Its "audio" mode is used for speech too: at complexity
0 it takes 0.1 ms of CPU per 100 ms of sound, where "voip" takes 0.3 at complexity 0 and 0.6 at 5.
What comes out of it is nearer to the waveform (12 to 14 dB of segmental SNR against 6 to 7, over
five of our samples), and no further away in its spectrum (2.2 to 2.7 dB in 23 bands against 2.1 to
4.8). Complexities up to 5 gain nothing.
"""

from __future__ import annotations

import io
import math
import wave
from array import array
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from rtaudio._native.opus_clip import decode_packets
from rtaudio._native.opus_encoder import OpusEncoder
from rtaudio._native.resample import resample
from rtaudio.audio.converter import AudioConverter
from rtaudio.audio.format import OPUS_SAMPLE_RATES, AudioFormat
from rtaudio.audio.ogg_opus import OGG_OPUS_RATE, read_ogg_opus, write_ogg_opus
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from typing import BinaryIO

    from rtaudio.audio.types import Samples

__all__ = [
    "OpusRecorder",
    "OpusRecording",
    "PcmRecorder",
    "PcmRecording",
    "Recorder",
    "Recording",
]

_BITRATE: Final = 22_000  # bits per second
_COMPLEXITY: Final = 0
_FRAMES_PER_SECOND: Final = 50


class Recording(Protocol):
    """Sound that is complete and does not change.

    Attributes:
        sample_rate: in Hz.
        samples: how many there are.
        suffix: of the file that `write` makes.
    """

    sample_rate: int
    samples: int
    suffix: str

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the sound takes."""

    def read(self) -> Samples:
        """A fresh array of all samples."""

    def cut(self, samples: int) -> Recording:
        """The beginning, of so many samples at most."""

    def write(self, file: BinaryIO) -> None:
        """Write a sound file that any player opens."""

    @classmethod
    def load(cls, data: bytes, sample_rate: int, samples: int) -> Recording:
        """Take in what `write` wrote of a recording of this rate and length.

        Raises:
            AudioError: the file is damaged.
        """


class Recorder(Protocol):
    """Sound that still grows."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the sound takes so far."""

    def write(self, data: bytes) -> None:
        """Add what came over the wire next."""

    def read(self, samples: int) -> Samples:
        """A fresh array of the first so many samples, as far as they can be read already."""

    def finish(self, samples: int) -> Recording:
        """End the stream, and keep its first so many samples, of which there must be as many."""


class PcmRecording:
    """Sound as PCM16."""

    __slots__ = ("_data", "sample_rate", "samples")
    suffix = ".wav"

    def __init__(self, data: bytes, sample_rate: int) -> None:
        self._data = data
        self.sample_rate = sample_rate
        self.samples = len(data) // 2

    @property
    def nbytes(self) -> int:
        return len(self._data)

    def read(self) -> Samples:
        return np.frombuffer(self._data, np.int16).copy()

    def cut(self, samples: int) -> PcmRecording:
        return PcmRecording(self._data[: samples * 2], self.sample_rate)

    def write(self, file: BinaryIO) -> None:
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(self.sample_rate)
            sound.writeframes(self._data)

    @classmethod
    def load(cls, data: bytes, sample_rate: int, samples: int) -> PcmRecording:
        try:
            with wave.open(io.BytesIO(data)) as sound:
                return cls(sound.readframes(samples), sample_rate)
        except (wave.Error, EOFError) as error:
            raise AudioError(f"the WAV file is damaged ({error or 'it is cut short'})") from error


class PcmRecorder:
    """Keeps sound as PCM16."""

    __slots__ = ("_converter", "_data", "_sample_rate")

    def __init__(self, wire: AudioFormat) -> None:
        self._sample_rate = wire.sample_rate
        target = AudioFormat("pcm16", wire.sample_rate)
        self._converter = None if wire == target else AudioConverter(wire, target)
        self._data = bytearray()

    @property
    def nbytes(self) -> int:
        return len(self._data)

    def write(self, data: bytes) -> None:
        self._data += data if self._converter is None else self._converter.process(data)

    def read(self, samples: int) -> Samples:
        return np.frombuffer(self._data[: samples * 2], np.int16)  # of a slice: a copy

    def finish(self, samples: int) -> PcmRecording:
        with memoryview(self._data) as data:
            return PcmRecording(bytes(data[: samples * 2]), self._sample_rate)


class OpusRecording:
    """Sound as Opus packets of 20 ms, end to end in one piece of memory."""

    __slots__ = ("_lengths", "_opus_rate", "_packets", "_pre_skip", "sample_rate", "samples")
    suffix = ".opus"

    def __init__(
        self, packets: bytes, lengths: array[int], pre_skip: int, sample_rate: int, samples: int
    ) -> None:
        self._packets = packets
        self._lengths = lengths
        self._pre_skip = pre_skip  # samples at the rate of the encoder
        self._opus_rate = _opus_rate(sample_rate)
        self.sample_rate = sample_rate
        self.samples = samples

    @property
    def nbytes(self) -> int:
        return len(self._packets) + self._lengths.itemsize * len(self._lengths)

    def read(self) -> Samples:
        if not self.samples:
            return np.zeros(0, np.int16)
        decoded = decode_packets(
            self._split(),
            self._opus_rate,
            pre_skip=self._pre_skip,
            samples_per_channel=self._encoded(self.samples),
        )
        if self._opus_rate != self.sample_rate:
            decoded = resample(decoded, self._opus_rate, self.sample_rate)
        return decoded[: self.samples]

    def cut(self, samples: int) -> OpusRecording:
        samples = min(samples, self.samples)
        count = _packets_for(self._encoded(samples), self._pre_skip, self._opus_rate)
        lengths = self._lengths[:count]
        packets = self._packets[: sum(lengths)]
        return OpusRecording(packets, lengths, self._pre_skip, self.sample_rate, samples)

    def write(self, file: BinaryIO) -> None:
        scale = OGG_OPUS_RATE // self._opus_rate
        write_ogg_opus(
            file,
            self._split(),
            frame=OGG_OPUS_RATE // _FRAMES_PER_SECOND,
            pre_skip=self._pre_skip * scale,
            samples=self._encoded(self.samples) * scale,
            sample_rate=self.sample_rate,
        )

    @classmethod
    def load(cls, data: bytes, sample_rate: int, samples: int) -> OpusRecording:
        stream = read_ogg_opus(data)
        return cls(
            b"".join(stream.packets),
            array("H", map(len, stream.packets)),
            stream.pre_skip * _opus_rate(sample_rate) // OGG_OPUS_RATE,
            sample_rate,
            samples,
        )

    def _split(self) -> list[bytes]:
        ends = accumulate(self._lengths, initial=0)
        return [self._packets[start:end] for start, end in pairwise(ends)]

    def _encoded(self, samples: int) -> int:
        """How many samples at the rate of the encoder so many of ours are."""
        return math.ceil(samples * self._opus_rate / self.sample_rate)


class OpusRecorder:
    """Keeps sound as Opus packets, encoded as it arrives.

    The encoder, some 25 KB, lives as long as the recorder.
    """

    __slots__ = ("_converter", "_encoder", "_lengths", "_packets", "_pcm", "_pre_skip", "_wire")

    def __init__(self, wire: AudioFormat) -> None:
        rate = _opus_rate(wire.sample_rate)
        self._wire = wire
        self._converter = AudioConverter(wire, AudioFormat("pcm16", rate))
        self._encoder = OpusEncoder(
            rate, application="audio", bitrate=_BITRATE, complexity=_COMPLEXITY
        )
        # What the resampler and the encoder add in front.
        self._pre_skip = round(self._converter.delay * rate) + self._encoder.lookahead
        self._pcm = b""  # less than a frame
        self._packets = bytearray()
        self._lengths = array("H")

    @property
    def nbytes(self) -> int:
        return len(self._packets) + self._lengths.itemsize * len(self._lengths)

    def write(self, data: bytes) -> None:
        self._encode(self._converter.process(data))

    def read(self, samples: int) -> Samples:
        readable = len(self._lengths) * self._frame - self._pre_skip
        readable = max(0, readable) * self._wire.sample_rate // self._encoder.sample_rate
        return self._recording(min(samples, readable)).read()

    def finish(self, samples: int) -> OpusRecording:
        self._encode(self._converter.flush())
        rate = self._encoder.sample_rate
        wanted = math.ceil(samples * rate / self._wire.sample_rate)
        missing = _packets_for(wanted, self._pre_skip, rate) - len(self._lengths)
        if missing > 0:
            self._encode(bytes(missing * self._frame * 2 - len(self._pcm)))
        # What lies behind the end is left out here.
        return self._recording(samples).cut(samples)

    @property
    def _frame(self) -> int:
        return self._encoder.sample_rate // _FRAMES_PER_SECOND

    def _encode(self, pcm: bytes) -> None:
        pcm = self._pcm + pcm
        size = self._frame * 2
        whole = len(pcm) - len(pcm) % size
        view = memoryview(pcm)
        for start in range(0, whole, size):
            packet = self._encoder.encode(view[start : start + size])
            self._packets += packet
            self._lengths.append(len(packet))
        self._pcm = pcm[whole:]

    def _recording(self, samples: int) -> OpusRecording:
        return OpusRecording(
            bytes(self._packets),
            self._lengths[:],
            self._pre_skip,
            self._wire.sample_rate,
            samples,
        )


def _opus_rate(sample_rate: int) -> int:
    """The lowest rate of Opus that holds all of the sound, or the highest there is."""
    fitting = [rate for rate in OPUS_SAMPLE_RATES if rate >= sample_rate]
    return fitting[0] if fitting else OPUS_SAMPLE_RATES[-1]


def _packets_for(encoded: int, pre_skip: int, opus_rate: int) -> int:
    """How many packets hold so many samples at the rate of the encoder."""
    frame = opus_rate // _FRAMES_PER_SECOND
    return math.ceil((encoded + pre_skip) / frame) if encoded else 0
