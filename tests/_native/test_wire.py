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


@pytest.mark.parametrize(
    "decoy",
    [
        {"note": {"delta": "AAAA", "type": "response.output_audio.delta"}},
        {"note": ["delta", "AAAA"]},
        {"note": "delta"},
        {"delta2": "AAAA"},
        {"Delta": "AAAA"},
    ],
)
def test_decoys_do_not_fool_the_scanner(decoy: dict[str, object]) -> None:
    good = {**FIELDS, "delta": "AQID"}
    for fields in ({**decoy, **good}, {**good, **decoy}):
        assert decode_audio_delta(json.dumps(fields)) in (None, (*WANTED, b"\1\2\3"))
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
# is longer than two vectors of 64 characters, against base64. Prints the level it ran at.
EXHAUSTIVE = """
import base64
import random
from rtaudio._native.simd import simd_level
from rtaudio._native.wire import decode_audio_delta, encode_append

HEAD = b'{"type":"response.output_audio.delta","response_id":"r","item_id":"i",'
HEAD += b'"output_index":0,"content_index":0,"delta":"'
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
rng = random.Random(7)


def decoded(text):
    found = decode_audio_delta(HEAD + text + b'"}')
    return None if found is None else found[-1]


for length in range(260):
    data = rng.randbytes(length)
    text = base64.b64encode(data)
    for offset in range(3):
        view = memoryview(b"x" * offset + data)[offset:]
        assert encode_append(view)[45:-2] == text, (length, offset)
    assert decoded(text) == data, length
    assert decoded(text[:-1]) is None or not text, length

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
