"""What a new connection is told of a conversation that began before it.

Sound of the assistant cannot be given back to the service; the words of it that were heard can, as
text. A call of a function goes together with its output, and one that is still running goes alone,
since its output is going to follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtaudio.conversation.wire_part import wire_part
from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from rtaudio.audio import AudioFormat
    from rtaudio.conversation.items import ContentPart, Item

__all__ = ["restoring_events"]


def restoring_events(
    items: Iterable[Item],
    wire: AudioFormat,
    *,
    running: Collection[str] = (),
    with_sound: bool = False,
) -> list[dict[str, Any]]:
    """Return the events that create these items again, in order, under their own ids.

    Args:
        items: a history.
        wire: the format in which the service takes the user's sound.
        running: ids of calls whose output is still to come.
        with_sound: give the user's sound back wherever it is kept; otherwise only where there is no
            transcript of it.

    Returns:
        One `conversation.item.create` for each message and call, and one for each output. Left out
        are messages of which nothing is left to tell, and calls that were never answered.
    """
    return [
        {"type": "conversation.item.create", "item": created}
        for item in items
        for created in _restored(item, wire, running, with_sound=with_sound)
    ]


def _restored(
    item: Item, wire: AudioFormat, running: Collection[str], *, with_sound: bool
) -> Iterator[dict[str, Any]]:
    if item.type == "message":
        content = list(_content(item, wire, with_sound=with_sound))
        if content:
            yield {"type": "message", "id": item.item_id, "role": item.role, "content": content}
    elif item.type == "function_call" and (item.output is not None or item.call_id in running):
        yield {
            "type": "function_call",
            "id": item.item_id,
            "call_id": item.call_id,
            "name": item.name,
            "arguments": item.arguments,
        }
        if item.output is not None:
            yield {
                "type": "function_call_output",
                "call_id": item.call_id,
                "output": item.output,
            }


def _content(item: Item, wire: AudioFormat, *, with_sound: bool) -> Iterator[dict[str, Any]]:
    if item.role == "assistant" and item.audio_end_ms is not None:
        # What was not heard the service had forgotten too.
        if item.heard:
            yield {"type": "output_text", "text": item.heard}
        return
    for part in item.content:
        words = part.text or part.transcript
        if part.type == "input_image":
            if part.image_url is not None:
                yield wire_part(part, item.item_id, wire)
        elif part.type == "input_audio" and (with_sound or not words) and _has_sound(part):
            try:
                yield wire_part(part, item.item_id, wire)
            except ConfigError:
                if words:
                    yield {"type": "input_text", "text": words}
        elif words:
            kind = "output_text" if part.type.startswith("output") else "input_text"
            yield {"type": kind, "text": words}


def _has_sound(part: ContentPart) -> bool:
    clip = part.audio
    return clip is not None and clip.duration > 0
