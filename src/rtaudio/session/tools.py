"""Functions that the model may call."""

from __future__ import annotations

import asyncio
import inspect
import math
import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import msgspec

from rtaudio.errors import ConfigError, ToolTimeout
from rtaudio.session.tool_schema import ToolSignature, read_signature

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.context import RunContext

__all__ = ["FunctionTool", "describe_failure", "function_tool"]

NeedsApproval: TypeAlias = (
    "bool | Callable[[RunContext, dict[str, Any], str], bool | Awaitable[bool]]"
)
IsEnabled: TypeAlias = "bool | Callable[[RunContext, RealtimeAgent], bool | Awaitable[bool]]"
OnError: TypeAlias = "Callable[[RunContext, Exception], str | Awaitable[str]] | None"
OnTimeout: TypeAlias = Literal["return_message", "raise"]


def describe_failure(_context: RunContext, error: Exception) -> str:
    """What the model reads, unless a tool says otherwise, when the tool raised."""
    return f"The tool failed. Say so, or try again with other arguments. Error: {error}"


class FunctionTool:
    """A function with what the model has to know of it; made by `function_tool`.

    Attributes:
        name: letters, digits and underscores.
        description: what it does, for the model.
        parameters: JSON schema of its arguments.
        needs_approval: whether a person decides about each call; or a plain or async function of
            (context, arguments as a dict, call id) that tells.
        is_enabled: whether it is offered; or a plain or async function of (context, agent).
        timeout_s: seconds that a call may take; None for no limit.
        timeout_behavior: whether the model is told of a time-out, or the session's `error` event.
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
        needs_approval: NeedsApproval = False,
        is_enabled: IsEnabled = True,
        timeout_s: float | None = None,
        timeout_behavior: OnTimeout = "return_message",
        on_error: OnError = describe_failure,
    ) -> None:
        if not callable(function):
            raise ConfigError(f"a tool must be a function, got {type(function).__name__}")
        given = name if name is not None else getattr(function, "__name__", "")
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
        if on_error is not None and not callable(on_error):
            raise ConfigError(f"tool {self.name!r}: on_error must be callable or None")
        for field, value in (("needs_approval", needs_approval), ("is_enabled", is_enabled)):
            if not isinstance(value, bool) and not callable(value):
                raise ConfigError(
                    f"tool {self.name!r}: {field} must be a bool or callable, got {value!r}"
                )
        if parameters is None:
            signature = read_signature(function)
        else:
            signature = ToolSignature(False, dict[str, Any], dict(parameters), "")
        self.description = signature.description if description is None else description
        self.parameters = signature.parameters
        self.needs_approval = needs_approval
        self.is_enabled = is_enabled
        self.timeout_s = timeout_s
        self.timeout_behavior = timeout_behavior
        self.on_error = on_error
        self._function = function
        self._takes_context = signature.takes_context
        self._arguments = msgspec.json.Decoder(signature.arguments)

    def __repr__(self) -> str:
        return f"FunctionTool(name={self.name!r})"

    def wire(self) -> dict[str, Any]:
        """The tool as a session's settings carry it."""
        wire = {"type": "function", "name": self.name, "parameters": self.parameters}
        return {**wire, "description": self.description} if self.description else wire

    async def invoke(self, context: RunContext, arguments: str) -> Any:
        """Call the function with arguments that the model wrote.

        A plain function runs in a thread, so that it does not hold up the session; it goes on there
        when its time is up.

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
            return f"The arguments of the tool {self.name} are not valid JSON. Try again."
        values = fields if isinstance(fields, dict) else msgspec.structs.asdict(fields)
        first = (context,) if self._takes_context else ()
        try:
            async with asyncio.timeout(self.timeout_s) as limit:
                if inspect.iscoroutinefunction(self._function):
                    return await self._function(*first, **values)
                result = await asyncio.to_thread(self._function, *first, **values)
                return await result if inspect.isawaitable(result) else result
        except Exception as error:
            if isinstance(error, TimeoutError) and limit.expired():
                words = f"The tool {self.name} took longer than {self.timeout_s:g} s."
                if self.timeout_behavior == "raise":
                    raise ToolTimeout(words) from error
                return words
            if self.on_error is None:
                raise
            said = self.on_error(context, error)
            return await said if inspect.isawaitable(said) else said


@overload
def function_tool(function: Callable[..., Any], /) -> FunctionTool: ...
@overload
def function_tool(
    *,
    name: str | None = None,
    description: str | None = None,
    needs_approval: NeedsApproval = False,
    is_enabled: IsEnabled = True,
    timeout_s: float | None = None,
    timeout_behavior: OnTimeout = "return_message",
    on_error: OnError = describe_failure,
) -> Callable[[Callable[..., Any]], FunctionTool]: ...
def function_tool(function: Callable[..., Any] | None = None, /, **settings: Any) -> Any:
    """Make a function a tool of the model: `@function_tool` or `@function_tool(name=...)`.

    Its name, its docstring and the types of its parameters are what the model learns of it; an
    `Args:` section describes the parameters. A first parameter `ctx: RunContext` is given the
    session's context. It may be plain or async, and return anything (see `result_text`).

    Args:
        function: the function, where used without settings.
        **settings: see `FunctionTool`.

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
