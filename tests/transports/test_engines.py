"""What both WebSocket engines do with frames of every kind, against a server without manners."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import json
import logging
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from raw_server import BINARY, CLOSE, CONTINUATION, CREATED, PING, PONG, TEXT, Peer, RawServer

from rtaudio import (
    AuthenticationError,
    ConfigError,
    ConnectionLost,
    RealtimeSession,
    TransportError,
)
from rtaudio.transports import ConnectOptions, WebSocketTransport, websocket
from rtaudio.transports.base import TransportSink, lasting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rtaudio.errors import ProtocolError
    from rtaudio.transports.base import RawMessage


class Heard:
    """Listens to a transport, and remembers what it was told."""

    def __init__(self, transport: WebSocketTransport) -> None:
        self.raw: list[RawMessage] = []
        self.kinds: list[str] = []
        self.garbage: list[ProtocolError] = []
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._changed = asyncio.Event()
        transport.attach(
            TransportSink(self._event, self._garbage, lambda _status: None, self.lost.set_result)
        )

    async def until(self, kind: str) -> None:
        while kind not in self.kinds:
            self._changed.clear()
            await self._changed.wait()

    def _event(self, event: Any, raw: RawMessage) -> None:
        self.kinds.append(event.type)
        self.raw.append(lasting(raw))
        self._changed.set()

    def _garbage(self, error: ProtocolError, raw: RawMessage) -> None:
        self.garbage.append(error)
        self.raw.append(lasting(raw))


def greeting(then: Callable[[Peer], Awaitable[None]]) -> Callable[[Peer], Awaitable[None]]:
    """Accept a session, and go on with something else."""

    async def behave(peer: Peer) -> None:
        await peer.shake_hands()
        peer.say(CREATED)
        await then(peer)

    return behave


async def opened(server: RawServer, **options: Any) -> tuple[WebSocketTransport, Heard]:
    transport = WebSocketTransport(server.url, **options)
    heard = Heard(transport)
    await transport.open(ConnectOptions(), None)
    return transport, heard


async def test_the_engine_that_is_asked_for_carries_the_connection(engine: str) -> None:
    async with RawServer(greeting(Peer.gone)) as server:
        for wanted in ("auto", engine):
            transport, _ = await opened(server, engine=wanted)
            assert transport.engine == engine
            await transport.shut()
            assert transport.engine is None


async def test_a_message_in_fragments_is_put_together(engine: str) -> None:
    async def talk(peer: Peer) -> None:
        peer.send(TEXT, b'{"type":', final=False)
        peer.send(PING, b"between")
        assert await peer.until(PONG) == b"between"
        peer.send(CONTINUATION, b'"first', final=False)
        peer.send(CONTINUATION, b"", final=False)
        peer.send(CONTINUATION, b'.one"}')
        peer.send(BINARY, b'{"type": "in.bytes"}')
        peer.send(BINARY, b'{"type": ', final=False)
        peer.send(CONTINUATION, b'"last.one"}')
        await peer.gone()

    async with RawServer(greeting(talk)) as server:
        transport, heard = await opened(server, engine=engine)
        await heard.until("last.one")
        await transport.shut()
    assert heard.kinds == ["session.created", "first.one", "in.bytes", "last.one"]
    assert heard.garbage == []


async def test_what_comes_with_the_handshake_in_one_piece_is_not_lost(engine: str) -> None:
    async def behave(peer: Peer) -> None:
        headers = await peer.request()
        created = json.dumps(CREATED).encode()
        peer.writer.write(peer.acceptance(headers) + bytes([0x81, len(created)]) + created)
        await peer.gone()

    async with RawServer(behave) as server:
        transport, heard = await opened(server, engine=engine)
        await transport.shut()
    assert heard.kinds == ["session.created"]


async def test_what_comes_with_the_handshake_can_be_answered_at_once(engine: str) -> None:
    async def behave(peer: Peer) -> None:
        headers = await peer.request()
        created = json.dumps(CREATED).encode()
        peer.writer.write(peer.acceptance(headers) + bytes([0x81, len(created)]) + created)
        assert await peer.until(TEXT) == b'{"type":"reply"}'
        peer.say({"type": "answered"})
        await peer.gone()

    class Quick(Heard):
        def _event(self, event: Any, raw: RawMessage) -> None:
            if event.type == "session.created":
                written = transport.send_event({"type": "reply"})
                self.reply = asyncio.ensure_future(written)
            super()._event(event, raw)

    async with RawServer(behave) as server:
        transport = WebSocketTransport(server.url, engine=engine)
        heard = Quick(transport)
        await transport.open(ConnectOptions(), None)
        await heard.until("answered")
        await heard.reply
        await transport.shut()


async def test_who_leaves_with_the_handshake_makes_the_attempt_fail(engine: str) -> None:
    async def behave(peer: Peer) -> None:
        headers = await peer.request()
        peer.writer.write(peer.acceptance(headers) + b"\x88\x02\x0b\xb8")
        await peer.until(CLOSE)

    async with RawServer(behave) as server:
        transport = WebSocketTransport(server.url, engine=engine)
        with pytest.raises(AuthenticationError, match="code 3000"):
            await transport.open(ConnectOptions(), {"type": "session.update", "session": {}})
        await server.emptied.wait()


async def test_frames_may_be_torn_anywhere(engine: str) -> None:
    event = json.dumps({"type": "torn", "filler": "x" * 300}).encode()

    async def talk(peer: Peer) -> None:
        for byte in bytes([0x81, 126]) + len(event).to_bytes(2, "big") + event:
            peer.writer.write(bytes([byte]))
            await peer.writer.drain()
            await asyncio.sleep(0)
        await peer.gone()

    async with RawServer(greeting(talk)) as server:
        transport, heard = await opened(server, engine=engine)
        await heard.until("torn")
        assert heard.raw[-1] == event
        await transport.shut()


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(TEXT, b"{}", {"reserved": 4})], 1002),
        ([(TEXT, b"{}", {"reserved": 1})], 1002),
        ([(CONTINUATION, b"{}", {})], 1002),
        ([(TEXT, b"{", {"final": False}), (TEXT, b"}", {})], 1002),
        ([(0x3, b"", {})], 1002),
        ([(0xB, b"", {})], 1002),
        ([(PING, b"x" * 126, {})], 1002),
        ([(PING, b"x", {"final": False})], 1002),
        ([(CLOSE, b"\x03", {})], 1002),
        ([(TEXT, b"x" * 1001, {})], 1009),
        ([(TEXT, b"x" * 600, {"final": False}), (CONTINUATION, b"x" * 600, {})], 1009),
    ],
)
async def test_what_breaks_the_rules_of_the_protocol_ends_the_connection(
    engine: str, frames: list[tuple[int, bytes, dict[str, Any]]], code: int
) -> None:
    told: list[bytes] = []

    async def talk(peer: Peer) -> None:
        for opcode, payload, how in frames:
            peer.send(opcode, payload, **how)
        told.append(await peer.until(CLOSE))

    async with RawServer(greeting(talk)) as server:
        _, heard = await opened(server, engine=engine, max_message_bytes=1000)
        error = await heard.lost
        assert isinstance(error, ConnectionLost)
        assert error.code == str(code)
        assert ("max_message_bytes=1000" in str(error)) == (code == 1009)
        await server.emptied.wait()
    assert [int.from_bytes(each[:2], "big") for each in told] == [code]
    assert heard.kinds == ["session.created"]


async def test_bytes_that_are_no_text_are_garbage_and_do_no_harm(engine: str) -> None:
    async def talk(peer: Peer) -> None:
        peer.send(TEXT, b"\xff\xfe{}")
        peer.send(BINARY, bytes(range(256)))
        peer.send(TEXT, b"")
        peer.say({"type": "still.here"})
        await peer.gone()

    async with RawServer(greeting(talk)) as server:
        transport, heard = await opened(server, engine=engine)
        await heard.until("still.here")
        await transport.shut()
    assert heard.raw[1:4] == [b"\xff\xfe{}", bytes(range(256)), b""]
    assert len(heard.garbage) == 3


async def test_nothing_of_a_frame_is_used_after_its_call(engine: str) -> None:
    async def talk(peer: Peer) -> None:
        while b"clear" not in await peer.until(TEXT):
            pass
        for n in range(3):
            peer.say({"type": f"event.{n}"})
        peer.send(TEXT, b"no event")
        peer.say({"type": "last"})
        await peer.gone()

    async with RawServer(greeting(talk)) as server:
        session = RealtimeSession(None, transport=WebSocketTransport(server.url, engine=engine))
        async with session:
            stream = aiter(session)
            await session.clear_audio()
            kept = []
            async for event in stream:
                kept.append(event)
                if event.type == "transport_event" and event.event["type"] == "last":
                    break
    kinds = [event.event["type"] for event in kept if event.type == "transport_event"]
    assert kinds[-4:] == ["event.0", "event.1", "event.2", "last"]
    assert sum(event.type == "error" for event in kept) == 1


async def test_a_listener_that_raises_does_not_stop_the_reading(engine: str) -> None:
    async def talk(peer: Peer) -> None:
        for n in range(2):
            peer.say({"type": f"event.{n}"})
        await peer.gone()

    seen: list[str] = []
    told: list[dict[str, Any]] = []
    done = asyncio.Event()

    def fail(event: Any, _raw: RawMessage) -> None:
        seen.append(event.type)
        if event.type == "event.1":
            done.set()
        raise LookupError("listener")

    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    async with RawServer(greeting(talk)) as server:
        transport = WebSocketTransport(server.url, engine=engine)
        nothing: Any = lambda *_: None  # noqa: E731
        transport.attach(TransportSink(fail, nothing, nothing, nothing))
        attempt = asyncio.ensure_future(
            transport.open(ConnectOptions(call_id="c", url=server.url), None)
        )
        await done.wait()
        await attempt
        await transport.shut()
    assert seen == ["session.created", "event.0", "event.1"]
    assert [type(each["exception"]) for each in told] == [LookupError] * 3


async def test_pings_are_answered_and_pongs_nobody_asked_for_are_not(engine: str) -> None:
    async def talk(peer: Peer) -> None:
        peer.send(PONG, b"unasked")
        peer.send(PING, b"")
        peer.send(PING, b"two")
        assert [await peer.frame() for _ in range(2)] == [(PONG, b""), (PONG, b"two")]
        peer.say({"type": "answered"})
        await peer.gone()

    async with RawServer(greeting(talk)) as server:
        transport, heard = await opened(server, engine=engine)
        await heard.until("answered")
        await transport.shut()


async def test_a_peer_that_answers_pings_is_kept(engine: str) -> None:
    async def talk(peer: Peer) -> None:
        for _ in range(3):
            peer.send(PONG, await peer.until(PING))
        peer.say({"type": "kept"})
        await peer.gone()

    async with RawServer(greeting(talk)) as server:
        transport, heard = await opened(server, engine=engine, ping_interval=0.01)
        await heard.until("kept")
        await transport.shut()
        assert not heard.lost.done()


async def test_a_peer_that_does_not_answer_pings_is_lost(engine: str) -> None:
    async def talk(peer: Peer) -> None:
        while True:
            await peer.frame()

    async with RawServer(greeting(talk)) as server:
        _, heard = await opened(
            server, engine=engine, ping_interval=0.01, ping_timeout=0.01, close_timeout=0.01
        )
        error = await heard.lost
        await server.emptied.wait()
    assert isinstance(error, ConnectionLost)
    assert error.code == "1011"
    assert "no pong came within 0.01 s" in str(error)


async def test_without_an_interval_there_are_no_pings(engine: str) -> None:
    async def talk(peer: Peer) -> None:
        assert await peer.frame() == (TEXT, b'{"type":"x"}')
        await peer.gone()

    async with RawServer(greeting(talk)) as server:
        transport, heard = await opened(server, engine=engine, ping_interval=None)
        await transport.send_event({"type": "x"})
        await transport.shut()
        assert not heard.lost.done()


async def test_close_waits_for_the_goodbye_of_the_other_side_but_not_for_ever(engine: str) -> None:
    async def ignore(peer: Peer) -> None:
        while True:
            await peer.frame()

    async with RawServer(greeting(ignore)) as server:
        transport, heard = await opened(server, engine=engine, close_timeout=0.05)
        await transport.shut()
        await server.emptied.wait()
        assert transport.status == "disconnected"
        assert not heard.lost.done()


async def test_nothing_is_told_once_close_was_called(engine: str) -> None:
    async def talk(peer: Peer) -> None:
        await peer.until(CLOSE)
        peer.say({"type": "too.late"})
        peer.send(CLOSE, b"\x03\xe8")

    async with RawServer(greeting(talk)) as server:
        transport, heard = await opened(server, engine=engine)
        await asyncio.gather(transport.shut(), transport.close())
        assert heard.kinds == ["session.created"]
        assert not heard.lost.done()
        with pytest.raises(TransportError, match="disconnected"):
            await transport.send_audio(b"\0\0")


async def test_sound_after_the_end_of_the_connection_is_refused_by_name(engine: str) -> None:
    async def leave(peer: Peer) -> None:
        await peer.until(TEXT)
        peer.send(CLOSE, b"\x03\xe9")
        await peer.until(CLOSE)

    async with RawServer(greeting(leave)) as server:
        transport, heard = await opened(server, engine=engine)
        await transport.send_audio(b"\0\0")
        await heard.lost
        with pytest.raises(TransportError, match="disconnected"):
            await transport.send_audio(b"\0\0")


async def test_a_cancelled_attempt_leaves_nothing_open(engine: str) -> None:
    asked = asyncio.Event()

    async def stay_silent(peer: Peer) -> None:
        await peer.request()
        asked.set()
        await peer.reader.read()

    async with RawServer(stay_silent) as server:
        transport = WebSocketTransport(server.url, engine=engine)
        attempt = asyncio.ensure_future(transport.open(ConnectOptions(), None))
        await asked.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        await server.emptied.wait()
        assert transport.status == "disconnected"


async def test_a_redirect_is_not_followed(engine: str) -> None:
    reached: list[dict[bytes, bytes]] = []

    async def note(peer: Peer) -> None:
        reached.append(await peer.request())

    async with RawServer(note) as other:

        async def send_on(peer: Peer) -> None:
            await peer.request()
            peer.writer.write(
                b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
                + other.url.encode()
                + b"\r\n\r\n"
            )
            await peer.reader.read()

        async with RawServer(send_on) as server:
            transport = WebSocketTransport(server.url, api_key="sk-1", engine=engine)
            with pytest.raises(TransportError, match="HTTP 302"):
                await transport.open(ConnectOptions(), None)
    assert reached == []


async def test_user_and_password_of_a_url_are_presented_and_not_shown(engine: str) -> None:
    presented: list[bytes] = []

    async def behave(peer: Peer) -> None:
        presented.append((await peer.shake_hands())[b"authorization"])
        peer.say(CREATED)
        await peer.gone()

    async with RawServer(behave) as server:
        url = server.url.replace("//", "//me:p%40ss@")
        transport = WebSocketTransport(url, engine=engine)
        await transport.open(ConnectOptions(), None)
        assert "p%40ss" not in repr(transport)
        await transport.shut()
    assert presented == [b"Basic bWU6cEBzcw=="]


# TLS and proxies.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def serving(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_tls_is_spoken_with_whom_the_given_context_trusts(
    engine: str, authority: trustme.CA
) -> None:
    async def talk(peer: Peer) -> None:
        peer.say({"type": "large", "filler": "x" * 200_000})
        assert len(await peer.until(TEXT)) > 200_000
        peer.say({"type": "both.ways"})
        await peer.gone()

    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with RawServer(greeting(talk), serving(authority, "localhost")) as server:
        transport, heard = await opened(server, engine=engine, ssl_context=trusting)
        await transport.send_audio(bytes(200_000))
        await heard.until("both.ways")
        await transport.shut()


@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("elsewhere.test", True)])
async def test_a_certificate_nobody_vouches_for_or_of_another_host_is_refused(
    engine: str, authority: trustme.CA, name: str, trusted: bool
) -> None:
    async def talk(_peer: Peer) -> None:
        raise AssertionError("a request was made")

    options: dict[str, Any] = {}
    if trusted:
        options["ssl_context"] = ssl.create_default_context()
        authority.configure_trust(options["ssl_context"])
    # The server's side of the refusal is reported to the loop.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    async with RawServer(talk, serving(authority, name)) as server:
        transport = WebSocketTransport(server.url, engine=engine, **options)
        with pytest.raises(TransportError, match="cannot connect to localhost") as caught:
            await transport.open(ConnectOptions(), None)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


class Tunnel:
    """An HTTP proxy that connects anybody to one server."""

    def __init__(self, target: RawServer) -> None:
        self.asked: list[bytes] = []
        self._target = target

    async def __call__(self, peer: Peer) -> None:
        self.asked.append(await peer.reader.readline())
        await peer.request()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target.port)
        peer.writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                while data := await source.read(65536):
                    sink.write(data)
            sink.close()

        await asyncio.gather(copy(peer.reader, writer), copy(reader, peer.writer))


@pytest.mark.parametrize("source", ["option", "environment"])
async def test_a_proxy_is_gone_through_whatever_the_engine(
    engine: str, source: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with RawServer(greeting(Peer.gone)) as server:
        tunnel = Tunnel(server)
        async with RawServer(tunnel) as proxy:
            address = f"http://user:secret@127.0.0.1:{proxy.port}"
            options: dict[str, Any] = {"engine": engine}
            url = server.url.replace("localhost", "service.test")
            if source == "option":
                options["proxy"] = address
            else:
                monkeypatch.setenv("ws_proxy", address)
                monkeypatch.setenv("http_proxy", address)
            transport = WebSocketTransport(url, **options)
            with caplog.at_level(logging.INFO, "rtaudio"):
                await transport.open(ConnectOptions(), None)
            assert transport.engine == "websockets"
            assert ("a proxy is in the way" in caplog.text) == (engine == "picows")
            assert "secret" not in caplog.text
            await transport.shut()
        assert tunnel.asked == [f"CONNECT service.test:{server.port} HTTP/1.1\r\n".encode()]


async def test_no_proxy_of_the_environment_is_used_for_this_machine_or_where_none_is_wanted(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ws_proxy", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with RawServer(greeting(Peer.gone)) as server:
        for options in ({}, {"proxy": None}):
            transport, _ = await opened(server, engine=engine, **options)
            await transport.shut()


# Choosing.


@pytest.mark.parametrize("installed", [True, False])
def test_auto_is_picows_where_it_is_installed_and_can_do_it(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "find_spec", lambda _name: object() if installed else None)
    chosen = WebSocketTransport()._wanted_engine
    assert chosen == ("picows" if installed else "websockets")
    assert WebSocketTransport(compression="deflate")._wanted_engine == "websockets"
    own: Any = lambda *_: None  # noqa: E731
    assert WebSocketTransport(create_websocket=own)._wanted_engine == "websockets"


def test_picows_is_refused_where_it_is_missing_or_cannot_do_what_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "find_spec", lambda _name: object())
    own: Any = lambda *_: None  # noqa: E731
    with pytest.raises(ConfigError, match="compression"):
        WebSocketTransport(engine="picows", compression="deflate")
    with pytest.raises(ConfigError, match="create_websocket"):
        WebSocketTransport(engine="picows", create_websocket=own)
    monkeypatch.setattr(websocket, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"rtaudio\[speed\]"):
        WebSocketTransport(engine="picows")


async def test_websockets_alone_needs_no_picows(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("picows"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(websocket, "find_spec", lambda _name: None)
    async with RawServer(greeting(Peer.gone)) as server:
        transport, _ = await opened(server)
        assert transport.engine == "websockets"
        await transport.shut()
