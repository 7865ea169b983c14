"""What handlers and instructions functions are given to work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtaudio.conversation import Conversation, Item, Usage

__all__ = ["RunContext"]


class RunContext:
    """One object for the life of a session; it survives reconnects.

    Attributes:
        context: the very object the application passed as `context`.
    """

    def __init__(self, context: Any, conversation: Conversation) -> None:
        self.context = context
        self._conversation = conversation

    @property
    def history(self) -> tuple[Item, ...]:
        """The conversation so far, in order."""
        return self._conversation.history.snapshot()

    @property
    def usage(self) -> Usage:
        """Tokens spent so far."""
        return self._conversation.usage
