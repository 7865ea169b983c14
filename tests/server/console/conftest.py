"""The console in a headless Chromium, whose microphone plays a file."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from browser import open_page, write_microphone

from rtaudio.audio import AudioClip, load
from rtaudio.server import RealtimeServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from playwright.async_api import ConsoleMessage, Page, Request, WebSocket

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """What the microphone plays: a few words."""
    clip = load(SAMPLES / "pride.wav")
    path = tmp_path / "microphone.wav"
    words = clip.samples[: int(2.4 * clip.sample_rate)]  # "It is a truth universally acknowledged"
    write_microphone(path, AudioClip(words, clip.sample_rate))
    return path


class Wire:
    """Events as they passed the page's WebSocket."""

    def __init__(self, page: Page) -> None:
        self.sent: list[dict[str, Any]] = []
        self.received: list[dict[str, Any]] = []
        self._more = asyncio.Event()
        page.on("websocket", self._watch)

    def _watch(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda text: self._note(self.sent, text))
        socket.on("framereceived", lambda text: self._note(self.received, text))

    def _note(self, events: list[dict[str, Any]], text: str | bytes) -> None:
        events.append(json.loads(text))
        self._more.set()

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait until the events are such."""
        while not ready():
            self._more.clear()
            await self._more.wait()

    def of(self, type_: str) -> list[dict[str, Any]]:
        """Those of one type, in either direction."""
        return [event for event in self.sent + self.received if event["type"] == type_]


class Console:
    """The page, and what it did.

    Attributes:
        page: to be used as a person would.
        server: what it belongs to.
        wire: the events of WebSocket sessions.
        complaints: errors and warnings of the browser, violations of the policy among them.
        requests: addresses that were asked for.
    """

    def __init__(self, page: Page, server: RealtimeServer) -> None:
        self.page = page
        self.server = server
        self.wire = Wire(page)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", self._complain)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._request)
        page.on("websocket", lambda socket: self.requests.append(socket.url))

    def _complain(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)

    async def write(self, text: str) -> None:
        await self.page.get_by_label("Message").fill(text)
        await self.page.get_by_role("button", name="Send").click()

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    def said(self, by: str) -> Any:
        """What one side said last, as a locator."""
        return self.page.get_by_role("article").filter(has_text=by).last


@pytest.fixture
def console(engines: dict[str, Any]) -> Callable[..., AbstractAsyncContextManager[Console]]:
    """A factory of services with an open console each.

    In the end the page must have asked for nothing beyond its own origin, and the browser must have
    had nothing to complain of.
    """

    @asynccontextmanager
    async def open_console(speech: Path | None = None, **options: Any) -> AsyncIterator[Console]:
        async with RealtimeServer(**(engines | options)) as server, open_page(speech) as page:
            origin = urlsplit(server.console_url).netloc
            opened = Console(page, server)
            await page.goto(server.console_url)
            yield opened
            assert {urlsplit(url).netloc for url in opened.requests} == {origin}
            assert opened.complaints == []

    return open_console
