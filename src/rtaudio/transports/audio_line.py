"""Opus both ways over one transceiver of a peer connection.

aiortc encodes and decodes stereo at 48 kHz in threads of its own, behind a jitter buffer of fixed
length. Here a line takes the place of its sender and receiver: it is registered with the DTLS
transport as both, and aiortc's own are never started.

Every 20 ms one packet is sent and one is played. What costs most of that, beside encoding, is to be
woken up for it. So whatever wakes the process anyway, sound that is fed or a packet that arrives,
sees to what is due, up to 8 ms before its time. A timer watches that somebody does, and where
nobody did for 60 ms it ticks itself. For the same reason packets take a way of their own to and
from aiortc's socket (`rtp_path.py`).

Reports (RTCP) go out about every second. What those of the other side say of lost packets decides
whether our packets carry copies of those before them.
"""

from __future__ import annotations

import asyncio
import random
import struct
import time
from typing import TYPE_CHECKING, Any

from aiortc import clock, rtp

from rtaudio.audio import PlayoutBuffer
from rtaudio.errors import TransportError
from rtaudio.transports.outgoing_sound import FRAME_S
from rtaudio.transports.rtp import Reception, pack_rtp
from rtaudio.transports.rtp_path import RtpPath, open_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.audio import JitterStats
    from rtaudio.transports.outgoing_sound import OutgoingPacket, OutgoingSound

__all__ = ["AudioLine"]

# How much before it is due something that wakes us sees to a packet, in seconds.
_EARLY_S = 0.008
# How often the timer looks whether somebody sees to what is due.
_WATCH_S = 0.06
# Without packets for so long, nothing is left to be played.
_DRY_S = 1.0
# Whoever is further behind, since the machine slept or was too busy, begins anew.
_MAX_BEHIND_S = 1.0
_REPORT_INTERVAL_S = 1.0


class AudioLine:
    """The sound of one peer connection.

    Args:
        transceiver: aiortc's; nothing may have been sent over it yet.
        outgoing: what is sent.
        sample_rate: of the sound that arrives, in Hz.
        heard: called with 20 ms of PCM16, mono, at a time, while packets arrive.
        failed: called with what ended the sound for good, while the connection may still stand.
    """

    def __init__(
        self,
        transceiver: Any,
        outgoing: OutgoingSound,
        sample_rate: int,
        heard: Callable[[bytes], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._sender = transceiver.sender
        self._receiver = transceiver.receiver
        self._outgoing = outgoing
        self._heard = heard
        self._failed = failed
        self._frame = round(sample_rate * FRAME_S)
        self._buffer = PlayoutBuffer("opus", sample_rate)
        self._arrived_at = float("-inf")
        self._payload_types: frozenset[int] = frozenset()
        self._path: RtpPath | None = None
        # The clock: when the next packet is due, and who sees to that at the latest.
        self._running = False
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._report_at = 0.0
        # Of what is sent.
        self._ssrc: int = self._sender._ssrc
        self._cname = ""
        self._payload_type = 0
        self._extension = b""
        # The lower half leaves room for a while, as a number that wraps early may confuse SRTP.
        self._sequence = random.randrange(1 << 15)
        self._first_timestamp = random.randrange(1 << 32)
        self._timestamp = 0
        self._packets = 0
        self._octets = 0
        # Of what arrives: its source, and that one's last report and when it came.
        self._source: int | None = None
        self._reception = Reception()
        self._last_report: tuple[int, float] | None = None
        # aiortc calls these once the connection stands.
        self._sender.send = self._begin_sending
        self._receiver.receive = self._begin_receiving

    @property
    def jitter_stats(self) -> JitterStats:
        """What became of the packets that arrived."""
        return self._buffer.stats

    @property
    def silent_s(self) -> float:
        """For how long no packet has arrived, in seconds."""
        return time.monotonic() - self._arrived_at

    async def stop(self) -> None:
        """Say good-bye, and send and play nothing more."""
        self._outgoing.end()
        transport = self._sender.transport
        transport._unregister_rtp_receiver(self)
        try:
            if self._running:
                self._halt()
                transport._unregister_rtp_sender(self)
                self._transmit(bytes(rtp.RtcpByePacket(sources=[self._ssrc])))
        except ConnectionError:
            pass  # nobody is there to hear it
        finally:
            if self._path is not None:
                self._path.close()
                self._path = None

    # What aiortc calls.

    async def _begin_sending(self, parameters: Any) -> None:
        if self._running:
            return
        self._payload_type = parameters.codecs[0].payloadType
        self._cname = parameters.rtcp.cname
        extensions = rtp.HeaderExtensionsMap()
        extensions.configure(parameters)
        profile, content = extensions.set(rtp.HeaderExtensions(mid=parameters.muxId))
        if content:
            self._extension = struct.pack("!HH", profile, len(content) // 4) + content
        self._sender.transport._register_rtp_sender(self, parameters)
        if self._path is None:
            self._path = open_path(self._sender.transport, self._arrived)
        self._running = True
        self._due = time.monotonic() + FRAME_S
        self._report_at = self._due + _REPORT_INTERVAL_S
        self._outgoing.fed = self._advance
        self._on_timer()

    async def _begin_receiving(self, parameters: Any) -> None:
        if self._payload_types:
            return
        self._payload_types = frozenset(
            codec.payloadType
            for codec in parameters.codecs
            if codec.mimeType.lower() == "audio/opus"
        )
        self._receiver.transport._register_rtp_receiver(self, parameters)
        if self._path is None:
            self._path = open_path(self._receiver.transport, self._arrived)

    def _handle_disconnect(self) -> None:
        """The peer connection tells its owner."""

    async def _handle_rtp_packet(self, packet: Any, arrival_time_ms: int) -> None:  # noqa: ARG002
        self._arrived(
            packet.payload_type,
            packet.sequence_number,
            packet.timestamp,
            packet.ssrc,
            packet.payload,
        )

    async def _handle_rtcp_packet(self, packet: Any) -> None:
        if isinstance(packet, rtp.RtcpSrPacket) and packet.ssrc == self._source:
            middle = (packet.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF
            self._last_report = middle, time.monotonic()
        if isinstance(packet, (rtp.RtcpSrPacket, rtp.RtcpRrPacket)):
            for report in packet.reports:
                if report.ssrc == self._ssrc:
                    self._outgoing.expect_loss(round(report.fraction_lost / 256 * 100))

    def _arrived(
        self, payload_type: int, sequence: int, timestamp: int, source: int, payload: bytes
    ) -> None:
        if payload_type not in self._payload_types:
            return
        now = time.monotonic()
        if source != self._source:
            # Services have one; of others that come nothing is kept.
            self._source, self._reception, self._last_report = source, Reception(), None
        self._reception.add(sequence, timestamp, now)
        if payload:
            self._arrived_at = now
            self._buffer.push(payload, now, sequence, timestamp, source)
        self._advance()

    # The clock.

    def _advance(self) -> None:
        """See to what is due."""
        if not self._running:
            return
        now = time.monotonic()
        try:
            if now < self._due - _EARLY_S:
                # Sound that is late may have come.
                self._send_packets()
                return
            if now - self._due > _MAX_BEHIND_S:
                self._due = now
            while self._running and now >= self._due - _EARLY_S:
                self._due += FRAME_S
                self._outgoing.tick()
                self._send_packets()
                if now - self._arrived_at < _DRY_S:
                    self._heard(self._buffer.read(self._frame, now).tobytes())
            if now >= self._report_at and self._running:
                # Section 6.3.1: at random, so that senders do not fall in step.
                self._report_at = now + _REPORT_INTERVAL_S * random.uniform(0.5, 1.5)
                self._send_reports()
        except ConnectionError:
            self._halt()  # the peer connection's state tells its owner
        except Exception as error:
            self._halt()
            self._failed(error)

    def _on_timer(self) -> None:
        now = time.monotonic()
        ticks = now >= self._due
        self._advance()
        if self._running:
            wait = self._due - now if ticks else _WATCH_S
            self._timer = asyncio.get_running_loop().call_later(wait, self._on_timer)

    def _halt(self) -> None:
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send_packets(self) -> None:
        for packet in self._outgoing.take():
            self._send(packet)

    def _send(self, packet: OutgoingPacket) -> None:
        payload, position, marker = packet
        self._timestamp = (self._first_timestamp + position) & 0xFFFFFFFF
        self._transmit(
            pack_rtp(
                self._payload_type,
                self._sequence,
                self._timestamp,
                self._ssrc,
                payload,
                self._extension,
                marker=marker,
            )
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._packets += 1
        self._octets += len(payload)

    def _transmit(self, data: bytes) -> None:
        if self._path is not None:
            self._path.send(data)
            return
        sending = self._sender.transport._send_rtp(data)
        try:
            # A coroutine by name only: a datagram is handed on at once.
            sending.send(None)
        except StopIteration:
            return
        sending.close()
        raise TransportError(
            "this release of aiortc waits when it sends, which is not provided for"
        )

    # Reports.

    def _send_reports(self) -> None:
        received = [] if self._source is None else [self._describe(self._source)]
        reports: list[Any] = []
        if self._packets:
            sent = rtp.RtcpSenderInfo(
                ntp_timestamp=clock.current_ntp_time(),
                rtp_timestamp=self._timestamp,
                packet_count=self._packets & 0xFFFFFFFF,
                octet_count=self._octets & 0xFFFFFFFF,
            )
            name = rtp.RtcpSourceInfo(ssrc=self._ssrc, items=[(1, self._cname.encode())])
            reports = [
                rtp.RtcpSrPacket(ssrc=self._ssrc, sender_info=sent, reports=received),
                rtp.RtcpSdesPacket(chunks=[name]),
            ]
        elif received:
            reports = [rtp.RtcpRrPacket(ssrc=self._ssrc, reports=received)]
        if reports:
            self._transmit(b"".join(bytes(report) for report in reports))

    def _describe(self, source: int) -> Any:
        reception = self._reception
        last, delay = 0, 0
        if self._last_report is not None:
            last, at = self._last_report
            delay = min(round((time.monotonic() - at) * 65536), 0xFFFFFFFF)
        return rtp.RtcpReceiverInfo(
            ssrc=source,
            fraction_lost=reception.take_fraction_lost(),
            packets_lost=reception.lost,
            highest_sequence=reception.highest & 0xFFFFFFFF,
            jitter=reception.jitter,
            lsr=last,
            dlsr=delay,
        )
