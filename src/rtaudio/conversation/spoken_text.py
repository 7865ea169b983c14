"""What the model says, collected for checking while it is said."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = ["Check", "SpokenText"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A text that is due to be checked.

    Attributes:
        response_id: the response it is of; None where the service did not say.
        item_id: the item it is of.
        text: all of the item's text so far.
        source: whether it came as text, as the transcript of sound, or is the finished text.
        generation: counts responses; a newer one makes the check stale.
        offer: what was on offer when the response began, as given to `Conversation.offer`.
    """

    response_id: str | None
    item_id: str
    text: str
    source: Literal["text", "audio", "final"]
    generation: int
    offer: Any

    def __repr__(self) -> str:
        # Text is personal data and stays out of logs.
        return f"Check(response_id={self.response_id!r}, item_id={self.item_id!r})"


class SpokenText:
    """The texts of one response, by item, and how far each was checked.

    Args:
        every: characters after which a text is due again; below 0, only when it is finished.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self._pieces: dict[str, list[str]] = {}
        self._lengths: dict[str, int] = {}

    def add(self, item_id: str, delta: str) -> str | None:
        """Take in a piece; the whole text where a check is due, once for any number of steps."""
        if self._every < 0:
            return None
        pieces = self._pieces.setdefault(item_id, [])
        before = self._lengths.get(item_id, 0)
        after = before + len(delta)
        pieces.append(delta)
        self._lengths[item_id] = after
        if after // self._every == before // self._every:
            return None
        text = "".join(pieces)
        pieces[:] = [text]
        return text
