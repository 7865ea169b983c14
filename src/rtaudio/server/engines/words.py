"""What responders that go by words have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rtaudio.protocol import FunctionCallOutputItem, MessageItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtaudio.protocol import Item

__all__ = ["last_said", "pieces_of", "words_of"]


def last_said(items: Sequence[Item]) -> MessageItem | FunctionCallOutputItem | None:
    """Return what is to be answered: the user's last message, or an output that came later."""
    for item in reversed(items):
        if isinstance(item, FunctionCallOutputItem):
            return item
        if isinstance(item, MessageItem) and item.role == "user":
            return item
    return None


def words_of(said: MessageItem | FunctionCallOutputItem | None) -> str:
    """Return an output, or the texts and transcripts of a message joined with spaces."""
    if said is None:
        return ""
    if isinstance(said, FunctionCallOutputItem):
        return said.output
    texts = (part.text or part.transcript for part in said.content)
    return " ".join(text for text in texts if text)


def pieces_of(text: str) -> list[str]:
    """Cut a text into words, each with the space before it, as models write them."""
    return re.findall(r"\s*\S+", text)
