"""The input audio buffer: what a client appended, at the rate the recogniser wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from rtaudio.audio import AudioConverter, AudioFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BufferFull", "InputBuffer"]


class BufferFull(Exception):
    """The buffer can't take this much sound; nothing of it was taken."""


class InputBuffer:
    """Sound of one session that is not committed yet, with a clock that never restarts.

    Positions are samples at `sample_rate` since the first sample ever appended, so that they stay
    true across commits, clears and changes of the input format. Sound is converted as it arrives;
    the result does not depend on how it was cut into appends.

    Args:
        source: format of what is appended.
        sample_rate: rate of what is held, in Hz.
        max_s: seconds that may be held.
        overflow: what becomes of more: "error" refuses it, "drop_oldest" makes room for it.
    """

    def __init__(
        self,
        source: AudioFormat,
        sample_rate: int,
        max_s: float,
        *,
        overflow: Literal["error", "drop_oldest"] = "error",
    ) -> None:
        self.sample_rate = sample_rate
        self._overflow = overflow
        self._max_samples = int(max_s * sample_rate)
        self._held = bytearray()
        self._start = 0
        self._set_source(source)

    def _set_source(self, source: AudioFormat) -> None:
        self._source = source
        self._converter = AudioConverter(source, AudioFormat("pcm16", self.sample_rate))

    @property
    def start(self) -> int:
        """Position of the first sample held."""
        return self._start

    @property
    def end(self) -> int:
        """Position behind the last sample held: everything appended so far."""
        return self._start + len(self._held) // 2

    @property
    def max_samples(self) -> int:
        """How many samples may be held."""
        return self._max_samples

    def change_format(self, source: AudioFormat) -> None:
        """Expect another format from now on; what the old conversion still owed is added."""
        if source != self._source:
            self._held += self._converter.flush()
            self._set_source(source)

    def append(self, data: bytes) -> NDArray[np.int16]:
        """Convert and hold sound.

        Args:
            data: in the source format; it may end amid a sample that the next data goes on with.

        Returns:
            The samples that were added, at `sample_rate`.

        Raises:
            BufferFull: it would be more than may be held.
        """
        width = 2 if self._source.encoding == "pcm16" else 1
        coming = len(data) / width * self.sample_rate / self._source.sample_rate
        if self._overflow == "error" and len(self._held) // 2 + coming > self._max_samples:
            raise BufferFull
        converted = self._converter.process(data)
        self._held += converted
        if self._overflow == "drop_oldest":
            self.drop_before(self.end - self._max_samples)
        return np.frombuffer(converted, np.int16)

    def take(self, begin: int, end: int) -> NDArray[np.int16]:
        """Remove everything before `end`, and return what lies from `begin` on, as a copy.

        Positions outside what is held are moved to its nearest edge.
        """
        samples = self.read(begin, end)
        self.drop_before(end)
        return samples

    def read(self, begin: int, end: int) -> NDArray[np.int16]:
        """Return what lies between two positions as a copy, and keep it; see `take`."""
        end = min(max(end, self._start), self.end)
        begin = min(max(begin, self._start), end)
        offset = 2 * (begin - self._start)
        stop = 2 * (end - self._start)
        return np.frombuffer(bytes(memoryview(self._held)[offset:stop]), np.int16)

    def drop_before(self, position: int) -> None:
        """Forget the sound before a position."""
        count = min(max(position, self._start), self.end) - self._start
        del self._held[: 2 * count]
        self._start += count

    def clear(self) -> None:
        """Forget all sound, also the half of a sample; the clock goes on."""
        self._converter.reset()
        self.drop_before(self.end)
