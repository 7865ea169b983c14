"""The items of a conversation in order, at a constant cost per change.

Items are nodes of a doubly linked list with an index by id, so that finding, inserting behind a
known predecessor, replacing and removing do not depend on how long the conversation is. The tuple
that applications read is built only when somebody reads it, and kept until the next change. Text
that streams in is collected in pieces and joined on reading, for the same reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from rtaudio.conversation.alignment import Alignment
from rtaudio.conversation.history import History
from rtaudio.conversation.items import ContentPart, Item, kept_sound, with_sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rtaudio._native.sound_stream import SoundLength
    from rtaudio.conversation.sound import Sound

__all__ = ["ItemList"]


class _Node:
    __slots__ = ("after", "alignment", "before", "item", "pieces")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.before: _Node | None = None
        self.after: _Node | None = None
        # Deltas that are not part of `item` yet, by (content index, field they extend).
        self.pieces: dict[tuple[int, str], list[str]] = {}
        # Where its words arrived in its sound, while that streams in.
        self.alignment: Alignment | None = None


class ItemList:
    """The items of one conversation. Changed only by the conversation that owns it."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {}
        self._first: _Node | None = None
        self._last: _Node | None = None
        self._streaming: dict[str, _Node] = {}
        # Of which sound came last; there may be more of it at any time.
        self._sounding: _Node | None = None
        self._snapshot: History | None = History()

    def __del__(self) -> None:
        self._part()

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._nodes

    def get(self, item_id: str) -> Item | None:
        """The item with this id, or None."""
        node = self._nodes.get(item_id)
        if node is None:
            return None
        self._settle(node)
        return node.item

    def snapshot(self) -> History:
        """All items in order; the same object as last time where nothing changed since."""
        if self._snapshot is None:
            for node in list(self._streaming.values()):
                self._settle(node)
            if self._sounding is not None:
                self._settle(self._sounding)
            self._snapshot = History(self._walk())
        return self._snapshot

    def upsert(self, item: Item, *, first: bool = False) -> bool:
        """Add an item, or put it in the place of the one with its id.

        A new item goes behind `item.previous_item_id` where that is known, else to the end; with
        `first` it goes before all others. What the old version knew and the new one leaves out is
        kept: transcripts, images of a user's message, their sound and where it was cut.

        Returns:
            True for a new item.
        """
        node = self._nodes.get(item.item_id)
        self._snapshot = None
        if node is not None:
            self._settle(node)
            node.item = _merged(node.item, item)
            return False
        node = _Node(item)
        self._nodes[item.item_id] = node
        # An item that names itself as predecessor has been seen on the wire: it goes to the end.
        before = None if first else self._last
        named = item.previous_item_id
        if not first and named is not None and named != item.item_id:
            before = self._nodes.get(named, self._last)
        self._link(node, before)
        return True

    def replace(self, item: Item) -> None:
        """Put exactly this version in the place of the item with its id, which must be known."""
        node = self._nodes[item.item_id]
        node.pieces.clear()
        self._streaming.pop(item.item_id, None)
        node.item = item
        self._snapshot = None

    def remove(self, item_id: str) -> bool:
        """Drop an item; True where there was one."""
        node = self._nodes.pop(item_id, None)
        if node is None:
            return False
        self._streaming.pop(item_id, None)
        if node is self._sounding:
            self._sounding = None
        if node.before is None:
            self._first = node.after
        else:
            node.before.after = node.after
        if node.after is None:
            self._last = node.before
        else:
            node.after.before = node.before
        self._snapshot = None
        return True

    def append_text(
        self, item_id: str, content_index: int, field: Literal["text", "transcript"], delta: str
    ) -> None:
        """Let a part of a known item grow. The item stays as it is until somebody reads it."""
        node = self._nodes[item_id]
        node.pieces.setdefault((content_index, field), []).append(delta)
        if field == "transcript":
            if node.alignment is None:
                node.alignment = Alignment()
            node.alignment.words(len(delta))
        self._streaming[item_id] = node
        self._snapshot = None

    def append_sound(self, item_id: str, length_ms: float) -> SoundLength | None:
        """Count sound of an item, where it is known. No change that is worth a new snapshot.

        Returns:
            Where it was counted, and more of the same item's may be until another's is; None where
            the item is not known.
        """
        node = self._nodes.get(item_id)
        if node is None:
            return None
        if node is not self._sounding:
            if self._sounding is not None:
                self._streaming[self._sounding.item.item_id] = self._sounding
            self._sounding = node
        if node.alignment is None:
            node.alignment = Alignment()
        node.alignment.sound.ms += length_ms
        return node.alignment.sound

    def set_sound_length(self, item_id: str, length_ms: float) -> None:
        """Say how much sound an item has, where it is not counted as it comes."""
        node = self._nodes.get(item_id)
        if node is not None:
            node.item = msgspec.structs.replace(node.item, audio_ms=length_ms)
            self._snapshot = None

    def attach(self, sound: Sound) -> None:
        """Let the part of a known item that a sound belongs to have it; make it if need be."""
        node = self._nodes.get(sound.item_id)
        if node is None:
            return
        self._settle(node)
        kind = "input_audio" if sound.role == "user" else "output_audio"
        content = _of_length(node.item.content, sound.content_index + 1, kind)
        content[sound.content_index] = with_sound(content[sound.content_index], sound)
        node.item = msgspec.structs.replace(node.item, content=tuple(content))
        self._snapshot = None

    def fill(self, items: Iterable[Item]) -> None:
        """Hold these items and no others, in this order; ids must differ."""
        self.clear()
        for item in items:
            node = self._nodes[item.item_id] = _Node(item)
            self._link(node, self._last)
        self._snapshot = None

    def clear(self) -> None:
        """Forget everything."""
        self._part()
        self._nodes.clear()
        self._streaming.clear()
        self._sounding = None
        self._first = self._last = None
        self._snapshot = History()

    def _part(self) -> None:
        """Let go of each other: neighbours would stay in memory until the collector comes by."""
        for node in self._nodes.values():
            node.before = node.after = None

    def _link(self, node: _Node, before: _Node | None) -> None:
        node.before = before
        if before is None:
            node.after = self._first
            self._first = node
        else:
            node.after = before.after
            before.after = node
        if node.after is None:
            self._last = node
        else:
            node.after.before = node

    def _walk(self) -> Iterator[Item]:
        node = self._first
        while node is not None:
            yield node.item
            node = node.after

    def _settle(self, node: _Node) -> None:
        """Join the pieces that have streamed in into the item."""
        alignment = node.alignment
        if alignment is not None and alignment.sound.ms not in (0.0, node.item.audio_ms):
            node.item = msgspec.structs.replace(
                node.item, audio_ms=alignment.sound.ms, audio_marks=tuple(alignment.marks)
            )
        if not node.pieces:
            self._streaming.pop(node.item.item_id, None)
            return
        content = list(node.item.content)
        for (index, field), pieces in sorted(node.pieces.items()):
            kind = "output_text" if field == "text" else "output_audio"
            content = _of_length(content, index + 1, kind)
            words = (getattr(content[index], field) or "") + "".join(pieces)
            content[index] = msgspec.structs.replace(content[index], **{field: words})
        node.pieces.clear()
        self._streaming.pop(node.item.item_id, None)
        node.item = msgspec.structs.replace(node.item, content=tuple(content))


def _of_length(content: Sequence[ContentPart], length: int, kind: str) -> list[ContentPart]:
    """The parts, and empty ones of this type behind them up to so many."""
    return [*content, *[ContentPart(type=kind)] * (length - len(content))]


def _merged(old: Item, new: Item) -> Item:
    if old.role != new.role:
        return new
    if new.type == "function_call" and new.output is None and old.output is not None:
        # The call again, after it was answered.
        return old
    if new.type.startswith("mcp_"):
        return _merged_mcp(old, new)
    content = list(new.content)
    for index, (before, part) in enumerate(zip(old.content, new.content, strict=False)):
        if before.type != part.type:
            continue
        # After an interruption the service sends the item back without its transcript.
        if before.transcript and not part.transcript:
            content[index] = msgspec.structs.replace(part, transcript=before.transcript)
        if kept_sound(part) is None:
            content[index] = with_sound(content[index], kept_sound(before))
    known = {part.image_url for part in content if part.type == "input_image"}
    images = [part for part in old.content if part.type == "input_image" and part.image_url]
    # Events of the service leave the addresses of images out; only what was sent has them.
    content = [
        part for part in content if part.type != "input_image" or part.image_url or not images
    ]
    content[:0] = [part for part in images if part.image_url not in known]
    return msgspec.structs.replace(
        new,
        content=tuple(content),
        previous_item_id=new.previous_item_id or old.previous_item_id,
        audio_end_ms=old.audio_end_ms if new.audio_end_ms is None else new.audio_end_ms,
        audio_ms=old.audio_ms if new.audio_ms is None else new.audio_ms,
        audio_marks=new.audio_marks or old.audio_marks,
    )


def _merged_mcp(old: Item, new: Item) -> Item:
    """A call that was completed stays so: the service may still send what it was before."""
    late = old.status == "completed" and new.status == "in_progress"
    return msgspec.structs.replace(
        new,
        status="completed" if late else new.status,
        arguments=new.arguments or old.arguments,
        output=old.output if new.output is None else new.output,
        error=old.error if new.error is None else new.error,
        approved=old.approved if new.approved is None else new.approved,
        previous_item_id=new.previous_item_id or old.previous_item_id,
    )
