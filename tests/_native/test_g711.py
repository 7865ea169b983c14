"""G.711 on every input there is, against the decision values of the recommendation's tables."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pytest

from rtaudio._native import g711
from rtaudio.errors import AudioError

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    try:
        import audioop
    except ImportError:  # gone from Python 3.13 on
        audioop = None

needs_audioop = pytest.mark.skipif(audioop is None, reason="this Python has no audioop")

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))


def ulaw_steps() -> tuple[list[int], list[int]]:
    """Decision values x1..x127 and output values y0..y127 of G.711's table 2, 14-bit scale.

    Segments end at 31, 95, 223, ...; the first decision value is 1, and steps double by segment.
    """
    decisions = [1]
    for segment in range(8):
        steps = 15 if segment == 0 else 16
        decisions += [decisions[-1] + (2 << segment) * (n + 1) for n in range(steps)]
    assert decisions[15:128:16] == [31, 95, 223, 479, 991, 2015, 4063, 8159]
    edges = decisions[:128]
    values = [0] + [(low + high) // 2 for low, high in pairwise(edges)]
    return edges[:127], values


def alaw_steps() -> tuple[list[int], list[int]]:
    """Decision values x1..x127 and output values y1..y128 of table 1, in 16-bit units.

    The table's scale is 4096 = full; 32 steps of 2, then 16 steps of 4, of 8, up to 128.
    """
    edges = [2 * n for n in range(33)]
    for segment in range(2, 8):
        edges += [edges[-1] + (2 << (segment - 1)) * (n + 1) for n in range(16)]
    assert edges[16::16] == [32, 64, 128, 256, 512, 1024, 2048, 4096]
    values = [(low + high) // 2 for low, high in pairwise(edges)]
    return [8 * edge for edge in edges[1:-1]], [8 * value for value in values]


def quantise(decisions: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Number of the interval each magnitude lies in; on a threshold: away from zero for positive
    samples, towards zero for negative ones, as the reference software has it."""
    wide = EVERY_SAMPLE.astype(np.int64)
    above = np.searchsorted(decisions, wide, side="right")
    below = np.searchsorted(decisions, -wide, side="left")
    return np.where(wide >= 0, above, below), wide >= 0


def test_ulaw_encodes_every_sample_as_the_decision_values_say():
    decisions, _ = ulaw_steps()
    number, positive = quantise([4 * value for value in decisions])  # 14 bits to 16
    expected = (0xFF - number) - np.where(positive, 0, 0x80)
    assert np.frombuffer(g711.ulaw_encode(EVERY_SAMPLE), np.uint8).tolist() == expected.tolist()


def test_alaw_encodes_every_sample_as_the_decision_values_say():
    decisions, _ = alaw_steps()
    number, positive = quantise(decisions)
    expected = (number + np.where(positive, 0x80, 0)) ^ 0x55
    assert np.frombuffer(g711.alaw_encode(EVERY_SAMPLE), np.uint8).tolist() == expected.tolist()


def test_ulaw_decodes_every_code_to_the_output_values():
    _, values = ulaw_steps()
    expected = [-4 * values[0x7F - code] for code in range(0x80)]
    expected += [4 * values[0xFF - code] for code in range(0x80, 0x100)]
    assert g711.ulaw_decode(EVERY_CODE).tolist() == expected


def test_alaw_decodes_every_code_to_the_output_values():
    _, values = alaw_steps()
    expected = []
    for code in range(256):
        plain = code ^ 0x55
        expected.append(values[plain & 0x7F] * (1 if plain & 0x80 else -1))
    assert g711.alaw_decode(EVERY_CODE).tolist() == expected


@needs_audioop
def test_audioop_agrees_except_where_it_rounds_negative_ulaw_away_from_zero():
    raw = EVERY_SAMPLE.tobytes()
    assert g711.alaw_encode(raw) == audioop.lin2alaw(raw, 2)
    assert g711.alaw_decode(EVERY_CODE).tobytes() == audioop.alaw2lin(EVERY_CODE, 2)
    assert g711.ulaw_decode(EVERY_CODE).tobytes() == audioop.ulaw2lin(EVERY_CODE, 2)

    ours = np.frombuffer(g711.ulaw_encode(raw), np.uint8)
    theirs = np.frombuffer(audioop.lin2ulaw(raw, 2), np.uint8)
    differ = ours != theirs
    assert (EVERY_SAMPLE[differ] < 0).all()
    # It drops two bits before it takes the magnitude, so it is off just below each threshold. The
    # reference software is never further from the sample than that.
    wide = EVERY_SAMPLE.astype(np.int64)
    our_error = np.abs(g711.ulaw_decode(ours) - wide)
    their_error = np.abs(g711.ulaw_decode(theirs) - wide)
    assert (our_error <= their_error).all()


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_codes_survive_a_round_trip(law):
    decoded = getattr(g711, f"{law}_decode")(EVERY_CODE)
    encoded = getattr(g711, f"{law}_encode")(decoded)
    # Mu-law has two zeros; the negative one comes back as the positive one.
    expected = EVERY_CODE.replace(b"\x7f", b"\xff") if law == "ulaw" else EVERY_CODE
    assert encoded == expected


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
@pytest.mark.parametrize("length", [0, 1, 7, 15, 16, 17, 31, 33, 65, (1 << 21) + 3])
def test_into_forms_write_the_same_and_nothing_more(law, length):
    samples = np.resize(EVERY_SAMPLE[::-7], length)
    codes = getattr(g711, f"{law}_encode")(samples)
    assert len(codes) == length
    packed = bytearray(b"?" * (length + 2))
    assert getattr(g711, f"{law}_encode_into")(samples, packed) == length
    assert packed == codes + b"??"

    decoded = getattr(g711, f"{law}_decode")(codes)
    out = np.full(length + 2, 99, np.int16)
    assert getattr(g711, f"{law}_decode_into")(codes, out) == length
    assert (out[:length] == decoded).all()
    assert (out[length:] == 99).all()


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
@pytest.mark.parametrize("offset", range(1, 4))
def test_every_length_from_every_address_gives_what_each_value_alone_gives(law, offset):
    encode, decode = getattr(g711, f"{law}_encode"), getattr(g711, f"{law}_decode")
    codes, samples = encode(EVERY_SAMPLE), decode(EVERY_CODE)
    # Full scale of both signs among the first, and more than twice what a register holds.
    chosen = np.resize([0, 65535, 32767, 32768, 7, 40001, 65532, 131], 130)
    some_samples = b"?" * offset + EVERY_SAMPLE[chosen].tobytes()
    some_codes = b"?" * offset + chosen.astype(np.uint8).tobytes()
    for length in range(len(chosen) + 1):
        part = memoryview(some_samples)[offset : offset + 2 * length]
        assert list(encode(part)) == [codes[value] for value in chosen[:length]]
        part = memoryview(some_codes)[offset : offset + length]
        assert decode(part).tolist() == samples[chosen[:length] & 255].tolist()


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_wrong_input_and_too_little_room_are_refused(law):
    encode_into = getattr(g711, f"{law}_encode_into")
    decode_into = getattr(g711, f"{law}_decode_into")
    with pytest.raises(AudioError, match="got room for 3 bytes; this input needs 4"):
        encode_into(bytes(8), bytearray(3))
    with pytest.raises(AudioError, match="got room for 3 samples; this input needs 4"):
        decode_into(bytes(4), bytearray(6))
    with pytest.raises(AudioError, match="format 'd'"):
        getattr(g711, f"{law}_encode")(np.zeros(4))
    with pytest.raises(AudioError, match="got str"):
        getattr(g711, f"{law}_decode")("text")
    with pytest.raises(AudioError, match="must hold bytes"):
        getattr(g711, f"{law}_decode")(np.zeros(4, np.int16))
