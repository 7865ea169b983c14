"""The wire kernel against json and base64."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio._native.simd import LEVELS, detected_level
from rtaudio._native.wire import decode_audio_delta, encode_append
from rtaudio.errors import AudioError

FIELDS = {
    "type": "response.output_audio.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 3,
}
WANTED = ("event_1", "resp_1", "item_1", 0, 3)


@given(pcm=st.binary(max_size=400), event_id=st.none() | st.text(max_size=20))
def test_an_append_reads_back_as_the_same_bytes(pcm: bytes, event_id: str | None) -> None:
    text = encode_append(pcm, event_id)
    assert text.startswith(b'{"type":"input_audio_buffer.append"')
    event = json.loads(text)
    assert base64.b64decode(event["audio"], validate=True) == pcm
    assert event.get("event_id") == event_id


def test_an_append_takes_any_contiguous_pcm() -> None:
    samples = np.arange(-50, 50, dtype=np.int16)
    expected = encode_append(samples.tobytes())
    assert encode_append(samples) == expected
    assert encode_append(bytearray(samples.tobytes())) == expected
    odd = memoryview(b"x" + samples.tobytes())[1:]
    assert encode_append(odd) == expected


@pytest.mark.parametrize("pcm", [np.zeros(4, np.float32), np.zeros(8, np.int16)[::2], 7, "text"])
def test_an_append_refuses_what_is_not_pcm(pcm: object) -> None:
    with pytest.raises((AudioError, TypeError)):
        encode_append(pcm)  # type: ignore[arg-type]


@given(
    pcm=st.binary(max_size=300),
    order=st.permutations([*FIELDS, "delta", "obfuscation"]),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]),
    as_text=st.booleans(),
)
def test_a_delta_reads_as_json_and_base64_read_it(
    pcm: bytes, order: list[str], separators: tuple[str, str], as_text: bool
) -> None:
    fields = {**FIELDS, "delta": base64.b64encode(pcm).decode(), "obfuscation": 'x"\\}{"delta":"'}
    message = json.dumps({key: fields[key] for key in order}, separators=separators)
    got = decode_audio_delta(message if as_text else message.encode())
    assert got is None or got == (*WANTED, pcm)
    del fields["obfuscation"]  # without an escape in sight the fast path must take it
    order = [key for key in order if key != "obfuscation"]
    message = json.dumps({key: fields[key] for key in order}, separators=separators)
    assert decode_audio_delta(message.encode()) == (*WANTED, pcm)


def with_field(value: str, *, first: bool = False) -> str:
    """An audio delta with one more field, whose value is given as JSON text."""
    message = json.dumps({**FIELDS, "delta": "AQID"})
    return f'{{"x": {value}, {message[1:]}' if first else f'{message[:-1]}, "x": {value}}}'


@pytest.mark.parametrize(
    "value",
    [
        *["true", "false", "null", '""', '"\x7f"', "0", "-0", "-1.50", "1e9", "0E+07", "-2.5e-3"],
        *["9" * 40, "1e999", "[]", "{ }", "[ 1 ,[ ] , {} ]", '{"a":1 , "b" : [true,{"c":"d"}]}'],
        *["[" * 8 + "]" * 8, '{"a":' * 7 + "{}" + "}" * 7],
    ],
)
def test_fields_that_are_not_known_are_skipped(value: str) -> None:
    for first in (False, True):
        message = with_field(value, first=first)
        assert json.loads(message)
        assert decode_audio_delta(message) == (*WANTED, b"\1\2\3")


@pytest.mark.parametrize(
    "value",
    [
        *["", "tru", "True", "nul", "nulll", "truefalse", "NaN", "-Infinity", "undefined", "'a'"],
        *["01", "-", "+1", ".5", "1.", "1.e1", "1e", "1e+", "0x1", "1 2", "--1", "1_0"],
        *["[1,]", "[,]", "[1 2]", "[", "]", "[}", "{]", '{"a"}', '{"a":}', '{"a":1,}', "{1:2}"],
        *["{,}", '{"a" 1}', '"', '"\t"', '"\\x"', '"a" "b"', "[01]", '{"a":tru}', "/**/1"],
    ],
)
def test_values_that_are_not_json_are_left_to_the_slow_path(value: str) -> None:
    for first in (False, True):
        message = with_field(value, first=first)
        if value not in ("NaN", "-Infinity"):  # which Python's json reads
            with pytest.raises(json.JSONDecodeError):
                json.loads(message)
        assert decode_audio_delta(message) is None


@pytest.mark.parametrize(("opening", "closing"), ["[]", ('{"a":', "}"), ('[{"a":', "}]")])
def test_deep_nesting_is_left_to_the_slow_path(opening: str, closing: str) -> None:
    for depth in (9, 100_000):
        for value in (opening * depth + "0" + closing * depth, opening * depth):
            assert decode_audio_delta(with_field(value)) is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@given(value=JSON, indent=st.sampled_from([None, 0, 3]), cut=st.integers(0, 99))
def test_any_value_of_another_field_is_skipped_or_left_to_the_slow_path(
    value: object, indent: int | None, cut: int
) -> None:
    text = json.dumps(value, indent=indent)
    got = decode_audio_delta(with_field(text))
    # Within eight levels, only an escape is a reason to give up.
    unusual = "\\" in text or text.count("[") + text.count("{") > 8
    assert got == (*WANTED, b"\1\2\3") or (got is None and unusual)
    damaged = with_field(text[:cut] + text[cut + 1 :])
    if decode_audio_delta(damaged) is not None:
        json.loads(damaged)


@pytest.mark.parametrize("place", range(20))
def test_every_byte_that_ends_a_plain_text_is_seen_at_every_place(place: int) -> None:
    for byte in range(256):
        note = b"~" * place + bytes([byte]) + b" " * (19 - place)
        message = b'{"note":"' + note + b'",' + json.dumps({**FIELDS, "delta": ""}).encode()[1:]
        plain = 0x20 <= byte < 0x80 and byte not in b'"\\'
        assert decode_audio_delta(message) == ((*WANTED, b"") if plain else None), byte
        # Its own memory, which ends in the middle of the text.
        assert decode_audio_delta(bytearray(message[: 9 + place + 1])) is None


def test_an_event_id_that_is_null_is_as_good_as_none() -> None:
    null = json.dumps({**FIELDS, "event_id": None, "delta": "AQID"})
    assert decode_audio_delta(null) == (None, *WANTED[1:], b"\1\2\3")
    assert decode_audio_delta('{"event_id": "event_1", ' + null[1:]) is None
    assert decode_audio_delta(null[:-1] + ', "event_id": "event_1"}') == (*WANTED, b"\1\2\3")
    for later in ("nul", "nullx", "false"):
        assert decode_audio_delta(null.replace("null", later)) is None


@pytest.mark.parametrize("length", [0, 1, 2, 3, 47, 48, 49, 960, 4800])
def test_sound_that_other_fields_follow_has_its_own_length(length: int) -> None:
    sound = bytes(range(256)) * 19
    delta = base64.b64encode(sound[:length]).decode()
    for rest in ("", "A", "AAAA" * 500, "=", "===="):
        message = json.dumps({"delta": delta, **FIELDS, "rest": rest})
        got = decode_audio_delta(message)
        assert got == (*WANTED, sound[:length])
        assert got is not None
        assert sys.getsizeof(got[-1]) == sys.getsizeof(sound[:length])


@pytest.mark.parametrize(
    "decoy",
    [
        {"note": {"delta": "AAAA", "type": "response.output_audio.delta"}},
        {"note": {"a": [{"delta": "AAAA", "item_id": "i"}], "delta": {"delta": "AAAA"}}},
        {"note": ["delta", "AAAA"]},
        {"note": "delta"},
        {"delta2": "AAAA"},
        {"Delta": "AAAA"},
    ],
)
def test_decoys_do_not_fool_the_scanner(decoy: dict[str, object]) -> None:
    good = {**FIELDS, "delta": "AQID"}
    for fields in ({**decoy, **good}, {**good, **decoy}):
        assert decode_audio_delta(json.dumps(fields)) == (*WANTED, b"\1\2\3")
    other = {"type": "session.created", **decoy}
    assert decode_audio_delta(json.dumps(other)) is None


@pytest.mark.parametrize("length", range(100))
def test_sound_of_any_length_survives_both_ways(length: int) -> None:
    for sound in (bytes(length), b"\xff" * length, bytes(range(7, 7 + length))):
        delta = json.loads(encode_append(sound))["audio"]
        assert delta == base64.b64encode(sound).decode()
        assert decode_audio_delta(json.dumps({**FIELDS, "delta": delta})) == (*WANTED, sound)


@pytest.mark.parametrize("place", range(12))
def test_every_byte_outside_the_alphabet_is_left_to_the_slow_path(place: int) -> None:
    whole = bytearray(json.dumps({**FIELDS, "delta": "abcdefghijkl"}).encode())
    start = whole.index(b"abcdefghijkl") + place
    for byte in range(256):
        whole[start] = byte
        text = bytes(whole[start - place : start - place + 12])
        try:
            expected = base64.b64decode(text, validate=True)
        except ValueError:
            assert decode_audio_delta(whole) is None
        else:
            assert decode_audio_delta(whole) == (*WANTED, expected)


@pytest.mark.parametrize(
    "delta", ["A", "AA", "AAA", "=", "====", "A===", "AA=A", "=AAA", "AAAA=", "AA==AA==", "AA-_"]
)
def test_bad_padding_is_left_to_the_slow_path(delta: str) -> None:
    assert decode_audio_delta(json.dumps({**FIELDS, "delta": delta})) is None


@pytest.mark.parametrize("missing", [*FIELDS, "delta"])
def test_only_the_event_id_may_be_missing(missing: str) -> None:
    fields = {**FIELDS, "delta": "AQID"}
    del fields[missing]
    expected = (None, *WANTED[1:], b"\1\2\3") if missing == "event_id" else None
    assert decode_audio_delta(json.dumps(fields)) == expected


@pytest.mark.parametrize("twice", [*FIELDS, "delta"])
def test_a_field_given_twice_is_left_to_the_slow_path(twice: str) -> None:
    fields = {**FIELDS, "delta": "AQID"}
    again = json.dumps({twice: fields[twice]})[1:]
    assert decode_audio_delta(json.dumps(fields)[:-1] + "," + again) is None


@pytest.mark.parametrize("index", ["-1", "+1", "01", "1.0", "1e2", "", '"1"', "null", "1234567890"])
def test_an_index_that_is_no_small_plain_number_is_left_to_the_slow_path(index: str) -> None:
    message = json.dumps({**FIELDS, "delta": "AQID"})
    assert decode_audio_delta(message) is not None
    changed = message.replace('"output_index": 0', f'"output_index": {index}')
    assert changed != message
    assert decode_audio_delta(changed) is None


def test_a_message_of_the_beta_protocol_is_read_too() -> None:
    fields = {**FIELDS, "type": "response.audio.delta", "delta": "AQID"}
    assert decode_audio_delta(json.dumps(fields)) == (*WANTED, b"\1\2\3")


def test_messages_may_be_any_buffer_of_bytes_at_any_address() -> None:
    message = json.dumps({**FIELDS, "delta": "AQID"}).encode()
    for held in (bytearray(message), memoryview(b"x" + message)[1:]):
        assert decode_audio_delta(held) == (*WANTED, b"\1\2\3")


def test_text_outside_ascii_is_left_to_the_slow_path() -> None:
    fields = {**FIELDS, "delta": "AQID", "note": "\u00fc"}
    message = json.dumps(fields, ensure_ascii=False)
    assert decode_audio_delta(message) is None
    assert decode_audio_delta(message.encode()) is None
    assert decode_audio_delta(message.replace("\u00fc", "\ud800")) is None


def test_a_message_cut_anywhere_is_left_to_the_slow_path() -> None:
    message = json.dumps({**FIELDS, "delta": base64.b64encode(bytes(range(90))).decode()}).encode()
    for end in range(len(message)):
        # Its own memory, of exactly this size: a sanitizer then sees a read beyond it.
        assert decode_audio_delta(bytearray(message[:end])) is None
        assert decode_audio_delta(message + message[:end]) is None or end == 0


@given(st.binary(max_size=120))
def test_any_bytes_are_left_to_the_slow_path(noise: bytes) -> None:
    for message in (noise, b'{"type":"response.output_audio.delta","delta":"' + noise):
        assert decode_audio_delta(message) is None


@given(
    fields=st.lists(
        st.tuples(
            st.sampled_from([*FIELDS, "delta", "x"]),
            st.sampled_from(["AQID", "response.output_audio.delta", 0, 12, None, [], {"a": 0}])
            | st.text(max_size=4),
        ),
        max_size=9,
    ),
    garnish=st.sampled_from(["", " ", "}", ",", "\0", "\n"]),
)
def test_what_is_accepted_is_json_that_means_the_same(
    fields: list[tuple[str, object]], garnish: str
) -> None:
    base = {**FIELDS, "delta": "AQID"}
    pairs = [*((key, value) for key, value in base.items() if key not in dict(fields)), *fields]
    members = ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs)
    message = "{" + members + "}" + garnish
    got = decode_audio_delta(message)
    if got is not None:
        event = json.loads(message)
        assert event["type"] == FIELDS["type"]
        names = ("event_id", "response_id", "item_id", "output_index", "content_index")
        assert got[:5] == tuple(event.get(name) for name in names)
        assert got[5] == base64.b64decode(event["delta"], validate=True)


# --- every vector level ---------------------------------------------------------------------------

# Lengths around all vector widths at every alignment, and every byte at every place of a text that
# is longer than two vectors of 64 characters, against base64. What is read is in memory of just its
# size, so that a sanitizer sees every step beyond. Prints the level it ran at.
EXHAUSTIVE = """
import base64
import random
import numpy as np
from rtaudio._native.simd import simd_level
from rtaudio._native.wire import decode_audio_delta, encode_append

HEAD = b'{"type":"response.output_audio.delta","response_id":"r","item_id":"i",'
HEAD += b'"output_index":0,"content_index":0,"delta":"'
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
rng = random.Random(7)


def exact(data, offset):
    return memoryview(np.frombuffer(b"x" * offset + data, np.uint8).copy())[offset:]


def decoded(text, tail=b'"}', offset=0):
    found = decode_audio_delta(exact(HEAD + text + tail, offset))
    return None if found is None else found[-1]


for length in range(260):
    data = rng.randbytes(length)
    text = base64.b64encode(data)
    for offset in range(3):
        assert encode_append(exact(data, offset))[45:-2] == text, (length, offset)
        assert decoded(text, offset=offset) == data, (length, offset)
    assert decoded(text, b'", "x": "' + text + b'" }') == data, length
    assert decoded(text, b"") is None, length
    assert decoded(text, b'"') is None, length
    for bad in (text[:-1], text + b"A", text + b"=", text + b"AAA=AAAA"):
        assert decoded(bad) is None or not bad, (length, bad)

text = bytes(rng.choices(ALPHABET, k=196))
for place in range(len(text)):
    for byte in range(256):
        changed = text[:place] + bytes([byte]) + text[place + 1 :]
        if byte in ALPHABET or (byte == ord("=") and place == len(text) - 1):
            assert decoded(changed) == base64.b64decode(changed), (place, byte)
        else:
            assert decoded(changed) is None, (place, byte)
print(simd_level())
"""


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_writes_and_reads_base64_alike(level: str) -> None:
    environment = {**os.environ, "RTAUDIO_SIMD": level}
    result = subprocess.run(
        [sys.executable, "-c", EXHAUSTIVE],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == min(level, detected_level(), key=LEVELS.index)
