"""The other end of a call: answers offers by our own line for sound, and keeps what it hears."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

from rtaudio.transports.audio_line import AudioLine
from rtaudio.transports.outgoing_sound import OutgoingSound

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from udp_relay import UdpRelay

__all__ = ["CallPeer"]


class CallPeer:
    """Takes one call, over a relay, at 24 kHz.

    Args:
        relay: what the datagrams pass.

    Attributes:
        url: where the offer is posted.
        heard: what arrived, in pieces of 20 ms.
        said: what left, the same.
        outgoing: what is to be said is fed to it.
        line: for sound; None before the call.
        took: called with each event that comes over the channel, session updates aside.
    """

    def __init__(self, relay: UdpRelay) -> None:
        self._relay = relay
        self._server: asyncio.Server | None = None
        self._connection: Any = None
        self._channel: Any = None
        self.url = ""
        self.heard: list[bytes] = []
        self.said: list[bytes] = []
        self.took: Callable[[dict[str, Any]], None] = lambda _event: None
        self.outgoing = OutgoingSound(24_000, bitrate=48_000, complexity=5, dtx=False)
        self.outgoing.left = self.said.append
        self.line: AudioLine | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1/realtime/calls"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self.line is not None:
            await self.line.stop()
        if self._connection is not None:
            await self._connection.close()
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def state(self) -> str:
        """The state of the peer connection."""
        return str(self._connection.connectionState)

    def send(self, event: dict[str, Any]) -> None:
        """Send an event."""
        self._channel.send(json.dumps({"event_id": "e", **event}))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        answer = (await self._answer((await reader.readexactly(length)).decode())).encode()
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
        await writer.drain()
        writer.close()

    async def _answer(self, offer: str) -> str:
        from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

        connection = self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.on("datachannel", self._opened)
        offer = await self._relay.rewrite(offer, "down")
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        (transceiver,) = connection.getTransceivers()
        transceiver.direction = "sendrecv"
        self.line = AudioLine(transceiver, self.outgoing, 24_000, self.heard.append, _fail)
        await connection.setLocalDescription(await connection.createAnswer())
        return await self._relay.rewrite(connection.localDescription.sdp, "up")

    def _opened(self, channel: Any) -> None:
        self._channel = channel
        channel.on("message", self._take)
        self.send({"type": "session.created", "session": {"type": "realtime"}})

    def _take(self, message: str) -> None:
        event = json.loads(message)
        if event["type"] == "session.update":
            self.send({"type": "session.updated", "session": event.get("session", {})})
        else:
            self.took(event)


def _fail(error: Exception) -> None:
    raise AssertionError(f"the line failed: {error!r}")
