"""The shortest way between packets of sound and aiortc's socket.

By aiortc's own way a packet that arrives wakes a task through a queue and is routed by a handful of
coroutines; one that leaves passes through as many. With a packet each way every 20 ms that takes
longer than the sound itself. So packets are taken from and given to where aioice has its datagrams,
and only what encrypts them stays between. Everything but the sound's RTP goes its usual way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtaudio.transports.srtp import packet_function

if TYPE_CHECKING:
    from collections.abc import Callable, Set

__all__ = ["RtpPath", "open_path"]


def open_path(
    transport: Any, payload_types: Set[int], arrived: Callable[[bytes], None]
) -> RtpPath | None:
    """Open a path through a DTLS transport of aiortc that is connected.

    Args:
        transport: the transport.
        payload_types: of the packets that are taken; may still grow.
        arrived: called with each of them, decrypted.

    Returns:
        The path; None where the parts it needs are others in this release of aiortc.
    """
    try:
        return RtpPath(transport, payload_types, arrived)
    except AttributeError:
        return None


class RtpPath:
    """An open path; see `open_path`."""

    def __init__(
        self, transport: Any, payload_types: Set[int], arrived: Callable[[bytes], None]
    ) -> None:
        ice = transport.transport._connection
        self._nominated: dict[int, Any] = ice._nominated
        self._protect = packet_function(transport._tx_srtp, "protect")
        self._protect_rtcp = packet_function(transport._tx_srtp, "protect_rtcp")
        self._unprotect = packet_function(transport._rx_srtp, "unprotect")
        self._payload_types = payload_types
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
        """Send a packet of RTP.

        Raises:
            ConnectionError: there is no connection any more.
        """
        self._transmit(self._protect(packet))

    def send_report(self, packet: bytes) -> None:
        """Send a packet of RTCP.

        Raises:
            ConnectionError: there is no connection any more.
        """
        self._transmit(self._protect_rtcp(packet))

    def _transmit(self, datagram: bytes) -> None:
        pair = self._nominated.get(1)
        if pair is None or pair.protocol.transport.is_closing():
            raise ConnectionError("not connected")
        pair.protocol.transport.sendto(datagram, pair.remote_addr)

    def _tapped(self, usual: Callable[[bytes, Any], None]) -> Callable[[bytes, Any], None]:
        unprotect, payload_types, arrived = self._unprotect, self._payload_types, self._arrived

        def datagram_received(data: bytes, address: Any) -> None:
            # RFC 7983 tells RTP and RTCP from the rest, and the types of RTCP are none of RTP's.
            if len(data) < 12 or not 127 < data[0] < 192 or data[1] & 0x7F not in payload_types:
                usual(data, address)
                return
            try:
                packet = unprotect(data)
            except Exception:
                return  # forged, repeated, or somebody else's
            arrived(packet)

        return datagram_received
