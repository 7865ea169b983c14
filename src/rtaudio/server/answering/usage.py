"""Usage of a response, estimated: there is no tokeniser here that would count for every engine.

A word of text counts as one token, user audio as one per 100 ms and assistant audio as one per
50 ms, as with the cloud's service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rtaudio.protocol import (
    CachedTokensDetails,
    FunctionCallItem,
    FunctionCallOutputItem,
    InputTokenDetails,
    MessageItem,
    OutputTokenDetails,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rtaudio.protocol import Item

__all__ = ["count_context", "count_words", "usage"]

_USER_MS = 100
_ASSISTANT_MS = 50


def count_words(text: str | None) -> int:
    """Estimate the tokens of a text."""
    return len((text or "").split())


def count_context(
    items: Iterable[Item], settings: Mapping[str, Any], sound_ms: Callable[[str], float]
) -> tuple[int, int]:
    """Estimate the tokens that a responder reads.

    Args:
        items: the conversation.
        settings: with `instructions` and `tools`.
        sound_ms: tells the length of an item's sound.

    Returns:
        Tokens of text and tokens of audio.
    """
    text = count_words(settings.get("instructions"))
    if settings.get("tools"):
        text += count_words(msgspec.json.encode(settings["tools"]).decode().replace(",", " "))
    audio = 0
    for item in items:
        if isinstance(item, FunctionCallItem):
            text += count_words(item.name) + count_words(item.arguments)
        elif isinstance(item, FunctionCallOutputItem):
            text += count_words(item.output)
        elif isinstance(item, MessageItem):
            text += sum(count_words(part.text) for part in item.content)
            per_token = _ASSISTANT_MS if item.role == "assistant" else _USER_MS
            audio += round(sound_ms(item.id or "") / per_token)
    return text, audio


def usage(context: tuple[int, int], words: int, spoken_ms: float) -> Usage:
    """Write the usage of a response.

    Args:
        context: as `count_context` returned it.
        words: of all text, transcript and arguments that were produced.
        spoken_ms: of all sound that was produced.
    """
    text, audio = context
    spoken = round(spoken_ms / _ASSISTANT_MS)
    return Usage(
        total_tokens=text + audio + words + spoken,
        input_tokens=text + audio,
        output_tokens=words + spoken,
        input_token_details=InputTokenDetails(
            text_tokens=text,
            audio_tokens=audio,
            image_tokens=0,
            cached_tokens=0,
            cached_tokens_details=CachedTokensDetails(
                text_tokens=0, audio_tokens=0, image_tokens=0
            ),
        ),
        output_token_details=OutputTokenDetails(text_tokens=words, audio_tokens=spoken),
    )
