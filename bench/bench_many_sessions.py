"""Many sessions at once on one core: how late sound comes, how busy it is, whether memory grows.

Usage: python bench/bench_many_sessions.py [--sessions N] [--seconds S] [--engine E] [--json FILE]

A service in a process of its own, on another core, speaks to every session without a pause: 100 ms
of sound each 100 ms. Every session speaks as well, in pieces of 20 ms. Each piece carries the time
at which it was written, on the clock that all processes share; so its delay is known when a handler
gets it, or the service. Sessions take turns within those 100 and 20 ms, as callers would. After
five seconds of warming up, delays and memory are measured, and the processor's time of the
sessions' process, which is bound to one core.

The answer never ends, so history does not grow: what grows would be a leak. Where other work shares
the core, its turns show in the last percentiles.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import picows
import uvloop

from rtaudio import RealtimeAgent, RealtimeSession
from rtaudio.transports import WebSocketTransport

DELTA_S, CHUNK_S = 0.1, 0.02
WARM_UP_S = 5.0
# How precisely sessions keep time.
STEP_S = 0.001
REST_OF_DELTA = base64.b64encode(bytes(4800 - 12))
REST_OF_CHUNK = bytes(960 - 12)
APPEND_HEAD = b'{"type":"input_audio_buffer.append","audio":"'
DELTA_HEAD = (
    b'{"type":"response.output_audio.delta","event_id":"event_1","response_id":"resp_1",'
    b'"item_id":"item_1","output_index":0,"content_index":0,"delta":"'
)


def stamp() -> bytes:
    """The time, in twelve bytes: sixteen of base64."""
    return time.monotonic_ns().to_bytes(12, "little")


def age_ms(stamped: bytes | memoryview) -> float:
    """How long ago something was stamped."""
    return (time.monotonic_ns() - int.from_bytes(stamped[:12], "little")) / 1e6


class Delays:
    """Delays in milliseconds, in steps of a twentieth, up to ten seconds."""

    def __init__(self) -> None:
        self.counts = [0] * 200_001
        self.counting = False

    def add(self, ms: float) -> None:
        if self.counting:
            self.counts[min(200_000, int(ms * 20))] += 1

    def summary(self) -> dict[str, float]:
        counts = np.array(self.counts)
        total = int(counts.sum())
        if not total:
            return {"count": 0}
        reached = np.cumsum(counts)
        shares = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
        found = {
            name: float(np.searchsorted(reached, total * of)) / 20 for name, of in shares.items()
        }
        return {"count": total, **found, "max": float(np.flatnonzero(counts)[-1]) / 20}


# The service.


class Caller(picows.WSListener):
    """One session, at the service's end."""

    def __init__(self, delays: Delays, speaking: list[Any]) -> None:
        self._delays = delays
        self._speaking = speaking

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._transport = transport
        self.say("session.created", session={"type": "realtime"})

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type is picows.WSMsgType.CLOSE:
            transport.send_close(picows.WSCloseCode.OK)
            transport.disconnect()
            return
        payload = frame.get_payload_as_bytes()
        if payload.startswith(APPEND_HEAD):
            at = len(APPEND_HEAD)
            self._delays.add(age_ms(base64.b64decode(payload[at : at + 16])))
        elif b'"response.create"' in payload:
            self.say("response.created", response={"id": "resp_1", "output": []})
            self._speaking.append(transport)
        elif b'"start.counting"' in payload:
            self._delays.counting = True
        elif b'"stop.counting"' in payload:
            self._delays.counting = False
            self.say("counted", delays=self._delays.summary())

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        if transport in self._speaking:
            self._speaking.remove(transport)

    def say(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, "event_id": "e", **fields}
        self._transport.send(picows.WSMsgType.TEXT, json.dumps(event).encode())


async def serve() -> None:
    """Speak to whoever asks, until the standard input ends."""
    delays = Delays()
    speaking: list[Any] = []
    server = await picows.ws_create_server(lambda _: Caller(delays, speaking), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    asyncio.get_running_loop().run_in_executor(None, lambda: (sys.stdin.read(), os._exit(0)))
    await take_turns(
        DELTA_S,
        speaking,
        lambda transport: transport.send(
            picows.WSMsgType.TEXT,
            b"".join((DELTA_HEAD, base64.b64encode(stamp()), REST_OF_DELTA, b'"}')),
        ),
    )


async def take_turns(period_s: float, members: list[Any], act: Any) -> None:
    """Let each member act once in a period, evenly spread over it, for ever."""
    begin = time.monotonic()
    done = 0
    while True:
        due = int((time.monotonic() - begin) / period_s * len(members)) if members else 0
        while done < due:
            result = act(members[done % len(members)])
            if result is not None:
                await result
            done += 1
        await asyncio.sleep(STEP_S)


# The sessions.


class Talk:
    """All sessions, and what they measure."""

    def __init__(self, port: int, engine: Any) -> None:
        self._url = f"ws://127.0.0.1:{port}/v1/realtime"
        self._engine = engine
        self.delays = Delays()
        self.sessions: list[RealtimeSession] = []
        self.counted: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    async def connect(self, count: int) -> None:
        for _ in range(count):
            session = RealtimeSession(
                RealtimeAgent("a"),
                transport=WebSocketTransport(self._url, engine=self._engine),
                tracing_disabled=True,
            )
            session.on("audio", lambda event: self.delays.add(age_ms(event.data)))
            await session.connect()
            self.sessions.append(session)
        self.sessions[0].on("transport_event", self._look)
        # The service's turns are even once all are there.
        for session in self.sessions:
            await session.request_response()

    def _look(self, event: Any) -> None:
        if b'"counted"' in bytes(event.raw)[:40]:
            self.counted.set_result(event.event["delays"])

    def speak(self, session: RealtimeSession) -> Any:
        return session.send_audio(stamp() + REST_OF_CHUNK)


async def measure(port: int, sessions: int, seconds: float, engine: str) -> dict[str, Any]:
    """Everything, once all sessions speak."""
    talk = Talk(port, engine)
    await talk.connect(sessions)
    speaking = asyncio.ensure_future(take_turns(CHUNK_S, talk.sessions, talk.speak))
    await asyncio.sleep(WARM_UP_S)
    gc.collect()
    await talk.sessions[0].send_event({"type": "start.counting"})
    talk.delays.counting = True
    memory = [resident_mib()]
    busy, begin = time.process_time(), time.monotonic()
    for _ in range(10):
        await asyncio.sleep(seconds / 10)
        memory.append(resident_mib())
    busy, lasted = time.process_time() - busy, time.monotonic() - begin
    talk.delays.counting = False
    await talk.sessions[0].send_event({"type": "stop.counting"})
    sent = await talk.counted
    speaking.cancel()
    result = {
        "engine": engine,
        "sessions": sessions,
        "seconds": round(lasted, 1),
        "received_ms": talk.delays.summary(),
        "sent_ms": sent,
        "core_busy": round(busy / lasted, 3),
        "memory_mib": memory,
    }
    await asyncio.gather(*(session.close() for session in talk.sessions))
    return result


def resident_mib() -> float:
    """What this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 2)


def main() -> None:
    """Measure, print, and write where that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--engine", choices=["picows", "websockets"], default="picows")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve())
        return
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as service:
        os.sched_setaffinity(service.pid, set(cores[1:]) or set(cores))
        os.sched_setaffinity(0, {cores[0]})
        assert service.stdout is not None
        port = int(service.stdout.readline())
        row = uvloop.run(measure(port, options.sessions, options.seconds, options.engine))
        assert service.stdin is not None
        service.stdin.close()
    for name, value in row.items():
        print(f"{name:<12} {value}")
    if options.json is not None:
        options.json.write_text(json.dumps(row, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
