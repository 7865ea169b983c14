"""Services on loopback: a web server, one that takes calls over WebRTC, and WebSocket engines."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from patient_time import patient_time

from rtaudio.transports import websocket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from numpy.typing import NDArray

RATE = 48_000
FRAME = 960


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


class Request:
    """What was posted."""

    def __init__(self, line: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path, _ = line.split(" ")
        self.headers = headers
        self.body = body


class CallService:
    """Answers offers, speaks what it is given, and keeps what it hears and is sent.

    Attributes:
        url: where offers are taken.
        requests: what was posted so far.
        events: what came over the channel so far.
        channel: aiortc's data channel, once it is open.
        connection: aiortc's peer connection of the latest call.
        calls: those of all calls.
        changed: called when calls or events have become other ones.
        greets: send `session.created` when the channel opens.
        confirms: answer `session.update` by `session.updated`.
        refusal: status, headers and body to be answered instead of taking the call.
        location: of the answer.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.events: list[dict[str, Any]] = []
        self.channel: Any = None
        self.channel_label = ""
        self.connection: Any = None
        self.greets = True
        self.confirms = True
        self.refusal: tuple[int, str, bytes] | None = None
        self.location: str | None = "/v1/realtime/calls/rtc_abc123"
        self.arrived = asyncio.Event()
        self.frames: list[NDArray[np.int16]] = []
        self.sound: asyncio.Queue[NDArray[np.int16]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self.calls: list[Any] = []
        self.changed: Callable[[], None] = lambda: None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1/realtime/calls"

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for connection in self.calls:
            await connection.close()
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def until(self, found: Callable[[], Any]) -> Any:
        """Wait until something holds of what has arrived."""
        while not (value := found()):
            self.arrived.clear()
            await self.arrived.wait()
        return value

    async def event(self, kind: str) -> dict[str, Any]:
        """Wait for an event of this type."""
        found = await self.until(lambda: [each for each in self.events if each["type"] == kind])
        event: dict[str, Any] = found[0]
        return event

    def send(self, *events: dict[str, Any]) -> None:
        for event in events:
            self.channel.send(json.dumps({"event_id": "e", **event}))

    def say(self, samples: NDArray[np.int16]) -> None:
        """Speak, mono at 48 kHz; in whole frames of 20 ms."""
        for start in range(0, len(samples), FRAME):
            self.sound.put_nowait(samples[start : start + FRAME])

    @staticmethod
    def make_track(sound: asyncio.Queue[NDArray[np.int16]]) -> Any:
        """A track of aiortc's that speaks what is in a queue."""
        return _voice(sound)

    def heard(self) -> NDArray[np.int16]:
        """All that has been heard, mono at 48 kHz."""
        return np.concatenate(self.frames) if self.frames else np.zeros(0, np.int16)

    def cut(self) -> None:
        """End the call as if a cable had been cut."""
        for connection in {
            id(each.transport): each for each in self.connection.getSenders()
        }.values():
            for protocol in connection.transport.transport._connection._protocols:
                protocol.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        raw = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        values = {name.lower(): value for name, value in raw.items()}
        self.requests.append(Request(head[0], values, body))
        self.arrived.set()
        if self.refusal is not None:
            status, phrase, answer = self.refusal
            more = ""
        else:
            status, phrase, answer = 201, "Created", (await self._answer(body)).encode()
            more = f"Location: {self.location}\r\n" if self.location else ""
        writer.write(
            f"HTTP/1.1 {status} {phrase}\r\nContent-Length: {len(answer)}\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\n{more}Connection: close\r\n\r\n".encode()
            + answer
        )
        await writer.drain()
        writer.close()

    async def _answer(self, offer: bytes) -> str:
        from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

        connection = self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.calls.append(connection)
        connection.on("connectionstatechange", lambda: self.changed())
        self.changed()
        connection.addTrack(self.make_track(self.sound))
        connection.on("datachannel", self._on_channel)
        connection.on("track", self._on_track)
        text = offer.decode()
        if not text.startswith("v=0"):
            text = text[text.index("v=0") : text.index("\r\n--", text.index("v=0"))] + "\r\n"
        await connection.setRemoteDescription(RTCSessionDescription(text, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        answer: str = connection.localDescription.sdp
        return answer

    def _on_channel(self, channel: Any) -> None:
        self.channel = channel
        self.channel_label = channel.label
        channel.on("message", self._on_message)
        if self.greets:
            self.send({"type": "session.created", "session": {"type": "realtime"}})
        self.arrived.set()

    def _on_message(self, message: str) -> None:
        event = json.loads(message)
        self.events.append(event)
        self.changed()
        if event["type"] == "session.update" and self.confirms:
            self.send({"type": "session.updated", "session": event.get("session", {})})
        self.arrived.set()

    def _on_track(self, track: Any) -> None:
        task = asyncio.ensure_future(self._listen(track))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen(self, track: Any) -> None:
        from aiortc.mediastreams import MediaStreamError

        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            self.frames.append(frame.to_ndarray().reshape(-1)[::2].copy())
            self.arrived.set()


def _voice(sound: asyncio.Queue[NDArray[np.int16]]) -> Any:
    from aiortc.mediastreams import MediaStreamTrack
    from av import AudioFrame

    class Voice(MediaStreamTrack):  # type: ignore[misc, unused-ignore]
        """Speaks what is in the queue at its pace, and is silent otherwise."""

        kind = "audio"

        def __init__(self) -> None:
            super().__init__()
            self._next = asyncio.get_running_loop().time()
            self._timestamp = 0

        async def recv(self) -> Any:
            await asyncio.sleep(max(0.0, self._next - asyncio.get_running_loop().time()))
            self._next += 0.02
            samples = np.zeros(FRAME, np.int16) if sound.empty() else sound.get_nowait()
            frame = AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "mono")
            frame.sample_rate, frame.pts = RATE, self._timestamp
            frame.time_base = fractions.Fraction(1, RATE)
            self._timestamp += FRAME
            return frame

    return Voice()


@pytest.fixture
def make_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], contextlib.AbstractAsyncContextManager[CallService]]:
    """Runs the service, over loopback, in time that waits; for those who do not always want it."""

    @contextlib.asynccontextmanager
    async def run() -> AsyncIterator[CallService]:
        with_aiortc(monkeypatch)
        service = CallService()
        async with patient_time():
            await service.start()
            yield service
            await service.stop()

    return run


@pytest.fixture
async def calls(
    make_calls: Callable[[], contextlib.AbstractAsyncContextManager[CallService]],
) -> AsyncIterator[CallService]:
    """The service."""
    async with make_calls() as service:
        yield service


def with_aiortc(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("aiortc") is None:
        pytest.skip("WEBRTC IS NOT TESTED: aiortc is missing; pip install -e '.[webrtc]'")
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda *_, **__: ["127.0.0.1"])
    # A lost connection is noticed sooner than in ten seconds.
    monkeypatch.setattr("rtaudio.transports.peer.WATCH_S", 0.2)
    monkeypatch.setattr("rtaudio.transports.peer.GRACE_S", 0.5)
    monkeypatch.setattr("aioice.stun.RETRY_RTO", 0.1)


@pytest.fixture(params=["websockets", "picows"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The library that carries connections where the test does not choose one."""
    chosen: str = request.param
    if chosen == "picows":
        pytest.importorskip("picows")
    else:
        monkeypatch.setattr(websocket, "find_spec", lambda _name: None)
    return chosen
