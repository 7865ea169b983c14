"""The WebSocket transport against a small real server on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.client import connect as open_websocket
from websockets.asyncio.server import ServerConnection, serve

from rtaudio import (
    AuthenticationError,
    ConfigError,
    ConnectionLost,
    RealtimeAgent,
    RealtimeSession,
    TransportError,
    __version__,
)
from rtaudio.transports import ConnectOptions, WebSocketTransport, acceptance
from rtaudio.transports.addresses import target_url
from rtaudio.transports.engines.websockets import WebsocketsSocket

CREATED = {"type": "session.created", "event_id": "e", "session": {"type": "realtime"}}

Behaviour = Callable[[ServerConnection], Awaitable[None]]
Running = Callable[..., AbstractAsyncContextManager["Server"]]


class Server:
    """A realtime service that says what a test tells it to."""

    def __init__(self, port: int) -> None:
        self.url = f"ws://127.0.0.1:{port}/v1/realtime"
        self.requests: list[Any] = []
        self.received: list[dict[str, Any]] = []
        self.arrived = asyncio.Event()
        self.sockets: list[ServerConnection] = []

    async def until(self, kind: str) -> dict[str, Any]:
        """Wait for an event of this type."""
        while True:
            for event in self.received:
                if event["type"] == kind:
                    return event
            self.arrived.clear()
            await self.arrived.wait()


async def greet(socket: ServerConnection) -> None:
    await socket.send(json.dumps(CREATED))


async def stay_silent(_socket: ServerConnection) -> None:
    pass


def refuse(code: str | None, close_code: int) -> Behaviour:
    async def behave(socket: ServerConnection) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": "key sk-abc is wrong"}
        await socket.send(json.dumps({"type": "error", "event_id": "e", "error": error}))
        await socket.close(close_code)

    return behave


@pytest.fixture
def running(engine: str) -> Running:
    assert engine

    @asynccontextmanager
    async def run(behave: Behaviour = greet, status: int | None = None) -> AsyncIterator[Server]:
        server = Server(0)

        async def handle(socket: ServerConnection) -> None:
            server.sockets.append(socket)
            await behave(socket)
            async for message in socket:
                assert isinstance(message, str)
                server.received.append(json.loads(message))
                server.arrived.set()

        def look(connection: ServerConnection, request: Any) -> Any:
            server.requests.append(request)
            if status is not None:
                return connection.respond(HTTPStatus(status), "no\n")
            return None

        async with serve(handle, "127.0.0.1", 0, process_request=look) as listener:
            port = listener.sockets[0].getsockname()[1]
            server.url = f"ws://127.0.0.1:{port}/v1/realtime"
            yield server

    return run


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


async def test_connect_writes_the_configuration_and_waits_for_the_session(running: Running) -> None:
    async with running() as server, RealtimeSession(RealtimeAgent("a"), url=server.url) as session:
        update = await server.until("session.update")
        assert update["session"]["model"] == "gpt-realtime-2.1"
        assert session.connection_state == "connected"
    assert session.connection_state == "disconnected"


async def test_configuration_is_written_without_waiting_for_the_session(running: Running) -> None:
    async def answer(socket: ServerConnection) -> None:
        assert json.loads(await socket.recv())["type"] == "session.update"
        await greet(socket)

    async with running(answer) as server, RealtimeSession(None, url=server.url) as session:
        assert session.connection_state == "connected"


async def test_headers_name_us_and_carry_the_key_and_no_beta(running: Running) -> None:
    async with running() as server, RealtimeSession(None, url=server.url, api_key="sk-1"):
        headers = server.requests[0].headers
    assert headers["Authorization"] == "Bearer sk-1"
    assert headers["User-Agent"] == f"rtaudio/{__version__}"
    assert headers["X-RtAudio-SDK"] == f"rtaudio.{__version__}"
    assert "OpenAI-Beta" not in headers


async def test_explicit_url_needs_no_key_and_ignores_the_environments(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-cloud")
    async with running() as server, RealtimeSession(None, url=server.url):
        assert "Authorization" not in server.requests[0].headers


async def test_own_headers_replace_all(running: Running) -> None:
    transport = WebSocketTransport(headers={"api-key": "other"})
    options: dict[str, Any] = {"transport": transport, "api_key": "sk-1"}
    async with running() as server, RealtimeSession(None, url=server.url, **options):
        headers = server.requests[0].headers
    assert headers["api-key"] == "other"
    assert "Authorization" not in headers


async def test_key_of_connect_beats_the_option_which_beats_the_transports(
    running: Running,
) -> None:
    calls: list[str] = []

    async def fetch() -> str:
        calls.append("fetched")
        return "sk-option"

    async with running() as server:
        transport = WebSocketTransport(server.url, api_key="sk-transport")
        session = RealtimeSession(None, transport=transport)
        await session.connect()
        await session.close()
        session.options.api_key = fetch
        assert calls == []
        await session.connect()
        await session.close()
        await session.connect(api_key="sk-argument")
        await session.close()
        keys = [request.headers["Authorization"][7:] for request in server.requests]
    assert keys == ["sk-transport", "sk-option", "sk-argument"]
    assert calls == ["fetched"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_key_function_is_called_once_per_connection_and_never_before(
    running: Running, is_async: bool
) -> None:
    calls: list[str] = []

    def fetch() -> str:
        calls.append("fetched")
        return f"sk-{len(calls)}"

    async def fetch_later() -> str:
        return fetch()

    async with running() as server:
        key = fetch_later if is_async else fetch
        session = RealtimeSession(None, url=server.url, api_key=key)
        assert calls == []
        for _ in range(2):
            await session.connect()
            await session.close()
        keys = [request.headers["Authorization"] for request in server.requests]
    assert keys == ["Bearer sk-1", "Bearer sk-2"]


async def test_key_function_that_raises_makes_connect_raise_it(running: Running) -> None:
    def broken() -> str:
        raise LookupError("vault")

    async with running() as server:
        session = RealtimeSession(None, url=server.url, api_key=broken)
        with pytest.raises(LookupError, match="vault"):
            await session.connect()
        assert session.connection_state == "disconnected"
        assert server.requests == []
        await session.connect(api_key="sk-1")
        await session.close()


async def test_close_during_the_key_look_up_opens_nothing(running: Running) -> None:
    asked = asyncio.Event()

    async def slow() -> str:
        asked.set()
        return await asyncio.get_running_loop().create_future()

    async with running() as server:
        session = RealtimeSession(None, url=server.url, api_key=slow)
        attempt = asyncio.ensure_future(session.connect())
        await asked.wait()
        await session.close()
        with pytest.raises(TransportError):
            await attempt
        assert server.requests == []


async def test_cloud_without_a_key_is_a_config_error_and_opens_no_socket() -> None:
    opened: list[Any] = []
    transport = WebSocketTransport(create_websocket=lambda *asked: opened.append(asked))  # type: ignore[arg-type,return-value]
    session = RealtimeSession(RealtimeAgent("a"), transport=transport)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        await session.connect()
    assert session.connection_state == "disconnected"
    assert opened == []


class Diverted:
    """Lets a transport believe that a server of ours is the cloud."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.asked: list[tuple[str, str | None]] = []

    def __call__(self, url: str, key: str | None) -> Any:
        self.asked.append((url, key))
        return open_websocket(self.server.url)


async def test_own_socket_is_made_from_url_and_key(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    async with running() as server:
        divert = Diverted(server)
        transport = WebSocketTransport(create_websocket=divert)
        session = RealtimeSession(RealtimeAgent("a"), transport=transport)
        for options in ({}, {"api_key": "sk-given", "model": "m/1"}):
            await session.connect(**options)
            update = await server.until("session.update")
            assert update["session"]["model"] == options.get("model", "gpt-realtime-2.1")
            await session.close()
            server.received.clear()
    cloud = "wss://api.openai.com/v1/realtime?model="
    assert divert.asked == [
        (f"{cloud}gpt-realtime-2.1", "sk-environment"),
        (f"{cloud}m%2F1", "sk-given"),
    ]


@pytest.mark.parametrize(("model", "url"), [("o", "o"), (None, "gpt-realtime-2.1")])
async def test_model_is_in_the_url_and_in_the_configuration(
    running: Running, model: str | None, url: str
) -> None:
    async with running() as server:
        divert = Diverted(server)
        transport = WebSocketTransport(create_websocket=divert, api_key="sk-1")
        async with RealtimeSession(RealtimeAgent("a"), transport=transport, model=model):
            update = await server.until("session.update")
    assert update["session"]["model"] == url
    assert divert.asked == [(f"wss://api.openai.com/v1/realtime?model={url}", "sk-1")]


async def test_running_call_is_attached_to_by_id_and_its_address_is_not_remembered(
    running: Running,
) -> None:
    async with running() as server:
        divert = Diverted(server)
        transport = WebSocketTransport(create_websocket=divert, api_key="sk-1")
        session = RealtimeSession(None, transport=transport, model="m")
        for call_id in ("rtc_1", None):
            await session.connect(call_id=call_id)
            await session.close()
    assert [url.partition("?")[2] for url, _ in divert.asked] == ["call_id=rtc_1", "model=m"]


async def test_own_socket_that_is_open_already_is_not_waited_for(running: Running) -> None:
    async with running(stay_silent) as server:
        socket = await open_websocket(server.url)
        transport = WebSocketTransport(
            create_websocket=lambda _url, _key: socket, skip_open_listeners=True
        )
        async with RealtimeSession(None, url=server.url, transport=transport) as session:
            await server.until("session.update")
            stream = aiter(session)
            await server.sockets[0].send(json.dumps({"type": "unheard.of"}))
            assert (await anext(stream)).type == "transport_event"
        assert socket.close_code == 1000


async def test_own_socket_that_cannot_be_made_fails_the_attempt(running: Running) -> None:
    def broken(_url: str, _key: str | None) -> Any:
        raise LookupError("no socket")

    async with running() as server:
        transport = WebSocketTransport(create_websocket=broken)
        with pytest.raises(LookupError, match="no socket"):
            await RealtimeSession(None, url=server.url, transport=transport).connect()
        assert transport.status == "disconnected"


async def test_own_socket_that_does_not_come_is_given_up(running: Running) -> None:
    async def slow(_url: str, _key: str | None) -> Any:
        await asyncio.get_running_loop().create_future()

    async with running() as server:
        transport = WebSocketTransport(create_websocket=slow, handshake_timeout=0.05)
        with pytest.raises(TransportError, match=r"handshake within 0\.05 s"):
            await RealtimeSession(None, url=server.url, transport=transport).connect()


async def test_the_confirmed_configuration_can_be_waited_for(running: Running) -> None:
    taken: list[str] = []

    async def answer(socket: ServerConnection) -> None:
        await greet(socket)
        taken.append(json.loads(await socket.recv())["type"])
        await socket.send("not json")
        await socket.send(json.dumps({**CREATED, "type": "session.updated"}))

    async with running(answer) as server:
        transport = WebSocketTransport(server.url, wait_for_session_updated=True)
        session = RealtimeSession(None, transport=transport)
        told: list[str] = []
        session.on("transport_event", lambda event: told.append(event.event["type"]))
        session.on("connection_change", lambda event: told.append(event.status))
        await session.connect()
        assert taken == ["session.update"]
        await session.close()
    assert told == [
        "connecting",
        "session.created",
        "session.updated",
        "connected",
        "disconnected",
    ]


async def test_a_configuration_that_is_never_confirmed_only_costs_time(
    running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(acceptance, "_UPDATE_WAIT_S", 0.01)
    async with running() as server:
        transport = WebSocketTransport(server.url, wait_for_session_updated=True)
        async with RealtimeSession(None, transport=transport) as session:
            assert session.connection_state == "connected"
    assert "no session.updated came within 0.01 s" in caplog.text


async def test_connection_that_ends_before_the_configuration_is_confirmed_fails(
    running: Running,
) -> None:
    async def leave(socket: ServerConnection) -> None:
        await greet(socket)
        await socket.recv()
        await socket.close(1011)

    async with running(leave) as server:
        transport = WebSocketTransport(server.url, wait_for_session_updated=True)
        with pytest.raises(TransportError, match="code 1011"):
            await RealtimeSession(None, transport=transport).connect()
        assert transport.status == "disconnected"


async def test_neither_key_nor_words_are_logged_at_any_level(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with running() as server:
            session = RealtimeSession(None, url=server.url, api_key="sk-secret")
            session.on("error", lambda _event: None)
            async with session:
                await session.send_message("very private")
                await server.until("response.create")
    ours = [each for each in caplog.records if each.name.partition(".")[0] == "rtaudio"]
    clients = [each for each in caplog.records if each.name == "websockets.client"]
    assert clients == []
    assert not any("secret" in each.getMessage() for each in ours)
    assert not any("private" in each.getMessage() for each in ours)


async def test_late_end_of_an_earlier_socket_does_not_touch_the_next(running: Running) -> None:
    made: list[Any] = []

    async def remember(url: str, _key: str | None) -> Any:
        made.append(await open_websocket(url))
        return made[-1]

    async def fail() -> None:
        raise OSError("cannot close")

    async with running() as server:
        transport = WebSocketTransport(server.url, create_websocket=remember)
        session = RealtimeSession(None, transport=transport)
        told: list[str] = []
        session.on("connection_change", lambda event: told.append(event.status))
        await session.connect()
        socket = transport._socket
        assert isinstance(socket, WebsocketsSocket)
        made[0].close = fail
        with pytest.raises(OSError, match="cannot close"):
            await session.close()
        await session.connect()
        await server.sockets[0].close(1011)
        await socket._reader
        await session.send_event({"type": "input_audio_buffer.clear"})
        await server.until("input_audio_buffer.clear")
        await session.close()
    assert told == ["connecting", "connected", "disconnected"] * 2


async def test_closing_twice_closes_the_socket_once(running: Running, engine: str) -> None:
    closes: list[str] = []
    async with running() as server:
        transport = WebSocketTransport(server.url)
        session = RealtimeSession(None, transport=transport)
        await session.connect()
        socket = transport._socket
        assert socket is not None
        close = socket.close

        async def count() -> None:
            closes.append(socket.engine)
            await close()

        socket.close = count  # type: ignore[method-assign]
        await session.close()
        await session.close()
        assert closes == [engine]


@pytest.mark.parametrize(
    ("constructor", "options", "expected"),
    [
        (None, {"model": "m/x"}, "wss://api.openai.com/v1/realtime?model=m%2Fx"),
        (None, {}, "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"),
        (None, {"call_id": "rtc 1"}, "wss://api.openai.com/v1/realtime?call_id=rtc%201"),
        ("ws://h/own", {"call_id": "c"}, "wss://api.openai.com/v1/realtime?call_id=c"),
        ("ws://h/own", {"model": "m"}, "ws://h/own"),
        ("ws://h/own", {"url": "ws://h/arg", "call_id": "c"}, "ws://h/arg"),
        (
            None,
            {"intent": "transcription"},
            "wss://api.openai.com/v1/realtime?intent=transcription",
        ),
        ("ws://h/own", {"intent": "transcription"}, "ws://h/own?intent=transcription"),
        ("ws://h/own?x=1", {"intent": "transcription"}, "ws://h/own?x=1&intent=transcription"),
        ("ws://h/o?intent=other", {"intent": "transcription"}, "ws://h/o?intent=other"),
    ],
)
def test_url_is_argument_then_call_then_constructor_then_cloud(
    constructor: str | None, options: dict[str, Any], expected: str
) -> None:
    url, _ = target_url(ConnectOptions(**options), constructor)
    assert url == expected


async def test_url_of_connect_is_remembered_once_it_worked(running: Running) -> None:
    async with running() as server:
        session = RealtimeSession(None)
        await session.connect(url=server.url)
        await session.close()
        with pytest.raises(TransportError):
            await session.connect(url="ws://127.0.0.1:1/nothing")
        await session.connect()
        await session.close()
        assert len(server.requests) == 2


@pytest.mark.parametrize("url", ["http://h/", "h/v1", "ws://"])
def test_url_of_another_kind_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match="ws://"):
        WebSocketTransport(url)


@pytest.mark.parametrize(
    ("code", "close_code"), [("invalid_api_key", 3000), (None, 3000), ("invalid_api_key", 1008)]
)
async def test_refused_key_is_an_authentication_error_without_the_key(
    running: Running, code: str | None, close_code: int
) -> None:
    async with running(refuse(code, close_code)) as server:
        session = RealtimeSession(None, url=server.url)
        session.on("error", lambda _event: None)
        with pytest.raises(AuthenticationError) as caught:
            await session.connect()
    assert caught.value.code == code
    assert "sk-abc" not in str(caught.value)


async def test_refused_model_is_a_transport_error_with_the_services_code(running: Running) -> None:
    async with running(refuse("invalid_model", 4000)) as server:
        session = RealtimeSession(None, url=server.url)
        with pytest.raises(TransportError) as caught:
            await session.connect()
    assert not isinstance(caught.value, AuthenticationError)
    assert caught.value.code == "invalid_model"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AuthenticationError), (403, AuthenticationError), (404, TransportError)],
)
async def test_refused_upgrade_names_the_status(
    running: Running, status: int, kind: type[TransportError]
) -> None:
    async with running(status=status) as server:
        with pytest.raises(kind, match=str(status)) as caught:
            await RealtimeSession(None, url=server.url, api_key="sk-1").connect()
    assert caught.value.code == str(status)
    assert type(caught.value) is kind


async def test_silent_service_is_given_up(running: Running) -> None:
    transport = WebSocketTransport(handshake_timeout=0.05)
    async with running(stay_silent) as server:
        with pytest.raises(TransportError, match=r"within 0\.05 s"):
            await RealtimeSession(None, url=server.url, transport=transport).connect()
        assert transport.status == "disconnected"


async def test_service_that_closes_before_the_session_makes_connect_fail(running: Running) -> None:
    async def leave(socket: ServerConnection) -> None:
        await socket.close(1011)

    async with running(leave) as server:
        with pytest.raises(TransportError):
            await RealtimeSession(None, url=server.url).connect()


async def test_running_call_is_not_waited_for(running: Running) -> None:
    async with running(stay_silent) as server:
        session = RealtimeSession(None)
        await session.connect(url=server.url, call_id="rtc_1")
        assert session.connection_state == "connected"
        await session.close()


async def test_nothing_listening_is_a_transport_error() -> None:
    with pytest.raises(TransportError, match=r"127\.0\.0\.1"):
        await RealtimeSession(None, url="ws://127.0.0.1:1/v1").connect()


async def test_sound_and_events_arrive_in_the_order_sent(running: Running) -> None:
    async with running() as server, RealtimeSession(None, url=server.url) as session:
        for n in range(50):
            await session.send_audio(n.to_bytes(2, "little"))
        await session.commit_audio()
        await server.until("input_audio_buffer.commit")
        kinds = [event["type"] for event in server.received if "session" not in event]
        assert kinds == ["input_audio_buffer.append"] * 50 + ["input_audio_buffer.commit"]
        appended = [e["audio"] for e in server.received if e["type"] == kinds[0]]
        assert len(set(appended)) == 50
        assert appended[1] == "AQA="


async def test_text_turn(running: Running) -> None:
    async def answer(socket: ServerConnection) -> None:
        await greet(socket)
        async for message in socket:
            if json.loads(message)["type"] == "response.create":
                break
        item = {
            "id": "a",
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "97"}],
        }
        for event in (
            {"type": "response.created", "response": {"id": "r", "output": []}},
            {"type": "conversation.item.done", "item": item},
            {"type": "response.done", "response": {"id": "r", "output": [item]}},
        ):
            await socket.send(json.dumps({"event_id": "e", **event}))

    async with running(answer) as server:
        async with RealtimeSession(RealtimeAgent("a"), url=server.url) as session:
            stream = aiter(session)
            await session.send_message("Name a prime above 90.")
            async for event in stream:
                if event.type == "agent_end":
                    break
        assert event.output == "97"
        assert [item.text for item in session.history] == ["97"]


async def test_frames_that_are_no_events_do_not_stop_the_reader(running: Running) -> None:
    async with running() as server, RealtimeSession(None, url=server.url) as session:
        stream = aiter(session)
        (socket,) = server.sockets
        for frame in ("not json", b"\xff\xfe", json.dumps({"type": "unheard.of"})):
            await socket.send(frame)
        seen = []
        async for event in stream:
            seen.append(event.type)
            if event.type == "transport_event":
                break
        assert seen.count("error") == 2


async def test_large_messages_are_accepted(running: Running) -> None:
    async with running() as server, RealtimeSession(None, url=server.url) as session:
        stream = aiter(session)
        await server.sockets[0].send(json.dumps({"type": "big", "x": "y" * 3_000_000}))
        event = await anext(stream)
        assert len(event.event["x"]) == 3_000_000


async def test_no_sound_is_held_while_the_next_message_is_awaited(
    running: Running, engine: str
) -> None:
    async with running() as server, RealtimeSession(None, url=server.url) as session:
        (socket,) = server.sockets
        heard = asyncio.Event()
        session.on("audio", lambda _: heard.set())
        delta = {"type": "response.output_audio.delta", "response_id": "r", "item_id": "i"}
        delta |= {"event_id": "e", "output_index": 0, "content_index": 0}
        tracemalloc.start()
        try:
            await socket.send(json.dumps({**delta, "delta": b64encode(bytes(3_000_000)).decode()}))
            await heard.wait()
            await asyncio.sleep(0)
            held = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        # Beside it there would be 3 MB of samples. The libraries keep the last frame, of 4 MB here,
        # or the buffer that it took.
        assert held < {"websockets": 5_000_000, "picows": 9_000_000}[engine]


async def test_normal_close_by_the_service_ends_iteration(running: Running) -> None:
    async with running() as server, RealtimeSession(None, url=server.url) as session:
        stream = aiter(session)
        await server.sockets[0].close()
        assert [event.type async for event in stream] == ["connection_change"]
        with pytest.raises(TransportError):
            await session.send_message("hi")


@pytest.mark.parametrize("code", [1001, 1011, 4000])
async def test_other_closes_lose_the_connection(running: Running, code: int) -> None:
    async with running() as server, RealtimeSession(None, url=server.url) as session:
        stream = aiter(session)
        await server.sockets[0].close(code)
        with pytest.raises(ConnectionLost) as caught:
            [event async for event in stream]
        assert caught.value.code == str(code)


async def test_cut_connection_is_lost_and_can_be_connected_again(running: Running) -> None:
    async with running() as server:
        session = RealtimeSession(None, url=server.url)
        await session.connect()
        stream = aiter(session)
        server.sockets[0].transport.abort()
        with pytest.raises(ConnectionLost):
            [event async for event in stream]
        await session.connect()
        assert session.connection_state == "connected"
        await session.close()


async def test_close_is_idempotent_and_transport_refuses_to_send_afterwards(
    running: Running,
) -> None:
    transport = WebSocketTransport()
    async with running() as server:
        async with RealtimeSession(None, url=server.url, transport=transport):
            pass
        await transport.close()
        with pytest.raises(TransportError, match="disconnected"):
            await transport.send_event({"type": "response.create"})


def test_representation_shows_neither_key_nor_query() -> None:
    transport = WebSocketTransport("wss://h/v1?token=secret", api_key="sk-secret")
    assert "secret" not in repr(transport)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", 5),
        ("api_key", 5),
        ("headers", ["Authorization"]),
        ("create_websocket", "ws://h"),
        ("skip_open_listeners", True),
        ("handshake_timeout", 0),
        ("handshake_timeout", float("nan")),
        ("handshake_timeout", None),
        ("max_message_bytes", 0),
        ("max_message_bytes", 0.5),
        ("compression", "x"),
        ("ping_interval", -1),
        ("ping_timeout", "20"),
        ("close_timeout", True),
    ],
)
def test_an_option_of_the_wrong_kind_or_size_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        WebSocketTransport(**{name: value})


def test_a_key_of_the_wrong_kind_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        WebSocketTransport(api_key=b"sk-secret")  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


async def test_a_message_larger_than_the_limit_ends_the_connection(running: Running) -> None:
    async with running() as server:
        transport = WebSocketTransport(server.url, max_message_bytes=2000)
        session = RealtimeSession(None, transport=transport)
        await session.connect()
        stream = aiter(session)
        await server.sockets[0].send(json.dumps({"type": "x", "padding": "." * 2000}))
        with pytest.raises(ConnectionLost):
            async for _event in stream:
                pass


def test_messages_have_a_limit_unless_none_is_wanted() -> None:
    assert WebSocketTransport()._settings.max_message_bytes == 256 * 1024 * 1024
    assert WebSocketTransport(max_message_bytes=None)._settings.max_message_bytes is None
