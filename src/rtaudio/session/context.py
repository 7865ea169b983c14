"""What handlers and instructions functions are given to work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtaudio.session.approvals import Approvals

if TYPE_CHECKING:
    from rtaudio.conversation import Conversation, History, Usage

__all__ = ["RunContext"]


class RunContext:
    """One object for the life of a session; it survives reconnects.

    Attributes:
        context: the very object the application passed as `context`.
        approvals: what was decided about calls of tools.
    """

    def __init__(self, context: Any, conversation: Conversation) -> None:
        self.context = context
        self.approvals = Approvals()
        self._conversation = conversation
        self._frozen: History | None = None

    def frozen(self) -> RunContext:
        """The same, with history as it is now: what a tool sees for as long as it runs."""
        copy = RunContext(self.context, self._conversation)
        copy.approvals = self.approvals
        copy._frozen = self.history
        return copy

    @property
    def history(self) -> History:
        """The conversation so far, in order."""
        if self._frozen is not None:
            return self._frozen
        return self._conversation.history.snapshot()

    @property
    def usage(self) -> Usage:
        """Tokens spent so far."""
        return self._conversation.usage
