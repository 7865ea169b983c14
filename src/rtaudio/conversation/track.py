"""Where an answer begins and ends in the sound of a media track.

A track goes on all the time, and its sound does not say what it belongs to. The service tells by
events when it begins to play a response and when it has played it. Those events and the sound take
different ways, and the sound arrives a little later, as the network's jitter is taken out of it. So
what arrives while a response plays is its sound, and so is what is audible in the moment after;
silence at other times is nobody's.

Sound that is audible although no response plays is an answer too, of a service that does not tell;
silence ends it.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Track", "TrackPart"]

# How long after its end was told the sound of a response may still arrive, in milliseconds.
_TAIL_MS = 500.0
# How much silence ends an answer of which nothing is told, in milliseconds.
_PAUSE_MS = 500.0
# Sound arrives in pieces of 20 ms; where none came for so many seconds, none is on its way.
_DRY_S = 0.1


class TrackPart(NamedTuple):
    """A response, and the part of it that is heard as far as that is known."""

    response_id: str
    item_id: str
    content_index: int


class Track:
    """Keeps account of what plays on a track. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.start_over()

    def start_over(self) -> None:
        """Nothing plays, and no response is known."""
        # The part that began last.
        self._latest: TrackPart | None = None
        self._playing: TrackPart | None = None
        # Whether the service told that it plays; otherwise sound came that is heard.
        self._told = False
        self._silent_ms = 0.0
        # How much came since the end was told; None before that.
        self._tail_ms: float | None = None
        self._took_at = float("-inf")
        self._hushed = False
        self._refused: str | None = None

    @property
    def playing(self) -> TrackPart | None:
        """What is heard now; None where nothing is."""
        return self._playing

    @property
    def played(self) -> bool:
        """Whether the service told that it has played all of what is heard now."""
        return self._tail_ms is not None

    def part_began(self, part: TrackPart) -> None:
        """The service began to produce the sound of a part."""
        self._latest = part
        playing = self._playing
        if playing is not None and playing.response_id == part.response_id and not playing.item_id:
            self._playing = part

    def started(self, response_id: str) -> bool:
        """The service begins to play a response.

        Returns:
            Whether it is to be heard.
        """
        if response_id == self._refused:
            return False
        self._hushed, self._refused = False, None
        self._play(response_id, told=True)
        return True

    def take(
        self, length_ms: float, response_id: str | None, now: float, *, silent: bool
    ) -> TrackPart | None:
        """Some sound arrived.

        Args:
            length_ms: of it.
            response_id: the response that is being produced.
            now: the time.
            silent: whether nothing can be heard in it.

        Returns:
            What it belongs to; None where it is not to be heard.
        """
        self._took_at = now
        if self._hushed or (silent and self._playing is None):
            return None
        if self._playing is None:
            self._play(response_id or "", told=False)
        self._silent_ms = self._silent_ms + length_ms if silent else 0.0
        if self._tail_ms is not None:
            self._tail_ms += length_ms
        return self._playing

    def stopped(self) -> None:
        """The service has played what is heard now; the end of it may still be on its way."""
        self._tail_ms = 0.0

    def has_ended(self, now: float) -> bool:
        """Whether what was heard last is over, by the sound that was taken."""
        if self._playing is None:
            return False
        if self._tail_ms is not None:
            dry = now - self._took_at > _DRY_S
            return dry or self._silent_ms > 0 or self._tail_ms >= _TAIL_MS
        return not self._told and self._silent_ms >= _PAUSE_MS

    def end(self) -> TrackPart | None:
        """Nothing is heard any more; returns what was."""
        part, self._playing = self._playing, None
        self._tail_ms = None
        self._silent_ms = 0.0
        return part

    def hush(self, response_id: str | None) -> TrackPart | None:
        """Let nothing be heard until the service plays another response than this.

        Returns:
            What was heard.
        """
        self._hushed, self._refused = True, response_id
        return self.end()

    def _play(self, response_id: str, *, told: bool) -> None:
        self.end()
        part = self._latest
        if part is None or part.response_id != response_id:
            part = TrackPart(response_id, "", 0)
        self._playing, self._told = part, told
