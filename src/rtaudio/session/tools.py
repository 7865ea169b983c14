"""Functions that the model may call."""

from __future__ import annotations

import asyncio
import inspect
import math
import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import msgspec

from rtaudio.errors import ConfigError, ToolError, ToolTimeout
from rtaudio.session.tool_guardrails import (
    ToolInputGuardrail,
    ToolOutputGuardrail,
    check_tool_guardrails,
)
from rtaudio.session.tool_schema import read_signature
from rtaudio.session.tool_threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.context import RunContext

__all__ = ["FunctionTool", "describe_failure", "function_tool"]

NeedsApproval: TypeAlias = (
    "bool | Callable[[RunContext, dict[str, Any], str], bool | Awaitable[bool]]"
)
IsEnabled: TypeAlias = "bool | Callable[[RunContext, RealtimeAgent], bool | Awaitable[bool]]"
OnError: TypeAlias = "Callable[[RunContext, Exception], str | Awaitable[str]] | None"
OnTimeout: TypeAlias = "Callable[[RunContext, ToolTimeout], str | Awaitable[str]] | None"
TimeoutBehavior: TypeAlias = Literal["return_message", "raise"]


def describe_failure(_context: RunContext, error: Exception) -> str:
    """What the model reads, unless a tool says otherwise, when the tool raised."""
    return f"The tool failed. Say so, or try again with other arguments. Error: {error}"


class FunctionTool:
    """A function with what the model has to know of it; made by `function_tool`.

    Attributes:
        kind: what errors call it.
        name: letters, digits and underscores.
        description: what it does, for the model.
        parameters: JSON schema of its arguments.
        needs_approval: whether a person decides about each call; or a plain or async function of
            (context, arguments as a dict, call id) that tells.
        is_enabled: whether it is offered; or a plain or async function of (context, agent).
        timeout_s: seconds that a call may take; None for no limit.
        timeout_behavior: whether the model is told of a time-out, or the session's `error` event.
        on_timeout: words for the model when the time was up, as a plain or async function of
            (context, `ToolTimeout`); None for the usual words.
        input_guardrails: checks on each call before the function runs, in order.
        output_guardrails: checks on what it returned before the model reads it, in order.
        on_error: words for the model when the function raised, as a plain or async function of
            (context, exception); None makes it an `error` event, and the model waits.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        strict: bool = True,
        needs_approval: NeedsApproval = False,
        is_enabled: IsEnabled = True,
        timeout_s: float | None = None,
        timeout_behavior: TimeoutBehavior = "return_message",
        on_timeout: OnTimeout = None,
        on_error: OnError = describe_failure,
        input_guardrails: Iterable[ToolInputGuardrail] = (),
        output_guardrails: Iterable[ToolOutputGuardrail] = (),
    ) -> None:
        if not callable(function):
            raise ConfigError(f"a tool must be a function, got {type(function).__name__}")
        given = name if name is not None else getattr(function, "__name__", "")
        self.kind = "function tool"
        self.name = re.sub(r"[^A-Za-z0-9_]", "_", given)
        if not self.name.strip("_"):
            raise ConfigError(f"a tool needs a name with letters or digits; got {given!r}")
        if timeout_s is not None and not _is_duration(timeout_s):
            raise ConfigError(
                f"tool {self.name!r}: timeout_s must be a finite number of seconds above 0, "
                f"got {timeout_s!r}"
            )
        if timeout_behavior not in ("return_message", "raise"):
            raise ConfigError(
                f"tool {self.name!r}: timeout_behavior must be 'return_message' or 'raise', "
                f"got {timeout_behavior!r}"
            )
        for field, words in (("on_error", on_error), ("on_timeout", on_timeout)):
            if words is not None and not callable(words):
                raise ConfigError(f"tool {self.name!r}: {field} must be callable or None")
        if not isinstance(strict, bool):
            raise ConfigError(f"tool {self.name!r}: strict must be a bool, got {strict!r}")
        for field, value in (("needs_approval", needs_approval), ("is_enabled", is_enabled)):
            if not isinstance(value, bool) and not callable(value):
                raise ConfigError(
                    f"tool {self.name!r}: {field} must be a bool or callable, got {value!r}"
                )
        signature = read_signature(function, strict=strict, schema=parameters)
        self.description = signature.description if description is None else description
        self.parameters = signature.parameters
        self.needs_approval = needs_approval
        self.is_enabled = is_enabled
        self.timeout_s = timeout_s
        self.timeout_behavior = timeout_behavior
        self.on_timeout = on_timeout
        self.on_error = on_error
        self.input_guardrails = check_tool_guardrails(
            self.name, "input_guardrails", ToolInputGuardrail, input_guardrails
        )
        self.output_guardrails = check_tool_guardrails(
            self.name, "output_guardrails", ToolOutputGuardrail, output_guardrails
        )
        self._function = function
        self._takes_context = signature.takes_context
        self._arguments = msgspec.json.Decoder(signature.arguments)

    def __repr__(self) -> str:
        return f"FunctionTool(name={self.name!r})"

    def wire(self) -> dict[str, Any]:
        """The tool as a session's settings carry it."""
        wire = {"type": "function", "name": self.name, "parameters": self.parameters}
        return {**wire, "description": self.description} if self.description else wire

    @property
    def malformed_arguments(self) -> str:
        """What the model reads where its arguments are not JSON."""
        return f"The arguments of the tool {self.name} are not valid JSON. Try again."

    async def invoke(self, context: RunContext, arguments: str) -> Any:
        """Call the function with arguments that the model wrote.

        A plain function runs in a thread, so that it does not hold up the session; it goes on there
        when its time is up. At most 64 run at once in a process; further calls wait for
        a thread. One that never returns keeps its thread, and keeps the process from ending: what
        it waits for should have a time limit of its own.

        Args:
            context: handed on where the function takes it.
            arguments: JSON text.

        Returns:
            What the function returned; or words for the model, where the arguments do not fit, the
            function raised, or its time was up.

        Raises:
            ToolTimeout: its time was up, and `timeout_behavior` is "raise".
            Exception: what the function raised, where `on_error` is None.
        """
        try:
            fields = self._arguments.decode(arguments)
        except msgspec.ValidationError as error:
            return f"The arguments do not fit the tool {self.name}: {error}"
        except (msgspec.DecodeError, RecursionError):
            return self.malformed_arguments
        values = fields if isinstance(fields, dict) else msgspec.structs.asdict(fields)
        first = (context,) if self._takes_context else ()
        try:
            async with asyncio.timeout(self.timeout_s) as limit:
                if inspect.iscoroutinefunction(self._function):
                    return await self._function(*first, **values)
                result = await in_thread(self._function, *first, **values)
                return await result if inspect.isawaitable(result) else result
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Not this call was cancelled, but something that it waited for.
            return await self._failed(context, ToolError("what it waited for was cancelled"))
        except Exception as error:
            if isinstance(error, TimeoutError) and limit.expired():
                return await self._timed_out(context, error)
            return await self._failed(context, error)

    async def _timed_out(self, context: RunContext, cause: TimeoutError) -> Any:
        error = ToolTimeout(f"The tool {self.name} took longer than {self.timeout_s:g} s.")
        if self.timeout_behavior == "raise":
            raise error from cause
        if self.on_timeout is None:
            return str(error)
        said = self.on_timeout(context, error)
        return await said if inspect.isawaitable(said) else said

    async def _failed(self, context: RunContext, error: Exception) -> Any:
        if self.on_error is None:
            raise error
        said = self.on_error(context, error)
        return await said if inspect.isawaitable(said) else said


@overload
def function_tool(function: Callable[..., Any], /) -> FunctionTool: ...
@overload
def function_tool(
    *,
    name: str | None = None,
    description: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    strict: bool = True,
    needs_approval: NeedsApproval = False,
    is_enabled: IsEnabled = True,
    timeout_s: float | None = None,
    timeout_behavior: TimeoutBehavior = "return_message",
    on_timeout: OnTimeout = None,
    on_error: OnError = describe_failure,
    input_guardrails: Iterable[ToolInputGuardrail] = (),
    output_guardrails: Iterable[ToolOutputGuardrail] = (),
) -> Callable[[Callable[..., Any]], FunctionTool]: ...
def function_tool(function: Callable[..., Any] | None = None, /, **settings: Any) -> Any:
    """Make a function a tool of the model: `@function_tool` or `@function_tool(name=...)`.

    Its name, its docstring and the types of its parameters are what the model learns of it; an
    `Args:` section describes the parameters. A first parameter `ctx: RunContext` is given the
    session's context. It may be plain or async, and return anything (see `result_text`).

    Args:
        function: the function, where used without settings.
        **settings: what `FunctionTool` has as attributes, and `strict`: whether the model has to
            fill in every parameter, as it does best, or may leave out those with a default. With
            `parameters`, a JSON schema of an object, the function is called with whatever object
            the model wrote, as keywords; it has to check them itself.

    Raises:
        ConfigError: a setting is wrong, or a parameter has no JSON schema.
    """
    if function is not None:
        return FunctionTool(function)
    return lambda decorated: FunctionTool(decorated, **settings)


def _is_duration(value: Any) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and value > 0
    )
