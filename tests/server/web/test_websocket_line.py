"""A WebSocket as a line of events: what it carries, bounds and answers, and how it ends."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from rtaudio.server import Limits, RealtimeServer
from rtaudio.server.web import websocket_line
from rtaudio.server.web.websocket_line import WebSocketLine

if TYPE_CHECKING:
    from collections.abc import Callable


async def rest(socket: Any) -> None:
    while True:
        await socket.recv()


async def closed(socket: Any) -> tuple[int, str]:
    """Receive until the close."""
    with pytest.raises(ConnectionClosed) as caught:
        await rest(socket)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


async def test_a_message_above_the_limit_ends_the_connection(talk: Callable[..., Any]) -> None:
    async with talk(limits=Limits(message_bytes=1000)) as client:
        await client.socket.send('{"type":"input_audio_buffer.clear"}')
        await client.receive("input_audio_buffer.cleared")
        await client.socket.send("x" * 2000)
        assert (await closed(client.socket))[0] == 1009


async def test_text_that_is_no_utf_8_ends_the_connection(talk: Callable[..., Any]) -> None:
    async with talk() as client:
        await client.socket.send(b"\xff\xfe", text=True)
        assert (await closed(client.socket))[0] == 1007


async def test_compression_is_declined_and_so_are_other_subprotocols(
    engines: dict[str, Any],
) -> None:
    others: Any = ["chat", "realtime"]
    async with (
        RealtimeServer(**engines) as server,
        connect(server.url, compression="deflate", subprotocols=others) as socket,
    ):
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        assert socket.subprotocol == "realtime"
        assert socket.response.headers["Server"] == "rtaudio"


async def test_no_log_shows_the_key_of_a_client_that_offers_nothing_but_its_key(
    engines: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "websockets.client")  # it logs what the test itself sends
    only: Any = ["openai-insecure-api-key.s3cret"]
    async with (
        RealtimeServer(**engines, token="s3cret") as server,
        connect(server.url, subprotocols=only) as socket,
    ):
        assert socket.subprotocol is None
        assert "session.created" in str(await socket.recv())
    assert "s3cret" not in caplog.text


async def test_pings_go_on_where_no_pong_comes(
    engines: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_line, "_PING_S", 0.001)
    async with (
        RealtimeServer(**engines) as server,
        aiohttp.ClientSession() as http,
        http.ws_connect(server.url, autoping=False) as socket,
    ):
        pings = 0
        while pings < 20:
            pings += (await socket.receive()).type is aiohttp.WSMsgType.PING
        await socket.send_str('{"type":"input_audio_buffer.clear"}')
        while (message := await socket.receive()).type is not aiohttp.WSMsgType.TEXT:
            pass
        assert "input_audio_buffer.cleared" in message.data


async def test_a_client_is_told_when_the_service_ends(engines: dict[str, Any]) -> None:
    server = RealtimeServer(**engines)
    await server.__aenter__()
    async with connect(server.url) as socket:
        await socket.recv()
        assert server.sessions == 1
        ends = asyncio.create_task(server.__aexit__(None, None, None))
        assert await closed(socket) == (1001, "The service ends.")
        await ends
        assert server.sessions == 0


async def test_an_idle_client_is_told_and_closed(talk: Callable[..., Any]) -> None:
    async with talk(limits=Limits(idle_s=0.01)) as client:
        (event,) = await client.receive("error")
        assert event["error"]["code"] == "connection_idle"
        assert (await closed(client.socket))[0] == 4008


async def test_a_client_that_sends_is_not_idle(
    engines: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(websocket_line, "_PING_S", 0.001)
    monkeypatch.setattr(websocket_line, "monotonic", lambda: now)
    async with (
        RealtimeServer(**engines, limits=Limits(idle_s=10.0)) as server,
        aiohttp.ClientSession() as http,
        http.ws_connect(server.url, autoping=False) as socket,
    ):

        async def next_of(kind: aiohttp.WSMsgType) -> Any:
            while (message := await socket.receive()).type is not kind:
                pass
            return message.data

        assert "session.created" in await next_of(aiohttp.WSMsgType.TEXT)
        for _ in range(3):
            now += 9.0  # each time the keeper looks again before its next ping
            await socket.send_str('{"type":"input_audio_buffer.clear"}')
            assert "cleared" in await next_of(aiohttp.WSMsgType.TEXT)
            await next_of(aiohttp.WSMsgType.PING)
            await next_of(aiohttp.WSMsgType.PING)
        now += 11.0
        assert "connection_idle" in await next_of(aiohttp.WSMsgType.TEXT)


async def stop_reading(server: RealtimeServer) -> asyncio.StreamWriter:
    """Have answers made for a client that reads none of them, until the service waits for it."""
    address = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1024)
    upgrade = (
        "GET /v1/realtime HTTP/1.1",
        f"Host: {address.netloc}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    writer.write("\r\n".join((*upgrade, "", "")).encode())
    await reader.readuntil(b"\r\n\r\n")
    unknown = b'{"type":"' + b"x" * 100 + b'"}'
    message = bytes((0x81, 0x80 | len(unknown), 0, 0, 0, 0)) + unknown
    with suppress(TimeoutError):
        while True:  # each answer is longer than what it answers, so the service is held up first
            writer.write(message * 500)
            await asyncio.wait_for(writer.drain(), 0.5)
    return writer


async def test_a_client_that_reads_nothing_is_cut_off_when_the_service_ends(
    engines: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_line, "_CLOSE_S", 0.01)
    server = RealtimeServer(**engines)
    await server.__aenter__()
    writer = await stop_reading(server)
    assert server.sessions == 1
    await asyncio.wait_for(server.__aexit__(None, None, None), 20)
    assert server.sessions == 0
    writer.transport.abort()


async def test_a_client_that_reads_nothing_is_cut_off_when_it_is_idle(
    engines: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_line, "_CLOSE_S", 0.01)
    monkeypatch.setattr(websocket_line, "_PING_S", 0.01)
    now = 0.0
    monkeypatch.setattr(websocket_line, "monotonic", lambda: now)
    async with RealtimeServer(**engines, limits=Limits(idle_s=10.0)) as server:
        writer = await stop_reading(server)
        assert server.sessions == 1
        now += 11.0
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(writer.drain(), 20)


async def test_messages_that_were_read_ahead_leave_others_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class ReadAhead:
        async def receive(self) -> aiohttp.WSMessage:
            return aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, "{}", None)

    monkeypatch.setattr(websocket_line, "_TURN_S", 0.0)
    line = WebSocketLine(ReadAhead(), None)  # type: ignore[arg-type]
    turns: list[str] = []
    other = asyncio.create_task(asyncio.sleep(0))
    other.add_done_callback(lambda _: turns.append("other"))
    async for _ in line:
        turns.append("line")
        if len(turns) == 20:
            break
    assert "other" in turns
