"""A conversation's history, as applications see it."""

from __future__ import annotations

from rtaudio.conversation.items import Item

__all__ = ["History"]


class History(tuple[Item, ...]):
    """The items of a conversation in order: a tuple that knows what it holds.

    It never changes; a session has a new one after each change.
    """

    __slots__ = ()
