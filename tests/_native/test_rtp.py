"""RTP written and read, against the layout of RFC 3550, and what a receiver reports."""

from __future__ import annotations

import copy
import random
import struct
from typing import Any

import pytest

from rtaudio._native.rtp import RtpReceiver, RtpSender
from rtaudio.audio import PlayoutBuffer
from rtaudio.errors import AudioError

EXTENSION = struct.pack("!HH", 0xBEDE, 1) + b"\x10\x30\x00\x00"
SOUND = bytes([0xD5]) * 160  # 20 ms of A-law
HEADER = struct.Struct("!BBHII")


def listen(**options: Any) -> tuple[PlayoutBuffer, RtpReceiver]:
    buffer = PlayoutBuffer("pcma", 8000, **options)
    return buffer, RtpReceiver(buffer)


# Writing.


def test_a_packet_is_laid_out_as_the_standard_says() -> None:
    sender = RtpSender(7, 111, sequence=65535, timestamp=2**32 - 480)
    first = sender.pack(b"opus", 0, marker=True)
    second = sender.pack(b"next", 960)
    assert HEADER.unpack(first[:12]) == (0x80, 0x80 | 111, 65535, 2**32 - 480, 7)
    assert first[12:] == b"opus"
    assert HEADER.unpack(second[:12]) == (0x80, 111, 0, 480, 7)
    assert (sender.ssrc, sender.timestamp, sender.packets, sender.octets) == (7, 480, 2, 8)


def test_an_extension_stands_in_every_packet() -> None:
    sender = RtpSender(7, 111, extension=EXTENSION)
    for position in (0, 960):
        packet = sender.pack(b"opus", position)
        assert packet[0] == 0x90
        assert packet[12:] == EXTENSION + b"opus"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((1 << 32, 111), "ssrc=4294967296"),
        ((7, 128), "payload_type=128"),
        ((7, True), "payload_type=True"),
        ((7, 111, -1), "sequence=-1"),
        ((7, 111, 0, 1 << 32), "timestamp=4294967296"),
        ((7, 111, 0, 0, EXTENSION + b"more"), "12 bytes"),
        ((7, 111, 0, 0, b"\xbe"), "1 bytes"),
    ],
)
def test_a_sender_that_cannot_be_is_refused(arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(AudioError, match=said):
        RtpSender(*arguments)


def test_only_bytes_are_carried() -> None:
    with pytest.raises(TypeError):
        RtpSender(7, 111).pack("opus", 0)  # type: ignore[arg-type]


# Reading.


def test_what_was_written_is_read_into_the_buffer() -> None:
    buffer, receiver = listen()
    sender = RtpSender(99, 8, extension=EXTENSION)
    assert receiver.source is None
    assert receiver.receive(sender.pack(SOUND, 0), 0.0)
    assert receiver.receive(memoryview(sender.pack(SOUND, 160)), 0.02)
    assert (receiver.source, receiver.highest_sequence) == (99, 1)
    assert buffer.stats.received == 2


def test_sources_and_padding_are_not_payload() -> None:
    buffer, receiver = listen()
    head = HEADER.pack(0x80 | 0x20 | 2, 8, 1, 2, 3)
    assert receiver.receive(head + bytes(8) + SOUND + b"\x00\x00\x03", 0.0)
    assert (buffer.stats.received, buffer.stats.malformed) == (1, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(12),
        HEADER.pack(0x80, 96, 1, 2, 3)[:11],
        HEADER.pack(0x40, 96, 1, 2, 3) + SOUND,
        HEADER.pack(0x90, 96, 1, 2, 3),
        HEADER.pack(0x90, 96, 1, 2, 3) + struct.pack("!HH", 0xBEDE, 9),
        HEADER.pack(0x8F, 96, 1, 2, 3),
        HEADER.pack(0xA0, 96, 1, 2, 3) + bytes([200]),
    ],
)
def test_what_is_cut_short_or_of_another_version_is_no_packet(data: bytes) -> None:
    buffer, receiver = listen()
    assert not receiver.receive(data, 0.0)
    assert receiver.source is None
    assert buffer.stats.received == 0


def test_a_packet_without_payload_counts_and_carries_nothing() -> None:
    buffer, receiver = listen()
    assert not receiver.receive(HEADER.pack(0x80, 8, 1, 2, 3), 0.0)
    assert receiver.highest_sequence == 1
    assert buffer.stats.received == 0


def test_reading_survives_any_bytes() -> None:
    noise = random.Random(5)
    _, receiver = listen()
    for number in range(3000):
        receiver.receive(b"\x80" + noise.randbytes(noise.randrange(40)), number / 50)


def test_a_buffer_of_pieces_without_numbers_is_left_alone() -> None:
    buffer, receiver = listen()
    buffer.push(SOUND, 0.0)
    with pytest.raises(AudioError, match="with a sequence number after some without"):
        receiver.receive(RtpSender(1, 8).pack(SOUND, 0), 0.0)


@pytest.mark.parametrize("now", [float("nan"), "soon"])
def test_a_time_that_is_none_is_refused(now: Any) -> None:
    _, receiver = listen()
    with pytest.raises(AudioError, match="now_s"):
        receiver.receive(RtpSender(1, 8).pack(SOUND, 0), now)


def test_what_is_no_bytes_is_refused() -> None:
    _, receiver = listen()
    with pytest.raises(AudioError):
        receiver.receive("packet", 0.0)  # type: ignore[arg-type]


def test_neither_can_be_copied() -> None:
    for each in (listen()[1], RtpSender(1, 8)):
        with pytest.raises(TypeError, match="copied"):
            copy.copy(each)


# What is reported.


class Stream:
    """Packets of 20 ms, as they reach a receiver."""

    def __init__(self, first: int = 65530, source: int = 9) -> None:
        self.receiver = listen(capacity=4096)[1]
        self.first = first
        self.source = source

    def receive(self, *numbers: int, late_s: float = 0.0) -> None:
        for number in numbers:
            sequence = (self.first + number) % 65536
            head = HEADER.pack(0x80, 8, sequence, number * 160, self.source)
            self.receiver.receive(head + SOUND, number * 0.02 + late_s)


def test_lost_packets_are_counted_over_the_wrap_of_their_numbers() -> None:
    stream = Stream()
    stream.receive(*(number for number in range(100) if number % 4))
    assert stream.receiver.lost == 24  # the first one was never known
    assert stream.receiver.highest_sequence == 65530 + 99
    assert stream.receiver.take_fraction_lost() == (24 << 8) // 99
    assert stream.receiver.take_fraction_lost() == 0


def test_packets_out_of_order_are_not_lost() -> None:
    stream = Stream()
    stream.receive(0, 2, 1, 4, 3)
    assert stream.receiver.lost == 0
    stream.receive(4)
    assert stream.receiver.lost == -1


@pytest.mark.parametrize("anew", ["numbers", "source"])
def test_another_stream_begins_anew(anew: str) -> None:
    stream = Stream(first=0)
    stream.receive(0, 1, 5)
    assert stream.receiver.lost == 3
    if anew == "numbers":
        stream.receive(30_000)
    else:
        stream.source, stream.first = 10, 30_000
        stream.receive(0)
        assert stream.receiver.source == 10
    assert stream.receiver.highest_sequence == 30_000
    assert stream.receiver.lost == 0


def test_jitter_grows_with_uneven_delays_and_not_with_even_ones() -> None:
    even, uneven = Stream(), Stream()
    for number in range(200):
        even.receive(number, late_s=0.05)
        uneven.receive(number, late_s=0.01 * (number % 2))
    assert even.receiver.jitter == 0
    assert 66 < uneven.receiver.jitter <= 80
