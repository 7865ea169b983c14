"""Connections that break, at every place and in every way, over both engines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from fault_proxy import FaultProxy
from raw_server import CREATED, TEXT, Peer, RawServer, frame_bytes

from rtaudio import (
    AuthenticationError,
    ConnectionLost,
    RealtimeSession,
    ReconnectPolicy,
    TransportError,
)
from rtaudio.transports import ConnectOptions, WebSocketTransport
from rtaudio.transports.base import TransportSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fault_proxy import How


@pytest.fixture(autouse=True)
async def nothing_is_left_running() -> AsyncIterator[None]:
    yield
    # What has just been told to end may take a few turns.
    for _ in range(100):
        left = [task for task in asyncio.all_tasks() if task.get_name().startswith("rtaudio")]
        if not left:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"still running: {left}")


async def greet(peer: Peer) -> None:
    await peer.shake_hands()
    peer.say(CREATED)
    await peer.gone()


class Ear:
    """What a transport was told."""

    def __init__(self, transport: WebSocketTransport) -> None:
        self.events: list[str] = []
        self.garbage: list[Exception] = []
        self.changed = asyncio.Event()
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        transport.attach(
            TransportSink(
                lambda event, _raw: self._event(event.type),
                lambda error, _raw: self.garbage.append(error),
                lambda _status: None,
                self.lost.set_result,
            )
        )

    def _event(self, kind: str) -> None:
        self.events.append(kind)
        self.changed.set()

    async def until(self, kind: str) -> None:
        while kind not in self.events:
            self.changed.clear()
            await self.changed.wait()


async def attempt(url: str, engine: str, **options: Any) -> TransportError:
    """An attempt that has to fail, and must leave nothing behind."""
    transport = WebSocketTransport(url, engine=engine, **options)  # type: ignore[arg-type]
    with pytest.raises(TransportError) as caught:
        await transport.open(ConnectOptions(), {"type": "session.update", "session": {}})
    assert transport.status == "disconnected"
    assert transport.engine is None
    return caught.value


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_cut_at_any_byte_of_the_answer_to_the_handshake(engine: str, how: How) -> None:
    async with RawServer(greet) as server, FaultProxy(server.port) as proxy:
        transport = WebSocketTransport(proxy.url, engine=engine)  # type: ignore[arg-type]
        await transport.open(ConnectOptions(), None)
        whole = proxy.down
        await transport.shut()
        proxy.how = how
        for passed in range(whole):
            proxy.cut_down = passed
            await attempt(proxy.url, engine)
        assert proxy.broken == whole
        await server.emptied.wait()


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_cut_at_any_byte_of_the_request(engine: str, how: How) -> None:
    requested = asyncio.Event()

    async def stay_silent(peer: Peer) -> None:
        await peer.request()
        requested.set()
        await peer.reader.read()

    async with RawServer(stay_silent) as server, FaultProxy(server.port) as proxy:
        first = asyncio.ensure_future(attempt(proxy.url, engine))
        await requested.wait()
        whole = proxy.up
        proxy.cut("reset")
        await first
        proxy.how = how
        for passed in range(0, whole, 3):
            proxy.cut_up = passed
            await attempt(proxy.url, engine)
        await server.emptied.wait()


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("fragments", [1, 3])
async def test_a_cut_at_any_byte_of_a_message(engine: str, how: How, fragments: int) -> None:
    event = json.dumps({"type": "never.whole", "filler": "x" * 150}).encode()
    step = len(event) // fragments + 1
    frames = b"".join(
        frame_bytes(0 if at else TEXT, event[at : at + step], final=at + step >= len(event))
        for at in range(0, len(event), step)
    )
    go = asyncio.Event()

    async def talk(peer: Peer) -> None:
        await peer.shake_hands()
        peer.say(CREATED)
        await go.wait()
        peer.writer.write(frames)
        await peer.gone()

    async with RawServer(talk) as server, FaultProxy(server.port) as proxy:
        proxy.how = how
        for passed in range(0, len(frames), 2):
            go.clear()
            proxy.cut_down = None
            before = proxy.down
            transport = WebSocketTransport(proxy.url, engine=engine)  # type: ignore[arg-type]
            ear = Ear(transport)
            await transport.open(ConnectOptions(), None)
            proxy.cut_down = proxy.down - before + passed
            go.set()
            error = await ear.lost
            assert type(error) is ConnectionLost
            assert error.code is None
            assert ear.events == ["session.created"]
            assert ear.garbage == []
            assert transport.status == "disconnected"
            with pytest.raises(TransportError):
                await transport.send_audio(b"\0\0")
            await transport.shut()
        await server.emptied.wait()


async def test_a_connection_that_only_seems_to_be_there_is_found_out(engine: str) -> None:
    async with RawServer(greet) as server, FaultProxy(server.port) as proxy:
        transport = WebSocketTransport(
            proxy.url,
            engine=engine,  # type: ignore[arg-type]
            ping_interval=0.02,
            ping_timeout=0.02,
            close_timeout=0.02,
        )
        ear = Ear(transport)
        await transport.open(ConnectOptions(), None)
        proxy.cut("stall")
        error = await ear.lost
        assert isinstance(error, ConnectionLost)
        assert error.code == "1011"
        assert transport.status == "disconnected"


async def test_closing_a_connection_that_only_seems_to_be_there_does_not_hang(engine: str) -> None:
    async with RawServer(greet) as server, FaultProxy(server.port) as proxy:
        transport = WebSocketTransport(proxy.url, engine=engine, close_timeout=0.02)  # type: ignore[arg-type]
        ear = Ear(transport)
        await transport.open(ConnectOptions(), None)
        proxy.cut("stall")
        await transport.send_audio(bytes(480))
        await transport.shut()
        assert not ear.lost.done()


async def test_bytes_one_at_a_time_make_the_same_events(engine: str) -> None:
    heard = asyncio.Event()
    received: list[bytes] = []

    async def talk(peer: Peer) -> None:
        await peer.shake_hands()
        peer.say(CREATED)
        peer.say({"type": "slowly"})
        peer.send(TEXT, b'{"type":', final=False)
        peer.send(0x9, b"ping")
        peer.send(0, b'"in.two"}')
        received.append(await peer.until(TEXT))
        heard.set()
        await peer.gone()

    async with RawServer(talk) as server, FaultProxy(server.port) as proxy:
        proxy.piece = 1
        transport = WebSocketTransport(proxy.url, engine=engine)  # type: ignore[arg-type]
        ear = Ear(transport)
        await transport.open(ConnectOptions(), None)
        await transport.send_event({"type": "x", "filler": "y" * 300})
        await heard.wait()
        await ear.until("in.two")
        await transport.shut()
    assert ear.events == ["session.created", "slowly", "in.two"]
    assert ear.garbage == []
    assert json.loads(received[0]) == {"type": "x", "filler": "y" * 300}


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_connection_that_breaks_while_nothing_is_said_is_lost(
    engine: str, how: How
) -> None:
    async with RawServer(greet) as server, FaultProxy(server.port) as proxy:
        transport = WebSocketTransport(proxy.url, engine=engine)  # type: ignore[arg-type]
        ear = Ear(transport)
        await transport.open(ConnectOptions(), None)
        proxy.cut(how)
        error = await ear.lost
        assert type(error) is ConnectionLost
        assert "without a close frame" in str(error)
        await server.emptied.wait()


# Answers that are no upgrade.

ANSWERS = {
    "nothing": b"",
    "no http": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "binary": bytes(range(256)) * 8,
    "no status": b"HTTP/1.1 \r\n\r\n",
    "ok": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "wrong accept": (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n"
    ),
    "no accept": (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    ),
    "other upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
    "endless header": b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"x" * 1_000_000,
    "bad header": b"HTTP/1.1 101 Switching Protocols\r\nno colon\r\n\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_what_speaks_no_websocket_is_an_error_that_shows_nothing_of_it(
    engine: str, answer: str
) -> None:
    async def reply(peer: Peer) -> None:
        await peer.request()
        peer.writer.write(ANSWERS[answer])
        with contextlib.suppress(ConnectionError):
            await peer.writer.drain()
        peer.writer.close()

    async with RawServer(reply) as server:
        error = await attempt(server.url + "?token=secret", engine, handshake_timeout=5)
        await server.emptied.wait()
    assert type(error) is TransportError
    assert "secret" not in str(error)
    assert "SSH" not in str(error)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 503, 520])
async def test_a_refusal_by_http_says_its_status(engine: str, status: int) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.request()
        head = f"HTTP/1.1 {status} No\r\nContent-Length: 9\r\nRetry-After: 3\r\n\r\n"
        peer.writer.write(head.encode() + b"sk-secret")
        await peer.reader.read()

    async with RawServer(refuse) as server:
        error = await attempt(server.url, engine)
        await server.emptied.wait()
    assert type(error) is (AuthenticationError if status in (401, 403) else TransportError)
    assert error.code == str(status)
    assert "secret" not in str(error)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def test_a_cut_anywhere_in_a_handshake_of_tls(engine: str, authority: trustme.CA) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    # What the server makes of it is reported to the loop.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    async with RawServer(greet, serving) as server, FaultProxy(server.port) as proxy:
        url = proxy.url.replace("ws:", "wss:")
        transport = WebSocketTransport(url, engine=engine, ssl_context=trusting)  # type: ignore[arg-type]
        await transport.open(ConnectOptions(), None)
        whole = proxy.down
        await transport.shut()
        proxy.how = "close"
        for passed in range(0, whole - 100, 61):
            proxy.cut_down = passed
            await attempt(url, engine, ssl_context=trusting)
        await server.emptied.wait()


async def test_a_peer_that_never_answers_is_given_up(engine: str) -> None:
    async with RawServer(greet) as server, FaultProxy(server.port) as proxy:
        proxy.how = "stall"
        proxy.cut_up = 10
        error = await attempt(proxy.url, engine, handshake_timeout=0.05)
    assert "no answer to the WebSocket handshake within 0.05 s" in str(error)


# A session over them.

PATIENT = ReconnectPolicy(initial_delay_s=0.001, max_delay_s=0.001, max_attempts=1000)


async def test_a_service_that_is_started_anew_is_found_again(engine: str) -> None:
    again = asyncio.Event()
    kinds: list[str] = []
    attempts: list[int] = []
    tried = asyncio.Event()

    def trying(event: Any) -> None:
        attempts.append(event.attempt)
        if event.attempt == 3:
            tried.set()

    server = RawServer(greet)
    with socket.socket() as held:
        # While nobody listens there, nobody else may get the port, be it by connecting to it.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        server.port = held.getsockname()[1]
        async with server:
            transport = WebSocketTransport(server.url, engine=engine)  # type: ignore[arg-type]
            session = RealtimeSession(None, transport=transport, reconnect=PATIENT)
            session.on("reconnected", lambda _: again.set())
            session.on("reconnecting", trying)
            session.on("error", lambda event: kinds.append(str(event.error)))
            await session.connect()
        await tried.wait()
        async with server:
            await again.wait()
            assert session.connection_state == "connected"
            await session.close()
    assert attempts == list(range(1, len(attempts) + 1))
    assert kinds == []


@pytest.mark.parametrize(("status", "attempts"), [(401, 1), (403, 1), (429, 3), (503, 3)])
async def test_a_refused_key_is_not_tried_again_and_a_busy_service_is(
    engine: str, status: int, attempts: int
) -> None:
    greeted = 0

    async def once(peer: Peer) -> None:
        nonlocal greeted
        greeted += 1
        if greeted == 1:
            await peer.shake_hands()
            peer.say(CREATED)
            await peer.until(TEXT)
        else:
            await peer.request()
            peer.writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
            await peer.reader.read()

    policy = ReconnectPolicy(initial_delay_s=0, max_attempts=3)
    async with RawServer(once) as server:
        transport = WebSocketTransport(server.url, engine=engine)  # type: ignore[arg-type]
        session = RealtimeSession(None, transport=transport, reconnect=policy)
        await session.connect()
        stream = aiter(session)
        with pytest.raises(TransportError) as caught:
            async for _ in stream:
                pass
        assert caught.value.code == str(status)
        assert isinstance(caught.value, AuthenticationError) == (status in (401, 403))
        await session.close()
    assert greeted == 1 + attempts
