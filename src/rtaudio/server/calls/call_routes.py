"""The HTTP requests that make a call and end it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import BodyPartReader, hdrs, web

from rtaudio.server.refused import Refused
from rtaudio.server.web.http_body import arriving, read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.server.calls.switchboard import Switchboard
    from rtaudio.server.config import SessionConfig
    from rtaudio.server.limits import Limits

__all__ = ["CALLS", "HANG_UP", "add_calls"]

CALLS = "/v1/realtime/calls"
HANG_UP = CALLS + "/{call_id}/hangup"
_SDP = "application/sdp"
_FORM = "multipart/form-data"
_ROOM_FOR_FORM = 4096  # what a form takes beside its parts, in bytes


def add_calls(
    app: web.Application,
    switchboard: Switchboard,
    limits: Limits,
    admit: Callable[[web.Request, dict[str, Any] | None], SessionConfig],
) -> None:
    """Put the making and ending of calls behind their paths.

    Args:
        app: gets the routes.
        switchboard: the service's.
        limits: what clients are allowed.
        admit: checks who asks, and makes the settings of the session; given the request, and the
            settings that came with it.
    """

    async def begin(request: web.Request) -> web.Response:
        admit(request, None)  # before anything of theirs is read
        if request.content_type == _FORM:
            offer, session = await _read_form(request, limits)
        elif request.content_type == _SDP:
            offer, session = _text(await read_bytes(request, limits.sdp_bytes)), None
        else:
            raise Refused(
                f"The body is {request.content_type[:80]!r}, expected {_SDP} or {_FORM}.",
                code="invalid_content_type",
                status=415,
            )
        call_id, answer = await switchboard.begin(offer, admit(request, session))
        where = {hdrs.LOCATION: f"{CALLS}/{call_id}"}
        return web.Response(status=201, text=answer, content_type=_SDP, headers=where)

    async def hang_up(request: web.Request) -> web.Response:
        admit(request, None)
        await switchboard.hang_up(request.match_info["call_id"])
        return web.Response()

    app.router.add_post(CALLS, begin)
    app.router.add_post(HANG_UP, hang_up)


async def _read_form(request: web.Request, limits: Limits) -> tuple[str, dict[str, Any] | None]:
    """Read an offer, and the settings beside it where there are some."""
    sizes = {"sdp": limits.sdp_bytes, "session": limits.body_bytes}
    largest = sum(sizes.values()) + _ROOM_FOR_FORM
    if (request.content_length or 0) > largest:
        raise _too_large("body", largest)
    parts: dict[str, bytes] = {}
    try:
        async with arriving():
            form = await request.multipart()
            while (part := await form.next()) is not None:
                name = part.name if isinstance(part, BodyPartReader) else None
                if not isinstance(part, BodyPartReader) or name not in sizes or name in parts:
                    raise Refused(
                        "The form has parts other than one sdp and one session.",
                        code="invalid_form",
                    )
                parts[name] = await _read_part(part, name, sizes[name])
    except ValueError:
        raise Refused("The form cannot be read.", code="invalid_form") from None
    if "sdp" not in parts:
        raise Refused("The form has no part sdp.", code="missing_required_parameter", param="sdp")
    if "session" not in parts:
        return _text(parts["sdp"]), None
    try:
        session = msgspec.json.decode(parts["session"], type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Refused(
            "The part session is no JSON object.", code="invalid_json", param="session"
        ) from None
    return _text(parts["sdp"]), session


async def _read_part(part: BodyPartReader, name: str, max_bytes: int) -> bytes:
    found = bytearray()
    while chunk := await part.read_chunk():
        found += chunk
        if len(found) > max_bytes:
            raise _too_large(name, max_bytes)
    return bytes(found)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refused("The offer is no UTF-8 text.", code="invalid_offer", param="sdp") from None


def _too_large(name: str, max_bytes: int) -> Refused:
    return Refused(
        f"The {name} is larger than {max_bytes} bytes.",
        code="body_too_large",
        param=name,
        status=413,
    )
