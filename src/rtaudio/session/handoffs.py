"""Handing a conversation over to another agent, as a function that the model may call."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from rtaudio.errors import ConfigError, ProtocolError
from rtaudio.session.tool_schema import inlined_schema, strict_schema

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.context import RunContext
    from rtaudio.session.tools import IsEnabled

__all__ = ["Handoff", "as_handoff", "handoff"]

_NO_ARGUMENTS: dict[str, Any] = {
    "type": "object",
    "properties": {},
    "required": [],
    "additionalProperties": False,
}


class Handoff:
    """Another agent, and the terms of handing over to it; made by `handoff`.

    Attributes:
        kind: what errors call it.
        agent: who takes over.
        name: of the function that the model calls.
        description: when to call it, for the model.
        parameters: JSON schema of its arguments.
        is_enabled: whether it is offered; or a plain or async function of (context, agent).
    """

    kind: ClassVar[str] = "handoff"

    def __init__(
        self,
        agent: RealtimeAgent,
        *,
        tool_name: str | None = None,
        description: str | None = None,
        on_handoff: Callable[..., Awaitable[None] | None] | None = None,
        input_type: Any = None,
        is_enabled: IsEnabled = True,
    ) -> None:
        if on_handoff is not None and not callable(on_handoff):
            raise ConfigError(f"on_handoff must be callable, got {type(on_handoff).__name__}")
        if input_type is not None and on_handoff is None:
            raise ConfigError(
                "a handoff with an input_type needs an on_handoff that takes the input"
            )
        if not isinstance(is_enabled, bool) and not callable(is_enabled):
            raise ConfigError(f"is_enabled must be a bool or callable, got {is_enabled!r}")
        self.agent = agent
        self.name = re.sub(r"[^A-Za-z0-9_]", "_", tool_name or f"transfer_to_{agent.name}")
        self.description = description
        if description is None:
            words = f"Hand the conversation over to {agent.name}."
            self.description = f"{words} {agent.handoff_description or ''}".strip()
        self.parameters = _NO_ARGUMENTS
        self._input: msgspec.json.Decoder[Any] | None = None
        if input_type is not None:
            try:
                self._input = msgspec.json.Decoder(input_type)
                self.parameters = inlined_schema(input_type)
                strict_schema(self.parameters)
            except TypeError as error:
                raise ConfigError(f"input_type {input_type!r} has no JSON schema") from error
        self.is_enabled = is_enabled
        self._on_handoff = on_handoff

    def __repr__(self) -> str:
        return f"Handoff(name={self.name!r}, agent={self.agent!r})"

    def wire(self) -> dict[str, Any]:
        """The function as a session's settings carry it."""
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }

    async def begin(self, context: RunContext, arguments: str) -> None:
        """Tell the application that this handoff is about to happen.

        Raises:
            ProtocolError: the arguments do not fit the input type.
            Exception: what `on_handoff` raised; nothing is handed over then.
        """
        given = [context]
        if self._input is not None:
            try:
                given.append(self._input.decode(arguments))
            except (msgspec.MsgspecError, RecursionError):
                raise ProtocolError(
                    f"the arguments of handoff {self.name!r} do not fit its input type"
                ) from None
        if self._on_handoff is not None:
            done = self._on_handoff(*given)
            if inspect.isawaitable(done):
                await done


def handoff(agent: RealtimeAgent, **terms: Any) -> Handoff:
    """Let the model hand the conversation over to another agent, on terms of your own.

    Args:
        agent: who takes over.
        **terms: `tool_name` and `description`, for the model; `on_handoff`, a plain or async
            function of (context), called before anything changes, which may raise to prevent it;
            `input_type`, a type with a JSON schema that the model has to fill in, given to
            `on_handoff` as second argument; `is_enabled`, a bool or a function of (context, agent).

    Raises:
        ConfigError: a term is wrong.
    """
    return as_handoff(agent) if not terms else Handoff(_checked(agent), **terms)


def as_handoff(value: Any) -> Handoff:
    """An entry of `RealtimeAgent.handoffs`, which may be an agent, as a handoff.

    Raises:
        ConfigError: it is neither.
    """
    return value if isinstance(value, Handoff) else Handoff(_checked(value))


def _checked(agent: Any) -> RealtimeAgent:
    from rtaudio.session.agent import RealtimeAgent

    if not isinstance(agent, RealtimeAgent):
        raise ConfigError(
            f"a handoff leads to a RealtimeAgent, or is made by handoff(); "
            f"got {type(agent).__name__}"
        )
    return agent
