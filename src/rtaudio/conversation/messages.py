"""The client event that adds what the user writes to the conversation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rtaudio.errors import ConfigError

__all__ = ["image_message", "message_event", "message_text"]


def message_event(
    message: str | Mapping[str, Any], other_event_data: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Build the `conversation.item.create` for a text or a user message.

    Args:
        message: a text, or `{"type": "message", "role": "user", "content": [...]}` with parts
            `{"type": "input_text", "text"}` and `{"type": "input_image", "image" or "image_url"}`.
        other_event_data: further fields of the event, such as `previous_item_id`.

    Raises:
        ConfigError: the message has another shape.
    """
    if isinstance(message, str):
        content = [{"type": "input_text", "text": message}]
    elif isinstance(message, Mapping):
        if message.get("role", "user") != "user" or message.get("type", "message") != "message":
            raise ConfigError(
                f"send_message sends messages of the user; got type {message.get('type')!r} "
                f"with role {message.get('role')!r}"
            )
        parts = message.get("content")
        if not isinstance(parts, (list, tuple)) or not parts:
            raise ConfigError(
                "the content of a message must be a non-empty list of parts, got "
                f"{type(parts).__name__}"
            )
        content = [_part(part) for part in parts]
    else:
        raise ConfigError(f"a message is a str or a mapping, got {type(message).__name__}")
    item = {"type": "message", "role": "user", "content": content}
    return {"type": "conversation.item.create", "item": item, **(other_event_data or {})}


def image_message(image: str) -> dict[str, Any]:
    """Build the message that shows an image, as `message_event` takes it.

    Args:
        image: its address, or a `data:` URI of it.

    Raises:
        ConfigError: it is not a text.
    """
    if not isinstance(image, str) or not image:
        raise ConfigError(f"an image is a URL or a data URI, got {type(image).__name__}")
    part = {"type": "input_image", "image_url": image}
    return {"type": "message", "role": "user", "content": [part]}


def message_text(event: Mapping[str, Any]) -> str:
    """The words of a message that `message_event` has built, a line per part."""
    parts = event["item"]["content"]
    return "\n".join(part["text"] for part in parts if part.get("text"))


def _part(part: Any) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind == "input_text" and isinstance(part.get("text"), str):
        return {"type": "input_text", "text": part["text"]}
    if kind == "input_image":
        url = part.get("image_url") or part.get("image")
        if isinstance(url, str):
            detail = {"detail": part["detail"]} if part.get("detail") else {}
            return {
                "type": "input_image",
                "image_url": url,
                **detail,
                **(part.get("provider_data") or {}),
            }
    raise ConfigError(
        "a part of a message is {'type': 'input_text', 'text': str} or "
        f"{{'type': 'input_image', 'image_url': str}}, got one of type {kind!r}"
    )
