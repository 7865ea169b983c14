from __future__ import annotations

import base64
from typing import Any

import numpy as np

from rtaudio.audio import AudioClip, AudioFormat
from rtaudio.conversation.items import ContentPart, Item
from rtaudio.conversation.restoration import restoring_events

WIRE = AudioFormat("pcm16", 24000)
TONE = AudioClip(np.arange(480, dtype=np.int16), 24000)


def items_of(
    *items: Item, running: tuple[str, ...] = (), with_sound: bool = False
) -> list[dict[str, Any]]:
    events = restoring_events(items, WIRE, running=running, with_sound=with_sound)
    assert {event["type"] for event in events} <= {"conversation.item.create"}
    return [event["item"] for event in events]


def message(role: Any, *parts: ContentPart) -> Item:
    return Item(item_id="i", role=role, status="completed", content=parts)


def call(**fields: Any) -> Item:
    base = {"type": "function_call", "role": None, "name": "f", "arguments": "{}"}
    return Item(item_id="i", call_id="c", **base | fields)


def test_speech_comes_back_as_the_words_of_its_transcript() -> None:
    spoken = ContentPart(type="output_audio", transcript="said")
    heard = ContentPart(type="input_audio", transcript="asked")
    assert items_of(message("assistant", spoken), message("user", heard)) == [
        {
            "type": "message",
            "id": "i",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "said"}],
        },
        {
            "type": "message",
            "id": "i",
            "role": "user",
            "content": [{"type": "input_text", "text": "asked"}],
        },
    ]


def test_images_come_back_with_their_detail() -> None:
    image = ContentPart(type="input_image", image_url="data:x", detail="low")
    (wire,) = items_of(message("user", image, ContentPart(type="input_image")))
    assert wire["content"] == [{"type": "input_image", "image_url": "data:x", "detail": "low"}]


def test_a_message_without_words_is_left_out() -> None:
    assert items_of(message("user", ContentPart(type="input_audio")), message("user")) == []


def test_a_call_comes_back_with_its_output_even_an_empty_one() -> None:
    assert items_of(call(output="")) == [
        {"type": "function_call", "id": "i", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": ""},
    ]


def test_a_call_without_an_output_comes_back_only_while_it_runs() -> None:
    assert items_of(call()) == []
    assert [wire["type"] for wire in items_of(call(), running=("c",))] == ["function_call"]


def test_the_users_sound_comes_back_where_it_is_asked_for_or_has_no_words() -> None:
    part = ContentPart(type="input_audio", transcript="asked", audio=TONE)
    (spoken,) = items_of(message("user", part), with_sound=True)
    (content,) = spoken["content"]
    assert (content["type"], content["transcript"]) == ("input_audio", "asked")
    assert base64.b64decode(content["audio"]) == TONE.samples.tobytes()
    assert items_of(message("user", part))[0]["content"][0]["type"] == "input_text"
    wordless = ContentPart(type="input_audio", audio=TONE)
    assert items_of(message("user", wordless))[0]["content"][0]["type"] == "input_audio"


def test_of_an_interrupted_answer_only_what_was_heard_comes_back() -> None:
    part = ContentPart(type="output_audio", transcript="one two three four")
    cut = Item(item_id="i", role="assistant", content=(part,), audio_ms=4000.0, audio_end_ms=2100)
    (wire,) = items_of(cut)
    assert wire["content"] == [{"type": "output_text", "text": cut.heard}]
    assert cut.heard
    assert len(cut.heard) < len(part.transcript or "")


def test_an_answer_of_which_nothing_was_heard_is_left_out() -> None:
    part = ContentPart(type="output_audio", transcript="one two")
    assert (
        items_of(
            Item(item_id="i", role="assistant", content=(part,), audio_ms=900.0, audio_end_ms=0)
        )
        == []
    )
