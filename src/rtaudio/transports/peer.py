"""One peer connection of aiortc: its channel for events, its line for sound, and how it ends."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from aiortc import (
    RTCConfiguration,
    RTCIceCandidate,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import OperationError
from aiortc.sdp import SessionDescription

from rtaudio.errors import ConnectionLost, TransportError
from rtaudio.transports.audio_line import AudioLine

if TYPE_CHECKING:
    from rtaudio.audio import JitterStats
    from rtaudio.transports.outgoing_sound import OutgoingSound

__all__ = ["ChangePeerConnection", "Peer", "ice_configuration"]

#: Gets the peer connection just before the offer is made, and returns it, or another in its place;
#: possibly awaitable.
ChangePeerConnection: TypeAlias = Callable[[Any], Any | Awaitable[Any]]

CHANNEL = "oai-events"

# How long a connection may be disconnected before it counts as lost, in seconds.
GRACE_S = 5.0
# How often to ask whether the other side is still there, in seconds, and how often to repeat a
# question that is not answered: with the waits of RFC 8489 that takes three seconds and a half.
WATCH_S = 2.5
_REPEATS = 2
# What aiortc may take to tell all about a connection that ends, in seconds.
_SETTLE_S = 0.1
# Bytes of events that wait in the channel before senders wait too.
_HIGH_WATER = 1 << 20
# A candidate at which nobody listens: the discard port, on this machine.
_NOBODY: dict[str, Any] = {
    "component": 1,
    "foundation": "nobody",
    "port": 9,
    "priority": 1,
    "protocol": "udp",
    "type": "host",
}
_CANDIDATES = re.compile(r"^a=(?:candidate:.*|end-of-candidates)\r?\n?", re.MULTILINE)
# A session description without the attribute allows so much, RFC 8841.
_DEFAULT_MAX_MESSAGE = 1 << 16


def ice_configuration(servers: Sequence[str | Mapping[str, Any]]) -> RTCConfiguration:
    """A configuration with these servers, and no others: aiortc would take one of its own."""
    given = [{"urls": each} if isinstance(each, str) else each for each in servers]
    return RTCConfiguration(
        iceServers=[
            RTCIceServer(
                urls=each["urls"],
                username=each.get("username"),
                credential=each.get("credential"),
            )
            for each in given
        ]
    )


class Peer:
    """A connection that is being made, stands, or has ended; it is not used again.

    Args:
        configuration: aiortc's.
        outgoing: the sound that is sent.
        sample_rate: of the sound that arrives, in Hz.
        received: called with each message of the channel.
        heard: called with the sound that arrives, PCM16, mono.
        ended: called once when the connection ends by itself: with why, or with None where the
            other side closed it in good order.

    Attributes:
        connection: aiortc's peer connection.
        opened: done when the channel is open; fails where it never opens.
        max_message: bytes of the largest event that the other side takes.
    """

    def __init__(
        self,
        configuration: RTCConfiguration,
        outgoing: OutgoingSound,
        sample_rate: int,
        *,
        received: Callable[[str | bytes], None],
        heard: Callable[[bytes], None],
        ended: Callable[[Exception | None], None],
    ) -> None:
        self._configuration = configuration
        self.outgoing = outgoing
        self._sample_rate = sample_rate
        self._received = received
        self._heard = heard
        self._ended = ended
        self._over = False
        self._grace: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self._reachable = True
        self._line: AudioLine | None = None
        self._channel: Any = None
        self._drained = asyncio.Event()
        self.max_message = _DEFAULT_MAX_MESSAGE
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Nobody may be waiting for it any more when it fails.
        self.opened.add_done_callback(lambda opened: opened.cancelled() or opened.exception())
        self.connection: Any = RTCPeerConnection(configuration)

    async def offer(self, change: ChangePeerConnection | None) -> str:
        """Make the offer.

        Args:
            change: may replace the peer connection before.
        """
        self._equip()
        if change is not None:
            changed = change(self.connection)
            if inspect.isawaitable(changed):
                changed = await changed
            if changed is not None and changed is not self.connection:
                replaced, self.connection = self.connection, changed
                self._equip()
                await replaced.close()
        self._line = self._make_line()
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return _with_fec(self.connection.localDescription.sdp)

    def _make_line(self) -> AudioLine:
        return AudioLine(
            self._transceiver, self.outgoing, self._sample_rate, self._heard, self._sound_failed
        )

    @property
    def jitter_stats(self) -> JitterStats | None:
        """What became of the packets of sound; None before there can be any."""
        return None if self._line is None else self._line.jitter_stats

    @property
    def added_track(self) -> Any:
        """A track of sound that somebody has added to the connection to be sent; or None."""
        return self._transceiver.sender.track

    async def answer(self, sdp: str) -> None:
        """Take in the answer; the connection is then made, and `opened` tells when it stands.

        Raises:
            TransportError: it is no answer to this offer.
        """
        try:
            await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        except Exception as error:
            raise TransportError(
                f"the service's answer to the offer cannot be used: {type(error).__name__}"
            ) from error
        self._heed_limit(sdp)

    async def accept(self, sdp: str, addresses: Sequence[str] | None = None) -> str:
        """Take in the other side's offer instead of making one, and return the answer.

        The other side opens the channel then; one by another name is left alone. Its candidates do
        not count: it reaches us, and so we learn from where.

        Args:
            sdp: the offer, with one section of sound, Opus among its codecs, and one of a channel.
            addresses: of this machine, at which the other side may reach us; None means all but
                those that no other machine can reach.

        Raises:
            TransportError: it is no offer, or one that cannot be used.
        """
        self._equip_with_sound()
        self.connection.on("datachannel", self._of_present(self.connection, self._channel_came))
        offer = _CANDIDATES.sub("", sdp)
        try:
            SessionDescription.parse(offer)
        except Exception as error:
            raise TransportError("the offer cannot be read") from error
        try:
            await self.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            self._line = self._make_line()
            await self._await_checks(None if addresses is None else list(addresses))
            await self.connection.setLocalDescription(await self.connection.createAnswer())
        except Exception as error:
            # Of what it misses, aiortc says only some in words.
            said = str(error) if isinstance(error, (ValueError, OperationError)) else "incomplete"
            raise TransportError(f"the offer cannot be used: {said}") from error
        self._heed_limit(sdp)
        return _with_fec(self.connection.localDescription.sdp)

    async def _await_checks(self, addresses: list[str] | None) -> None:
        """Listen at these addresses for the other side's checks."""
        ends = [each.sender.transport for each in self.connection.getTransceivers()]
        if self.connection.sctp is not None:
            ends.append(self.connection.sctp.transport)
        for ice in {end.transport for end in ends}:
            if addresses is not None:
                gatherer = ice.iceGatherer._connection
                gatherer.get_component_candidates = partial(
                    _gather, gatherer.get_component_candidates, addresses
                )
            # aioice gives up at once where there is nobody to be checked.
            ip = addresses[0] if addresses else "127.0.0.1"
            await ice.addRemoteCandidate(RTCIceCandidate(ip=ip, **_NOBODY))

    def _heed_limit(self, sdp: str) -> None:
        limit = re.search(r"^a=max-message-size:(\d+)", sdp, re.MULTILINE)
        if limit is not None:
            # 0 says that there is no limit.
            self.max_message = int(limit[1]) or 1 << 62

    def post(self, message: bytes) -> None:
        """Send an event, however many others wait in the channel.

        Raises:
            TransportError: the channel is not open, or the event is larger than the other side
                takes.
        """
        channel = self._channel
        if self._over or channel is None or channel.readyState != "open":
            raise TransportError("cannot send: the channel for events is not open")
        if len(message) > self.max_message:
            raise TransportError(
                f"an event of {len(message)} bytes is too large: the service takes "
                f"{self.max_message} over WebRTC; send it over a WebSocket with the call_id"
            )
        channel.send(message.decode())

    async def send(self, message: bytes) -> None:
        """Send an event; waits while many others wait in the channel.

        Raises:
            TransportError: as for `post`.
        """
        self.post(message)
        await self.drain()

    @property
    def is_full(self) -> bool:
        """Whether many events wait in the channel."""
        return bool(self._channel.bufferedAmount > _HIGH_WATER)

    async def drain(self) -> None:
        """Wait while many events wait in the channel.

        Raises:
            TransportError: the connection ended meanwhile.
        """
        while self.is_full:
            self._drained.clear()
            await self._drained.wait()
            if self._over:
                raise ConnectionLost("the connection ended before this was sent")

    async def take_leave(self, timeout_s: float) -> None:
        """Close the channel once the other side has read what was sent; `close` does not wait.

        Args:
            timeout_s: how long that may take, in seconds.
        """
        self._finish(None)
        if self._channel is not None and self._channel.readyState == "open":
            closed = asyncio.Event()
            self._channel.on("close", closed.set)
            self._channel.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await closed.wait()

    async def close(self) -> list[Exception]:
        """Close everything; each step is taken even if another failed. Returns the failures."""
        self._finish(None)
        failures: list[Exception] = []
        for step in (self._close_channel, self._stop_line, self._keep_tracks):
            try:
                await step()
            except Exception as error:
                failures.append(error)
        try:
            await self.connection.close()
        except Exception as error:
            failures.append(error)
        return failures

    async def _close_channel(self) -> None:
        if self._channel is not None:
            self._channel.close()

    async def _stop_line(self) -> None:
        if self._line is not None:
            await self._line.stop()

    async def _keep_tracks(self) -> None:
        """Tracks that others have added are theirs; aiortc would stop them."""
        for sender in self.connection.getSenders():
            sender.replaceTrack(None)

    def _equip(self) -> None:
        """Give the connection what is needed of it, as far as it has it not."""
        self._equip_with_sound()
        self._use_channel(self.connection.createDataChannel(CHANNEL))

    def _equip_with_sound(self) -> None:
        connection = self.connection
        audio = [each for each in connection.getTransceivers() if each.kind == "audio"]
        self._transceiver = audio[0] if audio else connection.addTransceiver("audio", "sendrecv")
        opus = [
            codec
            for codec in RTCRtpSender.getCapabilities("audio").codecs
            if codec.mimeType.lower() == "audio/opus"
        ]
        self._transceiver.setCodecPreferences(opus)
        connection.on("connectionstatechange", self._of_present(connection, self._state_changed))

    def _use_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.bufferedAmountLowThreshold = _HIGH_WATER // 2
        handlers: dict[str, Callable[..., Any]] = {
            "open": self._channel_opened,
            "message": self._received,
            "close": self._channel_closed,
            "error": self._channel_failed,
            "bufferedamountlow": self._drained.set,
        }
        for event, handler in handlers.items():
            channel.on(event, self._of_present(self.connection, handler))

    def _channel_came(self, channel: Any) -> None:
        if channel.label == CHANNEL and self._channel is None:
            self._use_channel(channel)
            self._channel_opened()

    def _of_present(self, connection: Any, handler: Callable[..., Any]) -> Callable[..., None]:
        """A handler that goes quiet once its connection was replaced, or is over."""

        def handle(*arguments: Any) -> None:
            if connection is self.connection and not self._over:
                handler(*arguments)

        return handle

    def _channel_opened(self) -> None:
        if not self.opened.done():
            self.opened.set_result(None)
            self._watch = asyncio.get_running_loop().create_task(
                self._watch_peer(), name="rtaudio-webrtc-watch"
            )

    def _channel_closed(self) -> None:
        if self._transceiver.sender.transport.state == "connected":
            self._end(None)
        else:
            self._end_soon()

    def _end_soon(self) -> None:
        """End as ICE will say in a moment.

        A goodbye and a lost connection look the same but for that.
        """
        asyncio.get_running_loop().call_later(_SETTLE_S, self._end_by_ice)

    def _end_by_ice(self) -> None:
        gone = self._transceiver.sender.transport.transport.state == "failed"
        self._end(ConnectionLost("the peer cannot be reached any more") if gone else None)

    async def _watch_peer(self) -> None:
        """Notice early that the other side is gone; aiortc takes half a minute for it."""
        while True:
            await asyncio.sleep(WATCH_S)
            heard = self._line is not None and self._line.silent_s < WATCH_S
            self._reachable = heard or await self._answers()
            self._check()

    async def _answers(self) -> bool:
        """Whether the other side answers a STUN request, as RFC 7675 has it for consent."""
        ice: Any = getattr(self._transceiver.sender.transport.transport, "_connection", None)
        try:
            pair = ice._nominated[1]
            await pair.protocol.request(
                ice.build_request(pair, nominate=False),
                pair.remote_addr,
                integrity_key=ice.remote_password.encode(),
                retransmissions=_REPEATS,
            )
        except (AttributeError, LookupError, TypeError):
            return True  # another release of aiortc, or not connected: its states must do
        except Exception:
            return False
        return True

    def _channel_failed(self, error: object = None) -> None:
        self._end(_lost("the channel for events failed", error))

    def _sound_failed(self, error: Exception) -> None:
        self._end(_lost("the sound of the call ended", error))

    def _state_changed(self) -> None:
        state = self.connection.connectionState
        if state == "failed":
            self._end(ConnectionLost("the peer connection failed"))
        elif state == "closed":
            self._end_soon()
        else:
            self._check()

    def _check(self) -> None:
        """Begin or end the grace of a disconnection."""
        gone = not self._reachable or self.connection.connectionState == "disconnected"
        if self._over or gone == (self._grace is not None):
            return
        if gone:
            loop = asyncio.get_running_loop()
            self._grace = loop.call_later(GRACE_S, self._give_up)
        elif self._grace is not None:
            self._grace.cancel()
            self._grace = None

    def _give_up(self) -> None:
        self._end(ConnectionLost(f"the peer was disconnected for {GRACE_S:g} s"))

    def _end(self, error: Exception | None) -> None:
        if self._finish(error):
            self._ended(error)

    def _finish(self, error: Exception | None) -> bool:
        """Nothing that comes now counts; whether that is news."""
        if self._over:
            return False
        self._over = True
        if self._watch is not None:
            self._watch.cancel()
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        if not self.opened.done():
            self.opened.set_exception(
                error or TransportError("the connection was closed before the session began")
            )
        self._drained.set()
        self.outgoing.end()
        return True


def _gather(
    usual: Callable[..., Any],
    chosen: list[str],
    component: int,
    addresses: list[str],  # noqa: ARG001 - all of this machine
    timeout: int = 5,
) -> Any:
    """Gather candidates, but only at the chosen addresses."""
    return usual(component, chosen, timeout)


def _lost(what: str, error: object) -> ConnectionLost:
    lost = ConnectionLost(what)
    if isinstance(error, BaseException):
        lost.__cause__ = error
    return lost


def _with_fec(sdp: str) -> str:
    """Ask for packets that carry copies of earlier ones; aiortc has no way to say so."""
    return re.sub(
        r"^(a=rtpmap:(\d+) opus/48000/2)(\r?\n)(?!a=fmtp:\2)",
        r"\1\3a=fmtp:\2 minptime=10;useinbandfec=1\3",
        sdp,
        flags=re.MULTILINE | re.IGNORECASE,
    )
