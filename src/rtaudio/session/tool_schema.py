"""From a function's signature and docstring to the JSON schema of its arguments."""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from rtaudio.errors import ConfigError
from rtaudio.session.context import RunContext

if typing.TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ToolSignature", "inlined_schema", "read_signature", "strict_schema"]


@dataclass(frozen=True, slots=True)
class ToolSignature:
    """What a function takes.

    Attributes:
        takes_context: whether its first parameter is the `RunContext`.
        arguments: a structure with the other parameters as fields; `dict` where a schema was given.
        parameters: JSON schema of that.
        description: the docstring up to its first section; empty where there is none.
    """

    takes_context: bool
    arguments: Any
    parameters: dict[str, Any]
    description: str


def read_signature(
    function: Callable[..., Any],
    *,
    strict: bool = True,
    schema: Mapping[str, Any] | None = None,
) -> ToolSignature:
    """Read what a function takes.

    A first parameter that is annotated as `RunContext`, or named `ctx` or `context` without an
    annotation, is the context and not an argument. Parameters without an annotation take anything.

    Args:
        function: plain or async. Its docstring may describe parameters in an `Args:` section.
        strict: see `strict_schema`.
        schema: JSON schema of an object, which stands as it is in place of the parameters.

    Raises:
        ConfigError: it takes arguments by position only or any number of them, or an annotation
            has no meaning in JSON or cannot be resolved; or the given schema is none of an object.
    """
    name = getattr(function, "__name__", type(function).__name__)
    description, described = _read_docstring(inspect.getdoc(function) or "")
    parameters = list(inspect.signature(function).parameters.values())
    takes_context = bool(parameters) and _is_context(parameters[0])
    if schema is not None:
        return ToolSignature(takes_context, dict[str, Any], _checked(schema, name), description)
    fields: list[Any] = []
    for parameter in parameters[takes_context:]:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ConfigError(
                f"tool {name!r}: parameter {parameter} cannot be filled from JSON; "
                "give it a name and a type"
            )
        kind = _resolve(function, parameter, name)
        if parameter.name in described:
            kind = Annotated[kind, msgspec.Meta(description=described[parameter.name])]
        if parameter.default is parameter.empty:
            fields.append((parameter.name, kind))
        else:
            default = functools.partial(_same, parameter.default)
            fields.append((parameter.name, kind, msgspec.field(default_factory=default)))
    try:
        arguments = msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True)
        learnt = inlined_schema(arguments)
    except TypeError as error:
        raise ConfigError(f"tool {name!r}: its parameters have no JSON schema: {error}") from error
    learnt.setdefault("required", [])
    if strict:
        strict_schema(learnt)
    for field in fields:
        if len(field) == 3:
            _show_default(learnt["properties"][field[0]], field[2].default_factory())
    return ToolSignature(takes_context, arguments, learnt, description)


def inlined_schema(kind: Any) -> dict[str, Any]:
    """The JSON schema of a type, with its outermost reference resolved and without a title.

    Raises:
        TypeError: it has none.
    """
    schema = msgspec.json.schema(kind)
    definitions = schema.pop("$defs", {})
    if "$ref" in schema:
        schema = definitions.pop(schema["$ref"].rsplit("/", 1)[-1])
    schema.pop("title", None)
    return {**schema, "$defs": definitions} if definitions else schema


def strict_schema(schema: Any) -> None:
    """Let the model fill in every field of every object, and no others.

    Models keep to such a schema better than to one that leaves things open. What has a default
    shows it, and may be left out all the same: it is the model that is held to this, not the call.
    Mappings with keys of any name stay as they are.
    """
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if schema.get("type") == "object" and isinstance(properties, dict):
            schema["required"] = list(properties)
            schema["additionalProperties"] = False
        for inner in schema.values():
            strict_schema(inner)
    elif isinstance(schema, list):
        for inner in schema:
            strict_schema(inner)


def _checked(schema: Any, name: str) -> dict[str, Any]:
    kind = schema.get("type", "object") if isinstance(schema, Mapping) else type(schema).__name__
    if kind != "object" or not isinstance(schema, Mapping):
        raise ConfigError(
            f"tool {name!r}: parameters must be a JSON schema of an object, got {kind!r}"
        )
    try:
        return msgspec.json.decode(msgspec.json.encode(schema), type=dict[str, Any])
    except TypeError as error:
        raise ConfigError(f"tool {name!r}: parameters must be JSON: {error}") from error


def _same(value: Any) -> Any:
    return value


def _show_default(schema: dict[str, Any], default: Any) -> None:
    try:
        schema["default"] = msgspec.to_builtins(default)
    except TypeError:
        schema.pop("default", None)


def _is_context(parameter: inspect.Parameter) -> bool:
    annotation = parameter.annotation
    if annotation is parameter.empty:
        return parameter.name in ("ctx", "context")
    if isinstance(annotation, str):
        return re.split(r"[\[.]", annotation.split("[")[0])[-1].strip() == "RunContext"
    return annotation is RunContext or typing.get_origin(annotation) is RunContext


def _resolve(function: Callable[..., Any], parameter: inspect.Parameter, name: str) -> Any:
    annotation = parameter.annotation
    if annotation is parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    holder: Any = inspect.unwrap(function)
    holder = getattr(holder, "__func__", holder)
    holder = holder if hasattr(holder, "__globals__") else type(holder).__call__
    closure = inspect.getclosurevars(holder).nonlocals if inspect.isfunction(holder) else {}
    try:
        # What the application wrote, in the place where it wrote it.
        return eval(annotation, holder.__globals__, dict(closure))
    except Exception as error:
        raise ConfigError(
            f"tool {name!r}: the type of parameter {parameter.name!r}, {annotation!r}, "
            "cannot be resolved; it must be importable where the function is defined"
        ) from error


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """The description, and the texts of an `Args:` section by parameter."""
    sections = re.split(r"^(\w[\w ]*):[ \t]*$", text, flags=re.M)
    described: dict[str, str] = {}
    for title, body in zip(sections[1::2], sections[2::2], strict=True):
        if title.lower() in ("args", "arguments", "parameters"):
            entry = re.compile(r"^(\*{0,2}\w+)[ \t]*(?:\([^)]*\))?:[ \t]*", re.M)
            parts = entry.split(textwrap.dedent(body).strip("\n"))
            for parameter, words in zip(parts[1::2], parts[2::2], strict=True):
                described[parameter] = " ".join(words.split())
    return " ".join(sections[0].split()), described
