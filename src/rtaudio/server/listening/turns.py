"""Server-side turn detection: from speech probabilities to the beginnings and ends of turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rtaudio.server.engines.base import VoiceDetector

__all__ = ["SpeechStarted", "SpeechStopped", "TurnDetector", "VadSettings"]

# Speech goes on until the probability falls this far below the threshold that began it, so that a
# voice near the threshold does not flicker. The value is the one of Silero's own streaming example.
_HYSTERESIS = 0.15
_LOWEST = 0.01  # the end threshold never falls below this, or speech would never end


@dataclass(frozen=True, slots=True, kw_only=True)
class VadSettings:
    """Settings of server VAD, named and defaulted as in the protocol.

    Attributes:
        threshold: probability from which on a window counts as speech, 0 to 1.
        prefix_padding_ms: sound before the first window of speech that belongs to the turn.
        silence_duration_ms: silence that ends a turn.
    """

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """A turn began at `position` (samples since the session's first), padding included."""

    position: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """A turn ended at `position` (samples since the session's first), silence included.

    The silence that ended it began at `silent_from`.
    """

    position: int
    silent_from: int


class TurnDetector:
    """Finds turns in one stream of sound.

    Results do not depend on how the stream is cut into calls. The added delay is that of one window
    of the detector.

    Args:
        detector: the voice activity engine.
        settings: what counts as speech.
        position: position of the first sample that `feed` will get.
    """

    def __init__(self, detector: VoiceDetector, settings: VadSettings, position: int) -> None:
        self._stream = detector.stream()
        self._window = detector.window
        self._per_ms = detector.sample_rate / 1000
        self._pending: NDArray[np.int16] = np.empty(0, np.int16)
        self._position = position  # of the first sample that no window has covered
        self._floor = position  # turns don't reach back before this
        self._speaking = False
        self._silent_from: int | None = None
        self.settings = settings

    @property
    def speaking(self) -> bool:
        """Whether a turn is open."""
        return self._speaking

    @property
    def position(self) -> int:
        """Up to where the sound has been looked at."""
        return self._position

    @property
    def silent_from(self) -> int | None:
        """Where the silence began that may end the open turn; None while somebody speaks."""
        return self._silent_from

    @property
    def keep_from(self) -> int:
        """The earliest position that a turn beginning now could include."""
        padding = int(self.settings.prefix_padding_ms * self._per_ms)
        return max(self._floor, self._position - padding)

    def feed(self, samples: NDArray[np.int16]) -> list[SpeechStarted | SpeechStopped]:
        """Take the next samples and return what they settled, in order."""
        sound = np.concatenate((self._pending, samples)) if self._pending.size else samples
        whole = sound.size - sound.size % self._window
        self._pending = sound[whole:].copy()
        found: list[SpeechStarted | SpeechStopped] = []
        for probability in self._stream.probabilities(sound[:whole]):
            event = self._step(probability)
            if event is not None:
                found.append(event)
        return found

    def begin_no_earlier(self, position: int) -> None:
        """Have turns that are still to come begin at `position` or later."""
        self._floor = max(self._floor, position)

    def restart(self, position: int) -> None:
        """Close an open turn without an event; the next one begins at `position` or later."""
        self._floor = position
        self._speaking = False
        self._silent_from = None

    def _step(self, probability: float) -> SpeechStarted | SpeechStopped | None:
        settings = self.settings
        begin = self._position
        self._position = end = begin + self._window
        if not self._speaking:
            if probability < settings.threshold:
                return None
            self._speaking = True
            self._silent_from = None
            padding = int(settings.prefix_padding_ms * self._per_ms)
            return SpeechStarted(max(self._floor, begin - padding))
        if probability >= settings.threshold:
            self._silent_from = None
        elif self._silent_from is None and probability < max(
            settings.threshold - _HYSTERESIS, _LOWEST
        ):
            self._silent_from = begin
        since = self._silent_from
        if since is not None and end - since >= settings.silence_duration_ms * self._per_ms:
            self.restart(end)
            return SpeechStopped(end, since)
        return None
