"""The sound of answers where it travels as media.

The service plays it at its pace and so knows what was heard: nothing is truncated from here, and
when the user speaks it sees to everything by itself. It tells when it begins to play a response,
and when it has played it or dropped the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtaudio.audio import peak_dbfs
from rtaudio.conversation import events
from rtaudio.conversation.speech import Speech
from rtaudio.conversation.track import Track, TrackPart

if TYPE_CHECKING:
    from rtaudio.conversation.playback import Cut

__all__ = ["TrackSpeech"]

# Below this nothing can be heard: what is left of silence after a codec, in dB of full scale.
_SILENCE_DBFS = -60.0


class TrackSpeech(Speech):
    """What the model says aloud on one connection, over a media track."""

    def start_over(self) -> None:
        """Nothing was said yet."""
        super().start_over()
        self._track = Track()
        # The response whose sound has been produced to its end.
        self._produced: str | None = None
        # Whether an answer began to be heard and its end was not told yet.
        self._open = False

    def break_off(self) -> None:
        """The connection broke, and the track with it."""
        super().break_off()
        self._track.start_over()
        self._produced = None
        self._open = False

    def part_began(self, response_id: str, item_id: str, content_index: int) -> None:
        """The service begins to produce the sound of a part."""
        self._produced = None
        self._track.part_began(TrackPart(response_id, item_id, content_index))

    def done(self, response_id: str, item_id: str, content_index: int, now: float) -> None:  # noqa: ARG002
        """The service has produced all sound of a part, and goes on playing it."""
        self._produced = response_id

    def playback_started(self, response_id: str, now: float) -> None:
        """The service begins to play a response."""
        before = self._track.playing
        if before is not None and before.response_id not in ("", response_id):
            self._end(now)
            before = None
        if not self._track.started(response_id):
            return
        # Sound that came before the news has announced itself; held sound does when it is free.
        if before is None and not self._held.checking.hold:
            self._announce(response_id)
        self._sounding = response_id
        self._open = True

    def playback_stopped(self, response_id: str, now: float) -> None:
        """The service has played all of a response."""
        playing = self._track.playing
        if playing is not None and playing.response_id in ("", response_id):
            self._track.stopped()
            if self._track.has_ended(now):
                self._end(now)
        elif playing is None:
            self._close(None, now)

    def playback_cleared(self, response_id: str, now: float) -> None:
        """The service has dropped the rest of a response that it was playing."""
        playing = self._track.playing
        if playing is not None and playing.response_id in ("", response_id):
            self._break(self._track.hush(response_id))
            self._close(playing, now)
        elif playing is None:
            self._close(None, now)

    def hear(self, pcm: bytes, length_ms: float, now: float) -> None:
        """Sound arrived on the track."""
        silent = peak_dbfs(pcm) < _SILENCE_DBFS
        part = self._track.take(length_ms, self._sequencer.response_id, now, silent=silent)
        if part is None:
            self._suppressed += not silent
            return
        self._open = True
        self._take(events.Audio(data=pcm, **part._asdict()), length_ms, now)
        if self._track.has_ended(now):
            self._end(now)

    def user_speaks(self, now: float) -> None:
        """The service hears the user, and sees to its answer by itself."""

    def interrupt(self, now: float, *, cancel: bool) -> None:
        """Have the service drop what it has not played; with `cancel`, stop producing it too."""
        sequencer, track = self._sequencer, self._track
        ongoing, response_id = sequencer.ongoing, sequencer.response_id
        producing = ongoing and (response_id is None or self._produced != response_id)
        cancelled = cancel and producing and sequencer.cancel()
        self._clear()
        playing = track.playing
        if playing is not None or ongoing:
            track.hush(response_id if ongoing or playing is None else playing.response_id)
        held = self._held.drop()
        if playing is not None or cancelled or held:
            self._break(playing)
        self._release(now)

    def silence(self, response_id: str | None, now: float) -> None:
        """Let nothing more be heard of a response, and leave the one that is going on alone."""
        if response_id is None:
            return
        self._held.drop(response_id)
        playing = self._track.playing
        if playing is not None and playing.response_id == response_id:
            self._clear()
            self._break(self._track.hush(response_id))
        self._release(now)

    def refuse(self, response_id: str | None, now: float) -> None:
        """Deliver nothing more of a response."""
        if response_id is not None:
            self._clear()
            self._track.hush(response_id)
            self._held.drop(response_id)
            self._release(now)

    def _clear(self) -> None:
        self._outcome.client_events.append({"type": "output_audio_buffer.clear"})

    def _break(self, part: TrackPart | None) -> None:
        """Tell that what was heard was interrupted."""
        item_id, content_index = (part.item_id, part.content_index) if part else (None, None)
        self._outcome.events.append(
            events.AudioInterrupted(item_id=item_id or None, content_index=content_index)
        )
        self._interruptions += 1
        self._announced = False

    def _end(self, now: float) -> None:
        self._close(self._track.end(), now)

    def _close(self, part: TrackPart | None, now: float) -> None:
        """Tell that an answer is not heard any more, behind its sound."""
        if not self._open:
            return
        self._open = False
        stopped = events.AudioStopped()
        if part is not None and part.item_id:
            stopped = events.AudioStopped(item_id=part.item_id, content_index=part.content_index)
        response_id = part.response_id if part else ""
        self._held.add(response_id, stopped, 0.0, now)
        self._release(now)
        super()._sound_ended(response_id)

    def _sound_ended(self, response_id: str | None) -> None:
        """All sound of a response was produced; most of it has not arrived yet."""

    def _keep(self, audio: events.Audio, length_ms: float, now: float) -> None:  # noqa: ARG002
        if self.sounds is not None and audio.item_id:
            self.sounds.spoken(audio, now)

    def _miss(self, cuts: list[Cut]) -> None:
        """The service knows what it has played; there is nothing to tell it."""
