"""The service's description as an OpenAPI document, made from the protocol's own structures."""

from __future__ import annotations

import inspect
import re
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from rtaudio.protocol import CLIENT_EVENTS, SERVER_EVENTS
from rtaudio.server.session_schema import Conversing, ResponseParameters, Transcribing
from rtaudio.server.web.client_secret_routes import ClientSecretRequest
from rtaudio.server.web.endpoints import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rtaudio.protocol import ServerEvent
    from rtaudio.server.web.endpoints import Endpoint

__all__ = ["REF", "describe", "sent_events"]

Json: TypeAlias = dict[str, Any]

REF = "#/components/schemas/"
_ERROR: Json = {
    "description": "How every refused request is answered.",
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
# What this library does not know the service neither sends nor takes; MCP servers it refuses.
_HIDDEN = ("UnknownItem", "Mcp")
# Events of the protocol that only the cloud's service sends, or only the beta's did.
_ELSEWHERE = re.compile(
    r"mcp|dtmf|^conversation\.created$|^conversation\.item\.created$|transcription\.segment$"
)
_SETTINGS = (Conversing, Transcribing, ResponseParameters)
_MODULES = ("rtaudio.protocol.", Conversing.__module__, ClientSecretRequest.__module__)
_ATTRIBUTES = "\n\nAttributes:\n"
_FIELD = re.compile(r"^    (\w+): ")


def sent_events() -> tuple[type[ServerEvent], ...]:
    """The events of the protocol that this service sends."""
    return tuple(
        event for event in SERVER_EVENTS if not _ELSEWHERE.search(str(event.__struct_config__.tag))
    )


@cache
def describe() -> Json:
    """Write the description; it is not to be changed."""
    bodies = [endpoint.takes for endpoint in ENDPOINTS if endpoint.takes is not None]
    sides = {"ClientEvent": CLIENT_EVENTS, "ServerEvent": sent_events()}
    schemas = _schemas([*CLIENT_EVENTS, *sent_events(), *_SETTINGS, *bodies])
    for name, events in sides.items():
        refs = [_ref(event) for event in events]
        schemas[name] = {"oneOf": refs, "discriminator": {"propertyName": "type"}}
    # Settings are checked by structures of their own, apart from the event or body around them.
    session = {"anyOf": [_ref(Conversing), _ref(Transcribing)]}
    schemas["SessionUpdate"]["properties"]["session"].pop("type")
    schemas["SessionUpdate"]["properties"]["session"] |= session
    schemas["ClientSecretRequest"]["properties"]["session"] |= session
    schemas["ResponseCreate"]["properties"]["response"]["anyOf"] = [
        _ref(ResponseParameters),
        {"type": "null"},
    ]
    paths: dict[str, Json] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "rtaudio serve",
            "version": version("rtaudio"),
            "description": "The realtime speech protocol, served on this machine.",
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": _ERROR},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint) -> Json:
    summary, _, rest = endpoint.text.partition(". ")
    done: Json = {"description": "Done."}
    if endpoint.answer is not None:
        done["content"] = {endpoint.answer: {}}
    error = {"$ref": f"{REF}Error"}
    operation: Json = {
        "summary": summary.removesuffix("."),
        "description": rest,
        "responses": {
            str(endpoint.status): done,
            "default": {
                "description": "Refused.",
                "content": {"application/json": {"schema": error}},
            },
        },
    }
    if endpoint.access != "all":
        operation["security"] = [{"bearer": []}]
    parameters: list[Json] = [
        {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
        for name, text in endpoint.query
    ]
    parameters += [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body:
        schema = {} if endpoint.takes is None else {"schema": _ref(endpoint.takes)}
        operation["requestBody"] = {"content": dict.fromkeys(endpoint.body, schema)}
    return operation


def _ref(structure: type) -> Json:
    return {"$ref": f"{REF}{_public(structure.__name__)}"}


def _public(name: str) -> str:
    """Structures inside settings are private to their module, but not on the wire."""
    return name.removeprefix("_")


def _schemas(structures: Iterable[type[msgspec.Struct]]) -> dict[str, Json]:
    """Describe structures and all they are made of; docstrings become descriptions of fields."""
    _, found = msgspec.json.schema_components(structures, ref_template=f"{REF}{{name}}")
    classes = {one.__name__: one for one in _derived(msgspec.Struct)}
    schemas = {
        _public(name): _cleaned(_described(schema, classes[name])) for name, schema in found.items()
    }
    return {name: schema for name, schema in schemas.items() if name not in _HIDDEN}


def _derived(structure: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for one in structure.__subclasses__():
        if one.__module__.startswith(_MODULES):
            yield one
        yield from _derived(one)


def _described(schema: Json, structure: type[msgspec.Struct]) -> Json:
    fields: dict[str, str] = {}
    for one in reversed(structure.__mro__):
        fields |= _fields(one)
    on_wire = dict(
        zip(structure.__struct_fields__, structure.__struct_encode_fields__, strict=True)
    )
    properties = dict(schema["properties"])
    for name, text in fields.items():
        if (wire := on_wire.get(name, name)) in properties:
            properties[wire] = {**properties[wire], "description": text}
    text = inspect.cleandoc(schema.get("description", "")).partition(_ATTRIBUTES)[0]
    return {**schema, "description": text, "properties": properties}


def _fields(structure: type) -> dict[str, str]:
    """Read what a docstring says of a structure's attributes."""
    _, _, attributes = inspect.cleandoc(structure.__doc__ or "").partition(_ATTRIBUTES)
    found: dict[str, str] = {}
    name = ""
    for line in attributes.splitlines():
        match = _FIELD.match(line)
        if match:
            name = match[1]
            found[name] = line[match.end() :]
        elif name:
            found[name] += f" {line.strip()}"
    return found


def _cleaned(part: Any) -> Any:
    """Name what is referred to as it is described, and leave out what is hidden."""
    if isinstance(part, dict):
        if isinstance(ref := part.get("$ref"), str):
            return {**part, "$ref": f"{REF}{_public(ref.removeprefix(REF))}"}
        return {key: _cleaned(value) for key, value in part.items() if key != "mapping"}
    if isinstance(part, list):
        hidden = [{"$ref": f"{REF}{name}"} for name in _HIDDEN]
        return [one for one in map(_cleaned, part) if one not in hidden]
    return part
