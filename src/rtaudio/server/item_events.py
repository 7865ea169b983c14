"""The client's events about single items of the conversation, and their answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from rtaudio.audio import AudioConverter, AudioFormat
from rtaudio.protocol import (
    ConversationItemAdded,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieve,
    ConversationItemRetrieved,
    ConversationItemTruncate,
    ConversationItemTruncated,
    FunctionCallItem,
    FunctionCallOutputItem,
    InvalidEvent,
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    McpToolCallItem,
    MessageItem,
    new_id,
    wire_format,
)
from rtaudio.server.items import ItemTooLarge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rtaudio.protocol import ClientEvent, Item, ServerEvent
    from rtaudio.server.config import SessionConfig
    from rtaudio.server.items import ItemStore

__all__ = ["ItemEvents"]


class ItemEvents:
    """Creates, shows, deletes and truncates items as the client says.

    Args:
        send: sends one event to the client.
        config: the session's settings.
        items: the session's items.
    """

    def __init__(
        self,
        send: Callable[[ServerEvent], Awaitable[None]],
        config: SessionConfig,
        items: ItemStore,
    ) -> None:
        self._send = send
        self._config = config
        self._items = items

    @property
    def handlers(self) -> dict[type[ClientEvent], Callable[[Any], Awaitable[None]]]:
        """What is to be called for which event."""
        return {
            ConversationItemCreate: self._create,
            ConversationItemRetrieve: self._retrieve,
            ConversationItemDelete: self._delete,
            ConversationItemTruncate: self._truncate,
        }

    async def _create(self, event: ConversationItemCreate) -> None:
        if self._config.kind == "transcription":
            raise InvalidEvent(
                "A transcription session has no items but those made from its audio.",
                code="invalid_value",
                param="type",
            )
        if isinstance(event.item, McpToolCallItem):  # other servers' name, which is only read
            raise InvalidEvent("Unknown item type.", code="invalid_value", param="item.type")
        self._check_approval(event.item)
        # A status is for these three, and has no effect when a client gives one.
        settled = isinstance(event.item, MessageItem | FunctionCallItem | FunctionCallOutputItem)
        item = replace(
            event.item,
            id=event.item.id or new_id("item"),
            object=None,
            status="completed" if settled else None,
        )
        try:
            previous = self._items.add(item, event.previous_item_id)
        except KeyError:
            raise _no_item(event.previous_item_id, "previous_item_id", "item_create") from None
        except ItemTooLarge:
            raise InvalidEvent(
                "The item is larger than a whole conversation may be here.",
                code="item_too_large",
                param="item",
            ) from None
        item = _announced(item)
        for kind in (ConversationItemAdded, ConversationItemDone):
            await self._send(kind(event_id=new_id("event"), item=item, previous_item_id=previous))

    def _check_approval(self, item: Item) -> None:
        if not isinstance(item, McpApprovalResponseItem):
            return
        asked = any(
            isinstance(other, McpApprovalRequestItem) and other.id == item.approval_request_id
            for other in self._items
        )
        if not asked:
            raise InvalidEvent(
                "Nothing here waits for this approval; the service calls no MCP servers.",
                code="invalid_value",
                param="item.approval_request_id",
            )

    async def _retrieve(self, event: ConversationItemRetrieve) -> None:
        item = self._find(event.item_id, "item_retrieve")
        sound = self._items.sound(event.item_id)
        if sound is not None and isinstance(item, MessageItem) and item.content:
            side: Literal["input", "output"] = "output" if item.role == "assistant" else "input"
            wire = wire_format(self._config.settings, side)
            converter = AudioConverter(AudioFormat("pcm16", sound.sample_rate), wire)
            audio = converter.process(sound.samples) + converter.flush()
            item = replace(item, content=[replace(item.content[0], audio=audio)])
        await self._send(ConversationItemRetrieved(event_id=new_id("event"), item=item))

    async def _delete(self, event: ConversationItemDelete) -> None:
        self._find(event.item_id, "item_delete")
        self._items.delete(event.item_id)
        await self._send(ConversationItemDeleted(event_id=new_id("event"), item_id=event.item_id))

    async def _truncate(self, event: ConversationItemTruncate) -> None:
        item = self._find(event.item_id, "item_truncate")
        has_ms = self._items.sound_ms(event.item_id)
        if not isinstance(item, MessageItem) or item.role != "assistant" or not has_ms:
            raise InvalidEvent(
                "Only an assistant's audio message can be truncated.",
                code="unsupported_content_type",
                param="item_id",
            )
        if event.content_index != 0:
            raise InvalidEvent(
                f"The item has no content part {event.content_index}.",
                code="invalid_value",
                param="content_index",
            )
        if event.audio_end_ms > math.ceil(has_ms):
            raise InvalidEvent(
                f"The item has {has_ms:.0f} ms of audio; it can't end at {event.audio_end_ms} ms.",
                code="invalid_value",
                param="audio_end_ms",
            )
        self._items.truncate(event.item_id, event.audio_end_ms)
        await self._send(
            ConversationItemTruncated(
                event_id=new_id("event"),
                item_id=event.item_id,
                content_index=event.content_index,
                audio_end_ms=event.audio_end_ms,
            )
        )

    def _find(self, item_id: str, action: str) -> Item:
        try:
            return self._items.get(item_id)
        except KeyError:
            raise _no_item(item_id, "item_id", action) from None


def _announced(item: Item) -> Item:
    """An item as events show it: what was sent as sound or image is only in `retrieved`."""
    if not isinstance(item, MessageItem):
        return item
    content = [replace(part, audio=None, image_url=None) for part in item.content]
    return replace(item, content=content)


def _no_item(item_id: str | None, param: str, action: str) -> InvalidEvent:
    return InvalidEvent(
        f"There is no item {item_id!r}.", code=f"{action}_invalid_item_id", param=param
    )
