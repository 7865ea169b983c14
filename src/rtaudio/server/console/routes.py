"""Serves the files of the console. They are few and small, so they are kept in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["add_console"]

_FOLDER = Path(__file__).parent
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
# The page runs its own modules and talks with its own service, and that is all it may do, whatever
# a model or a tool makes it show.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    # Asked for again at every visit: another version of the service may bring another page.
    "Cache-Control": "no-cache",
}


def add_console(app: web.Application) -> None:
    """Show the console at `/`; its other files are below `/console/`."""
    for path in sorted(_FOLDER.rglob("*")):
        if path.suffix in _TYPES:
            name = path.relative_to(_FOLDER).as_posix()
            url = "/" if name == "index.html" else f"/console/{name}"
            app.router.add_get(url, _file(path.read_bytes(), _TYPES[path.suffix]))


def _file(body: bytes, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    headers = {**_HEADERS, hdrs.CONTENT_TYPE: f"{content_type}; charset=utf-8"}

    async def serve(request: web.Request) -> web.Response:  # noqa: ARG001
        return web.Response(body=body, headers=headers)

    return serve
