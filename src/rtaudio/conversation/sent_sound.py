"""What the user said, cut out of what was sent, as the service reports where turns begin and end.

Both sides count the samples of one connection. With turn detection the service names positions on
that count, a little after the fact; so what was sent lately is remembered, and what nobody has
claimed for a while is let go. Without it, all that was sent since the last commit or clear belongs
to the next item, whose id comes with the answer to the commit.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from rtaudio.conversation.timeline import Timeline

if TYPE_CHECKING:
    from rtaudio.audio import AudioFormat
    from rtaudio.conversation.sound import Sound
    from rtaudio.conversation.sound_store import SoundStore

__all__ = ["SentSound"]

# How long after sound was sent the service may still say that speech began there: seconds. It takes
# that into account which padding it adds, how long it thinks, and a connection that stalls.
_REACH_S: Final = 10.0
# What was sent faster than it is spoken, or was committed and not answered, is remembered up to
# this: seconds of sound; 14 MB of PCM16 at 24000 Hz. The oldest goes first.
_MOST_S: Final = 300
_STEP_S: Final = 0.5  # how precisely the time of sending is remembered for that


class _Stretch(NamedTuple):
    """What was committed, in bytes of the stream."""

    start: int
    end: int
    cleared: bool = False  # whether a clear came behind it, before it was answered


class SentSound:
    """The input audio of one connection, on its way into items.

    While somebody speaks, and without turn detection all the time, sound goes on into the store as
    it is sent; the store's own bounds hold there.

    Args:
        store: where the sound of items goes.
        wire: the format in which it is sent.
    """

    def __init__(self, store: SoundStore, wire: AudioFormat) -> None:
        self._store = store
        self._detects = True
        self._sent = 0  # bytes, counted from the connection's first
        self._begin_stream(wire)

    def _begin_stream(self, wire: AudioFormat) -> None:
        self._wire = wire
        self._width = wire.bytes_per_sample * wire.channels
        self._recent = bytearray()
        self._recent_from = self._sent
        self._timeline = Timeline(wire.bytes_per_second)
        self._steps: deque[tuple[int, float]] = deque()  # positions, and when they were sent
        # Stretches that were committed and not answered yet, and where the next one begins.
        self._commits: deque[_Stretch] = deque()
        self._uncommitted = self._sent
        # The sound that is growing, where it began, how far it got, where it ends.
        self._sound: Sound | None = None
        self._from = self._fed = 0
        self._until: int | None = None

    # What is sent.

    def detects(self, detects: bool) -> None:
        """Whether the service detects turns."""
        if detects != self._detects:
            self._detects = detects
            self.end()
            self._uncommitted = self._sent
            self._commits.clear()

    def append(self, data: bytes, wire: AudioFormat, now: float) -> None:
        """Sound is being sent. It was spoken just before, and took as long as it is."""
        if wire is not self._wire and wire != self._wire:
            # Settings changed in the middle, which services hardly allow: the count goes on.
            self.end()
            ms = self._sent * 1000 // self._wire.bytes_per_second
            self._wire = wire
            self._sent = ms * wire.bytes_per_second // 1000
            self._begin_stream(wire)
        self._timeline.add(self._sent, now - len(data) / wire.bytes_per_second)
        if not self._steps or now - self._steps[-1][1] >= _STEP_S:
            self._steps.append((self._sent, now))
        self._recent += data
        self._sent += len(data)
        self._feed()
        self._let_go(now)

    def commit(self) -> None:
        """A commit is being sent."""
        if self._sound is not None and not self._detects and not self._commits:
            self._until = self._sent
        self._commits.append(_Stretch(self._uncommitted, self._sent))
        self._uncommitted = self._sent

    def clear(self) -> None:
        """A clear is being sent: what was not committed belongs to no item."""
        if self._commits:
            self._commits[-1] = self._commits[-1]._replace(cleared=True)
        else:
            self._discard()
        self._uncommitted = self._sent

    # What the service says.

    def speech_started(self, item_id: str, audio_start_ms: int) -> None:
        """Speech began here; the item will have this id."""
        self.detects(True)
        known = self._store.get(item_id, 0)
        if known is None:
            self.end()
            self._store.name(self._begin(self._position(audio_start_ms), None), item_id)
        elif known is self._sound:
            # It goes on: nothing was committed since it stopped.
            self._until = None
            self._store.cut(known, None)
        self._feed()

    def speech_stopped(self, item_id: str, audio_end_ms: int) -> None:
        """Speech ended here."""
        if self._sound is not None and self._sound.item_id == item_id:
            self._stop(self._position(audio_end_ms))

    def timed_out(self, item_id: str, audio_start_ms: int, audio_end_ms: int) -> None:
        """Nobody spoke from here to there, and that silence becomes an item."""
        self.speech_started(item_id, audio_start_ms)
        self.speech_stopped(item_id, audio_end_ms)

    def committed(self, item_id: str) -> None:
        """An item was made of what was sent."""
        if self._sound is None or self._sound.item_id != item_id:
            if self._store.get(item_id, 0) is not None:
                return
            # No speech was detected: it is what was sent up to a commit.
            start, end, _ = self._next_commit()
            if self._detects:
                self.end()
                self._begin(start, end)
                self._feed()
            if self._sound is not None:
                self._store.name(self._sound, item_id)
        elif self._until is None:
            # Speech that a commit of ours has ended.
            end = self._next_commit().end
        else:
            end = self._until
        self._uncommitted = max(self._uncommitted, end)
        self._stop(end)
        self.end()
        self._feed()

    def commit_refused(self) -> None:
        """There was too little for an item: it stays for the next."""
        if not self._commits:
            return
        refused = self._commits.popleft()
        if refused.cleared:
            if not self._detects:
                self._discard()
        elif self._commits:
            self._commits[0] = self._commits[0]._replace(start=refused.start)
        else:
            self._uncommitted = refused.start
        if not self._detects:
            self._until = self._commits[0].end if self._commits else None
        self._feed()

    def end(self) -> None:
        """No more comes of the sound that is growing; it goes where it has no item."""
        if self._sound is not None and self._sound.item_id:
            self._store.finish(self._sound)
            self._sound, self._until = None, None
        self._discard()

    # The sound that is growing.

    def _begin(self, start: int, until: int | None) -> Sound:
        self._from = self._fed = min(max(start, self._recent_from), self._sent)
        self._until = until
        self._sound = self._store.begin("user", self._wire)
        return self._sound

    def _feed(self) -> None:
        """Give it what was sent since."""
        if self._sound is None and not self._detects:
            following = self._commits[0] if self._commits else None
            start = self._uncommitted if following is None else following.start
            if start < (self._sent if following is None else following.end):
                self._begin(start, None if following is None else following.end)
        if self._sound is None:
            return
        end = self._sent if self._until is None else min(self._until, self._sent)
        start = max(self._fed, self._recent_from)
        if start >= end:
            return
        for left, right in self._timeline.pieces(start, end):
            with memoryview(self._recent) as recent:
                data = bytes(recent[left - self._recent_from : right - self._recent_from])
            self._store.append(self._sound, data, self._timeline.at(left))
        self._fed = end

    def _stop(self, end: int) -> None:
        if self._sound is not None:
            self._until = max(end, self._from)
            self._feed()
            self._store.cut(self._sound, (self._until - self._from) // self._width)

    def _discard(self) -> None:
        if self._sound is not None:
            self._store.discard(self._sound)
        self._sound, self._until = None, None

    def _next_commit(self) -> _Stretch:
        """The stretch that an item was made of, though the service commits by itself, too."""
        if self._commits:
            return self._commits.popleft()
        return _Stretch(self._uncommitted, self._sent)

    def _position(self, ms: int) -> int:
        return ms * self._wire.sample_rate // 1000 * self._width

    def _let_go(self, now: float) -> None:
        """Forget what no item can begin with any more."""
        while len(self._steps) > 1 and now - self._steps[1][1] > _REACH_S:
            self._steps.popleft()
        needed = self._commits[0].start if self._commits else self._uncommitted
        if self._detects:
            needed = max(needed, self._steps[0][0])
        elif self._sound is not None:
            needed = self._fed
        needed = max(needed, self._sent - _MOST_S * self._wire.bytes_per_second)
        if needed > self._recent_from:
            del self._recent[: needed - self._recent_from]
            self._recent_from = needed
            self._timeline.forget_before(needed)
