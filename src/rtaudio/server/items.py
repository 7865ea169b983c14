"""The conversation as the service keeps it: items in order, with the sound of recent ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rtaudio.protocol import ContentPart, MessageItem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rtaudio.protocol import Item

__all__ = ["ItemStore"]

ROOT = "root"  # the previous_item_id that puts an item first


class ItemStore:
    """Items of one session.

    Args:
        max_items: how many are kept; the oldest are forgotten.
        max_bytes: sound kept for retrieval, over all items; the oldest is forgotten first.
    """

    def __init__(self, *, max_items: int, max_bytes: int) -> None:
        self._items: list[Item] = []
        self._sound: dict[str, NDArray[np.int16]] = {}
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._held = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def last_id(self) -> str | None:
        """The id of the item at the end, or None."""
        return self._items[-1].id if self._items else None

    def add(self, item: Item, previous_item_id: str | None = None) -> str | None:
        """Put an item after another one.

        Args:
            item: must have an id.
            previous_item_id: None or "" appends, "root" puts it first.

        Returns:
            The id of the item it now follows, None for the first.

        Raises:
            KeyError: there is no item `previous_item_id`.
        """
        if not previous_item_id:
            place = len(self._items)
        elif previous_item_id == ROOT:
            place = 0
        else:
            place = self._index(previous_item_id) + 1
        previous = self._items[place - 1].id if place else None
        self._items.insert(place, item)
        if len(self._items) > self._max_items:
            self._forget_sound(self._items.pop(0).id)
        return previous

    def get(self, item_id: str) -> Item:
        """Return an item; raise KeyError if there is none."""
        return self._items[self._index(item_id)]

    def delete(self, item_id: str) -> None:
        """Remove an item; raise KeyError if there is none."""
        del self._items[self._index(item_id)]
        self._forget_sound(item_id)

    def keep_sound(self, item_id: str, samples: NDArray[np.int16]) -> None:
        """Remember an item's sound, at the cost of older sound where the budget asks for it."""
        if samples.nbytes > self._max_bytes:
            return
        self._forget_sound(item_id)
        self._sound[item_id] = samples
        self._held += samples.nbytes
        while self._held > self._max_bytes:
            self._forget_sound(next(iter(self._sound)))

    def sound(self, item_id: str) -> NDArray[np.int16] | None:
        """Return what `keep_sound` was given, unless it has been forgotten."""
        return self._sound.get(item_id)

    def set_transcript(self, item_id: str, transcript: str) -> None:
        """Fill in the text of a user's audio; an item that is gone is ignored."""
        try:
            place = self._index(item_id)
        except KeyError:
            return
        item = self._items[place]
        if isinstance(item, MessageItem):
            part = ContentPart(type="input_audio", transcript=transcript)
            self._items[place] = msgspec.structs.replace(item, content=[part])

    def _index(self, item_id: str) -> int:
        # Items that matter are mostly recent ones.
        for place in range(len(self._items) - 1, -1, -1):
            if self._items[place].id == item_id:
                return place
        raise KeyError(item_id)

    def _forget_sound(self, item_id: str | None) -> None:
        samples = self._sound.pop(item_id, None) if item_id is not None else None
        if samples is not None:
            self._held -= samples.nbytes
