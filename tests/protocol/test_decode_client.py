"""Reading what a client sends: strictly, with the answers that a service gives."""

from __future__ import annotations

import pytest

from rtaudio.errors import ProtocolError
from rtaudio.protocol import (
    ConversationItemCreate,
    InputAudioBufferAppend,
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
