"""A chat endpoint on loopback that streams what a test tells it to."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

__all__ = ["ChatEndpoint", "call", "chat_endpoint", "chunk", "says"]


def chunk(finish: str | None = None, **delta: Any) -> bytes:
    """One chunk of an answer as an event."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def call(index: int, **fields: str) -> dict[str, Any]:
    """A piece of a call: `id`, and what belongs into `function`."""
    piece: dict[str, Any] = {"index": index}
    if "id" in fields:
        piece["id"] = fields.pop("id")
    return {**piece, "type": "function", "function": fields}


def says(*texts: str) -> list[bytes]:
    """A whole answer."""
    return [chunk(content=text) for text in texts] + [chunk("stop"), b"data: [DONE]\n\n"]


class ChatEndpoint:
    """Answers each request with `script`, and keeps what was asked.

    Attributes:
        url: where it is.
        script: what is sent, piece by piece; at an event the endpoint waits until it is set, at
            None it cuts the connection.
        status: of the answer.
        content_type: of the answer.
        requests: bodies, paths and headers so far.
        ports: of the clients' ends of their connections.
        hang_up: how many requests are to be answered by closing the connection.
        left: set when a client has left before the end.
    """

    def __init__(self) -> None:
        self.url = ""
        self.script: Sequence[bytes | asyncio.Event | None] = says("Hello.")
        self.status = 200
        self.content_type = "text/event-stream"
        self.requests: list[tuple[dict[str, Any], str, dict[str, str]]] = []
        self.ports: list[int] = []
        self.hang_up = 0
        self.left = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((await request.json(), request.path_qs, dict(request.headers)))
        assert request.transport is not None
        self.ports.append(request.transport.get_extra_info("peername")[1])
        if self.hang_up:
            self.hang_up -= 1
            request.transport.abort()
        response = web.StreamResponse(status=self.status)
        response.content_type = self.content_type
        if self.status == 308:
            response.headers["Location"] = "http://127.0.0.1:1/"
        try:
            await response.prepare(request)
            for piece in self.script:
                if piece is None:
                    request.transport.abort()
                elif isinstance(piece, bytes):
                    await response.write(piece)
                else:
                    await piece.wait()
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise
        return response


@asynccontextmanager
async def chat_endpoint() -> AsyncIterator[ChatEndpoint]:
    endpoint = ChatEndpoint()
    app = web.Application()
    app.router.add_post("/{path:.*}", endpoint.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    endpoint.url = f"http://{host}:{port}"
    try:
        yield endpoint
    finally:
        await runner.cleanup()
