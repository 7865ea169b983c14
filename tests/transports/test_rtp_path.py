from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rtaudio._native.rtp import RtpSender
from rtaudio.transports.rtp_path import open_path

PACKET = RtpSender(3, 96).pack(b"opus", 0)
PICTURE = RtpSender(4, 97).pack(b"a picture of something", 0)
REPORT = b"\x80\xc9" + bytes(6)


class Srtp:
    """Encryption that can be seen through."""

    def protect(self, data: bytes) -> bytes:
        return data + b"rtp"

    def protect_rtcp(self, data: bytes) -> bytes:
        return data + b"rtcp"

    def unprotect(self, data: bytes) -> bytes:
        if not data.endswith(b"rtp"):
            raise ValueError("forged")
        return data[:-3]


class Protocol:
    def __init__(self) -> None:
        self.usual: list[bytes] = []
        self.sent: list[tuple[bytes, Any]] = []
        self.transport = SimpleNamespace(
            sendto=lambda data, address: self.sent.append((data, address)),
            is_closing=lambda: False,
        )

    def datagram_received(self, data: bytes, _address: Any) -> None:
        self.usual.append(data)


class Wire:
    """What a DTLS transport has of ICE and SRTP."""

    def __init__(self) -> None:
        self.protocols = [Protocol(), Protocol()]
        pair = SimpleNamespace(protocol=self.protocols[1], remote_addr=("host", 1))
        self.ice = SimpleNamespace(_nominated={1: pair}, _protocols=self.protocols)
        self.transport = SimpleNamespace(
            transport=SimpleNamespace(_connection=self.ice), _tx_srtp=Srtp(), _rx_srtp=Srtp()
        )
        self.arrived: list[bytes] = []
        self.payload_types: set[int] = {96}

    def open(self) -> Any:
        return open_path(self.transport, self.payload_types, self.arrived.append)


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_packets_leave_encrypted_by_the_pair_that_ice_has_chosen(wire: Wire) -> None:
    path = wire.open()
    path.send(PACKET)
    path.send_report(REPORT)
    assert wire.protocols[1].sent == [
        (PACKET + b"rtp", ("host", 1)),
        (REPORT + b"rtcp", ("host", 1)),
    ]


def test_packets_of_sound_arrive_whichever_way_they_come(wire: Wire) -> None:
    wire.open()
    for protocol in wire.protocols:
        protocol.datagram_received(PACKET + b"rtp", ("host", 1))
    assert wire.arrived == [PACKET] * 2


def test_packets_are_taken_from_when_their_type_is_known(wire: Wire) -> None:
    wire.payload_types.clear()
    wire.open()
    wire.protocols[0].datagram_received(PACKET + b"rtp", ("host", 1))
    wire.payload_types.add(96)
    wire.protocols[0].datagram_received(PACKET + b"rtp", ("host", 1))
    assert wire.protocols[0].usual == [PACKET + b"rtp"]
    assert wire.arrived == [PACKET]


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x00\x01stun", b"\x16dtls", REPORT, PICTURE])
def test_everything_else_goes_its_usual_way(wire: Wire, data: bytes) -> None:
    wire.open()
    wire.protocols[0].datagram_received(data, ("host", 1))
    assert wire.protocols[0].usual == [data]
    assert not wire.arrived


def test_what_is_forged_is_dropped(wire: Wire) -> None:
    wire.open()
    wire.protocols[0].datagram_received(PACKET, ("host", 1))
    assert not wire.protocols[0].usual
    assert not wire.arrived


def test_after_closing_all_goes_its_usual_way(wire: Wire) -> None:
    wire.open().close()
    wire.protocols[0].datagram_received(PACKET + b"rtp", ("host", 1))
    assert wire.protocols[0].usual == [PACKET + b"rtp"]


@pytest.mark.parametrize("gone", ["no pair", "closing"])
def test_without_a_connection_nothing_can_be_sent(wire: Wire, gone: str) -> None:
    path = wire.open()
    if gone == "closing":
        wire.protocols[1].transport.is_closing = lambda: True
    else:
        wire.ice._nominated.clear()
    for send in (path.send, path.send_report):
        with pytest.raises(ConnectionError):
            send(PACKET)


def test_where_aiortc_has_other_parts_there_is_no_path(wire: Wire) -> None:
    del wire.transport._rx_srtp
    assert wire.open() is None
