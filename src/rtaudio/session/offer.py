"""What an agent has to offer at one moment: the tools that are enabled."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.context import RunContext
    from rtaudio.session.tools import FunctionTool

__all__ = ["Offer", "is_enabled", "prepare_offer"]


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """An agent and its tools by name. A call runs against the offer that the model saw."""

    agent: RealtimeAgent
    tools: dict[str, FunctionTool]

    def wire(self) -> list[dict[str, Any]]:
        """The tools as a session's settings carry them."""
        return [tool.wire() for tool in self.tools.values()]


async def is_enabled(tool: FunctionTool, context: RunContext, agent: RealtimeAgent) -> bool:
    """Whether a tool is offered now."""
    if isinstance(tool.is_enabled, bool):
        return tool.is_enabled
    enabled = tool.is_enabled(context, agent)
    return bool(await enabled if inspect.isawaitable(enabled) else enabled)


async def prepare_offer(agent: RealtimeAgent, context: RunContext) -> Offer:
    """Find out which of an agent's tools are enabled.

    Raises:
        ConfigError: two of them have one name.
    """
    tools: dict[str, FunctionTool] = {}
    clashes: dict[str, int] = {}
    for tool in agent.tools:
        if not await is_enabled(tool, context, agent):
            continue
        if tool.name in tools:
            clashes[tool.name] = clashes.get(tool.name, 1) + 1
        tools[tool.name] = tool
    if clashes:
        found = ", ".join(f"{name} ({count} tools)" for name, count in sorted(clashes.items()))
        raise ConfigError(f"agent {agent.name!r} offers several tools of one name: {found}")
    return Offer(agent, tools)
