"""The conversation as the service keeps it: items in order, with the sound of recent ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from rtaudio.protocol import ContentPart, MessageItem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rtaudio.protocol import Item

__all__ = ["ItemStore", "ItemTooLarge"]

ROOT = "root"  # the previous_item_id that puts an item first


class ItemTooLarge(Exception):
    """One item is more than the whole conversation may take; it was not added."""


@dataclass(slots=True)
class _Entry:
    item: Item
    item_bytes: int  # as JSON, which is near enough to what it takes in memory
    sound: NDArray[np.int16] | None = None

    @property
    def size(self) -> int:
        return self.item_bytes + (0 if self.sound is None else self.sound.nbytes)


class ItemStore:
    """Items of one session, within a budget: old sound is forgotten first, then old items.

    The newest item is always kept. Several items may have one id, as with the cloud's service; the
    latest of them is meant then.

    Args:
        max_items: how many are kept.
        max_bytes: what they may take together, sound included.
    """

    def __init__(self, *, max_items: int, max_bytes: int) -> None:
        self._entries: list[_Entry] = []
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._held = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def held_bytes(self) -> int:
        """What items and sound take at the moment."""
        return self._held

    def add(self, item: Item, previous_item_id: str | None = None) -> str | None:
        """Put an item after another one.

        Args:
            item: must have an id.
            previous_item_id: None or "" appends, "root" puts it first.

        Returns:
            The id of the item it now follows, None for the first.

        Raises:
            KeyError: there is no item `previous_item_id`.
            ItemTooLarge: the item alone exceeds the budget.
        """
        entry = _Entry(item, len(msgspec.json.encode(item)))
        if entry.item_bytes > self._max_bytes:
            raise ItemTooLarge
        if not previous_item_id:
            place = len(self._entries)
        elif previous_item_id == ROOT:
            place = 0
        else:
            place = self._index(previous_item_id) + 1
        previous = self._entries[place - 1].item.id if place else None
        self._entries.insert(place, entry)
        self._held += entry.size
        self._shrink(entry)
        return previous

    def get(self, item_id: str) -> Item:
        """Return an item; raise KeyError if there is none."""
        return self._entries[self._index(item_id)].item

    def delete(self, item_id: str) -> None:
        """Remove an item; raise KeyError if there is none."""
        self._held -= self._entries.pop(self._index(item_id)).size

    def keep_sound(self, item_id: str, samples: NDArray[np.int16]) -> None:
        """Remember an item's sound, if the budget allows; raise KeyError if it is gone."""
        entry = self._entries[self._index(item_id)]
        if entry.item_bytes + samples.nbytes > self._max_bytes:
            return
        self._held -= entry.size
        entry.sound = samples
        self._held += entry.size
        self._shrink(entry)

    def sound(self, item_id: str) -> NDArray[np.int16] | None:
        """Return what `keep_sound` was given, unless it or the item has been forgotten."""
        try:
            return self._entries[self._index(item_id)].sound
        except KeyError:
            return None

    def set_transcript(self, item_id: str, transcript: str) -> None:
        """Fill in the text of a user's audio; an item that is gone is ignored."""
        try:
            entry = self._entries[self._index(item_id)]
        except KeyError:
            return
        if isinstance(entry.item, MessageItem):
            part = ContentPart(type="input_audio", transcript=transcript)
            entry.item = msgspec.structs.replace(entry.item, content=[part])
            self._held -= entry.item_bytes
            entry.item_bytes = len(msgspec.json.encode(entry.item))
            self._held += entry.item_bytes
            self._shrink(entry)

    def _index(self, item_id: str) -> int:
        # Items that matter are mostly recent ones.
        for place in range(len(self._entries) - 1, -1, -1):
            if self._entries[place].item.id == item_id:
                return place
        raise KeyError(item_id)

    def _shrink(self, newest: _Entry) -> None:
        """Return to within the budget, sparing `newest`."""
        if self._held > self._max_bytes:
            for entry in self._entries:
                if entry is not newest and entry.sound is not None:
                    self._held -= entry.sound.nbytes
                    entry.sound = None
                    if self._held <= self._max_bytes:
                        break
        while self._held > self._max_bytes or len(self._entries) > self._max_items:
            place = next((i for i, e in enumerate(self._entries) if e is not newest), None)
            if place is None:
                break
            self._held -= self._entries.pop(place).size
