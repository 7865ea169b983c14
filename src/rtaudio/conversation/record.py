"""How history follows what the service reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from rtaudio import protocol
from rtaudio.conversation import events
from rtaudio.conversation.history_changes import history_changes
from rtaudio.conversation.item_list import ItemList
from rtaudio.conversation.items import ContentPart, Item, ItemStatus, item_from_wire
from rtaudio.conversation.queue_stats import QueueStats
from rtaudio.conversation.restoration import restoring_events

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Literal

    from rtaudio.audio import AudioFormat
    from rtaudio.conversation.outcome import Outcome
    from rtaudio.conversation.sound_keeper import SoundKeeper

__all__ = ["Record"]

_WRITTEN = frozenset({"input_text", "input_image"})

# A service that confirms nothing must not make us remember everything.
_MAX_UNCONFIRMED = 256


class Record:
    """Keeps history, and tells the application of every change.

    Attributes:
        history: the items in order.
        live: whether each piece of an answer's words is an update.
        sounds: where their sound is; None where it is not kept.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.history = ItemList()
        self.live = False
        self.sounds: SoundKeeper | None = None
        self._outcome = outcome
        # Items that we create at the service ourselves; what it makes of them is no news to us.
        self._restored: set[str] = set()
        # Messages of ours that the service has not confirmed, oldest first; nearly always none, for
        # which a deque would take 0.7 KB.
        self._unconfirmed: list[dict[str, Any]] = []
        self._forgotten = 0
        # Items that we create in the first place; the service names no predecessor of such a one.
        self._to_the_front: set[str] = set()

    @property
    def queue(self) -> QueueStats:
        """The messages that the service has not confirmed."""
        return QueueStats(
            size=len(self._unconfirmed),
            bound=_MAX_UNCONFIRMED,
            policy="drop_oldest",
            lost=self._forgotten,
        )

    def start_over(self) -> None:
        """Nothing is on its way to the service. History stays."""
        self._restored.clear()
        self._unconfirmed.clear()
        self._to_the_front.clear()

    def created(
        self, wire: protocol.Item, status: ItemStatus, previous_item_id: str | None
    ) -> None:
        """The service has an item in its conversation."""
        if wire.id in self._restored:
            return
        if self._unconfirmed and _is_written(wire) and wire.id not in self.history:
            # The service takes messages in the order in which they were sent.
            self._unconfirmed.pop(0)
        self.take(wire, status, previous_item_id)

    def sent(self, event: dict[str, Any]) -> None:
        """An event of ours that creates an item is on its way; messages of the user count."""
        item = event.get("item")
        if not isinstance(item, Mapping) or item.get("role") != "user":
            return
        parts = item.get("content") or ()
        if all(isinstance(part, Mapping) and part.get("type") in _WRITTEN for part in parts):
            if len(self._unconfirmed) == _MAX_UNCONFIRMED:
                del self._unconfirmed[0]
                self._forgotten += 1
            self._unconfirmed.append(event)

    def rewrite(self, new: Sequence[Item], wire: AudioFormat) -> None:
        """Ask the service to make this the history; ours follows when the service has done so.

        Args:
            new: the items as they should be.
            wire: the format in which the service takes the user's sound.

        Raises:
            ConfigError: the service cannot be given one of the items; nothing is sent then.
        """
        changes = history_changes(self.history.snapshot(), new, wire)
        created: set[str] = set()
        for change in changes:
            if change["type"] == "conversation.item.create":
                item_id = change["item"]["id"]
                self._restored.discard(item_id)
                created.add(item_id)
                if change["previous_item_id"] == "root":
                    self._to_the_front.add(item_id)
        if self.sounds is not None:
            self.sounds.give(item for item in new if item.item_id in created)
        self._outcome.client_events += changes

    def break_off(self) -> str:
        """The connection broke: what the service was at stays incomplete; returns its words."""
        words = ""
        broken = [
            item
            for item in self.history.snapshot()
            if item.status == "in_progress"
            and (item.role == "assistant" or item.type.startswith("mcp_"))
        ]
        for item in broken:
            self.history.replace(msgspec.structs.replace(item, status="incomplete"))
            if item.role == "assistant":
                words = item.text
        if broken:
            self.updated()
        return words

    def restore(
        self,
        items: Iterable[Item],
        wire: AudioFormat,
        *,
        running: Collection[str] = (),
        with_sound: bool = False,
    ) -> None:
        """Create these items at the service, and what it never confirmed behind them.

        See `restoring_events`.
        """
        created = restoring_events(items, wire, running=running, with_sound=with_sound)
        self._restored = {event["item"]["id"] for event in created if "id" in event["item"]}
        self._outcome.client_events += created
        self._outcome.client_events += self._unconfirmed

    def take(
        self, wire: protocol.Item, status: ItemStatus, previous_item_id: str | None = None
    ) -> None:
        """An item as the service sees it; `status` counts where it names none."""
        item = item_from_wire(wire, default_status=status, previous_item_id=previous_item_id)
        if item is None:
            return
        if self.sounds is not None:
            self.sounds.adopt(wire)
            item = self.sounds.with_sounds(item)
        self.upsert(item)

    def upsert(self, item: Item) -> None:
        """Put in an item, or its newer version."""
        first = item.item_id in self._to_the_front and item.item_id not in self.history
        if first:
            self._to_the_front.remove(item.item_id)
        if self.history.upsert(item, first=first):
            self._outcome.events.append(events.HistoryAdded(item=item))
        self.updated()

    def grow(
        self, item_id: str, content_index: int, field: Literal["text", "transcript"], delta: str
    ) -> None:
        """Words of the assistant that stream in; an event for each of them only where wanted."""
        if item_id not in self.history:
            self.upsert(Item(item_id=item_id, role="assistant", status="in_progress"))
        self.history.append_text(item_id, content_index, field, delta)
        if self.live:
            self.updated()

    def answered(self, item_id: str, output: str) -> None:
        """A call of a function got its output."""
        known = self.history.get(item_id)
        if known is not None:
            self.history.replace(msgspec.structs.replace(known, output=output, status="completed"))
            self.updated()

    def deleted(self, item_id: str) -> None:
        """The service has dropped an item."""
        self.history.remove(item_id)
        if self.sounds is not None:
            self.sounds.deleted(item_id)
        self.updated()

    def truncated(self, event: protocol.ConversationItemTruncated) -> None:
        """The service has cut the sound of an item; its version of it is asked for."""
        item_id, audio_end_ms = event.item_id, event.audio_end_ms
        if self.sounds is not None:
            self.sounds.truncated(event)
        self.cut(item_id, audio_end_ms)
        self.retrieve(item_id)

    def cut(self, item_id: str, audio_end_ms: int) -> None:
        """No more than this was heard of an item; the service may tell better."""
        item = self.history.get(item_id)
        if item is not None:
            self.history.replace(msgspec.structs.replace(item, audio_end_ms=audio_end_ms))
            self.updated()

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


def _is_written(wire: protocol.Item) -> bool:
    """Whether an item is a message of the user in text or images, which only we can have sent."""
    return (
        isinstance(wire, protocol.MessageItem)
        and wire.role == "user"
        and all(part.type in _WRITTEN for part in wire.content)
    )
