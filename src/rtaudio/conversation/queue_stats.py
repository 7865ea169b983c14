"""How full a queue is, and what it has lost."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = ["Policy", "QueueStats"]

#: What happens to one too many. `raise`: whoever adds or reads it gets an exception, or an `error`
#: event tells of it; `drop_oldest` and `drop_newest`: something goes without a word.
Policy: TypeAlias = Literal["raise", "drop_oldest", "drop_newest"]


class QueueStats(msgspec.Struct, frozen=True, kw_only=True):
    """One queue or buffer at one moment.

    Attributes:
        size: entries in it.
        bound: entries that it holds at most.
        policy: what happens to one too many.
        lost: entries that were lost, over the life of the session.
    """

    size: int
    bound: int
    policy: Policy
    lost: int
