"""What the listener has heard of the sound that was received.

The service produces speech faster than it plays. The clock kept here is that of a player which
starts each piece of sound as soon as it has it and everything before it has been played, and which
waits while it has nothing. At any moment only the end of what was received is unheard, and how
much of it follows from one number: the time at which the player will have run dry.

The other clock, that of the wall, does not wait: a gap between two pieces counts as played.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from rtaudio._native.sound_stream import Playhead, SoundLength
from rtaudio.conversation.queue_stats import QueueStats

__all__ = ["MAX_PARTS", "ROUNDING_MS", "Cut", "Playback"]

# Parts of items whose sound may wait to be heard.
MAX_PARTS = 1000

# Sums of millisecond fractions that should be whole come out slightly below a whole number.
ROUNDING_MS = 1e-6


class Cut(NamedTuple):
    """Where a part of an item must be cut, because the rest was not heard."""

    item_id: str
    content_index: int
    audio_end_ms: int


class _Stretch:
    __slots__ = ("content_index", "item_id", "length")

    def __init__(self, item_id: str, content_index: int) -> None:
        self.item_id = item_id
        self.content_index = content_index
        self.length = SoundLength()


class Playback:
    """The playback position, by item and content part. Times are monotonic seconds.

    Args:
        waits: whether the clock stands still while there is nothing to play.

    Attributes:
        head: the player's clock.
    """

    def __init__(self, *, waits: bool = True) -> None:
        self.head = Playhead(waits=waits)
        self._stretches: list[_Stretch] = []
        self._dropped = 0

    @property
    def queue(self) -> QueueStats:
        """The parts that have not been heard to their end, as far as is known."""
        return QueueStats(
            size=len(self._stretches), bound=MAX_PARTS, policy="drop_oldest", lost=self._dropped
        )

    @property
    def latest(self) -> SoundLength | None:
        """How much was received of the part of which sound came last; None before any."""
        return self._stretches[-1].length if self._stretches else None

    def received(self, item_id: str, content_index: int, length_ms: float, now: float) -> float:
        """Sound of this length arrived; returns when it will begin to play."""
        last = self._stretches[-1] if self._stretches else None
        if last is None or last.item_id != item_id or last.content_index != content_index:
            if self.head.dry_at <= now:
                # Everything before has been heard and can no longer be cut.
                self._stretches.clear()
                self.head.dry_at = now
            last = _Stretch(item_id, content_index)
            self._stretches.append(last)
            if len(self._stretches) > MAX_PARTS:
                # It can no longer be cut; that it has not been heard yet is hard to believe.
                del self._stretches[0]
                self._dropped += 1
        last.length.ms += length_ms
        return self.head.advance(length_ms, now)

    def unheard_ms(self, now: float) -> float:
        """Milliseconds of received sound that have not been played yet."""
        return max(0.0, (self.head.dry_at - now) * 1000) if self._stretches else 0.0

    def cuts(self, now: float, *, speaking: bool) -> list[Cut]:
        """What to cut if the listener interrupts now, in the order of playback.

        Args:
            now: monotonic seconds.
            speaking: whether the response still goes on; then the part that plays last is cut
                even where all that was received of it has been heard.
        """
        unheard = self.unheard_ms(now)
        cuts: list[Cut] = []
        for stretch in reversed(self._stretches):
            missing = min(stretch.length.ms, unheard)
            if missing <= ROUNDING_MS and not (speaking and not cuts):
                break
            heard = math.floor(stretch.length.ms - missing + ROUNDING_MS)
            cuts.append(Cut(stretch.item_id, stretch.content_index, max(0, heard)))
            unheard -= missing
        cuts.reverse()
        return cuts

    def clear(self) -> None:
        """Nothing plays any more."""
        self._stretches.clear()
        self.head.dry_at = 0.0
