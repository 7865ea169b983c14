"""`/docs`: the description as a page that needs nothing else, and `/openapi.json`."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

from aiohttp import web

from rtaudio.server.web.endpoints import ENDPOINTS
from rtaudio.server.web.openapi import REF, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtaudio.server.web.endpoints import Endpoint

__all__ = ["add_docs", "write_page"]

Json: TypeAlias = dict[str, Any]

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 3rem; border-bottom: 1px solid color-mix(in srgb, currentColor 30%, transparent); }
h3 { margin: 2rem 0 0; font-size: 1.05rem; }
p { margin: .4rem 0; }
code, h3 { font-family: ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; font-size: .9rem; }
td { vertical-align: top; padding: .25rem .75rem .25rem 0;
  border-top: 1px solid color-mix(in srgb, currentColor 15%, transparent); }
td:first-child { white-space: nowrap; }
nav ul { columns: 22rem; padding-left: 1.2rem; font-size: .9rem; }
"""
_ACCESS = {
    "all": "Open to all.",
    "token": "Needs the token, where the service has one.",
    "key": "Needs the token, where the service has one, or an ephemeral key.",
}
_CONNECTING = """
<p>Present the token as <code>Authorization: Bearer TOKEN</code>. Browsers, which can set no headers
on WebSockets, offer the subprotocols <code>realtime</code> and
<code>openai-insecure-api-key.TOKEN</code>, where TOKEN had better be an ephemeral key.</p>
<p>A refused request is answered with
<code>{"error": {"message", "type", "param", "code"}}</code>, a refused WebSocket with an
<code>error</code> event and a close. In sessions an <code>error</code> event names the client's
event by its <code>event_id</code>, and the session goes on.</p>
"""


def add_docs(app: web.Application) -> None:
    """Put the description behind its paths; it is written when it is first asked for."""

    async def docs(request: web.Request) -> web.Response:  # noqa: ARG001
        body, policy = _page()
        headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)

    async def openapi(request: web.Request) -> web.Response:  # noqa: ARG001
        return web.json_response(describe())

    app.router.add_get("/docs", docs)
    app.router.add_get("/openapi.json", openapi)


@cache
def _page() -> tuple[bytes, str]:
    """The page, and the policy by which a browser takes nothing but its own style."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return write_page(describe()).encode(), policy


def write_page(document: Json) -> str:
    """Write an OpenAPI document of this service as HTML."""
    schemas: dict[str, Json] = document["components"]["schemas"]
    titles: dict[str, dict[str, str]] = {}  # by section: names of structures, and how they show
    for heading, side in (("Client events", "ClientEvent"), ("Server events", "ServerEvent")):
        refs = [one["$ref"].removeprefix(REF) for one in schemas[side]["oneOf"]]
        titles[heading] = {ref: _type_of(schemas[ref]) for ref in refs}
    events = {name for names in titles.values() for name in names}
    others = (name for name, schema in schemas.items() if "properties" in schema)
    titles["Structures"] = {name: name for name in others if name not in {*events, "Error"}}
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>',
        f"<h1>{title}</h1><p>{escape(document['info']['description'])} "
        '<a href="openapi.json">openapi.json</a> says the same to programs.</p>',
        f"<nav>{''.join(_contents(titles))}</nav>",
        f"<h2>Connecting</h2>{_CONNECTING}",
        f"<h2>Endpoints</h2>{''.join(map(_endpoint, ENDPOINTS))}",
    ]
    for heading, names in titles.items():
        parts.append(f"<h2>{heading}</h2>")
        parts += [_structure(name, title, schemas[name]) for name, title in names.items()]
    return "".join(parts)


def _contents(titles: dict[str, dict[str, str]]) -> Iterator[str]:
    for heading, names in titles.items():
        links = (f'<li><a href="#{name}">{title}</a>' for name, title in names.items())
        yield f"<h4>{heading}</h4><ul>{''.join(links)}</ul>"


def _endpoint(endpoint: Endpoint) -> str:
    rows = "".join(f"<tr><td><code>?{n}=</code><td>{_text(text)}" for n, text in endpoint.query)
    if endpoint.takes is not None:
        name = endpoint.takes.__name__
        rows += f'<tr><td>body<td><a href="#{name}">{name}</a>'
    table = f"<table>{rows}</table>" if rows else ""
    words = f"{_text(endpoint.text)} {_ACCESS[endpoint.access]}"
    return f"<h3>{endpoint.method} {escape(endpoint.path)}</h3><p>{words}</p>{table}"


def _structure(name: str, title: str, schema: Json) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code><td>{_type(about)}"
        f"{'' if field in required else ', optional'}<td>{_text(about.get('description', ''))}"
        for field, about in schema["properties"].items()
        if field != "type" or title == name  # events have it for a title
    )
    words = "".join(f"<p>{_text(part)}</p>" for part in schema["description"].split("\n\n") if part)
    table = f"<table>{rows}</table>" if rows else ""
    return f'<h3 id="{name}">{escape(title)}</h3>{words}{table}'


def _type(schema: Json) -> str:
    """Say what a field holds."""
    match schema:
        case {"$ref": str(ref)}:
            name = escape(ref.removeprefix(REF))
            return f'<a href="#{name}">{name}</a>'
        case {"anyOf": [*options]}:
            return " or ".join(_type(option) for option in options)
        case {"enum": [*values]}:
            return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in values)
        case {"contentEncoding": str(encoding)}:
            return escape(encoding)
        case {"type": "array", "items": entries}:
            return f"list of {_type(entries)}"
        case {"type": str(kind)}:
            return escape(kind) + "".join(_bounds(schema))
    return "anything"


def _bounds(schema: Json) -> Iterator[str]:
    for key, words in (("minimum", "from"), ("maximum", "to"), ("maxLength", "of at most")):
        if key in schema:
            yield f" {words} {schema[key]}"


def _type_of(event: Json) -> str:
    """An event's name on the wire."""
    return str(event["properties"]["type"]["enum"][0])


def _text(text: str) -> str:
    """Escape a text, and set what is in backquotes as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces))
