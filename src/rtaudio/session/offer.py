"""What an agent has to offer at one moment: tools and handoffs that are enabled."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtaudio.errors import ConfigError
from rtaudio.session.hosted_mcp import HostedMcpTool
from rtaudio.session.mcp_servers import list_attached_tools

if TYPE_CHECKING:
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.context import RunContext
    from rtaudio.session.handoffs import Handoff
    from rtaudio.session.tools import FunctionTool

__all__ = ["Offer", "is_enabled", "prepare_offer"]


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """An agent and what it can call. A call runs against the offer that the model saw.

    Attributes:
        agent: the agent.
        callees: what calls come to us for, by name.
        hosted: what the service calls by itself.
    """

    agent: RealtimeAgent
    callees: dict[str, FunctionTool | Handoff]
    hosted: tuple[HostedMcpTool, ...] = ()

    def wire(self) -> list[dict[str, Any]]:
        """What can be called, as a session's settings carry it."""
        return [tool.wire() for tool in (*self.callees.values(), *self.hosted)]


async def is_enabled(
    callee: FunctionTool | Handoff, context: RunContext, agent: RealtimeAgent
) -> bool:
    """Whether a tool or a handoff is offered now."""
    if isinstance(callee.is_enabled, bool):
        return callee.is_enabled
    enabled = callee.is_enabled(context, agent)
    return bool(await enabled if inspect.isawaitable(enabled) else enabled)


async def prepare_offer(agent: RealtimeAgent, context: RunContext) -> Offer:
    """Find out which of an agent's tools and handoffs are enabled, asking all of them at once.

    Raises:
        ToolError: an MCP server of the agent did not list its tools.
        ConfigError: two of them have one name.
        Exception: what an `is_enabled` raised.
    """
    hosted = tuple(tool for tool in agent.tools if isinstance(tool, HostedMcpTool))
    functions = [tool for tool in agent.tools if not isinstance(tool, HostedMcpTool)]
    attached = await list_attached_tools(agent.mcp_servers)
    callees: list[FunctionTool | Handoff] = [*functions, *attached, *agent.handoffs]
    enabled = await asyncio.gather(*(is_enabled(each, context, agent) for each in callees))
    by_name: dict[str, list[FunctionTool | Handoff]] = {}
    for callee in itertools.compress(callees, enabled):
        by_name.setdefault(callee.name, []).append(callee)
    clashes = [
        f"{name} ({', '.join(_counted(same))})"
        for name, same in sorted(by_name.items())
        if len(same) > 1
    ]
    if clashes:
        raise ConfigError(
            f"agent {agent.name!r} offers a name more than once: {'; '.join(clashes)}"
        )
    return Offer(agent, {name: same[0] for name, same in by_name.items()}, hosted)


def _counted(callees: list[FunctionTool | Handoff]) -> list[str]:
    kinds = Counter(callee.kind for callee in callees)
    return [f"{kind} x{count}" if count > 1 else kind for kind, count in sorted(kinds.items())]
