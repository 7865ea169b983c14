"""Decisions of people about calls of tools."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from rtaudio.conversation.recent import Recent

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


class Approvals:
    """What was decided so far, by agent and tool; it outlives connections."""

    def __init__(self) -> None:
        self._calls: Recent[tuple[int, str, str], Decision] = Recent(_MAX_DECISIONS)
        self._standing: dict[tuple[int, str], Decision] = {}
        # Agents are known by identity, so those that were judged are kept.
        self._agents: dict[int, RealtimeAgent] = {}

    @property
    def queue(self) -> QueueStats:
        """The decisions about single calls."""
        return self._calls.queue

    def decide(
        self, approval: FunctionApproval, *, approved: bool, always: bool, message: str | None
    ) -> None:
        """Remember a decision; with `always` for all later calls of this tool by this agent."""
        agent = approval.agent
        self._agents[id(agent)] = agent
        decision = Decision(approved, message)
        self._calls[(id(agent), approval.tool.name, approval.call_id)] = decision
        if always:
            self._standing[(id(agent), approval.tool.name)] = decision

    def decision(self, agent: RealtimeAgent, tool_name: str, call_id: str) -> Decision | None:
        """What holds for a call: the decision about itself, else the standing one."""
        own = self._calls.get((id(agent), tool_name, call_id))
        return own or self._standing.get((id(agent), tool_name))


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
