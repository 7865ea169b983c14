"""Sound that is all there: samples and their rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rtaudio._native.channels import to_mono
from rtaudio._native.resample import resample
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    import os

    from rtaudio.audio.types import Quality, Samples

__all__ = ["AudioClip"]


class AudioClip:
    """A piece of PCM16 in memory.

    The samples are borrowed, not copied. Two clips are equal when rate, channels and all samples
    are; a clip has no hash, since its samples can change.

    Args:
        samples: int16 array of shape `(n,)` for mono or `(n, channels)`; `(n, 1)` becomes `(n,)`.
        sample_rate: in Hz, at least 1.

    Raises:
        AudioError: the samples are no such array, or the rate is not a positive whole number.
    """

    __slots__ = ("_sample_rate", "_samples")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, samples: Samples, sample_rate: int) -> None:
        if not isinstance(samples, np.ndarray) or samples.dtype != np.int16:
            got = samples.dtype if isinstance(samples, np.ndarray) else type(samples).__name__
            raise AudioError(f"got {got}; a clip's samples are a numpy array of int16")
        if samples.ndim not in (1, 2) or (samples.ndim == 2 and samples.shape[1] == 0):
            raise AudioError(f"got shape {samples.shape}; it is (n,) or (n, channels)")
        if isinstance(sample_rate, bool) or not isinstance(sample_rate, int) or sample_rate < 1:
            raise AudioError(f"got sample rate {sample_rate!r}; it is a positive number of Hz")
        self._samples = samples[:, 0] if samples.ndim == 2 and samples.shape[1] == 1 else samples
        self._sample_rate = sample_rate

    @property
    def samples(self) -> Samples:
        """The int16 samples, shape `(n,)` for mono or `(n, channels)`."""
        return self._samples

    @property
    def sample_rate(self) -> int:
        """Samples per second of one channel, in Hz."""
        return self._sample_rate

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return 1 if self._samples.ndim == 1 else int(self._samples.shape[1])

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self._samples) / self._sample_rate

    def mono(self) -> AudioClip:
        """Return the clip with all channels averaged into one; itself where it is mono."""
        if self.channels == 1:
            return self
        return AudioClip(
            to_mono(np.ascontiguousarray(self._samples), self.channels), self._sample_rate
        )

    def resampled(self, sample_rate: int, *, quality: Quality = "balanced") -> AudioClip:
        """Return the clip at another sample rate; itself where it has that rate.

        Args:
            sample_rate: in Hz, 4000 to 192000.
            quality: "fast", "balanced" or "high".

        Raises:
            AudioError: the rate, the quality or the number of channels is outside its range.
        """
        if sample_rate == self._sample_rate:
            return self
        samples = resample(
            np.ascontiguousarray(self._samples),
            self._sample_rate,
            sample_rate,
            channels=self.channels,
            quality=quality,
        )
        return AudioClip(samples.reshape(-1, self.channels), sample_rate)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the clip to a file; see `rtaudio.audio.save`."""
        from rtaudio.audio.files import save  # files builds clips, so it cannot be imported above

        save(path, self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AudioClip):
            return NotImplemented
        return self._sample_rate == other._sample_rate and np.array_equal(
            self._samples, other._samples
        )

    def __repr__(self) -> str:
        return f"AudioClip({self.duration:.3f} s, {self._sample_rate} Hz, channels={self.channels})"
