"""The Opus decoder: concealment, FEC, and any bytes whatever as a packet."""

from __future__ import annotations

import contextlib
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.audio import OpusDecoder, OpusEncoder, libopus_features
from rtaudio.errors import AudioError, OpusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.audio import Samples


@pytest.fixture(scope="module")
def packets(speech: Samples) -> list[bytes]:
    encoder = OpusEncoder(24000, bitrate=32000, fec=True)
    return [encoder.encode(block) for block in speech.reshape(-1, 480)]


def test_the_into_forms_give_the_same_and_allocate_nothing(packets: list[bytes]) -> None:
    one, other = OpusDecoder(24000), OpusDecoder(24000)
    out = np.zeros(500, np.int16)
    for packet in packets[:50]:
        assert other.decode_into(packet, out) == 480
        assert (out[:480] == one.decode(packet)).all()
        assert not out[480:].any()
    assert other.conceal_into(out[:480]) == 480
    assert (out[:480] == one.conceal(480)).all()
    exact = bytearray(960)
    other.decode_into(packets[50], exact)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for packet in packets[51:60]:
            other.decode_into(packet, exact)
            other.conceal_into(exact)
        # What is left is the number that each call returns.
        assert tracemalloc.get_traced_memory()[1] - before < 200
    finally:
        tracemalloc.stop()


def test_a_reset_decoder_equals_a_new_one(packets: list[bytes]) -> None:
    decoder = OpusDecoder(24000)
    sound = decoder.decode(packets[0])
    decoder.decode(packets[1])
    decoder.reset()
    assert (decoder.decode(packets[0]) == sound).all()


def test_a_lost_packet_is_concealed_with_sound_of_the_asked_length(packets: list[bytes]) -> None:
    decoder = OpusDecoder(24000)
    for packet in packets[:100]:
        decoder.decode(packet)
    concealed = decoder.conceal(960)
    assert concealed.shape == (960,)
    assert np.abs(concealed).max() > 100


def test_lost_frames_come_back_from_the_next_packet_as_opuslib_has_them(
    opuslib: Any, packets: list[bytes]
) -> None:
    whole, fec, concealing = (OpusDecoder(24000) for _ in range(3))
    reference = opuslib.Decoder(24000, 1)
    wrong_with_fec = wrong_without = 0.0
    for i, packet in enumerate(packets[:-1]):
        sent = whole.decode(packet).astype(float)
        if i % 10 != 5:
            assert fec.decode(packet).tobytes() == reference.decode(packet, 480)
            concealing.decode(packet)
            continue
        recovered = fec.decode(packets[i + 1], fec=True)
        assert recovered.tobytes() == reference.decode(packets[i + 1], 480, decode_fec=True)
        wrong_with_fec += np.square(recovered - sent).sum()
        wrong_without += np.square(concealing.conceal(480) - sent).sum()
    assert wrong_with_fec < wrong_without / 2


@pytest.mark.parametrize("gap", [0, 481, 2940, -480, 480.0, True, None, 2**70])
def test_a_gap_of_no_possible_length_is_refused(gap: Any) -> None:
    with pytest.raises(OpusError, match=r"multiple of 60, up to 2880"):
        OpusDecoder(24000).conceal(gap)


@pytest.mark.parametrize("samples", [0, 59, 481, 2940])
def test_room_of_no_possible_length_is_not_filled(samples: int) -> None:
    out = np.full(samples, 7, np.int16)
    with pytest.raises(OpusError, match=r"multiple of 60, up to 2880"):
        OpusDecoder(24000).conceal_into(out)
    assert (out == 7).all()


def test_too_little_room_for_the_sound_is_refused(packets: list[bytes]) -> None:
    with pytest.raises(OpusError, match=r"room for 10 .* has 480"):
        OpusDecoder(24000).decode_into(packets[0], np.zeros(10, np.int16))


@pytest.mark.parametrize("fec", [480, 1, None, "no"])
def test_a_flag_that_is_none_is_refused(fec: Any, packets: list[bytes]) -> None:
    with pytest.raises(OpusError, match="True or False"):
        OpusDecoder(24000).decode(packets[0], fec)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((44100,), "44100"), ((24000.0,), "24000.0"), ((24000, 3), "3"), ((24000, True), "True")],
)
def test_a_wrong_setting_is_named(arguments: Any, named: str) -> None:
    with pytest.raises(OpusError, match=named):
        OpusDecoder(*arguments)


def test_deep_concealment_is_refused_where_libopus_was_built_without() -> None:
    if "deep_plc" in libopus_features():
        assert OpusDecoder(24000, deep_plc=True).deep_plc
        return
    with pytest.raises(OpusError, match="built without deep PLC"):
        OpusDecoder(24000, deep_plc=True)


def padded(packet: bytes, padding: int) -> bytes:
    """The same single frame as a packet of code 3, with padding (RFC 6716, section 3.2.5)."""
    assert packet[0] & 3 == 0
    longs, rest = divmod(padding, 254)
    head = bytes([packet[0] | 3, 0x40 | 1]) + b"\xff" * longs + bytes([rest])
    return head + packet[1:] + bytes(padding)


@pytest.mark.parametrize("padding", [0, 1, 253, 254, 255, 1000, 100_000])
def test_padding_changes_nothing(packets: list[bytes], padding: int) -> None:
    one, other = OpusDecoder(24000), OpusDecoder(24000)
    for packet in packets[:5]:
        assert (one.decode(padded(packet, padding)) == other.decode(packet)).all()


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x03",  # code 3 without its count
        b"\x03\x00",  # no frames
        b"\x03\x7f",  # 63 frames
        b"\x03\x41\xff\xff\xff",  # padding that goes on
        b"\x03\x41\xfe\x00",  # padding longer than the packet
        b"\x01\x00\x00\x00",  # two frames of one length in three bytes
        b"\x02\xff",  # a length cut in two
        b"\x02\x09ab",  # a length beyond the end
        b"\x00" + bytes(1276),  # a frame over the longest
        b"\x00" + bytes((1 << 20) + 10),
    ],
    ids=lambda packet: f"{packet[:5].hex()}-{len(packet)}",
)
def test_malformed_packets_are_refused_and_the_stream_goes_on(
    packet: bytes, packets: list[bytes]
) -> None:
    one, other = OpusDecoder(24000), OpusDecoder(24000)
    out = np.zeros(2880, np.int16)
    for good in packets[:3]:
        with pytest.raises(OpusError):
            one.decode(packet)
        with pytest.raises(OpusError):
            one.decode_into(packet, out)
        with pytest.raises(OpusError):
            one.decode(packet, fec=True)
        assert (one.decode(good) == other.decode(good)).all()


def test_any_bytes_are_sound_or_an_opus_error_and_leave_the_decoder_usable(
    packets: list[bytes],
) -> None:
    decoder = OpusDecoder(48000, channels=2)

    @given(st.binary(max_size=300), st.booleans())
    def feed(packet: bytes, fec: bool) -> None:
        try:
            decoded = decoder.decode(packet, fec)
        except OpusError:
            pass
        else:
            assert 0 < len(decoded) <= 5760
        assert decoder.decode(packets[7]).shape == (960, 2)

    feed()


def test_packets_cut_or_with_a_flipped_bit_do_no_harm(
    speechlike: Callable[..., Samples],
) -> None:
    encoder = OpusEncoder(24000, application="audio", complexity=2)
    packet = encoder.encode(speechlike(24000, 0.12))
    assert packet[0] & 3
    decoder = OpusDecoder(24000)

    @given(st.integers(0, len(packet)), st.integers(0, 8 * len(packet) - 1))
    def feed(cut: int, bit: int) -> None:
        harmed = bytearray(packet)
        harmed[bit // 8] ^= 1 << bit % 8
        for each in (packet[:cut], harmed, harmed[:cut]):
            with contextlib.suppress(OpusError):
                assert 0 < len(decoder.decode(each)) <= 2880

    feed()


@pytest.mark.parametrize("packet", [None, "text", 5, np.zeros(4, np.int16)])
def test_what_is_no_bytes_is_refused(packet: Any) -> None:
    with pytest.raises(AudioError):
        OpusDecoder(24000).decode(packet)
