"""A TCP proxy on this machine that breaks connections where a test wants them broken."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["FaultProxy", "How"]

#: `reset` ends a connection as a crash does, `close` in good order, and after `stall` nothing comes
#: through any more while both ends believe that there is a connection.
How = Literal["reset", "close", "stall"]


class FaultProxy:
    """Forwards what clients and a server say to each other, until told otherwise.

    Args:
        target: the server's port.

    Attributes:
        port: where clients connect.
        cut_up: bytes of each connection that reach the server before it is broken; None for all.
        cut_down: the same of what reaches the client.
        how: in which way connections are broken.
        piece: bytes that are forwarded at a time; None for what there is.
        refuse: break new connections at once.
        draw: called at each new connection, and may change any of these for it.
        up: bytes that have reached the server, over all connections.
        down: the same of the client.
        broken: how many connections were broken.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self.port = 0
        self.cut_up: int | None = None
        self.cut_down: int | None = None
        self.how: How = "reset"
        self.piece: int | None = None
        self.refuse = False
        self.draw: Callable[[FaultProxy], None] | None = None
        self.up = 0
        self.down = 0
        self.broken = 0

    @property
    def url(self) -> str:
        """Where to connect by WebSocket."""
        return f"ws://127.0.0.1:{self.port}/v1/realtime"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
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

    def cut(self, how: How | None = None) -> None:
        """Break all connections that there are."""
        if how is not None:
            self.how = how
        for pair in self._sockets:
            self._break(*pair)
        if self.how != "stall":
            self._sockets.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.draw is not None:
            self.draw(self)
        if self.refuse:
            self._break(writer)
            return
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            self._break(writer)
            return
        pair = (writer, server)
        self._sockets.append(pair)
        try:
            await asyncio.gather(
                self._forward(reader, server, pair, "up"),
                self._forward(answers, writer, pair, "down"),
            )
        except asyncio.CancelledError:
            pass
        finally:
            if pair in self._sockets:
                self._sockets.remove(pair)
            for end in pair:
                end.transport.abort()

    async def _forward(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        direction: Literal["up", "down"],
    ) -> None:
        passed = 0
        with contextlib.suppress(ConnectionError):
            while True:
                if self._room(direction, passed) == 0:
                    break
                data = await source.read(self.piece or 65536)
                if not data:
                    # Whoever has said all there is may still listen.
                    if sink.can_write_eof():
                        sink.write_eof()
                    return
                if pair not in self._sockets:
                    return
                if self.how == "stall" and self.broken:
                    continue
                # The limit may be another since the reading began.
                data = data[: self._room(direction, passed)]
                sink.write(data)
                await sink.drain()
                passed += len(data)
                setattr(self, direction, getattr(self, direction) + len(data))
                if self.piece is not None:
                    await asyncio.sleep(0)
            self._break(*pair)
            if pair in self._sockets and self.how != "stall":
                self._sockets.remove(pair)
        if self.how == "stall":
            await asyncio.get_running_loop().create_future()

    def _room(self, direction: Literal["up", "down"], passed: int) -> int | None:
        limit = self.cut_up if direction == "up" else self.cut_down
        return None if limit is None else max(0, limit - passed)

    def _break(self, *ends: asyncio.StreamWriter) -> None:
        self.broken += 1
        for end in ends:
            if self.how == "reset":
                raw = end.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.transport.abort()
            elif self.how == "close":
                end.close()
