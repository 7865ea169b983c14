"""The sound of one part of an item, wherever it is kept."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Literal

from rtaudio.audio import AudioClip
from rtaudio.audio.recording import (
    OpusRecorder,
    OpusRecording,
    PcmRecorder,
    PcmRecording,
    Recorder,
    Recording,
)
from rtaudio.conversation.timeline import Mark, Timeline
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtaudio.audio import AudioFormat
    from rtaudio.conversation.retention import Codec
    from rtaudio.conversation.sound_file import SoundFile

__all__ = ["MAX_SOUND_S", "Sound"]

_log = logging.getLogger("rtaudio.conversation")

MAX_SOUND_S: Final = 1800  # seconds of sound in one part; PCM16 at 24000 Hz is then 86 MB

_CODECS: Final[dict[Codec, tuple[Callable[[AudioFormat], Recorder], type[Recording]]]] = {
    "pcm16": (PcmRecorder, PcmRecording),
    "opus": (OpusRecorder, OpusRecording),
}


class Sound:
    """The sound of one part; grows as it is recorded, and can be read at any time.

    It is also what a content part holds in the place of samples: whoever has the item can listen as
    long as the sound is kept. In a copy or a pickle its place is taken by the samples themselves.

    Args:
        role: who speaks.
        item_id: the item; `""` until it is known.
        content_index: the item's part.
        wire: format of the bytes that are appended; mono.
        codec: how it is kept.

    Attributes:
        finished: whether it is complete.
        overlong: whether it was longer than `MAX_SOUND_S`, and its end is not kept.
    """

    __slots__ = (
        "__weakref__",
        "_bytes",
        "_codec",
        "_cut",
        "_file",
        "_recorder",
        "_recording",
        "_timeline",
        "_width",
        "content_index",
        "finished",
        "item_id",
        "overlong",
        "role",
        "sample_rate",
    )

    def __init__(
        self,
        role: Literal["user", "assistant"],
        item_id: str,
        content_index: int,
        wire: AudioFormat,
        codec: Codec,
    ) -> None:
        self.role = role
        self.item_id = item_id
        self.content_index = content_index
        self.sample_rate = wire.sample_rate
        self.finished = False
        self.overlong = False
        self._codec = codec
        self._width = wire.bytes_per_sample * wire.channels
        self._bytes = 0  # as they came over the wire
        self._cut: int | None = None
        self._timeline = Timeline(wire.sample_rate)
        self._recorder: Recorder | None = _CODECS[codec][0](wire)
        self._recording: Recording | None = None
        self._file: SoundFile | None = None

    def __repr__(self) -> str:
        return f"Sound(item_id={self.item_id!r}, content_index={self.content_index})"

    def __reduce__(self) -> Any:
        clip = self.clip()
        return (type(None), ()) if clip is None else (AudioClip, (clip.samples, clip.sample_rate))

    # To listen.

    @property
    def samples(self) -> int:
        """How many there are, whether they are still kept or not."""
        return self._appended if self._cut is None else min(self._appended, self._cut)

    @property
    def ms(self) -> int:
        """The same in whole milliseconds."""
        return self.samples * 1000 // self.sample_rate

    @property
    def timeline(self) -> Sequence[Mark]:
        """When it was heard: one mark for its beginning, and one behind each gap of over 20 ms.

        From each mark on the sound goes on without a gap until the next. For the user a piece
        counts from its own length before it was sent, for the assistant from when a player
        that has no delay plays it.
        """
        return [mark for mark in self._timeline.marks if mark.position < self.samples]

    @property
    def kept(self) -> bool:
        """Whether it can still be listened to."""
        return any(each is not None for each in (self._recorder, self._recording, self._file))

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it takes."""
        held = self._recorder or self._recording
        return 0 if held is None else held.nbytes

    def clip(self) -> AudioClip | None:
        """Decode it; None where it is not kept any more.

        Of Opus that is still recorded, up to 30 ms at the end cannot be read yet. Sound on disk is
        read from there: a few milliseconds per minute of PCM16 or ten seconds of Opus.
        """
        if self._recorder is not None:
            return AudioClip(self._recorder.read(self.samples), self.sample_rate)
        recording = self.current()
        try:
            return None if recording is None else AudioClip(recording.read(), self.sample_rate)
        except AudioError as error:
            _log.warning("sound of item %r cannot be read back (%s)", self.item_id, error)
            return None

    def current(self) -> Recording | None:
        """What there is of a finished sound, as it is kept; None where nothing is, or it grows."""
        try:
            return self._recording or self._load()
        except (OSError, AudioError) as error:
            _log.warning("sound of item %r cannot be read back (%s)", self.item_id, error)
            return None

    # To record.

    def append(self, data: bytes, start_s: float | None) -> None:
        """Add what came over the wire next.

        Args:
            data: in the wire's format; what lies behind a cut is ignored.
            start_s: monotonic seconds of its beginning; None where nobody knows.
        """
        if self._recorder is None:
            return
        most = MAX_SOUND_S * self.sample_rate
        end = most if self._cut is None else min(self._cut, most)
        room = end * self._width - self._bytes
        if room < len(data):
            self.overlong = end != self._cut
            data = data[: max(0, room)]
        if not data:
            return
        if start_s is not None:
            self._timeline.add(self._appended, start_s)
        self._recorder.write(data)
        self._bytes += len(data)

    def cut(self, samples: int | None) -> None:
        """Let it end after so many samples; None takes that back where it is not finished yet."""
        if samples is not None:
            samples = max(0, samples)
        if not self.finished:
            self._cut = samples
        elif samples is not None and samples < self.samples:
            try:
                recording = self._recording or self._load()
            except (OSError, AudioError) as error:
                _log.warning("sound of item %r cannot be cut (%s)", self.item_id, error)
                self.drop()
                return
            self._cut = samples
            if recording is not None:
                self._recording = recording.cut(samples)

    def finish(self) -> None:
        """No more will come."""
        if self._recorder is not None:
            self._recording = self._recorder.finish(self.samples)
            self._recorder = None
        self.finished = True

    def drop(self) -> None:
        """Let go of it, in memory and on disk."""
        if self._file is not None:
            self._file.remove()
        self._recorder = self._recording = self._file = None
        self.finished = True

    # To keep it on disk; for the store.

    @property
    def recording(self) -> Recording | None:
        """What is in memory of a finished sound."""
        return self._recording

    @property
    def file(self) -> SoundFile | None:
        """Where it is on disk."""
        return self._file

    def moved_to(self, file: SoundFile, *, whole: bool) -> None:
        """It is on disk now; where that is so as a whole, it need not be in memory."""
        self._file = file
        if whole:
            self._recording = None

    @property
    def _appended(self) -> int:
        return self._bytes // self._width

    def _load(self) -> Recording | None:
        if self._file is None:
            return None
        data = self._file.path.read_bytes()
        return _CODECS[self._codec][1].load(data, self.sample_rate, self.samples)
