"""Reading what a client sends: strictly, with the answers that a service gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.errors import ProtocolError
from rtaudio.protocol import (
    ConversationItemCreate,
    InputAudioBufferAppend,
    InvalidEvent,
    MessageItem,
    ResponseCreate,
    decode_client_event,
    encode_audio_append,
    encode_event,
)
from rtaudio.protocol.client_events import CLIENT_EVENTS


def test_every_client_event_of_the_protocol_is_known() -> None:
    assert len(CLIENT_EVENTS) == 11


def test_an_append_comes_back_as_its_bytes() -> None:
    event = decode_client_event(encode_audio_append(b"\1\2\3\4", "event_7"))
    assert event == InputAudioBufferAppend(audio=b"\1\2\3\4", event_id="event_7")


def test_what_is_written_reads_back_equal() -> None:
    item = MessageItem(role="user", content=[])
    for event in (
        ConversationItemCreate(item=item, previous_item_id="root"),
        ResponseCreate(response={"instructions": None}, event_id="e"),
        InputAudioBufferAppend(audio=b"ab"),
    ):
        assert decode_client_event(encode_event(event)) == event


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("nonsense", "invalid_json", None),
        ("[1]", "invalid_event", None),
        ('{"type": "input_audio_buffer.flush"}', "invalid_value", "type"),
        ('{"type": "input_audio_buffer.clear", "now": true}', "unknown_parameter", "now"),
        (
            '{"type": "conversation.item.delete"}',
            "missing_required_parameter",
            "item_id",
        ),
        (
            '{"type": "conversation.item.truncate", "item_id": "a", "content_index": "0", '
            '"audio_end_ms": 1}',
            "invalid_type",
            "content_index",
        ),
    ],
)
def test_mistakes_carry_the_codes_of_the_service(
    message: str, code: str, param: str | None
) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_client_event(message)
    assert (caught.value.code, caught.value.param) == (code, param)  # type: ignore[attr-defined]


def test_a_mistake_names_the_event_it_was_in() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_client_event('{"type": "input_audio_buffer.clear", "x": 1, "event_id": "mine"}')
    assert caught.value.event_id == "mine"  # type: ignore[attr-defined]


TRUNCATE = {
    "type": "conversation.item.truncate",
    "item_id": "item_1",
    "content_index": 0,
    "audio_end_ms": 0,
}


def create(**item: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "event_id": "mine", "item": item}


def refusal(message: Any) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        decode_client_event(json.dumps(message))
    return caught.value


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({"event_id": "mine"}, "invalid_event", "type"),
        ({"type": None}, "invalid_type", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": "loud"}, "invalid_type", "session"),
        ({"type": "input_audio_buffer.append", "audio": "AAA"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.append", "audio": 7}, "invalid_type", "audio"),
        ({**TRUNCATE, "audio_end_ms": -1}, "integer_below_min_value", "audio_end_ms"),
        ({**TRUNCATE, "event_id": "x" * 513}, "string_above_max_length", "event_id"),
    ],
)
def test_each_kind_of_mistake_has_its_code(event: dict[str, Any], code: str, param: str) -> None:
    error = refusal(event)
    assert (error.code, error.param) == (code, param)
    assert error.raw == event


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        ({}, "missing_required_parameter", "item.type"),
        ({"type": "hologram"}, "invalid_value", "item.type"),
        ({"type": "", "raw": {}}, "invalid_value", "item.type"),
        ({"type": "message", "role": "user"}, "missing_required_parameter", "item.content"),
        ({"type": "message", "role": "user", "content": "hi"}, "invalid_type", "item.content"),
        ({"type": "message", "role": "robot", "content": []}, "invalid_value", "item.role"),
        (
            {"type": "message", "role": "user", "content": [], "mood": "good"},
            "unknown_parameter",
            "item.mood",
        ),
        (
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "a"},
                    {"type": "input_text", "text": "b", "font": "bold"},
                ],
            },
            "unknown_parameter",
            "item.content[1].font",
        ),
        (
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_audio", "audio": "AAAA"}],
            },
            "invalid_value",
            "item.content[0].type",
        ),
    ],
)
def test_mistakes_inside_an_item_are_named_by_their_path(
    item: dict[str, Any], code: str, param: str
) -> None:
    error = refusal(create(**item))
    assert (error.code, error.param, error.event_id) == (code, param, "mine")
    assert str(error)


@pytest.mark.parametrize("previous", [None, "", "root", "item_1"])
def test_an_item_may_be_placed_anywhere(previous: str | None) -> None:
    event = create(type="function_call_output", call_id="c", output="")
    read = decode_client_event(json.dumps({**event, "previous_item_id": previous}))
    assert isinstance(read, ConversationItemCreate)
    assert read.previous_item_id == previous


def test_a_refusal_does_not_quote_what_was_said() -> None:
    words = "my secret words"
    part = {"type": "input_text", "text": words, "language": words}
    error = refusal(create(type="message", role="user", content=[part]))
    assert words not in str(error)
    assert words not in str(refusal({"type": words}))


@given(
    st.dictionaries(
        st.sampled_from(["event_id", "item", "audio", "session", "item_id", "response"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["type", "role", "content", "id", ""]), inner)
            ),
            max_leaves=12,
        ),
    )
)
def test_any_json_gives_an_event_or_a_refusal_with_a_code(fields: dict[str, Any]) -> None:
    refusals = []
    for kind in CLIENT_EVENTS:
        try:
            decode_client_event(json.dumps({"type": kind.__struct_config__.tag, **fields}))
        except InvalidEvent as error:
            refusals.append(error)
    assert all(error.code for error in refusals)
