"""A WebSocket server without manners: it writes what a test likes, frame by frame, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from base64 import b64encode
from hashlib import sha1
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable
    from types import TracebackType

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "CREATED",
    "PING",
    "PONG",
    "TEXT",
    "Peer",
    "RawServer",
]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
CREATED = {"type": "session.created", "event_id": "e", "session": {"type": "realtime"}}

# RFC 6455, section 1.3.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame_bytes(opcode: int, payload: bytes, *, final: bool = True, reserved: int = 0) -> bytes:
    """A frame as a server sends it (RFC 6455, section 5.2); `reserved` are its three spare bits."""
    size = len(payload)
    head = bytes([final << 7 | reserved << 4 | opcode])
    if size < 126:
        return head + bytes([size]) + payload
    if size < 1 << 16:
        return head + b"\x7e" + size.to_bytes(2, "big") + payload
    return head + b"\x7f" + size.to_bytes(8, "big") + payload


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def request(self) -> dict[bytes, bytes]:
        """Read the handshake; returns its headers, in lower case."""
        headers: dict[bytes, bytes] = {}
        while line := (await self.reader.readline()).strip():
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        return headers

    async def shake_hands(self) -> dict[bytes, bytes]:
        """Read the handshake and accept it."""
        headers = await self.request()
        self.writer.write(self.acceptance(headers))
        return headers

    def acceptance(self, headers: dict[bytes, bytes]) -> bytes:
        """The answer to a handshake."""
        key = headers.get(b"sec-websocket-key", b"")
        accept = b64encode(sha1(key + _GUID, usedforsecurity=False).digest())
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def send(self, opcode: int, payload: bytes, **how: Any) -> None:
        """Write a frame, whole."""
        self.writer.write(frame_bytes(opcode, payload, **how))

    def say(self, event: dict[str, Any]) -> None:
        """Write an event."""
        self.send(TEXT, json.dumps(event).encode())

    async def frame(self) -> tuple[int, bytes]:
        """Read a frame of the client.

        Raises:
            asyncio.IncompleteReadError: the client is gone.
        """
        head = await self.reader.readexactly(2)
        size = head[1] & 0x7F
        if size >= 126:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
        mask = await self.reader.readexactly(4)
        masked = await self.reader.readexactly(size)
        key = (mask * (size // 4 + 1))[:size]
        whole = int.from_bytes(masked, "big") ^ int.from_bytes(key, "big")
        return head[0] & 0x0F, whole.to_bytes(size, "big")

    async def until(self, opcode: int) -> bytes:
        """Read frames up to one of this kind."""
        while True:
            kind, payload = await self.frame()
            if kind == opcode:
                return payload

    async def gone(self) -> None:
        """Wait until the client is gone, answering its goodbye."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            code = await self.until(CLOSE)
            self.send(CLOSE, code)
            self.writer.close()
            await self.writer.wait_closed()


class RawServer:
    """Listens on this machine; use it in an `async with`.

    Args:
        behave: what is done with each connection; it is cut where that ends.
        tls: serve with this certificate.
        receive_bytes: what the kernel may take in before anybody reads; None leaves it to itself.

    Attributes:
        url: where.
        peers: all connections so far.
        open: how many there are now.
    """

    def __init__(
        self,
        behave: Callable[[Peer], Awaitable[None]],
        tls: ssl.SSLContext | None = None,
        *,
        receive_bytes: int | None = None,
    ) -> None:
        self._behave = behave
        self._tls = tls
        self._receive_bytes = receive_bytes
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.peers: list[Peer] = []
        self.open = 0
        self.emptied = asyncio.Event()

    @property
    def url(self) -> str:
        """Where to connect."""
        scheme = "ws" if self._tls is None else "wss"
        return f"{scheme}://localhost:{self.port}/v1/realtime"

    async def __aenter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", self.port))
        if self._receive_bytes is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_bytes)
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._serve, sock=listener, ssl=self._tls)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        peer = Peer(reader, writer)
        self.peers.append(peer)
        self.open += 1
        self.emptied.clear()
        try:
            await self._behave(peer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self.open -= 1
            if not self.open:
                self.emptied.set()
