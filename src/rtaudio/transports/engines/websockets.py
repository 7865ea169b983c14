"""The engine that is always there: the `websockets` library."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import CloseCode
from websockets.protocol import State

from rtaudio._native.wire import encode_append
from rtaudio.transports.engines.base import (
    WRITE_AHEAD_BYTES,
    End,
    HandshakeFailed,
    SocketEnded,
    UpgradeRefused,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from typing_extensions import Buffer
    from websockets.asyncio.client import ClientConnection

    from rtaudio.transports.engines.base import Ended, Message, Received, SocketSettings

__all__ = ["WebsocketsSocket", "open_socket"]

# At DEBUG the library logs headers and frames as they are: the key, and what people say. A level of
# its own keeps that off where an application lets everything log at DEBUG.
_log = logging.getLogger("rtaudio.transports.socket")
_log.setLevel(logging.INFO)


class _Connect(connect):
    """Follows no redirects: another address must not learn the credential."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_socket(
    url: str,
    headers: Mapping[str, str],
    settings: SocketSettings,
    received: Received,
    ended: Ended,
    *,
    proxy: str | None = None,
) -> WebsocketsSocket:
    """Connect, through a proxy where one is given.

    Raises:
        UpgradeRefused: the answer is no upgrade.
        HandshakeFailed: there is no answer that makes sense.
        TimeoutError: it took too long.
        OSError: nobody can be reached there, or cannot be trusted.
    """
    # Without TLS the library refuses even None.
    tls: dict[str, Any] = {} if settings.ssl_context is None else {"ssl": settings.ssl_context}
    try:
        connection = await _Connect(
            url,
            additional_headers=headers,
            user_agent_header=None,
            proxy=proxy,
            logger=_log,
            open_timeout=settings.handshake_timeout,
            max_size=settings.max_message_bytes,
            compression=settings.compression,
            ping_interval=settings.ping_interval,
            ping_timeout=settings.ping_timeout,
            close_timeout=settings.close_timeout,
            write_limit=WRITE_AHEAD_BYTES,
            **tls,
        )
    except InvalidStatus as error:
        raise UpgradeRefused(error.response.status_code) from None
    except WebSocketException as error:
        # The library's own text may repeat the request; its kind says enough.
        raise HandshakeFailed(type(error).__name__) from None
    except EOFError:
        raise HandshakeFailed("the connection was closed") from None
    return WebsocketsSocket(connection, received, ended)


class WebsocketsSocket:
    """A connection of `websockets`.

    Args:
        connection: as the library makes them.
        received: see `rtaudio.transports.engines.base`.
        ended: the same.
    """

    engine = "websockets"

    def __init__(self, connection: ClientConnection, received: Received, ended: Ended) -> None:
        self._connection = connection
        self._received = received
        self._ended = ended
        self._reader = asyncio.get_running_loop().create_task(
            self._read(), name="rtaudio-websocket-reader"
        )

    async def send(self, text: bytes) -> None:
        """See `Socket`."""
        try:
            await self._connection.send(text, text=True)
        except ConnectionClosed as closed:
            raise SocketEnded(_end(closed)) from None
        if self._connection.state is not State.OPEN:
            # It ended while this waited to be written; the library says nothing about that.
            code = self._connection.close_code
            raise SocketEnded(End(None if code == CloseCode.ABNORMAL_CLOSURE else code))

    def send_append(self, pcm: Buffer) -> Awaitable[None]:
        """See `Socket`."""
        return self.send(encode_append(pcm))

    async def close(self) -> None:
        """See `Socket`."""
        self._received = self._ended = _ignore
        try:
            # By itself the library would wait until it can write its goodbye, however long.
            async with asyncio.timeout(self._connection.close_timeout):
                await self._connection.close()
        except TimeoutError:
            pass
        finally:
            self._connection.transport.abort()
        if self._reader is not asyncio.current_task():
            await asyncio.wait([self._reader])

    async def _read(self) -> None:
        try:
            while True:
                # Undecoded: the event decoder reads UTF-8 by itself.
                message = await self._connection.recv(decode=False)
                self._received(message)
                del message  # rather than hold it while the next is awaited
        except ConnectionClosed as closed:
            self._ended(_end(closed))


def _ignore(_what: Message | End) -> None:
    pass


def _end(closed: ConnectionClosed) -> End:
    if closed.sent is not None and not closed.rcvd_then_sent:
        return End(closed.sent.code, ours=True)
    return End(None if closed.rcvd is None else closed.rcvd.code)
