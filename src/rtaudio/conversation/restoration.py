"""What a new connection is told of a conversation that began before it.

Sound of the assistant cannot be given back to the service; its transcript can, as text, up to where
it was heard. A call of a function goes together with its output, and one that is still running goes
alone, since its output is going to follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from rtaudio.conversation.items import ContentPart, Item

__all__ = ["restoring_events"]


def restoring_events(
    items: Iterable[Item], *, running: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return the events that create these items again, in order, under their own ids.

    Args:
        items: a history.
        running: ids of calls whose output is still to come.

    Returns:
        One `conversation.item.create` for each message and call, and one for each output. Left out
        are messages without words or images, and calls that were never answered.
    """
    return [
        {"type": "conversation.item.create", "item": wire}
        for item in items
        for wire in _restored(item, running)
    ]


def _restored(item: Item, running: Collection[str]) -> Iterator[dict[str, Any]]:
    if item.type == "message":
        content = [part for part in map(_part, item.content) if part is not None]
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


def _part(part: ContentPart) -> dict[str, Any] | None:
    if part.type == "input_image":
        if part.image_url is None:
            return None
        detail = {} if part.detail is None else {"detail": part.detail}
        return {"type": part.type, "image_url": part.image_url, **detail}
    words = part.text or part.transcript
    if not words:
        return None
    return {
        "type": "output_text" if part.type.startswith("output") else "input_text",
        "text": words,
    }
