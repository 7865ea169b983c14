"""A client of calls made of nothing but aiortc and aiohttp, as anybody might write it."""

from __future__ import annotations

import asyncio
import fractions
import json
from contextlib import asynccontextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

import aiohttp
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from numpy.typing import NDArray

RATE = 48_000
FRAME = 960
_AUDIBLE = 2000


class Microphone(MediaStreamTrack):  # type: ignore[misc, unused-ignore]
    """Says what is put into `said`, at its pace, and is silent otherwise."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.said: asyncio.Queue[NDArray[np.int16]] = asyncio.Queue()
        self._next = asyncio.get_running_loop().time()
        self._timestamp = 0

    def say(self, samples: NDArray[np.int16]) -> None:
        """Say something: mono at 48 kHz, in whole frames of 20 ms."""
        for start in range(0, len(samples), FRAME):
            self.said.put_nowait(samples[start : start + FRAME])

    async def recv(self) -> Any:
        await asyncio.sleep(max(0.0, self._next - asyncio.get_running_loop().time()))
        self._next += FRAME / RATE
        samples = np.zeros(FRAME, np.int16) if self.said.empty() else self.said.get_nowait()
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts = RATE, self._timestamp
        frame.time_base = fractions.Fraction(1, RATE)
        self._timestamp += FRAME
        return frame


class CallClient:
    """One call, from the client's side.

    Attributes:
        call_id: as the service's `Location` has it.
        events: what has arrived, unless it was taken.
        heard: sound that has arrived, 20 ms of mono at 48 kHz each.
        closed: the channel was closed.
    """

    def __init__(self) -> None:
        self.connection: Any = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.microphone = Microphone()
        self.connection.addTrack(self.microphone)
        self.connection.on("track", self._on_track)
        self.channel: Any = self.connection.createDataChannel("oai-events")
        self.channel.on("message", lambda text: self._events.put_nowait(json.loads(text)))
        self.closed = asyncio.Event()
        self.channel.on("close", self.closed.set)
        self.heard: list[NDArray[np.int16]] = []
        self.call_id = ""
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._more = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        sdp: str = self.connection.localDescription.sdp
        return sdp

    async def call(
        self,
        url: str,
        *,
        session: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Make the call; with a session, in the form that carries both."""
        offer = await self.offer()
        body: Any = offer
        sent = {"Content-Type": "application/sdp", **(headers or {})}
        if session is not None:
            body = aiohttp.FormData()
            body.add_field("sdp", offer, content_type="application/sdp")
            body.add_field("session", json.dumps(session), content_type="application/json")
            sent.pop("Content-Type")
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, data=body, headers=sent) as response,
        ):
            assert response.status == 201, await response.text()
            self.call_id = response.headers["Location"].rpartition("/")[2]
            answer = RTCSessionDescription(await response.text(), "answer")
        await self.connection.setRemoteDescription(answer)

    def send(self, type_: str, **fields: Any) -> None:
        self.channel.send(json.dumps({"type": type_, **fields}))

    async def next(self) -> dict[str, Any]:
        """Take the next event."""
        return await self._events.get()

    async def until(self, type_: str) -> list[dict[str, Any]]:
        """Take all up to and with the first of a type."""
        events = [await self.next()]
        while events[-1]["type"] != type_:
            events.append(await self.next())
        return events

    async def hears(self, frames: int) -> None:
        """Wait until so much has been audible, in frames of 20 ms."""
        while sum(int(np.abs(frame).max() > _AUDIBLE) for frame in self.heard) < frames:
            self._more.clear()
            await self._more.wait()

    async def write(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        self.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )
        self.send("response.create")

    def cut(self) -> None:
        """Vanish, as if a cable had been cut."""
        for sender in self.connection.getSenders():
            for protocol in sender.transport.transport._connection._protocols:
                protocol.transport.abort()

    async def close(self) -> None:
        await self.connection.close()
        if self._listening is not None:
            self._listening.cancel()

    def _on_track(self, track: Any) -> None:
        self._listening = asyncio.ensure_future(self._listen(track))

    async def _listen(self, track: Any) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            self.heard.append(frame.to_ndarray().reshape(-1)[::2].copy())
            self._more.set()


@asynccontextmanager
async def in_call(
    url: str, session: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> AsyncIterator[tuple[CallClient, dict[str, Any]]]:
    """A client in a call, and the session as it was created."""
    client = CallClient()
    try:
        await client.call(url, session=session, headers=headers)
        created = await client.next()
        assert created["type"] == "session.created"
        yield client, created["session"]
    finally:
        await client.close()


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """Types of events but for deltas, runs of one type once."""
    types = [event["type"] for event in events if not event["type"].endswith(".delta")]
    return [kind for kind, _ in groupby(types)]


def tone(seconds: float, hertz: float = 440) -> NDArray[np.int16]:
    ramp = 2 * np.pi * hertz / RATE * np.arange(round(RATE * seconds))
    return (8000 * np.sin(ramp)).astype(np.int16)
