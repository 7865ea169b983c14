"""The clients whose processor time is measured, each in a process of its own.

Usage: python -m rtaudio.bench.session_clients NAME receive|send PORT TURNS COUNT

A client asks for an answer TURNS times and takes the sound out of its COUNT deltas, or sends COUNT
chunks of 20 ms and a commit. It prints one JSON object: `{"us": [...], "correct": true}`, the
processor time of each turn per delta or chunk, user and system, from the request to the last
delta or to the service's answer to the commit. A turn before those warms up, and is the one whose
sound is compared.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import socket
import sys
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

from rtaudio.bench.cases import Absent, need
from rtaudio.bench.processes import ABSENT_STATUS
from rtaudio.bench.session_server import DELTA_BYTES, answer_sound, make_pcm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["CHUNK_BYTES", "CLIENTS", "Listener", "main"]

CHUNK_BYTES = 960  # 20 ms at 24 kHz
ANSWER = {"type": "response.create"}
COMMIT = {"type": "input_audio_buffer.commit"}
UPDATE = {"type": "session.update", "session": {"type": "realtime"}}


class Listener:
    """What a client hands its sound to, and where it waits for the end of a turn."""

    def __init__(self) -> None:
        self.count = 0
        self.wanted = 0
        self.kept: list[bytes] | None = None
        self.done = asyncio.Event()

    def expect(self, deltas: int, *, keep: bool) -> None:
        self.count, self.wanted = 0, deltas
        self.kept = [] if keep else None
        self.done.clear()

    def heard(self, pcm: bytes) -> None:
        self.count += 1
        if self.kept is not None:
            self.kept.append(bytes(pcm))
        if self.count == self.wanted:
            self.done.set()


class Client(Protocol):
    """A connected client."""

    ask: Callable[[], Awaitable[Any]]
    """Asks for an answer; its sound goes to the listener."""
    send: Callable[[bytes], Awaitable[Any]]
    """Sends a chunk of PCM."""
    commit: Callable[[], Awaitable[Any]]
    """Ends the turn; the service's answer sets the listener's `done`."""


class _Calls:
    def __init__(self, ask: Any, send: Any, commit: Any) -> None:
        self.ask, self.send, self.commit = ask, send, commit


@asynccontextmanager
async def _rtaudio(
    port: int, listener: Listener, engine: Literal["picows", "websockets"] = "picows"
) -> AsyncIterator[Client]:
    from rtaudio.session import RealtimeAgent, RealtimeSession
    from rtaudio.transports import WebSocketTransport

    need(engine)
    session = RealtimeSession(
        RealtimeAgent(name="a"),
        transport=WebSocketTransport(f"ws://127.0.0.1:{port}", "none", engine=engine),
        tracing_disabled=True,
    )
    session.on("audio", lambda event: listener.heard(event.data))
    session.on("input_audio_committed", lambda _: listener.done.set())
    async with session:
        yield _Calls(session.request_response, session.send_audio, session.commit_audio)


@asynccontextmanager
async def _websockets(port: int, listener: Listener) -> AsyncIterator[Client]:
    loads, dumps = need("orjson").loads, need("orjson").dumps
    encode, decode = need("pybase64").b64encode_as_string, need("pybase64").b64decode
    connect = need("websockets.asyncio.client").connect
    async with connect(f"ws://127.0.0.1:{port}", max_size=None, compression=None) as socket:

        async def read() -> None:
            async for message in socket:
                event = loads(message)
                kind = event["type"]
                if kind == "response.output_audio.delta":
                    listener.heard(decode(event["delta"]))
                elif kind == "input_audio_buffer.committed":
                    listener.done.set()

        async def send(pcm: bytes) -> None:
            event = {"type": "input_audio_buffer.append", "audio": encode(pcm)}
            await socket.send(dumps(event), text=True)

        reading = asyncio.create_task(read())
        await socket.send(dumps(UPDATE), text=True)
        yield _Calls(
            lambda: socket.send(dumps(ANSWER), text=True),
            send,
            lambda: socket.send(dumps(COMMIT), text=True),
        )
        reading.cancel()


@asynccontextmanager
async def _picows(port: int, listener: Listener) -> AsyncIterator[Client]:
    picows = need("picows")
    loads, dumps = need("orjson").loads, need("orjson").dumps
    encode, decode = need("pybase64").b64encode_as_string, need("pybase64").b64decode

    listening: Any = picows.WSListener

    class Reader(listening):  # type: ignore[misc]
        def on_ws_frame(self, _transport: Any, frame: Any) -> None:
            event = loads(frame.get_payload_as_memoryview())
            kind = event["type"]
            if kind == "response.output_audio.delta":
                listener.heard(decode(event["delta"]))
            elif kind == "input_audio_buffer.committed":
                listener.done.set()

    transport, _ = await picows.ws_connect(Reader, f"ws://127.0.0.1:{port}")
    text = picows.WSMsgType.TEXT

    async def write(event: dict[str, Any]) -> None:
        transport.send(text, dumps(event))

    async def send(pcm: bytes) -> None:
        event = {"type": "input_audio_buffer.append", "audio": encode(pcm)}
        transport.send(text, dumps(event))

    await write(UPDATE)
    yield _Calls(lambda: write(ANSWER), send, lambda: write(COMMIT))
    transport.disconnect()


@asynccontextmanager
async def _openai(port: int, listener: Listener) -> AsyncIterator[Client]:
    openai = need("openai")
    client = openai.AsyncOpenAI(api_key="none", websocket_base_url=f"ws://127.0.0.1:{port}")
    async with client.realtime.connect(model="m") as connection:

        async def read() -> None:
            async for event in connection:
                if event.type == "response.output_audio.delta":
                    listener.heard(base64.b64decode(event.delta))
                elif event.type == "input_audio_buffer.committed":
                    listener.done.set()

        def send(pcm: bytes) -> Awaitable[Any]:
            text = base64.b64encode(pcm).decode("ascii")
            appended: Awaitable[Any] = connection.input_audio_buffer.append(audio=text)
            return appended

        reading = asyncio.create_task(read())
        await connection.session.update(session={"type": "realtime"})
        yield _Calls(connection.response.create, send, connection.input_audio_buffer.commit)
        reading.cancel()


@asynccontextmanager
async def _agents(port: int, listener: Listener) -> AsyncIterator[Client]:
    realtime = need("agents.realtime")
    inputs = need("agents.realtime.model_inputs")
    need("agents").set_tracing_disabled(True)
    runner = realtime.RealtimeRunner(realtime.RealtimeAgent(name="a"))
    session = await runner.run(
        model_config={"api_key": "none", "url": f"ws://127.0.0.1:{port}"},
    )
    async with session:

        async def read() -> None:
            async for event in session:
                if event.type == "audio":
                    listener.heard(event.audio.data)
                elif (
                    event.type == "raw_model_event"
                    and event.data.type == "raw_server_event"
                    and event.data.data.get("type") == "input_audio_buffer.committed"
                ):
                    listener.done.set()

        def raw(message: dict[str, Any]) -> Awaitable[Any]:
            sent: Awaitable[Any] = session.model.send_event(
                inputs.RealtimeModelSendRawMessage(message=message)
            )
            return sent

        reading = asyncio.create_task(read())
        yield _Calls(lambda: raw(dict(ANSWER)), session.send_audio, lambda: raw(dict(COMMIT)))
        reading.cancel()


CLIENTS: dict[str, tuple[str, Any]] = {
    "rtaudio": ("rtaudio", _rtaudio),
    "rtaudio + uvloop": ("rtaudio", _rtaudio),
    "rtaudio over websockets": ("rtaudio", partial(_rtaudio, engine="websockets")),
    "openai-agents": ("openai-agents", _agents),
    "openai-python": ("openai", _openai),
    "websockets + orjson + pybase64": ("websockets orjson pybase64", _websockets),
    "picows + orjson + pybase64": ("picows orjson pybase64", _picows),
    "picows + orjson + pybase64 + uvloop": ("picows orjson pybase64 uvloop", _picows),
}
"""Name to the distributions it is made of and the function that connects it.

What ends in uvloop runs on it. `rtaudio` alone is over picows.
"""

BARE = "bare socket read"


async def _measure(name: str, task: str, port: int, turns: int, count: int) -> dict[str, Any]:
    listener = Listener()
    sound = make_pcm(count * CHUNK_BYTES)
    chunks = [sound[at : at + CHUNK_BYTES] for at in range(0, len(sound), CHUNK_BYTES)]
    samples = []
    correct = True
    async with CLIENTS[name][1](port, listener) as client, asyncio.timeout(120):
        for turn in range(turns + 1):
            listener.expect(count, keep=turn == 0)
            begin = time.process_time_ns()
            if task == "receive":
                await client.ask()
            else:
                for chunk in chunks:
                    await client.send(chunk)
                    # Each chunk goes out by itself, as from a microphone.
                    await asyncio.sleep(0)
                await client.commit()
            await listener.done.wait()
            samples.append((time.process_time_ns() - begin) / 1000 / count)
            if turn == 0 and task == "receive":
                correct = listener.kept == answer_sound(count)
            # What ends the answer is still under way.
            await asyncio.sleep(0.02)
    return {"us": samples[1:], "correct": correct}


def _measure_bare(port: int, turns: int, count: int) -> dict[str, Any]:
    """Reads as many bytes as an answer has, and looks at none of them."""
    samples = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            + base64.b64encode(hashlib.sha256(b"").digest()[:16])
            + b"\r\n\r\n"
        )
        time.sleep(0.1)
        connection.recv(1 << 16)
        payload = json.dumps(ANSWER).encode()
        # Masked, as a client must, with a mask of zeros.
        request = bytes([0x81, 0x80 | len(payload)]) + b"\0\0\0\0" + payload
        room = bytearray(1 << 18)
        least = count * (DELTA_BYTES * 4 // 3)
        for _ in range(turns + 1):
            begin = time.process_time_ns()
            connection.sendall(request)
            taken = 0
            while taken < least:
                taken += connection.recv_into(room)
            samples.append((time.process_time_ns() - begin) / 1000 / count)
            time.sleep(0.02)
            connection.setblocking(False)
            try:
                while connection.recv_into(room):
                    pass
            except BlockingIOError:
                connection.setblocking(True)
    return {"us": samples[1:], "correct": True}


def main(arguments: list[str]) -> int:
    """Measure one client.

    Returns:
        The exit status: 0, or 3 where a package is missing.
    """
    name, task = arguments[:2]
    port, turns, count = map(int, arguments[2:])
    try:
        if name == BARE:
            result = _measure_bare(port, turns, count)
        else:
            run = need("uvloop").run if name.endswith("uvloop") else asyncio.run
            result = run(_measure(name, task, port, turns, count))
    except Absent as absent:
        print(absent, file=sys.stderr)
        return ABSENT_STATUS
    print(json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    # Some clients keep threads or tasks that would hold up the end.
    os._exit(status)
