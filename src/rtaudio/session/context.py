"""What handlers and instructions functions are given to work with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtaudio.session.approvals import Approvals, Decision

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

    def approve_tool(self, approval: Any, always: bool = False) -> None:
        """Let a call run, like `RealtimeSession.approve`, also one that has not come yet.

        Args:
            approval: of a `tool_approval_requested` event; or made by hand, a `FunctionApproval` of
                an agent, a tool of this agent, and a `FunctionCall` with the arguments to come.
            always: let all later calls of this tool by this agent run without asking.

        Raises:
            ProtocolError: it was asked for on an earlier connection, or differs from what was
                asked for, or the agent has no such tool.
        """
        self.approvals.decide(approval, Decision(approved=True), always=always, ahead=True)

    def reject_tool(self, approval: Any, always: bool = False, message: str | None = None) -> None:
        """Refuse a call, like `RealtimeSession.reject`, also one that has not come yet.

        Args:
            approval: as with `approve_tool`.
            always: refuse all later calls of this tool by this agent without asking.
            message: what the model is told; None for the usual words.

        Raises:
            ProtocolError: as with `approve_tool`.
        """
        decision = Decision(approved=False, message=message)
        self.approvals.decide(approval, decision, always=always, ahead=True)

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
