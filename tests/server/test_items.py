"""The conversation store: order, and the budget."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rtaudio.protocol import ContentPart, MessageItem
from rtaudio.server.items import ItemStore, ItemTooLarge


def message(item_id: str, text: str = "") -> MessageItem:
    return MessageItem(id=item_id, role="user", content=[ContentPart(type="input_text", text=text)])


def silence(samples: int) -> np.ndarray[Any, Any]:
    return np.zeros(samples, np.int16)


def store(max_items: int = 100, max_bytes: int = 10_000) -> ItemStore:
    return ItemStore(max_items=max_items, max_bytes=max_bytes)


def test_items_are_put_at_the_end_at_the_root_and_after_another() -> None:
    items = store()
    assert items.add(message("a")) is None
    assert items.add(message("b"), "") == "a"
    assert items.add(message("c"), "a") == "a"
    assert items.add(message("d"), "root") is None
    assert items.add(message("e")) == "b"


def test_an_unknown_item_is_a_key_error_everywhere() -> None:
    items = store()
    for call in (
        lambda: items.add(message("a"), "no"),
        lambda: items.get("no"),
        lambda: items.delete("no"),
    ):
        with pytest.raises(KeyError):
            call()
    assert items.sound("no") is None
    items.set_transcript("no", "text")
    assert len(items) == 0


def test_the_oldest_items_go_when_there_are_too_many() -> None:
    items = store(max_items=2)
    for name in "abc":
        items.add(message(name))
    assert len(items) == 2
    with pytest.raises(KeyError):
        items.get("a")


def test_old_sound_goes_before_old_items() -> None:
    items = store(max_bytes=5000)
    for name in "ab":
        items.add(message(name))
        items.keep_sound(name, silence(2000), 16_000)
    assert items.sound("a") is None
    assert items.get("a")
    assert items.sound("b") is not None
    assert items.held_bytes <= 5000


def test_old_items_go_when_text_alone_is_too_much() -> None:
    items = store(max_bytes=5000)
    for name in "ab":
        items.add(message(name, "x" * 3000))
    assert len(items) == 1
    assert items.get("b")


def test_an_item_that_can_never_fit_is_refused_and_costs_the_others_nothing() -> None:
    items = store(max_bytes=5000)
    items.add(message("a"))
    with pytest.raises(ItemTooLarge):
        items.add(message("b", "x" * 6000))
    items.keep_sound("a", silence(6000), 16_000)
    assert items.sound("a") is None
    assert items.get("a")


def test_nothing_is_counted_once_everything_is_deleted() -> None:
    items = store()
    items.add(message("a"))
    items.keep_sound("a", silence(100), 16_000)
    items.keep_sound("a", silence(200), 16_000)
    items.set_transcript("a", "words")
    items.delete("a")
    assert items.held_bytes == 0


def test_a_transcript_is_filled_in() -> None:
    items = store()
    items.add(message("a"))
    items.set_transcript("a", "words")
    item = items.get("a")
    assert isinstance(item, MessageItem)
    assert item.content == [ContentPart(type="input_audio", transcript="words")]


def spoken(text: str | None) -> MessageItem:
    part = ContentPart(type="output_audio", transcript=text)
    return MessageItem(id="a", role="assistant", content=[part])


def test_what_is_truncated_while_it_is_spoken_stays_away() -> None:
    items = store()
    items.add(spoken("once upon"))
    items.set_sound_ms("a", 200.0)
    items.truncate("a", 100)
    items.set_sound_ms("a", 300.0)
    items.keep_spoken("a", silence(4800), 16_000, 300.0)
    items.replace(spoken("once upon a time"))
    kept = items.sound("a")
    assert kept is not None
    assert (kept.samples.size, items.sound_ms("a")) == (1600, 100)
    assert items.get("a") == spoken(None)
    items.delete("a")
    assert items.held_bytes == 0
