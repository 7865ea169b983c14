from __future__ import annotations

from typing import Any

from rtaudio.conversation.items import ContentPart, Item
from rtaudio.conversation.restoration import restoring_events


def items_of(*items: Item, running: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    events = restoring_events(items, running=running)
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
