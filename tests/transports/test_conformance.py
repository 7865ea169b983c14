"""The rules that every transport keeps, tried on each of them.

A case is a transport together with the service at its other end, which the tests drive. To try
another transport, write a function like `over_websockets` and add it to `CASES`.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from base64 import b64decode
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from rtaudio import ConfigError, ConnectionLost, RealtimeAgent, RealtimeSession, TransportError
from rtaudio.protocol import decode_server_event
from rtaudio.transports import (
    ConnectOptions,
    FaultyTransport,
    RealtimeTransport,
    RecordingTransport,
    ScriptedTransport,
    TwilioTransport,
    WebRTCTransport,
    WebSocketTransport,
)
from rtaudio.transports.base import TransportSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import TypeAlias

    # Runs a service that takes calls over WebRTC.
    Calls: TypeAlias = Callable[[], AbstractAsyncContextManager[Any]]

CREATED = {"type": "session.created", "event_id": "e", "session": {"type": "realtime"}}
LEADS_TO_IT = {"session.created", "session.updated"}
GREETING = {"type": "session.update", "session": {"type": "realtime"}}


class Case:
    """A transport, and the service that it connects to.

    Attributes:
        transport: what is tried.
        received: the events that the service got, in order.
        connections: how many connections the service had.
        standing: how many of them are open.
    """

    def __init__(self, transport: RealtimeTransport) -> None:
        self.transport = transport
        self.options = ConnectOptions(api_key="sk-secret-1")
        self.received: list[dict[str, Any]] = []
        self.connections = 0
        self.standing = 0
        self.told: list[tuple[str, Any]] = []
        self.observer: Callable[[str], None] = lambda _status: None
        self._news = asyncio.Event()
        transport.attach(
            TransportSink(
                event=lambda event, _raw: self._tell("event", event),
                garbage=lambda error, _raw: self._tell("garbage", error),
                status=self._tell_status,
                lost=lambda error: self._tell("lost", error),
            )
        )

    # What the service does; each kind of transport has its own way.

    async def emit(self, message: str | bytes | dict[str, Any]) -> None:
        """Send a message over the connection that is open, or that was open last."""
        raise NotImplementedError

    async def hang_up(self, *, cleanly: bool) -> None:
        """End the connection: in good order, or as if a cable had been cut."""
        raise NotImplementedError

    def refuse(self) -> None:
        """Let the next attempt to connect fail."""
        raise NotImplementedError

    # What the tests do.

    async def start(self) -> None:
        await self.transport.open(self.options, GREETING)

    def _tell(self, kind: str, news: Any) -> None:
        self.told.append((kind, news))
        self.changed()

    def _tell_status(self, status: str) -> None:
        self._tell("status", status)
        self.observer(status)

    def changed(self) -> None:
        """Something may be as a test wants it now."""
        self._news.set()

    def of(self, kind: str) -> list[Any]:
        return [news for each, news in self.told if each == kind]

    def events(self) -> list[str]:
        """The types of the events that arrived, but for what leads to the connection."""
        return [event.type for event in self.of("event") if event.type not in LEADS_TO_IT]

    async def until(self, condition: Callable[[], Any]) -> None:
        while not condition():
            self._news.clear()
            await self._news.wait()


class Scripted(Case):
    """The service is a `ScriptedTransport`, which may lie inside another transport."""

    def __init__(self, transport: RealtimeTransport, inner: ScriptedTransport) -> None:
        super().__init__(transport)
        self._inner = inner
        record = inner._record

        def see(method: str, payload: Any) -> None:
            if method == "connect" and not inner._failures["connect"]:
                self.connections += 1
                self.standing += 1
            if method == "close":
                self.standing -= 1
            if method == "send_event":
                self.received.append(payload)
            elif method == "send_audio":
                self.received.append({"type": "input_audio_buffer.append", "audio": payload})
            self.changed()
            record(method, payload)

        inner._record = see  # type: ignore[method-assign]

    async def emit(self, message: str | bytes | dict[str, Any]) -> None:
        # There is no wire that could not carry it any more.
        if self._inner._open:
            self._inner.emit(message)

    async def hang_up(self, *, cleanly: bool) -> None:
        self._inner.disconnect(None if cleanly else ConnectionLost("a cable was cut"))

    def refuse(self) -> None:
        self._inner.fail_next_call("connect", TransportError("refused"))


@asynccontextmanager
async def scripted(_folder: Path, _calls: Calls) -> AsyncIterator[Case]:
    transport = ScriptedTransport()
    yield Scripted(transport, transport)


@asynccontextmanager
async def faulty(_folder: Path, _calls: Calls) -> AsyncIterator[Case]:
    inner = ScriptedTransport()
    yield Scripted(FaultyTransport(inner), inner)


@asynccontextmanager
async def recording(folder: Path, _calls: Calls) -> AsyncIterator[Case]:
    inner = ScriptedTransport()
    yield Scripted(RecordingTransport(inner, folder / "a.jsonl"), inner)


class SilentCall:
    """A caller who says nothing and does not hang up."""

    def __init__(self) -> None:
        self._start: str | None = json.dumps({"event": "start", "start": {"streamSid": "MZ1"}})

    async def recv(self) -> str:
        start, self._start = self._start, None
        return start or await asyncio.get_running_loop().create_future()

    async def send(self, message: str) -> None:
        """Hear what is said."""


@asynccontextmanager
async def twilio(_folder: Path, _calls: Calls) -> AsyncIterator[Case]:
    inner = ScriptedTransport()
    yield Scripted(TwilioTransport(SilentCall(), inner), inner)


class OverSocket(Case):
    """The service is a real WebSocket server on loopback."""

    def __init__(self, transport: RealtimeTransport) -> None:
        super().__init__(transport)
        self._socket: ServerConnection | None = None
        self._refuses = False

    async def handle(self, socket: ServerConnection) -> None:
        self._socket = socket
        self.connections += 1
        self.standing += 1
        try:
            await socket.send(json.dumps(CREATED))
            async for message in socket:
                event = json.loads(message)
                if event["type"] == "input_audio_buffer.append":
                    event["audio"] = b64decode(event["audio"])
                self.received.append(event)
                self.changed()
        except ConnectionClosed:
            pass
        finally:
            self.standing -= 1
            self.changed()

    def look(self, connection: ServerConnection, _request: Any) -> Any:
        refuses, self._refuses = self._refuses, False
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "") if refuses else None

    async def emit(self, message: str | bytes | dict[str, Any]) -> None:
        assert self._socket is not None
        with suppress(ConnectionClosed):
            await self._socket.send(json.dumps(message) if isinstance(message, dict) else message)

    async def hang_up(self, *, cleanly: bool) -> None:
        assert self._socket is not None
        if cleanly:
            await self._socket.close()
        else:
            self._socket.transport.abort()

    def refuse(self) -> None:
        self._refuses = True


@asynccontextmanager
async def over_websockets(
    _folder: Path, _calls: Calls, engine: Literal["websockets", "picows"] = "websockets"
) -> AsyncIterator[Case]:
    pytest.importorskip(engine)
    case = OverSocket(WebSocketTransport(engine=engine))
    async with serve(case.handle, "127.0.0.1", 0, process_request=case.look) as listener:
        port = listener.sockets[0].getsockname()[1]
        case.options = ConnectOptions(api_key="sk-secret-1", url=f"ws://127.0.0.1:{port}")
        yield case
        await case.transport.shut()


class OverLines(Case):
    """The transport that the documentation shows, with JSON lines over TCP."""

    def __init__(self, transport: Any) -> None:
        super().__init__(transport)
        self._line = transport
        self._writer: asyncio.StreamWriter | None = None

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.connections += 1
        self.standing += 1
        try:
            async for line in reader:
                event = json.loads(line)
                if event["type"] == "input_audio_buffer.append":
                    event["audio"] = b64decode(event["audio"])
                self.received.append(event)
                self.changed()
        finally:
            writer.close()
            self.standing -= 1
            self.changed()

    async def emit(self, message: str | bytes | dict[str, Any]) -> None:
        await self.until(lambda: self._writer is not None)
        assert self._writer is not None
        text = json.dumps(message) if isinstance(message, dict) else message
        self._writer.write((text.encode() if isinstance(text, str) else text) + b"\n")

    async def hang_up(self, *, cleanly: bool) -> None:
        # A socket that is closed with something unread in it is reset.
        await self.until(lambda: self.received)
        assert self._writer is not None
        if cleanly:
            self._writer.close()
        else:
            linger = struct.pack("ii", 1, 0)
            self._writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
            self._writer.transport.abort()

    def refuse(self) -> None:
        good = self._line.port
        self._line.port = 0

        def repair(status: str) -> None:
            if status == "disconnected":
                self._line.port = good

        self.observer = repair


@asynccontextmanager
async def documented(_folder: Path, _calls: Calls) -> AsyncIterator[Case]:
    page = (Path(__file__).parents[2] / "docs" / "transports.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)\nasync def service", page, re.S)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)
    case: OverLines

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await case.handle(reader, writer)

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as listener:
        case = OverLines(names["LineTransport"](*listener.sockets[0].getsockname()))
        yield case
        await case.transport.shut()


class OverWebRtc(Case):
    """The service is made of aiortc's own parts."""

    def __init__(self, transport: RealtimeTransport, service: Any) -> None:
        super().__init__(transport)
        self._service = service
        self.received = service.events
        service.changed = self._count

    def _count(self) -> None:
        calls = self._service.calls
        self.connections = len(calls)
        self.standing = sum(call.connectionState not in ("closed", "failed") for call in calls)
        self.changed()

    async def emit(self, message: str | bytes | dict[str, Any]) -> None:
        channel = self._service.channel
        if channel is not None and channel.readyState == "open":
            channel.send(json.dumps(message) if isinstance(message, dict) else message)

    async def hang_up(self, *, cleanly: bool) -> None:
        if cleanly:
            await self._service.connection.close()
        else:
            self._service.cut()

    def refuse(self) -> None:
        self._service.refusal = 503, "Unavailable", b""

        def repair(status: str) -> None:
            if status == "disconnected":
                self._service.refusal = None

        self.observer = repair


@asynccontextmanager
async def over_webrtc(_folder: Path, calls: Calls) -> AsyncIterator[Case]:
    async with calls() as service:
        case = OverWebRtc(WebRTCTransport(service.url), service)
        case.options = ConnectOptions(api_key="sk-secret-1", url=service.url)
        yield case
        await case.transport.shut()


CASES: dict[str, Callable[[Path, Calls], AbstractAsyncContextManager[Case]]] = {
    "websocket/websockets": over_websockets,
    "websocket/picows": partial(over_websockets, engine="picows"),
    "scripted": scripted,
    "faulty": faulty,
    "recording": recording,
    "twilio": twilio,
    "documented": documented,
    "webrtc": over_webrtc,
}


@pytest.fixture(params=CASES)
async def case(
    request: pytest.FixtureRequest, tmp_path: Path, make_calls: Calls
) -> AsyncIterator[Case]:
    async with CASES[request.param](tmp_path, make_calls) as case:
        yield case
        await case.transport.shut()


async def test_status_goes_there_and_back_once(case: Case) -> None:
    assert case.transport.status == "disconnected"
    await case.start()
    assert case.transport.status == "connected"
    await case.transport.shut()
    await case.transport.shut()
    assert case.of("status") == ["connecting", "connected", "disconnected"]
    assert case.of("lost") == []
    await case.until(lambda: case.standing == 0)


async def test_closing_what_was_never_open_does_nothing(case: Case) -> None:
    await case.transport.shut()
    assert case.told == []
    assert case.connections == 0


async def test_the_greeting_is_written_first_and_events_follow_in_order(case: Case) -> None:
    await case.start()
    numbers = range(50)
    sends = [case.transport.send_event({"type": "x", "number": number}) for number in numbers]
    await asyncio.gather(*(send for send in sends if send is not None))
    await case.until(lambda: len(case.received) == 51)
    assert case.received[0] == GREETING
    assert [event["number"] for event in case.received[1:]] == list(numbers)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_sound_arrives_as_it_was_and_in_its_place(case: Case, kind: Any) -> None:
    if case.transport.medium == "track":
        pytest.skip("a track carries sound beside the events, and not bit by bit")
    await case.start()
    sound = bytes(range(256)) * 4
    for send in (
        case.transport.send_event({"type": "before"}),
        case.transport.send_audio(kind(sound)),
        case.transport.send_event({"type": "after"}),
    ):
        assert send is not None
        await send
    await case.until(lambda: len(case.received) == 4)
    assert case.received[1:] == [
        {"type": "before"},
        {"type": "input_audio_buffer.append", "audio": sound},
        {"type": "after"},
    ]


async def test_nothing_can_be_sent_before_or_after_a_connection(case: Case) -> None:
    for prepare in (None, case.start, case.transport.shut):
        if prepare is not None:
            await prepare()
        if prepare != case.start:
            with pytest.raises(TransportError, match="disconnected"):
                await case.transport.send_event({"type": "x"})  # type: ignore[misc]
    assert [event["type"] for event in case.received] in ([], ["session.update"])


async def test_what_arrives_is_told_in_order_and_nonsense_does_no_harm(case: Case) -> None:
    await case.start()
    text = '{"type": "unheard.of", "x": 1}'
    for message in (text, text.encode(), b"\xff\xfe", "[]", "{", {"type": "last", "y": [None]}):
        await case.emit(message)
    await case.until(lambda: "last" in case.events())
    assert case.events() == ["unheard.of", "unheard.of", "last"]
    assert case.of("event")[-1].raw == {"type": "last", "y": [None]}
    assert len(case.of("garbage")) == 3
    assert case.transport.status == "connected"


async def test_typed_events_pass_as_they_are(case: Case) -> None:
    await case.start()
    event = decode_server_event('{"type": "response.done", "event_id": "e", "response": {}}')
    assert case.transport.receive(event) is event
    assert case.of("event")[-1] is event


async def test_a_close_in_good_order_is_no_failure(case: Case) -> None:
    await case.start()
    await case.emit({"type": "goodbye"})
    await case.hang_up(cleanly=True)
    await case.until(lambda: case.of("lost"))
    assert case.events() == ["goodbye"]
    assert case.told[-2:] == [("status", "disconnected"), ("lost", None)]
    with pytest.raises(TransportError, match="disconnected"):
        await case.transport.send_event({"type": "x"})  # type: ignore[misc]
    await case.transport.shut()
    assert len(case.of("lost")) == 1


async def test_a_connection_that_breaks_is_told_once_with_its_error(case: Case) -> None:
    await case.start()
    await case.hang_up(cleanly=False)
    await case.until(lambda: case.of("lost"))
    await case.transport.shut()
    assert [type(error) for error in case.of("lost")] == [ConnectionLost]
    assert case.of("status") == ["connecting", "connected", "disconnected"]


async def test_late_events_of_a_closed_connection_are_ignored(case: Case) -> None:
    for turns in range(10):
        await case.start()
        await case.until(lambda: case.received)
        for _ in range(10):
            await case.emit({"type": "on its way"})
        for _ in range(turns):
            await asyncio.sleep(0)
        await case.transport.shut()
        before = list(case.told)
        await case.emit({"type": "late"})
        await case.hang_up(cleanly=False)
        for _ in range(20):
            await asyncio.sleep(0)
        assert case.told == before
        case.received.clear()


async def test_it_can_be_opened_again_and_tells_everything_once(case: Case) -> None:
    for _ in range(3):
        await case.start()
        await case.emit({"type": "hello"})
        await case.until(lambda: len(case.events()) == case.connections)
        await case.transport.shut()
    assert case.events() == ["hello"] * 3
    assert case.connections == 3


async def test_an_open_transport_is_not_opened_again(case: Case) -> None:
    first, second = await asyncio.gather(case.start(), case.start(), return_exceptions=True)
    assert first is None
    if not case.transport.joins_attempts:
        assert isinstance(second, ConfigError)
    assert case.connections == 1


async def test_a_refused_attempt_raises_leaves_nothing_and_can_be_repeated(case: Case) -> None:
    case.refuse()
    with pytest.raises(TransportError):
        await case.start()
    assert case.of("status") == ["connecting", "disconnected"]
    assert case.of("lost") == []
    await case.start()
    assert case.transport.status == "connected"


@pytest.mark.parametrize("status", ["connecting", "connected"])
async def test_an_observer_that_raises_fails_the_attempt_and_leaves_nothing_open(
    case: Case, status: str
) -> None:
    def observe(new: str) -> None:
        if new == status:
            raise LookupError("the first failure")

    case.observer = observe
    with pytest.raises(LookupError, match="the first failure"):
        await case.start()
    assert case.transport.status == "disconnected"
    await case.until(lambda: case.standing == 0)


async def test_an_attempt_that_is_cancelled_leaves_nothing_open(case: Case) -> None:
    attempt = asyncio.ensure_future(case.start())
    case.observer = lambda status: attempt.cancel() if status == "connecting" else None
    with suppress(asyncio.CancelledError):
        await attempt
    await case.transport.shut()
    assert case.transport.status == "disconnected"
    await case.until(lambda: case.standing == 0)


async def test_it_mutes_or_says_that_it_cannot(case: Case) -> None:
    if case.transport.muted is None:
        with pytest.raises(ConfigError, match="cannot mute"):
            case.transport.mute(True)
    else:
        case.transport.mute(True)
        assert case.transport.muted is True


async def test_the_key_is_not_shown(case: Case) -> None:
    await case.start()
    assert "secret" not in repr(case.transport)
    assert "secret" not in json.dumps(case.received)


async def test_a_session_runs_over_it(case: Case) -> None:
    case.transport.detach(case.transport._sink)  # type: ignore[arg-type]
    options: dict[str, Any] = {"transport": case.transport, "url": case.options.url}
    async with RealtimeSession(RealtimeAgent("a"), api_key="sk-secret-1", **options) as session:
        events = aiter(session)
        await session.send_message("hello")
        await session.send_audio(b"\1\2" * 80)
        if case.transport.medium == "events":
            await case.until(lambda: case.received[-1:] and "audio" in case.received[-1])
        done = {"id": "r", "status": "completed", "output": []}
        await case.emit({"type": "response.done", "event_id": "e", "response": done})
        async for event in events:
            if event.type == "agent_end":
                break
    assert case.received[0]["type"] == "session.update"
    kinds = [event["type"] for event in case.received if event["type"] != "session.update"]
    sound = ["input_audio_buffer.append"] if case.transport.medium == "events" else []
    assert kinds == ["conversation.item.create", "response.create", *sound]
    assert case.transport.status == "disconnected"
