"""How what is said in a conversation is checked, and the texts that are due for it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = ["Check", "Checking"]


class Checking(msgspec.Struct, frozen=True, kw_only=True):
    """What is checked, and what waits for it.

    Attributes:
        every: characters after which what the model says is checked while it is said; below 0, only
            when it is finished; None, not at all.
        questions: whether what the user says is checked, by its transcript.
        hold: whether sound waits until what it says was checked.
        unchecked: what becomes of sound that waits for a check which did not come about.
        max_held_ms: most milliseconds of sound that wait at a time.
    """

    every: int | None = None
    questions: bool = False
    hold: bool = False
    unchecked: Literal["drop", "release"] = "drop"
    max_held_ms: float = 300_000.0


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A text that is due to be checked.

    Attributes:
        response_id: the response it is of; None where the service did not say, and for what the
            user said.
        item_id: the item it is of.
        text: all of the item's text so far.
        source: whether it came as text, as the transcript of sound, or is the finished text; or
            `input` for what the user said.
        generation: counts responses; a newer one makes the check of an answer stale.
        offer: what was on offer when the response began, as given to `Conversation.offer`.
        number: the run that sound waits for; 0 where none does.
    """

    response_id: str | None
    item_id: str
    text: str
    source: Literal["text", "audio", "final", "input"]
    generation: int
    offer: Any
    number: int = 0

    def __repr__(self) -> str:
        # Text is personal data and stays out of logs.
        return f"Check(response_id={self.response_id!r}, item_id={self.item_id!r})"
