"""What an agent has to offer at one moment: tools and handoffs that are enabled."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtaudio.errors import ConfigError
from rtaudio.session.hosted_mcp import HostedMcpTool
from rtaudio.session.mcp_servers import AttachedTool, list_attached_tools

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
    """Find out which of an agent's tools and handoffs are enabled.

    Raises:
        ToolError: an MCP server of the agent did not list its tools.
        ConfigError: two of them have one name.
    """
    by_name: dict[str, list[FunctionTool | Handoff]] = {}
    hosted = tuple(tool for tool in agent.tools if isinstance(tool, HostedMcpTool))
    functions = [tool for tool in agent.tools if not isinstance(tool, HostedMcpTool)]
    attached = await list_attached_tools(agent.mcp_servers)
    callees: list[FunctionTool | Handoff] = [*functions, *attached, *agent.handoffs]
    for callee in callees:
        if await is_enabled(callee, context, agent):
            by_name.setdefault(callee.name, []).append(callee)
    clashes = [
        f"{name} ({', '.join(map(_source, same))})"
        for name, same in sorted(by_name.items())
        if len(same) > 1
    ]
    if clashes:
        raise ConfigError(f"agent {agent.name!r} offers one name twice: {'; '.join(clashes)}")
    return Offer(agent, {name: same[0] for name, same in by_name.items()}, hosted)


def _source(callee: FunctionTool | Handoff) -> str:
    if isinstance(callee, AttachedTool):
        return f"tool of MCP server {callee.server_name!r}"
    return type(callee).__name__
