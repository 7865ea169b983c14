"""Processor time of WebRTC clients: stock aiortc against `WebRTCTransport`, in one run.

    make bench-webrtc

A client process holds one call, or several; at the other end is stock aiortc, in a process of its
own on this machine. Speech goes out and comes in at the pace of real time, 20 ms at a time. What is
counted is the client's processor time per call and 20 ms, everything included: codec, RTP, SRTP,
ICE, timers. The clients take turns, so that a machine that gets busy meanwhile is unfair to none.

What this shows besides: a process with one call mostly wakes up, with cold caches, which costs any
client about as much. With more calls in a process that is shared, and the work itself is left.
"""

from __future__ import annotations

import argparse
import asyncio
import fractions
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rtaudio.audio import AudioFormat, load, resample, to_mono
from rtaudio.transports.http import post

SPEECH = Path(__file__).parent.parent / "samples" / "alice.flac"
FRAME_S = 0.02
WARM_UP_S = 1.0
CLIENTS = {
    "aiortc": "stock aiortc, 48 kHz stereo",
    "transport": "WebRTCTransport, 24 kHz mono",
    "session": "RealtimeSession over WebRTCTransport",
    "aiortc-uvloop": "stock aiortc, on uvloop",
    "transport-uvloop": "WebRTCTransport, on uvloop",
}


def speech(sample_rate: int) -> Any:
    """A few seconds of speech, mono, in whole frames."""
    clip = load(SPEECH)
    samples = resample(to_mono(clip.samples, clip.channels), clip.sample_rate, sample_rate)
    frame = round(sample_rate * FRAME_S)
    return samples[: len(samples) // frame * frame].reshape(-1, frame)


def make_voice(frames: Any, sample_rate: int) -> Any:
    """A track that says this over and over, at its pace."""
    from aiortc.mediastreams import MediaStreamTrack
    from av import AudioFrame

    class Voice(MediaStreamTrack):
        kind = "audio"
        count = 0
        due = 0.0

        async def recv(self) -> Any:
            loop = asyncio.get_running_loop()
            self.due = (self.due or loop.time()) + FRAME_S
            await asyncio.sleep(max(0.0, self.due - loop.time()))
            samples = frames[self.count % len(frames)]
            frame = AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "mono")
            frame.sample_rate, frame.pts = sample_rate, self.count * len(samples)
            frame.time_base = fractions.Fraction(1, sample_rate)
            self.count += 1
            return frame

    return Voice()


def stay_on_loopback() -> None:
    import aioice.ice

    aioice.ice.get_host_addresses = lambda *_, **__: ["127.0.0.1"]


# The service.


async def swallow(track: Any) -> None:
    while True:
        await track.recv()


async def serve() -> None:
    """Take calls until the standard input ends."""
    from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

    frames = speech(48_000)
    kept = set()

    def opened(channel: Any) -> None:
        def answer(message: str) -> None:
            event = json.loads(message)
            if event["type"] == "session.update":
                reply = {"type": "session.updated", "event_id": "e", "session": event["session"]}
                channel.send(json.dumps(reply))
                # All that is said is one answer, its pauses included.
                told = {"type": "output_audio_buffer.started", "event_id": "e", "response_id": "r"}
                channel.send(json.dumps(told))

        channel.on("message", answer)
        channel.send('{"type":"session.created","event_id":"e","session":{}}')

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        offer = (await reader.readexactly(length)).decode()
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        kept.add(connection)
        connection.addTrack(make_voice(frames, 48_000))
        connection.on("track", lambda track: kept.add(asyncio.ensure_future(swallow(track))))
        connection.on("datachannel", opened)
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        answer = connection.localDescription.sdp.encode()
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)


# The clients: each opens one call, in which it speaks, and `hear` is called for 20 ms of sound.


class Ear:
    """Counts what a client hears."""

    def __init__(self) -> None:
        self.count = 0
        self.first = asyncio.Event()

    def hear(self, _sound: Any = None) -> None:
        self.count += 1
        self.first.set()


KEPT: list[Any] = []


def begin(work: Any) -> None:
    KEPT.append(asyncio.ensure_future(work))


async def call_aiortc(url: str, frames: Any, ear: Ear) -> None:
    from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

    async def listen(track: Any) -> None:
        while True:
            await track.recv()
            ear.hear()

    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    KEPT.append(connection)
    connection.createDataChannel("oai-events")
    connection.addTrack(make_voice(frames, 24_000))
    connection.on("track", lambda track: begin(listen(track)))
    await connection.setLocalDescription(await connection.createOffer())
    reply = await post(url, connection.localDescription.sdp.encode(), {})
    answer = RTCSessionDescription(reply.body.decode(), "answer")
    await connection.setRemoteDescription(answer)


async def say(send: Any, frames: Any) -> None:
    pieces = [frame.tobytes() for frame in frames]
    loop = asyncio.get_running_loop()
    due, count = loop.time(), 0
    while True:
        await send(pieces[count % len(pieces)])
        count, due = count + 1, due + FRAME_S
        await asyncio.sleep(max(0.0, due - loop.time()))


async def call_transport(url: str, frames: Any, ear: Ear) -> None:
    from rtaudio.transports import ConnectOptions, WebRTCTransport
    from rtaudio.transports.base import TransportSink

    def ignore(*_: Any) -> None:
        pass

    transport = WebRTCTransport(url)
    transport.attach(TransportSink(ignore, ignore, ignore, ignore, sound=ear.hear))
    await transport.open(ConnectOptions(), {"type": "session.update", "session": {}})
    begin(say(transport.send_audio, frames))


async def call_session(url: str, frames: Any, ear: Ear) -> None:
    from rtaudio import RealtimeAgent, RealtimeSession
    from rtaudio.transports import WebRTCTransport

    sound = AudioFormat("pcm16", 24_000)
    session = RealtimeSession(
        RealtimeAgent("a"), transport=WebRTCTransport(url), input_audio=sound, output_audio=sound
    )
    session.on("audio", ear.hear)
    await session.connect()
    begin(say(session.send_audio, frames))


CALLS = {"aiortc": call_aiortc, "transport": call_transport, "session": call_session}


async def measure(name: str, url: str, calls: int, seconds: float) -> dict[str, Any]:
    """Processor time of this process, from a moment on when all calls run."""
    ears = [Ear() for _ in range(calls)]
    frames = speech(24_000)
    for ear in ears:
        await CALLS[name.removesuffix("-uvloop")](url, frames, ear)
    for ear in ears:
        await ear.first.wait()
    await asyncio.sleep(WARM_UP_S)
    cpu, wall, heard = time.process_time(), time.perf_counter(), sum(ear.count for ear in ears)
    await asyncio.sleep(seconds)
    turns = calls * (time.perf_counter() - wall) / FRAME_S
    us = (time.process_time() - cpu) / turns * 1e6
    return {"us": us, "heard": (sum(ear.count for ear in ears) - heard) / turns}


# The race.


def run_client(name: str, calls: int, seconds: float) -> dict[str, Any]:
    """A client against a service of its own."""
    script = [sys.executable, __file__]
    service = subprocess.Popen(
        [*script, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert service.stdin is not None
    assert service.stdout is not None
    try:
        url = f"http://127.0.0.1:{service.stdout.readline().strip()}/v1/realtime/calls"
        arguments = ["--url", url, "--calls", str(calls), "--seconds", str(seconds)]
        client = subprocess.run(
            [*script, "--client", name, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=seconds + 60,
        )
    finally:
        service.stdin.close()
        service.wait()
    found: dict[str, Any] = json.loads(client.stdout)
    return found


def race(calls: int, rounds: int, seconds: float) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in CLIENTS}
    for _ in range(rounds):
        for name, results in found.items():
            results.append(run_client(name, calls, seconds))
    return found


def show(calls: int, found: dict[str, list[dict[str, Any]]]) -> None:
    print(f"{calls} call(s) in a process: us per call and 20 ms each way, least and median;")
    print("  of stock aiortc: least of least, and the median of what it was in each round")
    stock = [each["us"] for each in found["aiortc"]]
    for name, results in found.items():
        if min(each["heard"] for each in results) < 0.95:
            # A client that heard only part of it did less work.
            print(f"  {CLIENTS[name]:<40} no number: it did not hear everything")
            continue
        times = [each["us"] for each in results]
        least, median = min(times), statistics.median(times)
        ratios = [ours / theirs for ours, theirs in zip(times, stock, strict=True)]
        shares = f"{least / min(stock):.2f} {statistics.median(ratios):.2f}"
        print(f"  {CLIENTS[name]:<40} {least:6.0f} {median:6.0f}   {shares}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 8], help="in a process")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--client", choices=CLIENTS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve or given.client:
        stay_on_loopback()
    if given.serve:
        asyncio.run(serve())
    if given.client:
        if given.client.endswith("-uvloop"):
            import uvloop

            asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        found = asyncio.run(measure(given.client, given.url, given.calls[0], given.seconds))
        print(json.dumps(found), flush=True)
        # Threads of aiortc's need no farewell.
        os._exit(0)

    print(f"{platform.processor() or platform.machine()}, aiortc {version('aiortc')}")
    races = {calls: race(calls, given.rounds, given.seconds) for calls in given.calls}
    for calls, results in races.items():
        show(calls, results)
    if given.json is not None:
        given.json.write_text(json.dumps(races, indent=2))


if __name__ == "__main__":
    main()
