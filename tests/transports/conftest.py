"""A small real web server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class WebServer:
    """Answers every request alike, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.base_url = ""
        self.silent: asyncio.Event | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *fields = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (f.split(": ", 1) for f in fields)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append((line, headers, body))
        if self.silent is not None:
            await self.silent.wait()
        with contextlib.suppress(ConnectionError):
            writer.write(self.answer)
            await writer.drain()
        writer.close()

    def refuse(self, status: str, **error: Any) -> None:
        body = json.dumps({"error": error}).encode()
        self.answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
async def web() -> AsyncIterator[WebServer]:
    web = WebServer()
    async with await asyncio.start_server(web.serve, "127.0.0.1", 0) as listener:
        web.base_url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
        yield web
