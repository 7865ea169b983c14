"""Decisions of people about calls of tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from rtaudio.conversation.calls import FunctionCall
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.tools import FunctionTool

__all__ = ["DEFAULT_REJECTION", "Approvals", "Decision", "FunctionApproval"]

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


class Approvals:
    """What was decided so far, by agent and tool; it outlives connections."""

    def __init__(self) -> None:
        self._calls: dict[tuple[int, str, str], Decision] = {}
        self._standing: dict[tuple[int, str], Decision] = {}
        # Agents are known by identity, so those that were judged are kept.
        self._agents: dict[int, RealtimeAgent] = {}

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
