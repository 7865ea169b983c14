"""Reading what a service sends: leniently, and never with a crash."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.errors import ProtocolError
from rtaudio.protocol import (
    ConversationItemDone,
    ErrorEvent,
    InputAudioBufferSpeechStarted,
    MessageItem,
    ResponseOutputAudioDelta,
    ResponseOutputTextDelta,
    SessionUpdated,
    UnknownEvent,
    UnknownItem,
    decode_server_event,
    encode_event,
)

RIOC = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}


def read(**event: Any) -> Any:
    return decode_server_event(json.dumps({"event_id": "event_1", **event}))


def test_an_audio_delta_carries_sound_and_not_its_base64() -> None:
    sound = bytes(range(200))
    event = read(type="response.output_audio.delta", delta=base64.b64encode(sound).decode(), **RIOC)
    assert isinstance(event, ResponseOutputAudioDelta)
    assert event.audio == sound
    assert event.type == "response.output_audio.delta"


@pytest.mark.parametrize("as_type", [bytes, bytearray, memoryview])
def test_messages_may_be_bytes_of_any_kind(as_type: type) -> None:
    text = b'{"type":"input_audio_buffer.speech_started","item_id":"i","audio_start_ms":5}'
    event = decode_server_event(as_type(text))
    assert isinstance(event, InputAudioBufferSpeechStarted)
    assert (event.item_id, event.audio_start_ms, event.event_id) == ("i", 5, None)


def test_names_of_the_beta_protocol_give_todays_events() -> None:
    delta = read(type="response.audio.delta", delta="AAAA", **RIOC)
    text = read(type="response.text.delta", delta="hi", **RIOC)
    assert isinstance(delta, ResponseOutputAudioDelta)
    assert delta.audio == b"\0\0\0"
    assert isinstance(text, ResponseOutputTextDelta)
    updated = read(
        type="transcription_session.updated", session={"input_audio_format": "g711_ulaw"}
    )
    assert isinstance(updated, SessionUpdated)
    assert updated.session["audio"]["input"]["format"] == {"type": "audio/pcmu"}


def test_unknown_fields_are_ignored_and_nulls_mean_absent() -> None:
    event = read(
        type="conversation.item.done",
        previous_item_id=None,
        novelty={"a": [1]},
        item={
            "type": "message",
            "id": "i",
            "role": "user",
            "status": None,
            "content": [{"type": "input_audio", "transcript": None, "new": 1}],
        },
    )
    assert isinstance(event, ConversationItemDone)
    assert isinstance(event.item, MessageItem)
    assert event.item.content[0].transcript is None


def test_unknown_types_of_events_and_items_keep_all_they_came_with() -> None:
    event = read(type="response.hologram.delta", shape=[1, 2])
    assert isinstance(event, UnknownEvent)
    assert event.raw["shape"] == [1, 2]
    assert json.loads(encode_event(event)) == event.raw
    done = read(type="conversation.item.done", item={"type": "hologram", "id": "h", "x": 1})
    assert isinstance(done.item, UnknownItem)
    assert (done.item.id, done.item.type, done.item.raw["x"]) == ("h", "hologram", 1)


def test_an_error_event_has_its_facts() -> None:
    event = read(
        type="error",
        error={"type": "invalid_request_error", "message": "no", "code": None, "param": "p"},
    )
    assert isinstance(event, ErrorEvent)
    assert (event.error.message, event.error.code, event.error.param) == ("no", None, "p")


@pytest.mark.parametrize("message", ["", "{", "[]", "7", "null", '{"a": 1}', '{"type": 3}'])
def test_what_is_no_event_is_a_protocol_error(message: str) -> None:
    with pytest.raises(ProtocolError):
        decode_server_event(message)


def test_a_known_event_that_lacks_something_keeps_what_was_parsed_and_quotes_nothing() -> None:
    with pytest.raises(ProtocolError) as caught:
        read(type="response.output_text.delta", delta="secret words", item_id=4)
    assert caught.value.raw["delta"] == "secret words"  # type: ignore[attr-defined]
    assert "secret" not in str(caught.value)


def test_what_a_user_said_counts_whatever_is_wrong_beside_it() -> None:
    said = {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "u",
        "transcript": "Hello.",
        "usage": 5,
    }
    event = read(**said)
    assert (event.type, event.item_id, event.transcript) == (said["type"], "u", "Hello.")
    assert (event.content_index, event.usage) == (0, None)
    assert read(**said, content_index=2).content_index == 2
    for broken in ({**said, "transcript": 5}, {**said, "item_id": None}):
        with pytest.raises(ProtocolError):
            read(**broken)


@pytest.mark.parametrize("delta", ["A", "AAA", "AA=A", "A*AA", "AAAA="])
def test_bad_base64_is_a_protocol_error(delta: str) -> None:
    with pytest.raises(ProtocolError):
        read(type="response.output_audio.delta", delta=delta, **RIOC)


def test_deep_nesting_is_refused_and_not_followed_for_ever() -> None:
    with pytest.raises(ProtocolError):
        decode_server_event('{"type":' + "[" * 100_000)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["event_id", "item", "delta", "session", "error"]), JSON))
def test_any_json_gives_an_event_or_a_protocol_error(fields: dict[str, Any]) -> None:
    for name in ("session.created", "error", "response.output_audio.delta", "response.done"):
        try:
            decode_server_event(json.dumps({"type": name, **fields}))
        except ProtocolError:
            continue


def test_an_escape_in_a_delta_leads_to_the_same_event_by_the_slow_path() -> None:
    for wire_name in ("response.output_audio.delta", "response.audio.delta"):
        plain = json.dumps({"type": wire_name, "delta": "AA//", **RIOC})
        escaped = plain.replace("//", r"\/\/")
        assert json.loads(escaped) == json.loads(plain)
        assert decode_server_event(escaped) == decode_server_event(plain)


def test_nulls_in_the_place_of_lists_and_texts_are_taken_as_absent() -> None:
    done = read(type="response.done", response={"id": "resp_1", "output": None, "object": None})
    assert done.response.output == []
    added = read(
        type="response.output_item.added",
        response_id="resp_1",
        output_index=0,
        item={"type": "message", "role": "assistant", "content": None},
    )
    assert added.item.content == []
    call = read(
        type="response.output_item.added",
        response_id="resp_1",
        output_index=0,
        item={"type": "function_call", "name": "f", "arguments": None, "call_id": "c"},
    )
    assert call.item.arguments == ""


def test_an_unknown_item_among_known_ones_does_not_cost_the_response() -> None:
    known = {"type": "message", "role": "assistant", "content": [{"type": "hologram", "x": 1}]}
    unknown = {"type": "hologram", "shape": None}
    done = read(type="response.done", response={"output": [known, unknown]})
    assert isinstance(done.response.output[0], MessageItem)
    assert done.response.output[0].content[0].type == "hologram"
    assert isinstance(done.response.output[1], UnknownItem)
    assert done.response.output[1].raw == unknown


def test_an_update_of_the_beta_protocol_with_an_unknown_format_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="session"):
        read(type="transcription_session.updated", session={"input_audio_format": "mp3"})


def test_text_that_is_not_unicode_is_a_protocol_error() -> None:
    for message in (b'{"type":"\xff"}', '{"type":"\ud800"}', b"\xff\xfe{\0}\0"):
        with pytest.raises(ProtocolError):
            decode_server_event(message)


@pytest.mark.parametrize("as_type", [bytes, bytearray, memoryview])
def test_bytes_that_are_not_utf8_are_refused_wherever_they_stand(as_type: type) -> None:
    for name in ("response.output_audio.delta", "input_audio_buffer.cleared", "hologram"):
        plain = json.dumps({"type": name, "delta": "AAAA", **RIOC, "unread": "?"}).encode()
        assert decode_server_event(as_type(plain)).type == name
        for wrong in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80"):
            with pytest.raises(ProtocolError) as caught:
                decode_server_event(as_type(plain.replace(b"?", wrong)))
            assert caught.value.__cause__ is None  # its cause would carry the whole message


@pytest.mark.parametrize("digits", [19, 20, 40, 400])
@pytest.mark.parametrize("sign", ["", "-"])
def test_integers_of_any_size_are_read_or_refused(digits: int, sign: str) -> None:
    number = sign + "9" * digits
    for name in ("response.output_audio.delta", "response.audio.delta"):
        plain = json.dumps({"type": name, "delta": "AAAA", **RIOC})
        event = decode_server_event(plain.replace('"output_index": 0', f'"output_index": {number}'))
        assert isinstance(event, ResponseOutputAudioDelta)
        assert (event.output_index, event.audio) == (int(number), b"\0\0\0")
        unread = decode_server_event(plain[:-1] + f', "unread": {number}}}')
        assert isinstance(unread, ResponseOutputAudioDelta)
    unknown = decode_server_event(f'{{"type":"hologram","x":{number}}}')
    assert isinstance(unknown, UnknownEvent)
    assert unknown.raw["x"] == int(number)
    limits = f'{{"name":"tokens","limit":1,"remaining":1,"reset_seconds":{number}}}'
    try:
        decode_server_event(f'{{"type":"rate_limits.updated","rate_limits":[{limits}]}}')
    except ProtocolError:
        assert digits > 308  # beyond a float


@pytest.mark.parametrize(
    "name", ["response.output_audio.delta", "response.audio.delta", "hologram"]
)
@pytest.mark.parametrize(
    "value", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000, '[{"a":' * 50_000]
)
def test_nesting_without_end_is_a_protocol_error_in_any_field(name: str, value: str) -> None:
    for key in ("unread", "delta", "item"):
        fields = {"type": name, **RIOC}
        with pytest.raises(ProtocolError):
            decode_server_event(f'{json.dumps(fields)[:-1]}, "{key}": {value}}}')


@pytest.mark.parametrize("depth", [1, 8, 9, 100])
def test_an_audio_delta_with_nested_values_beside_it_is_read(depth: int) -> None:
    decoy = json.dumps({"delta": "BBBB", "item_id": "wrong", "type": "error"})
    nested = '{"a":[' * depth + decoy + "]}" * depth
    message = json.dumps({"type": "response.output_audio.delta", "delta": "AAAA", **RIOC})
    for text in (f'{{"x": {nested}, {message[1:]}', f'{message[:-1]}, "x": {nested}}}'):
        event = decode_server_event(text)
        assert isinstance(event, ResponseOutputAudioDelta)
        assert (event.audio, event.item_id) == (b"\0\0\0", "item_1")


WHOLE = json.dumps({"type": "response.output_audio.delta", "delta": "AAAA", **RIOC})


@pytest.mark.parametrize(
    "message",
    [
        *[WHOLE + end for end in ("x", "}", ",", "\0", " {}", WHOLE)],
        *[start + WHOLE for start in ("\ufeff", "[", "x", ",")],
        *[WHOLE.replace("0", number, 1) for number in ("00", "0.", "+0", "NaN", "Infinity", "0x0")],
        WHOLE[:-1] + ', "x": NaN}',
        WHOLE[:-1] + ",}",
        WHOLE.replace('"', "'"),
        WHOLE.replace(":", "="),
        WHOLE.replace("item_1", "item\t1"),
        WHOLE.replace("item_1", "item\\x1"),
        WHOLE.replace("item_1", "item\ud800"),
        WHOLE.replace("AAAA", "A\\u004"),
    ],
)
def test_what_is_not_json_is_a_protocol_error(message: str) -> None:
    with pytest.raises(ProtocolError):
        decode_server_event(message)
    with pytest.raises(ProtocolError):
        decode_server_event(message.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "message",
    [
        WHOLE.replace('"delta"', '"\\u0064elta"'),
        WHOLE.replace("AAAA", "A\\u0041\\u0041A"),
        WHOLE.replace("{", " \t\r\n{ \n").replace(":", " \t: \r").replace(",", "\n , "),
        WHOLE[:-1] + ', "x": "\u00fc\U0001f600 \\ud83d\\ude00 \\" \\\\"}',
        WHOLE[:-1] + ', "delta": "AAAA"}',
        '{"delta": "BBBB", ' + WHOLE[1:],
        WHOLE.replace('"content_index": 0', '"content_index": 1, "content_index": 0'),
    ],
)
def test_json_in_any_dress_is_the_same_audio_delta(message: str) -> None:
    assert json.loads(message)["delta"] == "AAAA"
    expected = decode_server_event(WHOLE)
    assert decode_server_event(message) == expected
    assert decode_server_event(message.encode()) == expected
