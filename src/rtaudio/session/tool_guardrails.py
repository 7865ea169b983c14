"""Checks on what a tool is given and on what it returned."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from rtaudio.errors import ConfigError, ToolInputGuardrailTripped, ToolOutputGuardrailTripped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from rtaudio.conversation.calls import FunctionCall
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.context import RunContext

__all__ = [
    "ToolGuardrailResult",
    "ToolInputGuardrail",
    "ToolOutputGuardrail",
    "check_input",
    "check_output",
    "check_tool_guardrails",
]


@dataclass(frozen=True, slots=True, repr=False)
class ToolGuardrailResult:
    """What a guardrail of a tool decided; made by `allow`, `reject_content` or `raise_exception`.

    Attributes:
        behavior: which of the three.
        message: what the model reads in place of the result, where the content is rejected.
        output_info: facts about it, for the application.
    """

    behavior: Literal["allow", "reject_content", "raise_exception"]
    message: str = ""
    output_info: Any = None

    @classmethod
    def allow(cls, output_info: Any = None) -> ToolGuardrailResult:
        """Go on."""
        return cls("allow", output_info=output_info)

    @classmethod
    def reject_content(cls, message: str, output_info: Any = None) -> ToolGuardrailResult:
        """Answer the model with these words, in place of the tool's result."""
        if not isinstance(message, str):
            raise ConfigError(f"message must be a str, got {type(message).__name__}")
        return cls("reject_content", message, output_info)

    @classmethod
    def raise_exception(cls, output_info: Any = None) -> ToolGuardrailResult:
        """Answer nothing; the session's `error` event tells the application."""
        return cls("raise_exception", output_info=output_info)


CheckInput: TypeAlias = (
    "Callable[[RunContext, RealtimeAgent, FunctionCall], "
    "ToolGuardrailResult | Awaitable[ToolGuardrailResult]]"
)
CheckOutput: TypeAlias = (
    "Callable[[RunContext, RealtimeAgent, FunctionCall, Any], "
    "ToolGuardrailResult | Awaitable[ToolGuardrailResult]]"
)


@dataclass(frozen=True, slots=True, eq=False)
class ToolInputGuardrail:
    """A check on a call before the tool runs.

    Attributes:
        name: shown in errors.
        execute: plain or async function of (context, agent, call); `call.arguments` is JSON text,
            well-formed, but not yet checked against the tool's parameters.
    """

    name: str
    execute: CheckInput

    def __post_init__(self) -> None:
        _check_fields(self)


@dataclass(frozen=True, slots=True, eq=False)
class ToolOutputGuardrail:
    """A check on what a tool returned, before the model reads it.

    Attributes:
        name: shown in errors.
        execute: plain or async function of (context, agent, call, what the tool returned). Where
            the tool failed, or its time was up, that is the text that tells the model so.
    """

    name: str
    execute: CheckOutput

    def __post_init__(self) -> None:
        _check_fields(self)


Guardrail = TypeVar("Guardrail", ToolInputGuardrail, ToolOutputGuardrail)


def check_tool_guardrails(
    tool: str, field: str, kind: type[Guardrail], guardrails: Iterable[Any]
) -> tuple[Guardrail, ...]:
    """The guardrails of a tool.

    Raises:
        ConfigError: one of them is of another kind.
    """
    given = tuple(guardrails)
    for guardrail in given:
        if not isinstance(guardrail, kind):
            raise ConfigError(
                f"tool {tool!r}: {field} must be {kind.__name__} objects, "
                f"got {type(guardrail).__name__}"
            )
    return given


async def check_input(
    guardrails: Sequence[ToolInputGuardrail], context: RunContext, call: FunctionCall
) -> str | None:
    """Let guardrails look at a call, one after the other, until one objects.

    Returns:
        Words for the model, in place of a result; None where the tool may run.

    Raises:
        ToolInputGuardrailTripped: one of them says that nothing may be answered.
    """
    for guardrail in guardrails:
        result = await _result(guardrail, context, call.offer.agent, call)
        if result.behavior == "reject_content":
            return result.message
        if result.behavior == "raise_exception":
            raise ToolInputGuardrailTripped(
                f"input guardrail {guardrail.name!r} of tool {call.name!r} tripped",
                guardrail=guardrail.name,
                info=result.output_info,
            )
    return None


async def check_output(
    guardrails: Sequence[ToolOutputGuardrail], context: RunContext, call: FunctionCall, value: Any
) -> str | None:
    """Let guardrails look at what a tool returned, one after the other, until one objects.

    Returns:
        Words for the model, in place of what the tool returned; None where that may be told.

    Raises:
        ToolOutputGuardrailTripped: one of them says that nothing may be answered.
    """
    for guardrail in guardrails:
        result = await _result(guardrail, context, call.offer.agent, call, value)
        if result.behavior == "reject_content":
            return result.message
        if result.behavior == "raise_exception":
            raise ToolOutputGuardrailTripped(
                f"output guardrail {guardrail.name!r} of tool {call.name!r} tripped",
                guardrail=guardrail.name,
                info=result.output_info,
            )
    return None


async def _result(
    guardrail: ToolInputGuardrail | ToolOutputGuardrail, *facts: Any
) -> ToolGuardrailResult:
    result: Any = guardrail.execute(*facts)
    result = await result if inspect.isawaitable(result) else result
    if not isinstance(result, ToolGuardrailResult):
        # One that forgot to answer has not allowed anything.
        raise ConfigError(
            f"guardrail {guardrail.name!r} must return a ToolGuardrailResult, "
            f"got {type(result).__name__}"
        )
    return result


def _check_fields(guardrail: ToolInputGuardrail | ToolOutputGuardrail) -> None:
    if not isinstance(guardrail.name, str) or not guardrail.name:
        raise ConfigError(f"a guardrail needs a name, a non-empty str; got {guardrail.name!r}")
    if not callable(guardrail.execute):
        raise ConfigError(
            f"execute of guardrail {guardrail.name!r} must be callable, "
            f"got {type(guardrail.execute).__name__}"
        )
