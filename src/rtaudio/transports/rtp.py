"""RTP as far as one stream of sound needs it: packets, and what a receiver reports (RFC 3550)."""

from __future__ import annotations

import struct

__all__ = ["CLOCK_RATE", "Reception", "pack_rtp", "parse_rtp"]

# Of Opus, whatever is encoded: RFC 7587, section 4.1.
CLOCK_RATE = 48_000

_HEADER = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
_VERSION = 0x80
_PADDING = 0x20
_HAS_EXTENSION = 0x10
_MARKER = 0x80
# Numbers that jump further than that are another stream's: appendix A.1.
_MAX_DROPOUT = 3000


def pack_rtp(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    extension: bytes = b"",
    *,
    marker: bool = False,
) -> bytes:
    """Write a packet.

    Args:
        payload_type: what the payload is, 0 to 127.
        sequence: counts packets, modulo 2^16.
        timestamp: counts samples at the clock rate, modulo 2^32.
        ssrc: its source.
        payload: what it carries.
        extension: a header extension with its own four bytes in front.
        marker: sound begins with this packet after silence.
    """
    header = _HEADER.pack(
        _VERSION | (_HAS_EXTENSION if extension else 0),
        payload_type | (_MARKER if marker else 0),
        sequence,
        timestamp,
        ssrc,
    )
    return header + extension + payload


def parse_rtp(data: bytes) -> tuple[int, int, int, int, bytes] | None:
    """Read a packet.

    Returns:
        The first five arguments of `pack_rtp`; None where it is no packet.
    """
    if len(data) < _HEADER.size:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    start = _HEADER.size + 4 * (first & 0x0F)
    end = len(data)
    if first & _HAS_EXTENSION:
        if end < start + _EXTENSION.size:
            return None
        start += _EXTENSION.size + 4 * _EXTENSION.unpack_from(data, start)[1]
    if first & _PADDING:
        end -= data[-1]
    if first & 0xC0 != _VERSION or end < start:
        return None
    return second & 0x7F, sequence, timestamp, ssrc, data[start:end]


class Reception:
    """What a receiver has to report of one source.

    Attributes:
        highest: the highest sequence number, with the times it wrapped in its upper half.
    """

    def __init__(self) -> None:
        self._begin(-1)

    def _begin(self, sequence: int) -> None:
        self.highest = self._first = sequence
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._jitter = 0.0
        self._transit: float | None = None

    def add(self, sequence: int, timestamp: int, now: float) -> None:
        """A packet arrived, at monotonic `now` in seconds."""
        # The shorter way between two numbers that wrap around.
        step = ((sequence - self.highest + 0x8000) & 0xFFFF) - 0x8000
        if self.highest < 0 or abs(step) > _MAX_DROPOUT:
            self._begin(sequence)
        elif step > 0:
            self.highest += step
        self._received += 1
        # Section 6.4.1, in samples of the clock rate.
        transit = now * CLOCK_RATE - timestamp
        if self._transit is not None:
            late = abs(transit - self._transit)
            if late < CLOCK_RATE:
                self._jitter += (late - self._jitter) / 16
        self._transit = transit

    @property
    def jitter(self) -> int:
        """Interarrival jitter in samples of the clock rate."""
        return int(self._jitter)

    @property
    def lost(self) -> int:
        """Packets missing so far; what came twice counts against them."""
        return max(-(1 << 23), min(self._expected - self._received, (1 << 23) - 1))

    def take_fraction_lost(self) -> int:
        """Of 256 packets, how many were lost since this was asked for last."""
        expected, received = self._expected, self._received
        due = expected - self._expected_before
        missing = due - (received - self._received_before)
        self._expected_before, self._received_before = expected, received
        return 0 if due <= 0 or missing <= 0 else min(255, (missing << 8) // due)

    @property
    def _expected(self) -> int:
        return self.highest - self._first + 1
