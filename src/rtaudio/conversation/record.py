"""How history follows what the service reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rtaudio.conversation import events
from rtaudio.conversation.history import History
from rtaudio.conversation.items import ContentPart, Item, ItemStatus, item_from_wire

if TYPE_CHECKING:
    from typing import Literal

    from rtaudio import protocol
    from rtaudio.conversation.outcome import Outcome

__all__ = ["Record"]


class Record:
    """Keeps history, and tells the application of every change.

    Attributes:
        history: the items in order.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.history = History()
        self._outcome = outcome

    def take(
        self, wire: protocol.Item, status: ItemStatus, previous_item_id: str | None = None
    ) -> None:
        """An item as the service sees it; `status` counts where it names none."""
        item = item_from_wire(wire, default_status=status, previous_item_id=previous_item_id)
        if item is not None:
            self.upsert(item)

    def upsert(self, item: Item) -> None:
        """Put in an item, or its newer version."""
        if self.history.upsert(item):
            self._outcome.events.append(events.HistoryAdded(item=item))
        self.updated()

    def grow(
        self, item_id: str, content_index: int, field: Literal["text", "transcript"], delta: str
    ) -> None:
        """Words of the assistant that stream in; no event for each of them."""
        if item_id not in self.history:
            self.upsert(Item(item_id=item_id, role="assistant", status="in_progress"))
        self.history.append_text(item_id, content_index, field, delta)

    def answered(self, item_id: str, output: str) -> None:
        """A call of a function got its output."""
        known = self.history.get(item_id)
        if known is not None:
            self.history.replace(msgspec.structs.replace(known, output=output, status="completed"))
            self.updated()

    def deleted(self, item_id: str) -> None:
        """The service has dropped an item."""
        self.history.remove(item_id)
        self.updated()

    def truncated(self, item_id: str, audio_end_ms: int) -> None:
        """The service has cut the sound of an item; its version of it is asked for."""
        item = self.history.get(item_id)
        if item is not None:
            self.history.replace(msgspec.structs.replace(item, audio_end_ms=audio_end_ms))
            self.updated()
        self.retrieve(item_id)

    def heard(self, item_id: str, transcript: str) -> None:
        """The service has transcribed the user's speech."""
        item = self.history.get(item_id)
        if item is None:
            part = ContentPart(type="input_text", text=transcript)
            self.upsert(Item(item_id=item_id, status="completed", content=(part,)))
            return
        content = tuple(
            msgspec.structs.replace(part, transcript=transcript)
            if part.type == "input_audio"
            else part
            for part in item.content
        )
        self.history.replace(msgspec.structs.replace(item, content=content, status="completed"))
        self.updated()

    def retrieve(self, item_id: str) -> None:
        """Ask the service for its version of an item."""
        self._outcome.client_events.append(
            {"type": "conversation.item.retrieve", "item_id": item_id}
        )

    def updated(self) -> None:
        """Tell the application that history is not what it was."""
        self._outcome.events.append(events.HistoryUpdated(source=self.history))
