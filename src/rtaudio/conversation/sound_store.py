"""All sound of a conversation that is kept, within its budgets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from rtaudio.conversation.sound import Sound
from rtaudio.conversation.sound_file import Writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from rtaudio.audio import AudioFormat
    from rtaudio.conversation.retention import AudioRetention

__all__ = ["SoundStore", "SoundTally"]

# How much may wait to be written. Where the disk cannot keep up with that, sound is dropped.
_MAX_WAITING_BYTES: Final = 64 << 20


class _Amount:
    """Sound in memory."""

    __slots__ = ("bytes", "ms")

    def __init__(self) -> None:
        self.bytes = 0
        self.ms = 0

    def add(self, nbytes: int, ms: int) -> None:
        self.bytes += nbytes
        self.ms += ms


class SoundTally:
    """What became of sounds, over all stores of a session.

    Attributes:
        dropped: how many a budget, a disk or `MAX_SOUND_S` cost, or cost their end.
        spilled: how many were moved to disk.
    """

    __slots__ = ("dropped", "spilled")

    def __init__(self) -> None:
        self.dropped = 0
        self.spilled = 0


class SoundStore:
    """The sounds of one conversation, from their first piece until they are dropped.

    What was dropped is remembered, without its samples, until its item is deleted. Every call costs
    the same, however much is kept.

    Args:
        retention: how sound is kept, and how much of it.
        writings: where files that are to be written go: each to be run, and then settled.
        tally: where it is counted what became of them.
    """

    def __init__(
        self, retention: AudioRetention, writings: list[Writing], tally: SoundTally
    ) -> None:
        self._tally = tally
        self._retention = retention
        self._max_ms = None if retention.max_seconds is None else retention.max_seconds * 1000
        self._folder = None if retention.spill_dir is None else Path(retention.spill_dir)
        self._sounds: dict[str, dict[int, Sound]] = {}
        # Sounds in memory: those that grow, those that are finished, and those that a writing has
        # not yet moved to disk; each the oldest first.
        self._open: dict[Sound, None] = {}
        self._idle: dict[Sound, None] = {}
        self._leaving: dict[Sound, Writing] = {}
        self._counted: dict[Sound, tuple[int, int]] = {}
        self._held = _Amount()
        self._waiting = _Amount()  # the part of it that is leaving
        self._writings = writings

    @property
    def bytes_held(self) -> int:
        """Bytes of sound in memory."""
        return self._held.bytes

    @property
    def ms_held(self) -> int:
        """Milliseconds of sound in memory."""
        return self._held.ms

    def __iter__(self) -> Iterator[Sound]:
        """All sounds of items, item by item as they began; also those that were dropped."""
        return iter([sound for parts in self._sounds.values() for sound in parts.values()])

    def get(self, item_id: str, content_index: int) -> Sound | None:
        """The sound of a part, where any was collected; it may have been dropped since."""
        parts = self._sounds.get(item_id)
        return None if parts is None else parts.get(content_index)

    # To collect.

    def begin(
        self,
        role: Literal["user", "assistant"],
        wire: AudioFormat,
        item_id: str = "",
        content_index: int = 0,
    ) -> Sound:
        """A new sound; one without an item is known to its caller alone until it is named."""
        sound = Sound(role, item_id, content_index, wire, self._retention.codec)
        self._open[sound] = None
        if item_id:
            self.name(sound, item_id)
        return sound

    def name(self, sound: Sound, item_id: str) -> None:
        """A sound belongs to this item."""
        sound.item_id = item_id
        self._sounds.setdefault(item_id, {})[sound.content_index] = sound

    def append(self, sound: Sound, data: bytes, start_s: float | None) -> None:
        """Let a sound grow; see `Sound.append`."""
        overlong = sound.overlong
        sound.append(data, start_s)
        self._tally.dropped += sound.overlong - overlong
        self._count(sound)
        self._keep_to_budget()

    def cut(self, sound: Sound, samples: int | None) -> None:
        """Let a sound end after so many samples; see `Sound.cut`."""
        kept = sound.kept
        sound.cut(samples)
        self._tally.dropped += kept and not sound.kept
        self._count(sound)
        if sound.file is not None:
            self._write(sound)  # what is there is too long now

    def finish(self, sound: Sound) -> None:
        """No more will come; from now on it may be moved to disk."""
        if sound.finished:
            return
        sound.finish()
        self._count(sound)
        del self._open[sound]
        if not sound.nbytes:
            return
        if self._folder is not None and self._retention.max_bytes is self._max_ms is None:
            self._write(sound)
        else:
            self._idle[sound] = None
            self._keep_to_budget()

    def discard(self, sound: Sound) -> None:
        """Let go of a sound that has no item any more, and forget that there was one."""
        self._release(sound)
        parts = self._sounds.get(sound.item_id, {})
        if parts.get(sound.content_index) is sound:
            del parts[sound.content_index]

    def forget(self, item_id: str) -> None:
        """An item was deleted, and its sound with it."""
        for sound in self._sounds.pop(item_id, {}).values():
            self._release(sound)

    # To disk.

    def _write(self, sound: Sound) -> None:
        """Have a sound written, in the place of its file where it has one."""
        if sound in self._leaving or sound.recording is None or self._folder is None:
            return
        if self._waiting.bytes > _MAX_WAITING_BYTES:
            self._drop(sound)
            return
        self._idle.pop(sound, None)
        keep = self._retention.keep_files
        writing = Writing(sound, sound.recording, self._folder, self._written, keep=keep)
        self._leaving[sound] = writing
        self._waiting.add(*self._counted.get(sound, (0, 0)))
        self._writings.append(writing)

    def _written(self, writing: Writing) -> None:
        sound, file = writing.sound, writing.file
        del self._leaving[sound]
        nbytes, ms = self._counted.get(sound, (0, 0))
        self._waiting.add(-nbytes, -ms)
        if not sound.kept:
            # Dropped meanwhile, and with it what was written.
            if file is not None:
                file.remove()
        elif writing.error is not None or file is None:
            self._drop(sound)
        else:
            whole = sound.recording is writing.recording
            sound.moved_to(file, whole=whole)
            self._tally.spilled += whole
            self._count(sound)
            # Cut meanwhile: the file is too long.
            self._write(sound)

    # The budget.

    def _keep_to_budget(self) -> None:
        while self._over_budget():
            if self._idle:
                sound = next(iter(self._idle))
                if self._folder is None:
                    self._drop(sound)
                else:
                    self._write(sound)
                continue
            growing = next((each for each in self._open if each.nbytes), None)
            if growing is None or self._folder is not None:
                break
            self._drop(growing)

    def _over_budget(self) -> bool:
        most = self._retention.max_bytes
        if most is not None and self._held.bytes - self._waiting.bytes > most:
            return True
        return self._max_ms is not None and self._held.ms - self._waiting.ms > self._max_ms

    def _drop(self, sound: Sound) -> None:
        self._release(sound)
        self._tally.dropped += 1

    def _release(self, sound: Sound) -> None:
        sound.drop()
        self._count(sound)
        self._open.pop(sound, None)
        self._idle.pop(sound, None)

    def _count(self, sound: Sound) -> None:
        before = self._counted.pop(sound, (0, 0))
        nbytes = sound.nbytes
        now = (nbytes, sound.ms if nbytes else 0)
        if nbytes:
            self._counted[sound] = now
        change = (now[0] - before[0], now[1] - before[1])
        self._held.add(*change)
        if sound in self._leaving:
            self._waiting.add(*change)
