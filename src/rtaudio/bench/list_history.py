"""A history as it is usually kept, to show what a long conversation makes of it.

The items are a list. An event's item is found by going through it, and whoever listens is handed
the whole history after each change, as a new tuple. It takes the same events as a session and comes
to the same items; everything else that a session does is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rtaudio import protocol
from rtaudio.conversation.items import ContentPart, Item, item_from_wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.conversation.items import ItemStatus

__all__ = ["ListHistory"]


class ListHistory:
    """A conversation in a list.

    Args:
        updated: called with the whole history after each change.
        heard: called with the sound of each delta.
    """

    def __init__(
        self, updated: Callable[[tuple[Item, ...]], object], heard: Callable[[bytes], object]
    ) -> None:
        self.history: tuple[Item, ...] = ()
        self._items: list[Item] = []
        self._updated = updated
        self._heard = heard

    def receive(self, event: object) -> None:
        """Take in one event."""
        match event:
            case protocol.ResponseOutputAudioDelta():
                self._heard(event.audio)
            case protocol.ResponseOutputAudioTranscriptDelta():
                self._grow(event.item_id, event.delta)
            case protocol.ConversationItemAdded() | protocol.ResponseOutputItemAdded():
                self._put(event.item, "in_progress")
            case (
                protocol.ConversationItemDone()
                | protocol.ConversationItemRetrieved()
                | protocol.ResponseOutputItemDone()
            ):
                self._put(event.item, "completed")
            case protocol.ConversationItemInputAudioTranscriptionCompleted():
                self._transcribe(event.item_id, event.transcript)
            case protocol.ConversationItemTruncated():
                self._cut(event.item_id, event.audio_end_ms)
            case _:
                pass

    def _find(self, item_id: str) -> int | None:
        for at, item in enumerate(self._items):
            if item.item_id == item_id:
                return at
        return None

    def _put(self, wire: protocol.Item, status: ItemStatus) -> None:
        new = item_from_wire(wire, default_status=status)
        if new is None:
            return
        at = self._find(new.item_id)
        if at is None:
            self._items.append(new)
        else:
            old = self._items[at]
            kept = tuple(
                msgspec.structs.replace(part, transcript=part.transcript or before.transcript)
                for before, part in zip(old.content, new.content, strict=False)
            )
            content = kept + new.content[len(kept) :]
            self._items[at] = msgspec.structs.replace(
                new, content=content, audio_end_ms=old.audio_end_ms
            )
        self._tell()

    def _grow(self, item_id: str, delta: str) -> None:
        def longer(item: Item) -> Item:
            said = (item.content[0].transcript or "") if item.content else ""
            part = ContentPart(type="output_audio", transcript=said + delta)
            return msgspec.structs.replace(item, content=(part,))

        self._change(item_id, longer)

    def _transcribe(self, item_id: str, transcript: str) -> None:
        part = ContentPart(type="input_audio", transcript=transcript)
        self._change(item_id, lambda item: msgspec.structs.replace(item, content=(part,)))

    def _cut(self, item_id: str, heard_ms: int) -> None:
        self._change(item_id, lambda item: msgspec.structs.replace(item, audio_end_ms=heard_ms))

    def _change(self, item_id: str, change: Callable[[Item], Item]) -> None:
        at = self._find(item_id)
        if at is not None:
            self._items[at] = change(self._items[at])
            self._tell()

    def _tell(self) -> None:
        self.history = tuple(self._items)
        self._updated(self.history)
