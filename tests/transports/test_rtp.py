from __future__ import annotations

import random
import struct

import pytest

from rtaudio.transports.rtp import Reception, pack_rtp, parse_rtp


def test_what_was_packed_is_read_again() -> None:
    extension = struct.pack("!HH", 0xBEDE, 1) + b"\x10\x30\x00\x00"
    for more in (b"", extension):
        data = pack_rtp(111, 65535, 2**32 - 1, 7, b"opus", more, marker=True)
        assert data[1] == 0x80 | 111
        assert parse_rtp(data) == (111, 65535, 2**32 - 1, 7, b"opus")


def test_sources_and_padding_are_not_payload() -> None:
    header = struct.pack("!BBHII", 0x80 | 0x20 | 2, 96, 1, 2, 3)
    data = header + bytes(8) + b"opus" + b"\x00\x00\x03"
    assert parse_rtp(data) == (96, 1, 2, 3, b"opus")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(12),
        pack_rtp(96, 1, 2, 3, b"")[:11],
        struct.pack("!BBHII", 0x80 | 0x10, 96, 1, 2, 3),
        struct.pack("!BBHIIHH", 0x80 | 0x10, 96, 1, 2, 3, 0xBEDE, 9),
        struct.pack("!BBHII", 0x8F, 96, 1, 2, 3),
        struct.pack("!BBHIIB", 0x80 | 0x20, 96, 1, 2, 3, 200),
    ],
)
def test_what_is_cut_short_or_of_another_version_is_no_packet(data: bytes) -> None:
    assert parse_rtp(data) is None


def test_reading_survives_any_bytes() -> None:
    noise = random.Random(5)
    for _ in range(3000):
        packet = parse_rtp(b"\x80" + noise.randbytes(noise.randrange(40)))
        assert packet is None or 0 <= packet[0] < 128


class Stream:
    """Packets of 20 ms, as they reach a receiver."""

    def __init__(self, first: int = 65530) -> None:
        self.reception = Reception()
        self.first = first

    def receive(self, *numbers: int, late_s: float = 0.0) -> None:
        for number in numbers:
            sequence = (self.first + number) % 65536
            self.reception.add(sequence, number * 960, number * 0.02 + late_s)


def test_lost_packets_are_counted_over_the_wrap_of_their_numbers() -> None:
    stream = Stream()
    stream.receive(*(number for number in range(100) if number % 4))
    assert stream.reception.lost == 24  # the first one was never known
    assert stream.reception.highest == 65530 + 99
    assert stream.reception.take_fraction_lost() == (24 << 8) // 99
    assert stream.reception.take_fraction_lost() == 0


def test_packets_out_of_order_are_not_lost() -> None:
    stream = Stream()
    stream.receive(0, 2, 1, 4, 3)
    assert stream.reception.lost == 0
    stream.receive(4)
    assert stream.reception.lost == -1


def test_numbers_of_another_stream_begin_anew() -> None:
    stream = Stream(first=0)
    stream.receive(0, 1, 2)
    stream.receive(30_000)
    assert stream.reception.highest == 30_000
    assert stream.reception.lost == 0


def test_jitter_grows_with_uneven_delays_and_not_with_even_ones() -> None:
    even, uneven = Stream(), Stream()
    for number in range(200):
        even.receive(number, late_s=0.05)
        uneven.receive(number, late_s=0.01 * (number % 2))
    assert even.reception.jitter == 0
    assert 400 < uneven.reception.jitter <= 480
