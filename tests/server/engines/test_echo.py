"""Saying back what was heard."""

from __future__ import annotations

from typing import Any

import pytest

from rtaudio.protocol import ContentPart, FunctionCallOutputItem, MessageItem
from rtaudio.server.engines.echo import EchoResponder


def message(role: str, *parts: ContentPart) -> MessageItem:
    return MessageItem(id="m", role=role, content=list(parts))


TYPED = ContentPart(type="input_text", text="good morning")
SPOKEN = ContentPart(type="input_audio", transcript="hello  there")


@pytest.mark.parametrize(
    ("items", "pieces"),
    [
        ([message("user", TYPED)], ["good", " morning"]),
        ([message("user", TYPED), message("user", SPOKEN)], ["hello", "  there"]),
        ([message("user", TYPED, SPOKEN)], ["good", " morning", " hello", "  there"]),
        ([message("user", TYPED), message("assistant", SPOKEN)], ["good", " morning"]),
        (
            [message("user", TYPED), FunctionCallOutputItem(id="o", call_id="c", output="42")],
            ["42"],
        ),
        ([message("user", ContentPart(type="input_audio"))], ["I", " heard", " nothing."]),
        ([], ["I", " heard", " nothing."]),
    ],
)
async def test_the_last_thing_said_is_repeated_word_by_word(items: Any, pieces: list[str]) -> None:
    assert [piece async for piece in EchoResponder().respond(items, {}, [])] == pieces
