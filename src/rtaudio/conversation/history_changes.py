"""From one version of a history to another, in events for the service.

The service knows no event that changes an item, so a changed one is deleted and created again at
its place. Sound that the model spoke cannot be given back to it; text can, and the user's sound.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from rtaudio.conversation.items import Item
from rtaudio.conversation.wire_part import wire_part
from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtaudio.audio import AudioFormat

__all__ = ["history_changes"]

_log = logging.getLogger("rtaudio.conversation")


def history_changes(
    old: Sequence[Item], new: Sequence[Item], wire: AudioFormat
) -> list[dict[str, Any]]:
    """Return the events that make the service's history the new one.

    Args:
        old: the items as they are.
        new: the items as they should be. Items are told apart by their ids; where one that stays
            stands among the others is not compared.
        wire: the format in which the service takes the user's sound.

    Returns:
        Deletions first, then creations in the order of `new`. Calls of functions cannot be created,
        and are left out with a warning.

    Raises:
        ConfigError: something in `new` is no item, an id comes twice, a message of the assistant
            with sound is new or changed, or a clip cannot be converted.
    """
    for item in new:
        if not isinstance(item, Item):
            raise ConfigError(f"a history holds items, got {type(item).__name__}")
    before = {item.item_id: item for item in old}
    after = {item.item_id: item for item in new}
    if len(after) < len(new):
        ids = [item.item_id for item in new]
        twice = next(each for each in ids if ids.count(each) > 1)
        raise ConfigError(f"item {twice!r} stands in the new history more than once")
    created = [item for item in new if before.get(item.item_id) != item]
    for item in created:
        if item.role == "assistant" and any(p.type == "output_audio" for p in item.content):
            raise ConfigError(
                f"item {item.item_id!r} holds sound of the assistant, which the service does not "
                "take back; make it an output_text part with the transcript, or leave it out"
            )
    changed = [item for item in created if item.item_id in before]
    gone = [item for item in old if item.item_id not in after]
    events: list[dict[str, Any]] = [
        {"type": "conversation.item.delete", "item_id": item.item_id} for item in (*gone, *changed)
    ]
    wanted = {item.item_id for item in created}
    predecessor = "root"
    for item in new:
        if item.item_id in wanted:
            if item.type == "message":
                events.append(_creation(item, predecessor, wire))
            elif item.type == "function_call":
                _log.warning("function call %r cannot be created in a history", item.item_id)
        predecessor = item.item_id
    return events


def _creation(item: Item, predecessor: str, wire: AudioFormat) -> dict[str, Any]:
    created: dict[str, Any] = {
        "type": "message",
        "role": item.role,
        "content": [wire_part(part, item.item_id, wire) for part in item.content],
        "id": item.item_id,
    }
    if item.role != "system" and item.status is not None:
        created["status"] = item.status
    return {
        "type": "conversation.item.create",
        "previous_item_id": predecessor,
        "item": created,
    }
