"""What is known of one call of a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtaudio.session.fingerprint import fingerprint
from rtaudio.session.handoffs import Handoff

if TYPE_CHECKING:
    from rtaudio.conversation.calls import FunctionCall
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.approvals import FunctionApproval

__all__ = ["CallRecord"]


class CallRecord:
    """One call: waiting for a decision, running, being written, or answered.

    Attributes:
        approval: what a person was asked, until the decision.
        decided: it is settled whether the call may run, so that no decision counts any more.
        output: what the model is told, from the moment it is handed to the transport.
        respond: whether a response is asked for with it.
        repeats: repetitions that came while the call ran, and want the output too.
        writing: the output is being written at this moment.
        sent: it was written without an error.
    """

    __slots__ = (
        "approval",
        "call",
        "decided",
        "fingerprint",
        "output",
        "repeats",
        "respond",
        "sent",
        "writing",
    )

    def __init__(self, call: FunctionCall) -> None:
        kind = "handoff" if isinstance(call.offer.callees.get(call.name), Handoff) else "function"
        self.call = call
        self.fingerprint = fingerprint(kind, call.name, call.arguments)
        self.approval: FunctionApproval | None = None
        self.decided = False
        self.output: str | None = None
        self.respond = True
        self.repeats: list[FunctionCall] = []
        self.writing = False
        self.sent = False

    @property
    def agent(self) -> RealtimeAgent:
        """Who was speaking when the call was made."""
        agent: RealtimeAgent = self.call.offer.agent
        return agent

    @property
    def key(self) -> tuple[int, str]:
        """What tells it from other calls of the connection."""
        return id(self.agent), self.call.call_id

    def is_meant_by(self, approval: FunctionApproval) -> bool:
        """Whether this is the call that was asked about, on this connection, unaltered."""
        call = approval.call
        return (
            # Each connection has offers of its own.
            (call.offer is None or call.offer is self.call.offer)
            and approval.tool.name == self.call.name
            and fingerprint("function", call.name, call.arguments) == self.fingerprint
        )
