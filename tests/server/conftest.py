"""A service with small engines, and a plain WebSocket client that checks all it receives."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
from contextlib import asynccontextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

import aiohttp
import numpy as np
import official_types
import pytest
from websockets.asyncio.client import ClientConnection, connect

from rtaudio.protocol import UnknownEvent, decode_server_event, encode_event
from rtaudio.server import RealtimeServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager

RATE = 16000


class SaysHello:
    """A recogniser that understands everything as "hello there", and counts how often."""

    sample_rate = RATE
    workers = 1

    def __init__(self) -> None:
        self.calls = 0

    def load(self) -> None:
        pass

    def transcribe(
        self, samples: np.ndarray[Any, Any], *, language: str | None, prompt: str | None
    ) -> Iterator[str]:
        del samples, language, prompt
        self.calls += 1
        yield "hello"
        yield " there"


class LoudIsSpeech:
    sample_rate = RATE
    window = 512

    def stream(self) -> LoudIsSpeech:
        return self

    def probabilities(self, samples: np.ndarray[Any, Any]) -> list[float]:
        return [float(w.max() > 1000) for w in samples.reshape(-1, self.window)]


class ToneVoice:
    """Speaks each word as 100 ms of a tone at 16 kHz.

    `spoken` has the stretches of text, `speeds` how fast each was to be. With a `gate`, nothing
    comes behind the first word of a stretch before the gate is open.
    """

    sample_rate = RATE

    def __init__(self, gate: asyncio.Event | None = None) -> None:
        self.gate = gate
        self.spoken: list[str] = []
        self.speeds: list[float] = []
        self.closed = 0

    async def speak(self, text: str, *, speed: float = 1.0) -> AsyncIterator[bytes]:
        self.spoken.append(text)
        self.speeds.append(speed)
        t = np.arange(RATE // 10) / RATE
        word = (8000 * np.sin(2 * np.pi * 440 * t)).astype(np.int16).tobytes()
        try:
            for index in range(len(text.split())):
                if index and self.gate is not None:
                    await self.gate.wait()
                yield word
        finally:
            self.closed += 1


class Gated:
    """A responder that says one word and waits at the gate before it says the other."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.closed = asyncio.Event()

    async def respond(self, items: Any, settings: Any, tools: Any) -> AsyncIterator[str]:
        del items, settings, tools
        try:
            yield "one"
            await self.gate.wait()
            yield " two"
        finally:
            self.closed.set()


class Events(list[dict[str, Any]]):
    """Events as they came."""

    def kinds(self, *without: str) -> list[str]:
        """Their types, runs of one type once."""
        types = [event["type"] for event in self if event["type"] not in without]
        return [kind for kind, _ in groupby(types)]

    def joined(self, kind: str) -> str:
        """The deltas of one type, joined."""
        return "".join(event["delta"] for event in self if event["type"] == kind)

    def sound(self) -> bytes:
        """The sound in them."""
        deltas = [e["delta"] for e in self if e["type"] == "response.output_audio.delta"]
        return b"".join(base64.b64decode(delta) for delta in deltas)


class Client:
    """Sends events and receives them; each that comes has to be one that the protocol knows."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, type_: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": type_, **fields}))

    async def append(self, seconds: float, level: int) -> None:
        await self.append_bytes(np.full(int(seconds * RATE), level, np.int16).tobytes())

    async def append_bytes(self, sound: bytes) -> None:
        audio = base64.b64encode(sound).decode()
        await self.send("input_audio_buffer.append", audio=audio)

    async def write(self, text: str, **fields: Any) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content, **fields}
        await self.send("conversation.item.create", item=item)
        await self.receive("conversation.item.added", "conversation.item.done")

    async def next(self) -> dict[str, Any]:
        message = await self.socket.recv()
        assert not isinstance(decode_server_event(message), UnknownEvent)
        event: dict[str, Any] = json.loads(message)
        return event

    async def receive(self, *types: str) -> list[dict[str, Any]]:
        """Receive exactly these types of events, in this order."""
        events = [await self.next() for _ in types]
        assert [event["type"] for event in events] == list(types)
        return events

    async def until(self, type_: str) -> Events:
        """Receive up to and with the first event of this type."""
        events = Events([await self.next()])
        while events[-1]["type"] != type_:
            events.append(await self.next())
        return events

    async def configure(self, **session: Any) -> dict[str, Any]:
        await self.send("session.update", session={"type": "realtime", **session})
        (event,) = await self.receive("session.updated")
        settings: dict[str, Any] = event["session"]
        return settings


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What services send in a test, each event of it held against the official types."""
    events: list[dict[str, Any]] = []

    def noted(event: Any) -> bytes:
        text = encode_event(event)
        events.append(json.loads(text))
        return text

    for module in ("calls.call_line", "calls.call_sound", "connection", "refused"):
        monkeypatch.setattr(f"rtaudio.server.{module}.encode_event", noted)
    yield events
    if importlib.util.find_spec("openai") is not None:
        kinds = official_types.server_events()
        for event in events:
            official_types.check(event, kinds)


@pytest.fixture
def talk() -> Callable[..., AbstractAsyncContextManager[Client]]:
    """A factory of services with one client each, past `session.created`."""

    @asynccontextmanager
    async def open_client(query: str = "?model=m", **options: Any) -> AsyncIterator[Client]:
        options = {"recogniser": SaysHello(), "detector": LoudIsSpeech()} | options
        async with (
            RealtimeServer(**options) as server,
            connect(server.url + query, max_size=None) as socket,
        ):
            client = Client(socket)
            await client.receive("session.created")
            yield client

    return open_client


@pytest.fixture
def tone_voice() -> type[ToneVoice]:
    return ToneVoice


@pytest.fixture
def engines() -> dict[str, Any]:
    return {"recogniser": SaysHello(), "detector": LoudIsSpeech()}


@pytest.fixture
def gated() -> Gated:
    return Gated()


@pytest.fixture
def http() -> Callable[..., AbstractAsyncContextManager[tuple[aiohttp.ClientSession, Any]]]:
    """A factory of services with an HTTP client each, whose paths begin behind the port."""

    @asynccontextmanager
    async def open_client(**options: Any) -> AsyncIterator[tuple[aiohttp.ClientSession, Any]]:
        options = {"recogniser": SaysHello(), "detector": LoudIsSpeech()} | options
        async with RealtimeServer(**options) as server:
            base = server.url.replace("ws", "http", 1).removesuffix("/v1/realtime")
            async with aiohttp.ClientSession(base) as client:
                yield client, server

    return open_client
