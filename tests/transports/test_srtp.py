from __future__ import annotations

import random
from typing import Any

import pytest

from rtaudio._native.rtp import RtpSender
from rtaudio.transports.srtp import packet_function

pylibsrtp = pytest.importorskip(
    "pylibsrtp", reason="SRTP IS NOT TESTED: pylibsrtp is missing; pip install -e '.[webrtc]'"
)
REPORT = b"\x80\xc9\x00\x01\x00\x00\x00\x07"


def session(kind: str) -> Any:
    """One end, by the same key."""
    policy = pylibsrtp.Policy(
        key=bytes(range(30)),
        ssrc_type=getattr(pylibsrtp.Policy, f"SSRC_ANY_{kind}"),
        srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    )
    return pylibsrtp.Session(policy)


def packets(count: int) -> list[bytes]:
    noise, sender = random.Random(3), RtpSender(7, 96)
    return [sender.pack(noise.randbytes(noise.randrange(1, 400)), 960 * n) for n in range(count)]


def test_it_does_to_packets_what_the_method_does() -> None:
    usual, ours = session("OUTBOUND"), packet_function(session("OUTBOUND"), "protect")
    theirs = packet_function(session("INBOUND"), "unprotect")
    assert ours.__name__ == "process"  # and not the method
    for packet in packets(50):
        protected = ours(packet)
        assert protected == usual.protect(packet)
        assert theirs(protected) == packet


def test_reports_are_protected_too() -> None:
    protected = packet_function(session("OUTBOUND"), "protect_rtcp")(REPORT)
    assert packet_function(session("INBOUND"), "unprotect_rtcp")(protected) == REPORT


def test_what_is_forged_repeated_or_too_long_is_refused() -> None:
    (packet,) = packets(1)
    protected = session("OUTBOUND").protect(packet)
    unprotect = packet_function(session("INBOUND"), "unprotect")
    for wrong in (packet, protected[:-1] + b"?", b"", bytes(1501)):
        with pytest.raises(ValueError, match=r"SRTP|too long"):
            unprotect(wrong)
    assert unprotect(protected) == packet
    with pytest.raises(ValueError, match="SRTP"):
        unprotect(protected)


def test_where_pylibsrtp_has_other_parts_its_own_method_is_used() -> None:
    class Session:
        def protect(self, packet: bytes) -> bytes:
            return packet[::-1]

    assert packet_function(Session(), "protect")(b"abc") == b"cba"
