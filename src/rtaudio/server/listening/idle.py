"""Silence after a reply, and when it has lasted so long that the user is to be asked again."""

from __future__ import annotations

__all__ = ["Silence"]


class Silence:
    """How long nobody has spoken since the last reply was played to its end.

    The clock is the sound that the client sends, so silence that is sent faster than it lasts
    counts as what it is, and a client that sends nothing is not waited for.

    Args:
        sample_rate: of that sound, in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        #: Position of its first sample, which may be still to come; None while there is none.
        self.since: int | None = None

    def replied(self, position: int, spoken_ms: float) -> None:
        """Take note of a reply that is complete.

        Args:
            position: samples that the client had sent by then.
            spoken_ms: how long the reply takes to be played.
        """
        self.since = position + round(spoken_ms * self._sample_rate / 1000)

    def end(self) -> None:
        """Somebody speaks, or is about to."""
        self.since = None

    def due(self, timeout_ms: int | None, position: int) -> tuple[int, int] | None:
        """Tell whether silence has lasted for `timeout_ms`, and forget it if so.

        Args:
            timeout_ms: None for silence that may last.
            position: up to where nobody has spoken.

        Returns:
            Where it begins and ends, None as long as it may go on.
        """
        if timeout_ms is None or self.since is None:
            return None
        begin, end = self.since, self.since + timeout_ms * self._sample_rate // 1000
        if position < end:
            return None
        self.since = None
        return begin, end
