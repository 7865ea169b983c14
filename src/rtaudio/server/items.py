"""The conversation as the service keeps it: items in order, with the sound of recent ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from rtaudio.protocol import ContentPart, MessageItem

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from rtaudio.protocol import Item

__all__ = ["ItemStore", "ItemTooLarge", "KeptSound"]

ROOT = "root"  # the previous_item_id that puts an item first


class KeptSound(NamedTuple):
    """Samples of one item, and their rate in Hz."""

    samples: NDArray[np.int16]
    sample_rate: int


class ItemTooLarge(Exception):
    """One item is more than the whole conversation may take; it was not added."""


@dataclass(slots=True)
class _Entry:
    item: Item
    item_bytes: int  # as JSON, which is near enough to what it takes in memory
    sound: KeptSound | None = None
    sound_ms: float = 0.0  # outlives the sound
    # What the recogniser understood of each part, where no transcript was asked for.
    heard: dict[int, str] = field(default_factory=dict)
    truncated: bool = False

    @property
    def sound_bytes(self) -> int:
        return 0 if self.sound is None else self.sound.samples.nbytes

    @property
    def size(self) -> int:
        return self.item_bytes + self.sound_bytes


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

    def __iter__(self) -> Iterator[Item]:
        return iter([entry.item for entry in self._entries])

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

    def replace(self, item: Item) -> None:
        """Put another state of an item in its place; one that is gone is ignored.

        What was cut off by `truncate` stays away.
        """
        entry = self._find(item.id or "")
        if entry is None:
            return
        self._set_item(entry, _without_transcript(item) if entry.truncated else item)

    def keep_sound(self, item_id: str, samples: NDArray[np.int16], sample_rate: int) -> None:
        """Remember an item's sound, if the budget allows; raise KeyError if it is gone."""
        entry = self._entries[self._index(item_id)]
        entry.sound_ms = samples.size * 1000 / sample_rate
        if entry.item_bytes + samples.nbytes > self._max_bytes:
            return
        self._held -= entry.size
        entry.sound = KeptSound(samples, sample_rate)
        self._held += entry.size
        self._shrink(entry)

    def sound(self, item_id: str) -> KeptSound | None:
        """Return what `keep_sound` was given, unless it or the item has been forgotten."""
        entry = self._find(item_id)
        return None if entry is None else entry.sound

    def sound_ms(self, item_id: str) -> float:
        """Tell how long an item's sound is, 0 where it has none or is gone."""
        entry = self._find(item_id)
        return 0.0 if entry is None else entry.sound_ms

    def set_sound_ms(self, item_id: str, sound_ms: float) -> None:
        """Say how much of an item has been spoken so far, while it is being spoken."""
        entry = self._find(item_id)
        if entry is not None and not entry.truncated:
            entry.sound_ms = sound_ms

    def keep_spoken(
        self, item_id: str, samples: NDArray[np.int16], sample_rate: int, sound_ms: float
    ) -> None:
        """Remember what an assistant said, but for what has been cut off already.

        Args:
            item_id: an item that is gone is ignored.
            samples: what is kept, perhaps less than was said.
            sample_rate: in Hz.
            sound_ms: length of all that was said.
        """
        entry = self._find(item_id)
        if entry is None:
            return
        if entry.truncated:
            sound_ms = entry.sound_ms
            samples = samples[: int(sound_ms * sample_rate / 1000)]
        self.keep_sound(item_id, samples, sample_rate)
        entry.sound_ms = sound_ms

    def truncate(self, item_id: str, end_ms: int) -> None:
        """Forget an assistant's sound behind `end_ms`, and its whole text.

        Raises:
            KeyError: there is no such item.
        """
        entry = self._entries[self._index(item_id)]
        entry.truncated = True
        entry.sound_ms = end_ms
        if entry.sound is not None:
            self._held -= entry.size
            samples, rate = entry.sound
            entry.sound = KeptSound(samples[: end_ms * rate // 1000].copy(), rate)
            self._held += entry.size
        self._set_item(entry, _without_transcript(entry.item))

    def heard(self, item_id: str, index: int) -> str | None:
        """Return what `set_heard` was given."""
        entry = self._find(item_id)
        return None if entry is None else entry.heard.get(index)

    def set_heard(self, item_id: str, index: int, words: str) -> None:
        """Remember what was understood of a user's audio part, apart from its transcript."""
        entry = self._find(item_id)
        if entry is not None:
            entry.heard[index] = words

    def set_transcript(self, item_id: str, transcript: str) -> None:
        """Fill in the text of a user's audio; an item that is gone is ignored."""
        entry = self._find(item_id)
        if entry is not None and isinstance(entry.item, MessageItem):
            part = ContentPart(type="input_audio", transcript=transcript)
            self._set_item(entry, msgspec.structs.replace(entry.item, content=[part]))

    def _set_item(self, entry: _Entry, item: Item) -> None:
        entry.item = item
        self._held -= entry.item_bytes
        entry.item_bytes = len(msgspec.json.encode(item))
        self._held += entry.item_bytes
        self._shrink(entry)

    def _find(self, item_id: str) -> _Entry | None:
        try:
            return self._entries[self._index(item_id)]
        except KeyError:
            return None

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
                    self._held -= entry.sound_bytes
                    entry.sound = None
                    if self._held <= self._max_bytes:
                        break
        while self._held > self._max_bytes or len(self._entries) > self._max_items:
            place = next((i for i, e in enumerate(self._entries) if e is not newest), None)
            if place is None:
                break
            self._held -= self._entries.pop(place).size


def _without_transcript(item: Item) -> Item:
    if not isinstance(item, MessageItem):
        return item
    content = [msgspec.structs.replace(part, transcript=None) for part in item.content]
    return msgspec.structs.replace(item, content=content)
