"""Bodies of HTTP requests, read within bounds and checked."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from rtaudio.protocol import InvalidEvent
from rtaudio.server.refused import Refused
from rtaudio.server.session_schema import check

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

__all__ = ["arriving", "read_bytes", "read_json"]

_READ_S = 30.0  # how long a client may take to send a body


@asynccontextmanager
async def arriving() -> AsyncIterator[None]:
    """Wait for a body, but not for ever.

    Raises:
        Refused: it does not arrive.
    """
    try:
        async with asyncio.timeout(_READ_S):
            yield
    except TimeoutError:
        raise Refused("The body did not arrive.", code="request_timeout", status=408) from None


async def read_bytes(request: web.Request, max_bytes: int) -> bytes:
    """Read a body.

    Raises:
        Refused: it is larger than `max_bytes`, or does not arrive.
    """
    too_large = Refused(
        f"The body is larger than {max_bytes} bytes.", code="body_too_large", status=413
    )
    if (request.content_length or 0) > max_bytes:
        raise too_large
    body = bytearray()
    async with arriving():
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > max_bytes:
                raise too_large
    return bytes(body)


async def read_json(request: web.Request, structure: Any, max_bytes: int) -> dict[str, Any]:
    """Read a body that is a JSON object; none at all counts as an empty one.

    Args:
        request: whose body was not read yet.
        structure: the msgspec structure that it has to fit.
        max_bytes: of the body.

    Raises:
        Refused: it is larger, does not arrive, or is no such object.
    """
    try:
        value = msgspec.json.decode(await read_bytes(request, max_bytes) or b"{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refused("The body is not valid JSON.", code="invalid_json") from None
    if not isinstance(value, dict):
        raise Refused("The body is not a JSON object.", code="invalid_type")
    try:
        check(value, structure, "body")
    except InvalidEvent as error:
        param = error.param and error.param.removeprefix("body.")
        text = str(error).replace("'body.", "'", 1)
        raise Refused(text, code=error.code, param=param) from None
    return value
