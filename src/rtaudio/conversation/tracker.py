"""Playback positions that the application reports, for speakers that lag behind.

A telephone line or a browser far away plays later than the sound arrives, and only what plays it
knows when. The session asks the tracker where playback is when the listener interrupts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from rtaudio._native.sound_stream import SoundLength
from rtaudio.audio import opus_packet_info
from rtaudio.conversation.playback import MAX_PARTS, Cut, Playback
from rtaudio.conversation.recent import Recent

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from rtaudio.audio import AudioFormat
    from rtaudio.conversation.queue_stats import QueueStats

__all__ = ["PlaybackState", "PlaybackTracker", "TrackedPlayback"]


class PlaybackState(NamedTuple):
    """Where playback is; all None while nothing plays."""

    item_id: str | None = None
    content_index: int | None = None
    elapsed_ms: float | None = None


class PlaybackTracker:
    """Keeps what the application says it has played. Give it to the session's options.

    Reports for one part of an item add up; a report for another part starts over.
    """

    def __init__(self) -> None:
        self._state = PlaybackState()
        # None where packets are delivered, whose length does not tell how long they play.
        self._bytes_per_ms: float | None = 48.0

    def on_play_bytes(self, item_id: str, content_index: int, data: Buffer) -> None:
        """This sound was just played; `item_id` and `content_index` are those of its event.

        Where Opus is delivered, it is one packet.
        """
        if self._bytes_per_ms is None:
            info = opus_packet_info(data)
            ms = info.frames * info.frame_ms
        else:
            with memoryview(data) as view:
                ms = view.nbytes / self._bytes_per_ms
        self.on_play_ms(item_id, content_index, ms)

    def on_play_ms(self, item_id: str, content_index: int, ms: float) -> None:
        """So many milliseconds of a part were just played."""
        known = self._state
        if (known.item_id, known.content_index) == (item_id, content_index):
            ms += known.elapsed_ms or 0.0
        self._state = PlaybackState(item_id, content_index, ms)

    def on_interrupted(self) -> None:
        """The session calls this when playback was cut: nothing plays any more."""
        self._state = PlaybackState()

    def set_audio_format(self, audio_format: AudioFormat) -> None:
        """The session calls this with the format of the sound that it delivers."""
        packets = audio_format.encoding == "opus"
        self._bytes_per_ms = None if packets else audio_format.bytes_per_second / 1000

    def state(self) -> PlaybackState:
        """Where playback is."""
        return self._state


class TrackedPlayback(Playback):
    """The position as a tracker reports it, with the lengths of what was received."""

    def __init__(self, tracker: PlaybackTracker) -> None:
        super().__init__()
        self._tracker = tracker
        # Bounded, since a tracker that is never told anything lets nothing be forgotten.
        self._lengths: Recent[tuple[str, int], SoundLength] = Recent(MAX_PARTS)
        self._latest: SoundLength | None = None

    @property
    def queue(self) -> QueueStats:
        """The parts that have not been heard to their end, as far as is known."""
        return self._lengths.queue

    @property
    def latest(self) -> SoundLength | None:
        """How much was received of the part of which sound came last."""
        return self._latest

    def received(self, item_id: str, content_index: int, length_ms: float, now: float) -> float:
        """Sound of this length arrived; returns when it would begin to play without delay."""
        key = (item_id, content_index)
        if key not in self._lengths:
            self._forget_before(self._playing())
            self._lengths[key] = SoundLength()
        self._latest = self._lengths[key]
        self._latest.ms += length_ms
        return self.head.advance(length_ms, now)

    def cuts(self, now: float, *, speaking: bool) -> list[Cut]:
        """What to cut if the listener interrupts now; nothing before the first report."""
        del now
        playing = self._playing()
        elapsed = self._tracker.state().elapsed_ms
        if playing is None or elapsed is None or elapsed < 0:
            return []
        length = self._lengths.get(playing)
        self._forget_before(playing)
        later = [key for key in self._lengths if key != playing]
        if not speaking and not later and length is not None and elapsed >= math.ceil(length.ms):
            return []
        heard = elapsed if length is None else min(elapsed, length.ms)
        return [Cut(*playing, math.floor(heard)), *(Cut(*key, 0) for key in later)]

    def clear(self) -> None:
        """Nothing plays any more."""
        super().clear()
        self._lengths.clear()
        self._latest = None
        self._tracker.on_interrupted()

    def _playing(self) -> tuple[str, int] | None:
        state = self._tracker.state()
        if state.item_id is None or state.content_index is None:
            return None
        return state.item_id, state.content_index

    def _forget_before(self, playing: tuple[str, int] | None) -> None:
        """What lies before the part that plays has been heard."""
        if playing in self._lengths:
            for key in list(self._lengths):
                if key == playing:
                    break
                del self._lengths[key]
