"""When sound was heard that came in pieces, in as few words as possible."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Mark", "Timeline"]

# Where a piece comes so much later than the one before it ended, there was a gap: seconds. Pieces
# that come early or a little late follow each other, as a player's buffer would have it.
_GAP_S: Final = 0.02


class Mark(NamedTuple):
    """From this position on sound was heard without a gap, until the next mark.

    Attributes:
        position: samples from the beginning of the sound.
        start_s: the time there, in monotonic seconds.
    """

    position: int
    start_s: float


class Timeline:
    """Positions in a stream and the times at which they were heard.

    Args:
        per_second: how far the position moves in a second.

    Attributes:
        marks: one for the beginning, and one behind each gap.
    """

    __slots__ = ("_per_second", "marks")

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self.marks: list[Mark] = []

    def add(self, position: int, start_s: float) -> None:
        """A piece begins here, at this time or as soon as the one before it has ended."""
        if not self.marks or start_s - self.at(position) > _GAP_S:
            self.marks.append(Mark(position, start_s))

    def at(self, position: int) -> float:
        """The time of a position that is not before the first mark."""
        mark = self.marks[-1]
        if position < mark.position:
            mark = self.marks[max(0, self._index(position))]
        return mark.start_s + (position - mark.position) / self._per_second

    def pieces(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        """The stretch from start to end, cut at its gaps."""
        inside = [mark.position for mark in self.marks if start < mark.position < end]
        edges = [start, *inside, end]
        return list(pairwise(edges))

    def forget_before(self, position: int) -> None:
        """Nobody will ask for what lies before this position."""
        if len(self.marks) > 1:
            del self.marks[: max(0, self._index(position))]

    def _index(self, position: int) -> int:
        """Of the mark that rules a position."""
        return bisect_right(self.marks, position, key=lambda mark: mark.position) - 1
