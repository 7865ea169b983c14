"""The shortest way between packets of sound and aiortc's socket.

By aiortc's own way a packet that arrives wakes a task through a queue and is routed by a handful of
coroutines; one that leaves passes through as many. With a packet each way every 20 ms that takes
longer than the sound itself. So packets are taken from and given to where aioice has its datagrams,
and only what encrypts them stays between. Everything but RTP goes its usual way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtaudio.transports.rtp import parse_rtp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RtpPath", "is_rtcp", "open_path"]


def is_rtcp(packet: bytes) -> bool:
    """Whether a packet of RTP's port is one of RTCP: RFC 5761, section 4."""
    return 192 <= packet[1] <= 223


def open_path(transport: Any, arrived: Callable[..., None]) -> RtpPath | None:
    """Open a path through a DTLS transport of aiortc that is connected.

    Args:
        transport: the transport.
        arrived: called with what `parse_rtp` finds in each packet.

    Returns:
        The path; None where the parts it needs are others in this release of aiortc.
    """
    try:
        return RtpPath(transport, arrived)
    except AttributeError:
        return None


class RtpPath:
    """An open path; see `open_path`."""

    def __init__(self, transport: Any, arrived: Callable[..., None]) -> None:
        ice = transport.transport._connection
        self._nominated: dict[int, Any] = ice._nominated
        self._protect = transport._tx_srtp.protect
        self._protect_rtcp = transport._tx_srtp.protect_rtcp
        self._unprotect = transport._rx_srtp.unprotect
        self._arrived = arrived
        self._protocols = list(ice._protocols)
        for protocol in self._protocols:
            protocol.datagram_received = self._tapped(protocol.datagram_received)

    def close(self) -> None:
        """Let all go its usual way again."""
        for protocol in self._protocols:
            del protocol.datagram_received
        self._protocols.clear()

    def send(self, packet: bytes) -> None:
        """Send a packet of RTP or RTCP.

        Raises:
            ConnectionError: there is no connection any more.
        """
        pair = self._nominated.get(1)
        if pair is None or pair.protocol.transport.is_closing():
            raise ConnectionError("not connected")
        protect = self._protect_rtcp if is_rtcp(packet) else self._protect
        pair.protocol.transport.sendto(protect(packet), pair.remote_addr)

    def _tapped(self, usual: Callable[[bytes, Any], None]) -> Callable[[bytes, Any], None]:
        unprotect, arrived = self._unprotect, self._arrived

        def datagram_received(data: bytes, address: Any) -> None:
            # RFC 7983 tells RTP and RTCP from the rest.
            if len(data) < 2 or not 127 < data[0] < 192 or is_rtcp(data):
                usual(data, address)
                return
            try:
                plain = unprotect(data)
            except Exception:
                return  # forged, repeated, or somebody else's
            packet = parse_rtp(plain)
            if packet is not None:
                arrived(*packet)

        return datagram_received
