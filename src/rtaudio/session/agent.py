"""Who speaks for the application."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from rtaudio.conversation.events import (
    AgentEnd,
    AgentHandoff,
    AgentStart,
    AgentToolEnd,
    AgentToolStart,
)
from rtaudio.errors import ConfigError
from rtaudio.session.guardrails import InputGuardrail, OutputGuardrail, check_guardrails
from rtaudio.session.handlers import Handler, Handlers
from rtaudio.session.handoffs import Handoff, as_handoff
from rtaudio.session.hosted_mcp import HostedMcpTool
from rtaudio.session.tools import FunctionTool

if TYPE_CHECKING:
    from rtaudio.session.context import RunContext
    from rtaudio.session.mcp_servers import McpServer
    from rtaudio.session.options import RealtimeSessionOptions
    from rtaudio.transports import RealtimeTransport

__all__ = ["AGENT_EVENTS", "RealtimeAgent"]

Instructions: TypeAlias = "str | Callable[[RunContext, RealtimeAgent], str | Awaitable[str]]"
Prompt: TypeAlias = (
    "Mapping[str, Any] | Callable[[RunContext, RealtimeAgent], "
    "Mapping[str, Any] | Awaitable[Mapping[str, Any]]]"
)


#: What happens to an agent itself, as told to its own handlers too.
AGENT_EVENTS = (AgentStart, AgentEnd, AgentHandoff, AgentToolStart, AgentToolEnd)


class RealtimeAgent:
    """A role for the model: what it is told to be, and the voice it has.

    Args:
        name: shown in events; not empty.
        instructions: the system prompt, or a plain or async function of (context, agent) that
            returns it, called at each connect.
        tools: functions that the model may call, each made by `function_tool`, and tools of MCP
            servers that the service calls, each a `HostedMcpTool`.
        handoffs: agents that it may hand the conversation over to, or what `handoff` makes of them.
        mcp_servers: MCP servers that the application is connected to, such as `ClientSession`s of
            the `mcp` package; their tools become functions that the model may call. See
            `rtaudio.session.mcp_servers.McpServer`.
        voice: a voice the service knows; None leaves the choice to the session's config.
        prompt: a stored prompt, `{"prompt_id", "version", "variables"}`, or a function as above.
        handoff_description: when other agents should hand over to this one, for the model.
        output_guardrails: checks on what this agent says, before those of the session.
        input_guardrails: checks on what the user says to it, before those of the session.

    Raises:
        ConfigError: the name is empty or not a text, or something in the lists does not belong
            there.
    """

    def __init__(
        self,
        name: str,
        instructions: Instructions = "",
        tools: Iterable[FunctionTool | HostedMcpTool] = (),
        handoffs: Iterable[RealtimeAgent | Handoff] = (),
        *,
        voice: str | None = None,
        prompt: Prompt | None = None,
        handoff_description: str | None = None,
        mcp_servers: Iterable[McpServer] = (),
        output_guardrails: Iterable[OutputGuardrail] = (),
        input_guardrails: Iterable[InputGuardrail] = (),
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ConfigError(f"an agent needs a name, a non-empty str; got {name!r}")
        if not isinstance(instructions, str) and not callable(instructions):
            raise ConfigError(
                f"instructions must be a str or callable, got {type(instructions).__name__}"
            )
        self.tools = tuple(tools)
        for tool in self.tools:
            if not isinstance(tool, (FunctionTool, HostedMcpTool)):
                raise ConfigError(
                    f"tools of agent {name!r} must be made by function_tool, or a HostedMcpTool; "
                    f"got {type(tool).__name__}"
                )
        self.mcp_servers = tuple(mcp_servers)
        for server in self.mcp_servers:
            for method in ("list_tools", "call_tool"):
                if not callable(getattr(server, method, None)):
                    raise ConfigError(
                        f"mcp_servers of agent {name!r} must have list_tools and call_tool; "
                        f"{type(server).__name__} has no {method}"
                    )
        self.handoffs = tuple(map(as_handoff, handoffs))
        self.handoff_description = handoff_description
        owner = f"agent {name!r}"
        self.output_guardrails = check_guardrails(owner, OutputGuardrail, output_guardrails)
        self.input_guardrails = check_guardrails(owner, InputGuardrail, input_guardrails)
        self.name = name
        self.instructions = instructions
        self.voice = voice
        self.prompt = prompt
        self.handlers = Handlers(AGENT_EVENTS)

    def __repr__(self) -> str:
        return f"RealtimeAgent(name={self.name!r})"

    def on(self, event_type: str, handler: Handler) -> None:
        """Call `handler(event)` when this happens to the agent, in whichever session.

        Args:
            event_type: `agent_start` and `agent_end` of its responses, `agent_tool_start` and
                `agent_tool_end` of its tools, `agent_handoff` when another agent takes over.
            handler: as with `RealtimeSession.on`.

        Raises:
            ConfigError: agents have no such event, or the handler cannot be called.
        """
        self.handlers.add(event_type, handler)

    def off(self, event_type: str, handler: Handler) -> None:
        """Stop calling `handler`."""
        self.handlers.remove(event_type, handler)

    async def initial_session_config(
        self,
        options: RealtimeSessionOptions | None = None,
        overrides: Mapping[str, Any] | None = None,
        *,
        transport: RealtimeTransport | None = None,
    ) -> dict[str, Any]:
        """The settings that a session of this agent would begin with.

        Args:
            options: the session's.
            overrides: settings that win over those of the options.
            transport: over which it would run; None for that of the options.

        Raises:
            ConfigError: a setting is wrong, or the agent cannot be prepared.
        """
        # Sessions are made of agents; so this can only be imported once both are there.
        from rtaudio.session.session import RealtimeSession

        fields = {} if transport is None else {"transport": transport}
        return await RealtimeSession(self, options, **fields).get_initial_session_config(overrides)

    async def resolve_instructions(self, context: RunContext) -> str:
        """The instructions as they are now.

        Raises:
            ConfigError: the function returned something that is not a text.
        """
        value = await self._resolve(self.instructions, context)
        if not isinstance(value, str):
            raise ConfigError(
                f"instructions of agent {self.name!r} must be a str, got {type(value).__name__}"
            )
        return value

    async def resolve_prompt(self, context: RunContext) -> dict[str, Any] | None:
        """The stored prompt in wire form, or None.

        Raises:
            ConfigError: the prompt is not a mapping with an id.
        """
        value = await self._resolve(self.prompt, context)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise ConfigError(
                f"prompt of agent {self.name!r} must be a mapping, got {type(value).__name__}"
            )
        prompt_id = value.get("prompt_id") or value.get("promptId") or value.get("id")
        if not prompt_id:
            raise ConfigError(f"prompt of agent {self.name!r} has no 'prompt_id'")
        rest = {key: value[key] for key in ("version", "variables") if value.get(key) is not None}
        return {"id": prompt_id, **rest}

    async def _resolve(self, value: Any, context: RunContext) -> Any:
        if callable(value):
            value = value(context, self)
            if inspect.isawaitable(value):
                value = await value
        return value
