"""What the user said aloud, and which answers are answers to it.

The service answers speech before its transcript is there, so a transcript that is refused may find
its answer going on, not begun yet, or long over.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["Questions"]


class Questions:
    """The user's turns on one connection, as far as answers depend on them.

    Attributes:
        unchecked: the last turn while its transcript is still to be checked, else None.
    """

    def __init__(self) -> None:
        self.start_over()

    def start_over(self) -> None:
        """Nothing was said yet."""
        self.unchecked: str | None = None
        self._last: str | None = None
        self._answered: str | None = None
        # The last turn was refused and the service is about to answer it all the same; the second
        # is whether the model has been told why.
        self._refused = False
        self._told = False

    def committed(self, item_id: str, *, to_check: bool) -> None:
        """The user said something; `to_check` where its transcript will be checked."""
        self._last = item_id
        self.unchecked = item_id if to_check else None
        self._refused = self._told = False

    def judged(self, item_id: str) -> None:
        """The transcript of a turn was checked, or never will be."""
        if item_id == self.unchecked:
            self.unchecked = None

    def refuse(self, item_id: str, *, answer_to_come: bool) -> Literal["current", "ahead", "past"]:
        """A turn was refused; where its answer is.

        Args:
            item_id: the turn.
            answer_to_come: whether the service answers by itself, without being asked.
        """
        self.judged(item_id)
        if item_id == self._answered:
            return "current"
        if item_id != self._last:
            return "past"
        self._refused = answer_to_come
        return "ahead"

    def told(self) -> bool:
        """The model is told what was refused; whether the answer to that has to wait."""
        self._told = self._refused
        return self._refused

    def answer_began(self, *, asked_for: bool) -> tuple[bool, bool]:
        """A response began.

        Args:
            asked_for: whether it is one that was asked for, and not of the service's own accord.

        Returns:
            Whether it answers what was refused, and whether the model was told so already.
        """
        refused = self._refused and not asked_for
        told = self._told
        self._answered = self._last
        self._refused = self._told = False
        return refused, told
