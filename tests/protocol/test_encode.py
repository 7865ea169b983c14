"""Writing events: what is left out, what is written as null, and sound."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rtaudio.protocol import (
    NULL,
    ContentPart,
    ConversationItemAdded,
    ConversationItemCreate,
    ErrorDetail,
    ErrorEvent,
    InputAudioBufferAppend,
    InputAudioBufferCommit,
    MessageItem,
    ResponseOutputAudioDelta,
    SessionUpdate,
    encode_audio_append,
    encode_event,
)


def test_a_field_that_is_not_set_is_left_out() -> None:
    assert encode_event(InputAudioBufferCommit()) == b'{"type":"input_audio_buffer.commit"}'
    item = MessageItem(role="user", content=[ContentPart(type="input_text", text="hi")])
    assert json.loads(encode_event(ConversationItemCreate(item=item))) == {
        "type": "conversation.item.create",
        "item": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "hi"}],
        },
    }


def test_nulls_of_a_session_are_values_and_are_written() -> None:
    session = {"type": "realtime", "prompt": None, "audio": {"input": {"transcription": None}}}
    assert json.loads(encode_event(SessionUpdate(session=session)))["session"] == session


def test_fields_that_a_service_always_sends_are_written_as_null() -> None:
    error = ErrorEvent(event_id="e", error=ErrorDetail(type="server_error", message="sorry"))
    assert json.loads(encode_event(error))["error"] == {
        "type": "server_error",
        "message": "sorry",
        "code": None,
        "param": None,
        "event_id": None,
    }
    part = ContentPart(type="input_audio", transcript=NULL)
    item = MessageItem(id="item_1", role="user", content=[part])
    written = json.loads(encode_event(ConversationItemAdded(event_id="e", item=item)))
    assert written["previous_item_id"] is None
    assert written["item"]["content"] == [{"type": "input_audio", "transcript": None}]


def test_a_mapping_is_written_as_it_is() -> None:
    event = {"type": "response.create", "response": {"input": [], "prompt": None}}
    assert json.loads(encode_event(event)) == event


def test_sound_travels_as_base64_under_the_wires_name() -> None:
    delta = ResponseOutputAudioDelta(
        event_id="e",
        response_id="r",
        item_id="i",
        output_index=0,
        content_index=0,
        audio=b"\0\1\2\3",
    )
    written = json.loads(encode_event(delta))
    assert written["delta"] == "AAECAw=="
    assert "audio" not in written


@pytest.mark.parametrize("event_id", [None, "mine", 'a "quoted" \u00fcml\u00e4ut'])
def test_an_append_is_the_same_text_from_sound_and_from_the_event(event_id: str | None) -> None:
    samples = np.arange(-4, 5, dtype=np.int16)
    text = encode_audio_append(samples, event_id)
    assert text == encode_event(InputAudioBufferAppend(audio=samples.tobytes(), event_id=event_id))
    assert json.loads(text).get("event_id") == event_id
