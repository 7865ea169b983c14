"""The wire kernel against json and base64."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio._native.wire import decode_audio_delta, encode_append
from rtaudio.errors import AudioError, ProtocolError

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


def test_a_message_cut_anywhere_is_left_to_the_slow_path_or_refused() -> None:
    message = json.dumps({**FIELDS, "delta": base64.b64encode(bytes(range(90))).decode()}).encode()
    for end in range(len(message)):
        try:
            assert decode_audio_delta(message[:end]) is None
        except ProtocolError:
            continue


@given(st.binary(max_size=120))
def test_any_bytes_are_left_to_the_slow_path_or_refused(noise: bytes) -> None:
    for message in (noise, b'{"type":"response.output_audio.delta","delta":"' + noise):
        try:
            assert decode_audio_delta(message) is None
        except ProtocolError:
            continue
