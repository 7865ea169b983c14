"""A peer that does not read holds back whoever writes, and memory does not grow."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from raw_server import CLOSE, CREATED, PING, Peer, RawServer, frame_bytes

from rtaudio import RealtimeSession, TransportError
from rtaudio.transports import ConnectOptions, WebSocketTransport

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE = 48_000  # a second at 24 kHz, 64 KB on the wire
PIECES = 120  # more than the buffers of these connections take


class Deaf:
    """Greets a client, and reads no more of it until it is told to."""

    def __init__(self) -> None:
        self.listen = asyncio.Event()
        self.heard: list[bytes] = []
        self.full = asyncio.Event()
        self.wanted = PIECES

    async def __call__(self, peer: Peer) -> None:
        await peer.shake_hands()
        peer.say(CREATED)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await self.listen.wait()
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        while True:
            kind, payload = await peer.frame()
            if kind == CLOSE:
                peer.send(CLOSE, payload)
                return
            event = json.loads(payload)
            if event["type"] == "input_audio_buffer.append":
                self.heard.append(base64.b64decode(event["audio"]))
                if len(self.heard) == self.wanted:
                    self.full.set()


def piece(n: int) -> bytes:
    return n.to_bytes(2, "little") * (PIECE // 2)


async def settled(count: Callable[[], int]) -> int:
    """What is counted once it has stopped growing, however often the loop turns."""
    before, turns = -1, 0
    while turns < 500:
        turns = turns + 1 if count() == before else 0
        before = count()
        await asyncio.sleep(0)
    return before


async def test_sound_waits_while_the_peer_does_not_read_and_none_of_it_is_lost(engine: str) -> None:
    deaf = Deaf()
    sent = 0

    async def talk(transport: WebSocketTransport) -> None:
        nonlocal sent
        for n in range(PIECES):
            await transport.send_audio(piece(n))
            sent += 1

    async with RawServer(deaf, receive_bytes=262_144) as server:
        transport = WebSocketTransport(server.url, engine=engine)
        await transport.open(ConnectOptions(), None)
        tracemalloc.start()
        try:
            talking = asyncio.ensure_future(talk(transport))
            before = await settled(lambda: sent)
            held = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert before < PIECES
        # What is under way, in what the libraries keep it: three pieces or four.
        assert held < 8 * PIECE
        deaf.listen.set()
        await talking
        await deaf.full.wait()
        await transport.shut()
    assert deaf.heard == [piece(n) for n in range(PIECES)]


async def test_many_senders_wait_and_what_they_send_keeps_its_order(engine: str) -> None:
    deaf = Deaf()
    async with RawServer(deaf, receive_bytes=262_144) as server:
        session = RealtimeSession(None, transport=WebSocketTransport(server.url, engine=engine))
        async with session:
            sends = [asyncio.ensure_future(session.send_audio(piece(n))) for n in range(PIECES)]
            done = await settled(lambda: sum(send.done() for send in sends))
            assert done < PIECES
            queue = session.stats.queues["outbox"]
            assert PIECES - done - 2 <= queue.size <= PIECES - done
            deaf.listen.set()
            await asyncio.gather(*sends)
            await deaf.full.wait()
            assert session.stats.queues["outbox"].size == 0
    assert deaf.heard == [piece(n) for n in range(PIECES)]


async def test_a_full_line_refuses_what_more_is_sent(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtaudio.session.outbox.MAX_WAITING", 10)
    deaf = Deaf()
    async with RawServer(deaf, receive_bytes=262_144) as server:
        transport = WebSocketTransport(server.url, engine=engine, close_timeout=0.05)
        async with RealtimeSession(None, transport=transport) as session:
            sends = [asyncio.ensure_future(session.send_audio(piece(n))) for n in range(PIECES)]
            await settled(lambda: sum(send.done() for send in sends))
            refused = [send for send in sends if send.done() and send.exception() is not None]
            assert refused
            assert {type(send.exception()) for send in refused} == {TransportError}
            assert session.stats.queues["outbox"].size <= 10
            assert session.stats.queues["outbox"].lost == len(refused)
        await asyncio.wait(sends)


async def test_who_waits_is_told_when_the_connection_ends(engine: str) -> None:
    deaf = Deaf()
    async with RawServer(deaf, receive_bytes=262_144) as server:
        transport = WebSocketTransport(server.url, engine=engine, close_timeout=0.05)
        await transport.open(ConnectOptions(), None)
        sends = [asyncio.ensure_future(_send(transport, n)) for n in range(PIECES)]
        done = await settled(lambda: sum(send.done() for send in sends))
        assert done < PIECES
        # Cut, or closed: a goodbye would have to queue behind it all.
        await transport.shut()
        await asyncio.wait(sends)
        errors = [error for send in sends if (error := send.exception()) is not None]
        assert len(errors) == PIECES - done
        assert all(isinstance(error, TransportError) for error in errors)
        with pytest.raises(TransportError, match="disconnected"):
            await transport.send_audio(piece(0))


async def test_a_cancelled_sender_does_not_disturb_the_others(engine: str) -> None:
    deaf = Deaf()
    async with RawServer(deaf, receive_bytes=262_144) as server:
        transport = WebSocketTransport(server.url, engine=engine)
        await transport.open(ConnectOptions(), None)
        sends = [asyncio.ensure_future(_send(transport, n)) for n in range(PIECES)]
        await settled(lambda: sum(send.done() for send in sends))
        waiting = [send for send in sends if not send.done()]
        waiting[0].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting[0]
        deaf.listen.set()
        await asyncio.gather(*sends, return_exceptions=True)
        assert not any(send.exception() for send in sends if not send.cancelled())
        await deaf.full.wait()
        await transport.shut()
    assert deaf.heard == [piece(n) for n in range(PIECES)]


async def test_answers_to_pings_of_a_peer_that_does_not_read_do_not_pile_up() -> None:
    pytest.importorskip("picows")  # with websockets they are the library's business
    flooded = asyncio.Event()

    async def flood(peer: Peer) -> None:
        await peer.shake_hands()
        peer.say(CREATED)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(600):
            peer.writer.write(frame_bytes(PING, bytes(125)) * 100)
            await peer.writer.drain()
        peer.say({"type": "flooded"})
        await asyncio.get_running_loop().create_future()

    async with RawServer(flood, receive_bytes=262_144) as server:
        session = RealtimeSession(
            None, transport=WebSocketTransport(server.url, engine="picows", close_timeout=0.05)
        )
        session.on("transport_event", lambda e: e.event["type"] == "flooded" and flooded.set())
        await session.connect()
        await flooded.wait()
        socket: Any = session.transport._socket  # type: ignore[attr-defined]
        waiting = socket._transport.underlying_transport.get_write_buffer_size()
        assert 0 < waiting < 64 * 1024
        await session.close()


async def _send(transport: WebSocketTransport, n: int) -> None:
    await transport.send_audio(piece(n))
