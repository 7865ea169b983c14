"""Sessions that reach the end of their time."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect

from rtaudio.protocol import ErrorEvent, SessionCreated, decode_server_event
from rtaudio.server import Limits, RealtimeServer

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection


async def expiry(socket: ClientConnection) -> ErrorEvent:
    """Read up to the last event, which has to be an error, and the close behind it."""
    event = None
    async for message in socket:
        event = decode_server_event(message)
    assert isinstance(event, ErrorEvent)
    assert (socket.close_code, socket.close_reason) == (1001, event.error.message)
    return event


async def test_a_session_says_when_it_ends_and_ends_then(engines: dict[str, Any]) -> None:
    async with (
        RealtimeServer(**engines, limits=Limits(session_s=0.03)) as server,
        connect(server.url) as socket,
    ):
        created = decode_server_event(await socket.recv())
        assert isinstance(created, SessionCreated)
        assert abs(created.session["expires_at"] - time.time()) < 60
        assert (await expiry(socket)).error.code == "session_expired"


async def test_the_end_of_its_time_ends_what_a_session_was_doing(
    engines: dict[str, Any], gated: Any
) -> None:
    async with (
        RealtimeServer(**engines, responder=gated, limits=Limits(session_s=0.2)) as server,
        connect(server.url) as socket,
    ):
        await socket.send('{"type": "response.create"}')
        assert (await expiry(socket)).error.code == "session_expired"
        assert gated.closed.is_set()


async def test_a_session_may_last_for_ever(engines: dict[str, Any]) -> None:
    limits = Limits(session_s=math.inf)
    async with RealtimeServer(**engines, limits=limits) as server, connect(server.url) as socket:
        created = decode_server_event(await socket.recv())
        assert isinstance(created, SessionCreated)
        assert "expires_at" not in created.session
