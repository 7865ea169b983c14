"""Opus both ways over one transceiver of a peer connection.

aiortc encodes and decodes stereo at 48 kHz in threads of its own, behind a jitter buffer of fixed
length. Here a line takes the place of its sender and receiver: it is registered with the DTLS
transport as both, and aiortc's own are never started.

Every 20 ms one packet is sent and one is played, with as few wake-ups as may be
(`frame_clock.py`), and packets take a way of their own to and from aiortc's socket (`rtp_path.py`).

Reports (RTCP) go out about every second. What those of the other side say of lost packets decides
whether our packets carry copies of those before them.
"""

from __future__ import annotations

import random
import struct
import time
from typing import TYPE_CHECKING, Any

from aiortc import clock, rtp

from rtaudio._native.rtp import RtpReceiver, RtpSender
from rtaudio.audio import PlayoutBuffer
from rtaudio.errors import TransportError
from rtaudio.transports.frame_clock import FrameClock
from rtaudio.transports.outgoing_sound import FRAME_S
from rtaudio.transports.rtp_path import RtpPath, open_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.audio import JitterStats
    from rtaudio.transports.outgoing_sound import OutgoingSound

__all__ = ["AudioLine"]

# Without packets for so long, nothing is left to be played.
_DRY_S = 1.0
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
        self._reception = RtpReceiver(self._buffer)
        self._arrived_at = float("-inf")
        # Of the other side's last report: its source, its time, and when it came.
        self._last_report: tuple[int, int, float] | None = None
        self._payload_types: set[int] = set()
        # Made when it is known what packets are to look like.
        self._packets: Any = None
        self._ssrc: int = self._sender._ssrc
        self._cname = ""
        self._path: RtpPath | None = None
        self._clock = FrameClock(self._tick)
        self._report_at = 0.0
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
            if self._clock.running:
                self._clock.stop()
                transport._unregister_rtp_sender(self)
                self._send_report(bytes(rtp.RtcpByePacket(sources=[self._ssrc])))
        except ConnectionError:
            pass  # nobody is there to hear it
        finally:
            if self._path is not None:
                self._path.close()
                self._path = None

    # What aiortc calls.

    async def _begin_sending(self, parameters: Any) -> None:
        if self._clock.running:
            return
        self._cname = parameters.rtcp.cname
        extensions = rtp.HeaderExtensionsMap()
        extensions.configure(parameters)
        profile, content = extensions.set(rtp.HeaderExtensions(mid=parameters.muxId))
        self._packets = RtpSender(
            self._ssrc,
            parameters.codecs[0].payloadType,
            # The lower half leaves room for a while, as a number that wraps early may confuse SRTP.
            sequence=random.randrange(1 << 15),
            timestamp=random.randrange(1 << 32),
            extension=struct.pack("!HH", profile, len(content) // 4) + content if content else b"",
        )
        self._sender.transport._register_rtp_sender(self, parameters)
        self._open_path(self._sender.transport)
        self._report_at = time.monotonic() + _REPORT_INTERVAL_S
        self._outgoing.fed = self._sound_fed
        self._clock.start()

    async def _begin_receiving(self, parameters: Any) -> None:
        if self._payload_types:
            return
        self._payload_types.update(
            codec.payloadType
            for codec in parameters.codecs
            if codec.mimeType.lower() == "audio/opus"
        )
        self._receiver.transport._register_rtp_receiver(self, parameters)
        self._open_path(self._receiver.transport)

    def _open_path(self, transport: Any) -> None:
        if self._path is None:
            self._path = open_path(transport, self._payload_types, self._arrived)

    def _handle_disconnect(self) -> None:
        """The peer connection tells its owner."""

    async def _handle_rtp_packet(self, packet: Any, arrival_time_ms: int) -> None:  # noqa: ARG002
        if packet.payload_type in self._payload_types:
            self._arrived(packet.serialize())

    async def _handle_rtcp_packet(self, packet: Any) -> None:
        if isinstance(packet, rtp.RtcpSrPacket):
            middle = (packet.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF
            self._last_report = packet.ssrc, middle, time.monotonic()
        if isinstance(packet, (rtp.RtcpSrPacket, rtp.RtcpRrPacket)):
            for report in packet.reports:
                if report.ssrc == self._ssrc:
                    self._outgoing.expect_loss(round(report.fraction_lost / 256 * 100))

    # What wakes us.

    def _arrived(self, packet: bytes) -> None:
        now = time.monotonic()
        if self._reception.receive(packet, now):
            self._arrived_at = now
        self._clock.visit(now)

    def _sound_fed(self) -> None:
        if not self._clock.visit(time.monotonic()) and self._clock.running:
            self._guarded(self._send_packets)  # it may have been late

    # What is due.

    def _tick(self, now: float) -> None:
        self._outgoing.tick()
        self._guarded(self._see_to, now)

    def _see_to(self, now: float) -> None:
        self._send_packets()
        if now - self._arrived_at < _DRY_S:
            self._heard(self._buffer.read(self._frame, now).tobytes())
        if now >= self._report_at:
            # Section 6.3.1: at random, so that senders do not fall in step.
            self._report_at = now + _REPORT_INTERVAL_S * random.uniform(0.5, 1.5)
            self._send_reports()

    def _guarded(self, step: Callable[..., None], *arguments: Any) -> None:
        try:
            step(*arguments)
        except ConnectionError:
            self._clock.stop()  # the peer connection's state tells its owner
        except Exception as error:
            self._clock.stop()
            self._failed(error)

    def _send_packets(self) -> None:
        for payload, position, marker in self._outgoing.take():
            packet = self._packets.pack(payload, position, marker)
            if self._path is not None:
                self._path.send(packet)
            else:
                self._send_by_aiortc(packet)

    def _send_report(self, packet: bytes) -> None:
        if self._path is not None:
            self._path.send_report(packet)
        else:
            self._send_by_aiortc(packet)

    def _send_by_aiortc(self, packet: bytes) -> None:
        sending = self._sender.transport._send_rtp(packet)
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
        source, packets = self._reception.source, self._packets
        received = [] if source is None else [self._describe(source)]
        reports: list[Any] = []
        if packets.packets:
            sent = rtp.RtcpSenderInfo(
                ntp_timestamp=clock.current_ntp_time(),
                rtp_timestamp=packets.timestamp,
                packet_count=packets.packets,
                octet_count=packets.octets,
            )
            name = rtp.RtcpSourceInfo(ssrc=self._ssrc, items=[(1, self._cname.encode())])
            reports = [
                rtp.RtcpSrPacket(ssrc=self._ssrc, sender_info=sent, reports=received),
                rtp.RtcpSdesPacket(chunks=[name]),
            ]
        elif received:
            reports = [rtp.RtcpRrPacket(ssrc=self._ssrc, reports=received)]
        if reports:
            self._send_report(b"".join(bytes(report) for report in reports))

    def _describe(self, source: int) -> Any:
        reception, report = self._reception, self._last_report
        last, delay = 0, 0
        if report is not None and report[0] == source:
            _, last, at = report
            delay = min(round((time.monotonic() - at) * 65536), 0xFFFFFFFF)
        return rtp.RtcpReceiverInfo(
            ssrc=source,
            fraction_lost=reception.take_fraction_lost(),
            packets_lost=reception.lost,
            highest_sequence=reception.highest_sequence,
            jitter=reception.jitter,
            lsr=last,
            dlsr=delay,
        )
