"""Packet inspection against libopus's own, and against the rules of RFC 6716."""

from __future__ import annotations

import ctypes
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtaudio._native.opus_packet import OpusPacketInfo, opus_packet_info
from rtaudio.audio import OpusDecoder, OpusEncoder, libopus_path
from rtaudio.errors import AudioError, OpusError

SAMPLES = Path(__file__).parent.parent.parent / "samples"
RATES = (8000, 12000, 16000, 24000, 48000)
BANDWIDTHS = ("narrowband", "mediumband", "wideband", "superwideband", "fullband")


class Reference:
    """The opus_packet_ functions of the libopus in use."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL(libopus_path())
        self.toc = ctypes.c_ubyte()
        self.frames = (ctypes.c_void_p * 48)()
        self.sizes = (ctypes.c_int16 * 48)()
        self.offset = ctypes.c_int()

    @property
    def knows_fec(self) -> bool:
        return hasattr(self.library, "opus_packet_has_lbrr")  # since libopus 1.5

    def info(self, packet: bytes, sample_rate: int) -> OpusPacketInfo | None:
        library = self.library
        frames = library.opus_packet_parse(
            packet,
            len(packet),
            ctypes.byref(self.toc),
            self.frames,
            self.sizes,
            ctypes.byref(self.offset),
        )
        if frames <= 0:
            return None
        config = packet[0] >> 3
        each = library.opus_packet_get_samples_per_frame(packet, 48000)
        return OpusPacketInfo(
            config=config,
            mode="silk" if config < 12 else "hybrid" if config < 16 else "celt",
            bandwidth=BANDWIDTHS[library.opus_packet_get_bandwidth(packet) - 1101],  # type: ignore[arg-type]
            channels=library.opus_packet_get_nb_channels(packet),
            frames=frames,
            frame_ms=each / 48,
            samples_per_channel=library.opus_packet_get_nb_samples(
                packet, len(packet), sample_rate
            ),
            has_fec=self.knows_fec and library.opus_packet_has_lbrr(packet, len(packet)) > 0,
        )


REFERENCE = Reference()


def check(packet: bytes, sample_rate: int = 48000) -> None:
    got: OpusPacketInfo | None
    try:
        got = opus_packet_info(packet, sample_rate)
    except OpusError:
        got = None
    if got is not None and not REFERENCE.knows_fec:
        got = got._replace(has_fec=False)
    assert got == REFERENCE.info(packet, sample_rate), packet.hex()


def speech(seconds: int) -> np.ndarray[Any, Any]:
    with wave.open(str(SAMPLES / "pride.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (24000, 1)
        return np.frombuffer(file.readframes(24000 * seconds), np.int16)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 40, 1275, 1276, 1277, 1300, 2551, 2552, 5000])
def test_every_first_byte_is_read_as_libopus_reads_it(length: int) -> None:
    rest = np.random.default_rng(length).integers(0, 256, length - 1, np.uint8).tobytes()
    for first in range(256):
        check(bytes([first]) + rest)


@pytest.mark.parametrize("length", [2, 3, 5, 25, 241])
def test_every_count_of_frames_is_read_as_libopus_reads_it(length: int) -> None:
    rest = np.random.default_rng(length).integers(0, 9, length - 2, np.uint8).tobytes()
    for first in range(3, 256, 4):  # those whose second byte counts the frames
        for second in range(256):
            check(bytes([first, second]) + rest)


@given(
    first=st.integers(0, 255),
    second=st.integers(0, 255),
    rest=st.lists(st.one_of(st.integers(0, 12), st.integers(250, 255), st.integers(0, 255))),
    more=st.integers(0, 1400),
    sample_rate=st.sampled_from(RATES),
)
@example(first=3, second=0x41, rest=[255] * 4, more=0, sample_rate=8000)  # padding without an end
@example(first=3, second=0x41, rest=[255] * 4, more=1100, sample_rate=8000)
@example(first=3, second=0xC2, rest=[2, 252], more=0, sample_rate=8000)  # half a length
@example(first=3, second=0x81, rest=[], more=1276, sample_rate=8000)
def test_any_packet_is_read_as_libopus_reads_it(
    first: int, second: int, rest: list[int], more: int, sample_rate: int
) -> None:
    check(bytes([first, second, *rest]) + bytes(more), sample_rate)


@given(st.binary(max_size=400))
def test_any_bytes_are_described_or_refused(packet: bytes) -> None:
    check(packet)


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("frame_ms", [2.5, 5, 10, 20, 40, 60, 80, 100, 120])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_encoded_packet_is_described_as_it_was_made(
    sample_rate: int, frame_ms: float, channels: int
) -> None:
    count = int(sample_rate * frame_ms / 1000)
    packet = OpusEncoder(sample_rate, channels=channels, bitrate=64000).encode(
        np.zeros((count, channels), np.int16)
    )
    info = opus_packet_info(packet, sample_rate)
    assert info.samples_per_channel == count
    assert info.channels == channels
    assert info.frames * info.frame_ms == frame_ms
    assert len(OpusDecoder(sample_rate, channels=channels).decode(packet)) == count


@pytest.mark.parametrize("frame_ms", [20, 40, 60])
@pytest.mark.parametrize("channels", [1, 2])
def test_packets_with_a_copy_of_the_past_are_told_from_those_without(
    frame_ms: int, channels: int
) -> None:
    pcm = np.repeat(speech(3), channels).reshape(-1, 24 * frame_ms * channels)
    plain = OpusEncoder(24000, channels=channels, bitrate=32000)
    copying = OpusEncoder(24000, channels=channels, bitrate=32000, fec=True)
    assert not any(opus_packet_info(plain.encode(block)).has_fec for block in pcm)
    packets = [copying.encode(block) for block in pcm]
    having = [packet for packet in packets if opus_packet_info(packet).has_fec]
    assert len(having) > len(packets) / 2
    assert len({len(packet) for packet in having}) > 1
    for packet in packets:
        check(packet)


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (b"", "no first byte"),
        (b"\x00" + bytes(1276), "over 1275"),
        (b"\x01\x00", "equally"),
        (b"\x02", "ends before"),
        (b"\x02\x05\x00", "ends before"),
        (b"\x03", "ends before"),
        (b"\x03\x00", "no frames"),
        (b"\x1b\x03\x00\x00\x00", "over 120 ms"),
        (b"\x03\x02\x00", "equally"),
        (b"\x03\x41\x05", "ends before"),
    ],
)
def test_what_is_no_packet_is_refused_with_the_reason(packet: bytes, why: str) -> None:
    with pytest.raises(OpusError, match=why):
        opus_packet_info(packet)


def test_any_buffer_of_bytes_is_taken_and_sound_is_not() -> None:
    packet = OpusEncoder(16000).encode(np.zeros(320, np.int16))
    info = opus_packet_info(packet)
    for same in (bytearray(packet), memoryview(packet), np.frombuffer(packet, np.uint8)):
        assert opus_packet_info(same) == info
    with pytest.raises(AudioError, match="must hold bytes"):
        opus_packet_info(np.zeros(320, np.int16))
    with pytest.raises(AudioError, match="NoneType"):
        opus_packet_info(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("sample_rate", [44100, True, 48000.0, None, "48000", 0])
def test_a_sample_rate_that_opus_does_not_have_is_refused(sample_rate: Any) -> None:
    with pytest.raises(OpusError, match=r"sample rate .*8000, 12000, 16000, 24000 or 48000"):
        opus_packet_info(b"\x00", sample_rate)


def test_a_numpy_integer_is_a_sample_rate() -> None:
    info = opus_packet_info(b"\x08", np.int64(16000))  # type: ignore[arg-type]
    assert (info.samples_per_channel, info.frame_ms) == (320, 20.0)
