"""What one response is to be: the payload of `response.create` over the session's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec

from rtaudio.protocol import (
    ConversationItemCreate,
    InvalidEvent,
    decode_client_event,
    merge_session_config,
    new_id,
)
from rtaudio.server.session_schema import ResponseParameters, check, refuse_what_is_elsewhere

if TYPE_CHECKING:
    from rtaudio.protocol import Item
    from rtaudio.server.config import SessionConfig
    from rtaudio.server.items import ItemStore

__all__ = ["ResponseRequest"]

# Fields of the payload that are no settings of a session.
_OWN = ("conversation", "input", "metadata")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRequest:
    """A checked request for a response.

    Attributes:
        in_conversation: whether it writes to the session's conversation; False is out of band.
        items: what it reads instead of the conversation, None where it reads that.
        settings: the session's, with the request's laid over.
        metadata: to be given back.
    """

    in_conversation: bool
    items: list[Item] | None
    settings: dict[str, Any]
    metadata: dict[str, str] | None

    @classmethod
    def read(
        cls, payload: dict[str, Any] | None, config: SessionConfig, items: ItemStore
    ) -> ResponseRequest:
        """Check a payload.

        Args:
            payload: the event's `response`.
            config: the session's settings.
            items: where references in `input` are looked up.

        Raises:
            InvalidEvent: with the `code` and `param` for the client.
        """
        payload = payload or {}
        check(payload, ResponseParameters, "response")
        refuse_what_is_elsewhere(payload, "response")
        changes = {key: value for key, value in payload.items() if key not in _OWN}
        settings = merge_session_config(config.settings, changes)
        output = settings["audio"]["output"]
        config.check_voice(output["voice"], "response")
        output["format"] = output["format"] or config.settings["audio"]["output"]["format"]
        settings["output_modalities"] = config.output_modalities(settings["output_modalities"])
        given = payload.get("input")
        return cls(
            in_conversation=payload.get("conversation", "auto") == "auto",
            items=None if given is None else [_item(*one, items) for one in enumerate(given)],
            settings=settings,
            metadata=payload.get("metadata"),
        )

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The functions that may be called: one, if `tool_choice` names it, or none."""
        functions = [tool for tool in self.settings["tools"] if tool.get("type") == "function"]
        choice = self.settings["tool_choice"]
        if choice == "none":
            return []
        if isinstance(choice, dict) and "name" in choice:
            return [tool for tool in functions if tool.get("name") == choice["name"]]
        return functions


def _item(index: int, raw: dict[str, Any], items: ItemStore) -> Item:
    place = f"response.input[{index}]"
    if raw.get("type") == "item_reference":
        try:
            return items.get(str(raw.get("id")))
        except KeyError:
            raise InvalidEvent(
                f"There is no item {raw.get('id')!r}.", code="invalid_value", param=f"{place}.id"
            ) from None
    wrapped = {"type": "conversation.item.create", "item": raw}
    try:
        event = cast("ConversationItemCreate", decode_client_event(msgspec.json.encode(wrapped)))
    except InvalidEvent as error:
        param = (error.param or "item").replace("item", place, 1)
        text = str(error).replace("'item", f"'{place}", 1)
        raise InvalidEvent(text, code=error.code, param=param) from None
    return msgspec.structs.replace(event.item, id=event.item.id or new_id("item"))
