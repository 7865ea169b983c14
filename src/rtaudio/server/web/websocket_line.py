"""A WebSocket as a line of events."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING

from aiohttp import WSCloseCode, WSMsgType, hdrs, web

from rtaudio.server.access import PROTOCOL, offered_protocols
from rtaudio.server.refused import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rtaudio.server.limits import Limits

__all__ = ["WebSocketLine", "open_line"]

_PING_S = 20.0
_IDLE = 4008  # a close code after which no client connects again by itself
# As much may be written ahead of a client that reads slowly, then who sends waits.
_WRITE_AHEAD_BYTES = 64 * 1024
_TURN_S = 0.002  # how long messages that were read ahead may be dealt with at a stretch
_CLOSE_S = 5.0  # how long a client may take to answer a close


class WebSocketLine:
    """Carries one session over an upgraded request.

    It reads at most half a MiB, or one message, ahead of what is iterated over; the rest stays with
    the client. Messages that are too large, or text that is no UTF-8, end it with a close code.

    Args:
        socket: it is prepared.
        transport: what it goes over, None where the client is gone already.
    """

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._socket = socket
        self._transport = transport
        self._began = monotonic()  # since when nobody else may have had a turn
        self._used = self._began  # when something last went over it

    @property
    def response(self) -> web.WebSocketResponse:
        """What the request's handler returns to aiohttp."""
        return self._socket

    async def send(self, text: bytes) -> None:
        """Send a text message; raises ConnectionResetError once the client is gone."""
        self._used = monotonic()
        await self._socket.send_frame(text, WSMsgType.TEXT)

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        return self

    async def __anext__(self) -> str | bytes:
        # What was read ahead comes without waiting, so others have to be given their turn. Doing so
        # at every message would double what a message costs.
        before = monotonic()
        if before - self._began > _TURN_S:
            await asyncio.sleep(0)
            before = self._began = monotonic()
        message = await self._socket.receive()
        after = self._used = monotonic()
        if after - before > _TURN_S:
            self._began = after  # it has waited, and others had their turn
        if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
            content: str | bytes = message.data
            return content
        raise StopAsyncIteration

    async def close(self, code: int, reason: str) -> None:
        """Close the WebSocket and wait, for some seconds, for the client's answer.

        A client that reads nothing until then, not even what was sent before, is cut off.
        """
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._socket.close(code=code, message=reason.encode())
        except TimeoutError:
            self._cut_off()

    async def keep(self, idle_s: float) -> None:
        """Ping every 20 s, until the client is gone or idle; call it in a task.

        Pings keep open what stands between. A missing pong ends nothing: a client that is held up
        because recognition is busy is not read from, its pongs included. What is dead TCP finds
        out, since the pings are never acknowledged.

        Args:
            idle_s: seconds without a message either way after which the client is told
                `connection_idle`, and the line closed.
        """
        with suppress(ConnectionResetError):
            while (rest := self._used + idle_s - monotonic()) > 0:
                await asyncio.sleep(min(_PING_S, rest))
                await self._socket.ping()
            text = f"Nothing was sent or received for {idle_s:g} s."
            try:
                async with asyncio.timeout(_CLOSE_S):
                    await Refused(text, code="connection_idle", close_code=_IDLE).tell(self)
            except TimeoutError:
                self._cut_off()

    def _cut_off(self) -> None:
        """End the connection without a word, so that whoever waits to send over it is woken."""
        if self._transport is not None:
            self._transport.abort()


@asynccontextmanager
async def open_line(request: web.Request, limits: Limits) -> AsyncIterator[WebSocketLine]:
    """Upgrade a request, and close the line at the end.

    Args:
        request: a WebSocket handshake; what is none is answered with 400.
        limits: what the client is allowed.
    """
    if PROTOCOL not in offered_protocols(request.headers):
        # aiohttp would log what was offered, which may be a key.
        headers = request.headers.copy()
        headers.popall(hdrs.SEC_WEBSOCKET_PROTOCOL, None)
        request = request.clone(headers=headers)
    socket = web.WebSocketResponse(
        timeout=_CLOSE_S,
        protocols=(PROTOCOL,),
        # Base64 of sound hardly shrinks, and trying costs more than the rest of the path.
        compress=False,
        max_msg_size=limits.message_bytes,
        writer_limit=_WRITE_AHEAD_BYTES,
    )
    await socket.prepare(request)
    line = WebSocketLine(socket, request.transport)
    keeper = asyncio.create_task(line.keep(limits.idle_s))
    try:
        yield line
    except Exception:
        await line.close(WSCloseCode.INTERNAL_ERROR, "")
        raise
    finally:
        keeper.cancel()
        await line.close(WSCloseCode.OK, "")
