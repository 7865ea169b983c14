"""A mapping that cannot grow without limit."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

from rtaudio.conversation.queue_stats import QueueStats

__all__ = ["Recent"]

_K = TypeVar("_K")
_V = TypeVar("_V")


class Recent(OrderedDict[_K, _V]):
    """The values put in last, by key; each one too many drops the one that was put in first.

    Args:
        limit: how many are kept, at least 1.

    Attributes:
        limit: how many are kept.
        dropped: how many had to go; `clear` does not change it.
    """

    __slots__ = ("dropped", "limit")

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.dropped = 0

    def __setitem__(self, key: _K, value: _V) -> None:
        super().__setitem__(key, value)
        if len(self) > self.limit:
            self.popitem(last=False)
            self.dropped += 1

    @property
    def queue(self) -> QueueStats:
        """How full it is, and what it has dropped."""
        return QueueStats(size=len(self), bound=self.limit, policy="drop_oldest", lost=self.dropped)
