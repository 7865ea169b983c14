"""Decisions of people about calls of tools."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from rtaudio.conversation.recent import Recent
from rtaudio.errors import ConfigError, ProtocolError
from rtaudio.session.fingerprint import fingerprint

if TYPE_CHECKING:
    from rtaudio.conversation.calls import FunctionCall
    from rtaudio.conversation.queue_stats import QueueStats
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.context import RunContext
    from rtaudio.session.tools import FunctionTool

__all__ = [
    "DEFAULT_REJECTION",
    "Approvals",
    "Decision",
    "FunctionApproval",
    "ToolErrorFormatter",
    "word_rejection",
]

_log = logging.getLogger("rtaudio.session")

ToolErrorFormatter: TypeAlias = Callable[[dict[str, Any]], str | Awaitable[str | None] | None]

DEFAULT_REJECTION = "The person declined this call of the tool. Do not repeat it."


@dataclass(frozen=True, slots=True, eq=False)
class FunctionApproval:
    """A call that waits for `session.approve` or `session.reject`.

    Attributes:
        type: `function_approval`.
        agent: whose tool it is.
        tool: the tool.
        call: what the model asks for: `name`, `arguments` (JSON text), `call_id`.
    """

    type: ClassVar[str] = "function_approval"
    agent: RealtimeAgent
    tool: FunctionTool
    call: FunctionCall

    @property
    def call_id(self) -> str:
        """The call's id."""
        return self.call.call_id


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided; `message` is for the model, None for the usual words."""

    approved: bool
    message: str | None = None


# Decisions about single calls that are kept; one that is forgotten would be asked for again.
_MAX_DECISIONS = 1000
Decider: TypeAlias = Callable[[Any, Decision, bool, bool], Awaitable[None] | None]


class Approvals:
    """What was decided so far, by agent and tool; it outlives connections.

    Attributes:
        deciders: who carries out a decision, by the `type` of what was asked; called with the
            approval, the decision, whether it holds for later calls too, and whether it may be
            about a call that has not come yet.
    """

    def __init__(self) -> None:
        self.deciders: dict[str, Decider] = {}
        self._calls: Recent[tuple[int, str, str], tuple[tuple[Any, ...], Decision]] = Recent(
            _MAX_DECISIONS
        )
        self._standing: dict[tuple[int, str], Decision] = {}
        # Agents are known by identity, so those that were judged are kept.
        self._agents: dict[int, RealtimeAgent] = {}

    @property
    def queue(self) -> QueueStats:
        """The decisions about single calls."""
        return self._calls.queue

    def decide(
        self, approval: Any, decision: Decision, *, always: bool, ahead: bool
    ) -> Awaitable[None] | None:
        """Carry out a decision.

        Args:
            approval: what it is about.
            decision: what was decided.
            always: let it hold for all later calls of the tool by this agent.
            ahead: the call may be one that has not come yet.

        Returns:
            Something to wait for, where carrying it out takes time.

        Raises:
            ConfigError: nobody asks for approvals of this kind.
            ProtocolError: it is about nothing that was asked on this connection.
        """
        decide = self.deciders.get(getattr(approval, "type", ""))
        if decide is None:
            raise ConfigError(
                "an approval is what a tool_approval_requested event carries as `approval`, "
                f"got {type(approval).__name__}"
            )
        return decide(approval, decision, always, ahead)

    def remember(self, approval: FunctionApproval, decision: Decision, *, always: bool) -> None:
        """Keep a decision; with `always` for all later calls of this tool by this agent."""
        agent, call = approval.agent, approval.call
        self._agents[id(agent)] = agent
        asked = fingerprint("function", call.name, call.arguments)
        key = id(agent), call.name, call.call_id
        asked_before, before = self._calls.get(key, (None, None))
        merged = _merged(before, decision) if asked == asked_before else decision
        self._calls[key] = asked, merged
        if always:
            tool = id(agent), call.name
            self._standing[tool] = _merged(self._standing.get(tool), decision)

    def decision(self, agent: RealtimeAgent, call: FunctionCall) -> Decision | None:
        """What holds for a call: the decision about itself, else the standing one.

        Raises:
            ProtocolError: it was decided about a call with this id that had other arguments.
        """
        standing = self._standing.get((id(agent), call.name))
        asked, own = self._calls.get((id(agent), call.name, call.call_id), (None, None))
        if own is None:
            return standing
        if asked != fingerprint("function", call.name, call.arguments):
            raise ProtocolError(f"function call {call.call_id!r} was judged with other arguments")
        wordless = not own.approved and own.message is None
        return standing if wordless and standing and not standing.approved else own


def _merged(before: Decision | None, now: Decision) -> Decision:
    """Of two decisions about one thing an approval counts, and a message is not lost."""
    if before is None or now.approved:
        return now
    if before.approved or now.message is None:
        return before
    return now


async def word_rejection(
    formatter: ToolErrorFormatter | None, context: RunContext, call: FunctionCall
) -> str:
    """Word a refusal for the model; what the formatter gets wrong is logged by its kind only."""
    if formatter is None:
        return DEFAULT_REJECTION
    facts = {
        "kind": "approval_rejected",
        "tool_type": "function",
        "tool_name": call.name,
        "call_id": call.call_id,
        "default_message": DEFAULT_REJECTION,
        "ctx": context,
    }
    try:
        said = formatter(facts)
        words = await said if inspect.isawaitable(said) else said
    except Exception as error:
        _log.warning("tool_error_formatter raised %s; using the default", type(error).__name__)
        return DEFAULT_REJECTION
    if words is None or isinstance(words, str):
        return DEFAULT_REJECTION if words is None else words
    _log.warning("tool_error_formatter returned %s, not a str", type(words).__name__)
    return DEFAULT_REJECTION
