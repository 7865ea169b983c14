"""The sound of answers where it travels as media.

The service plays it at its pace and so knows what was heard: nothing is truncated from here, and
when the user speaks it sees to everything by itself. It tells when it begins to play a response,
and when it has played it or dropped the rest. Where an answer is cut, history has it end with the
sound that has arrived, until the service tells where it has cut it.

How long all of an answer would have been, which it takes to know which words were heard, cannot be
seen from the sound that arrives. The service's usage counts it; where that does not, it is what the
words take to be said, at the pace of the answers before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rtaudio import protocol
from rtaudio.audio import peak_dbfs
from rtaudio.conversation import events
from rtaudio.conversation.alignment import usual_ms
from rtaudio.conversation.speech import Speech
from rtaudio.conversation.track import Track, TrackPart

if TYPE_CHECKING:
    from rtaudio.conversation.held_sound import HeldSound
    from rtaudio.conversation.outcome import Outcome
    from rtaudio.conversation.playback import Cut
    from rtaudio.conversation.record import Record
    from rtaudio.conversation.sequencer import ResponseSequencer
    from rtaudio.conversation.settings import WireSettings

__all__ = ["TrackSpeech"]

# Below this nothing can be heard: what is left of silence after a codec, in dB of full scale.
_SILENCE_DBFS = -60.0
# What a token of the model's sound is worth, in milliseconds.
_TOKEN_MS = 50.0


class TrackSpeech(Speech):
    """What the model says aloud on one connection, over a media track.

    Args:
        outcome: where events go.
        settings: the wire's formats, and who cancels when the user speaks.
        sequencer: knows whether a response goes on, and cancels it.
        held: sound that waits until it was checked.
        record: history.
    """

    def __init__(
        self,
        outcome: Outcome,
        settings: WireSettings,
        sequencer: ResponseSequencer,
        held: HeldSound,
        record: Record,
    ) -> None:
        self._record = record
        # Of the answers that were heard to their end: how long they were, and how long their
        # letters would have had it.
        self._said_ms = 0.0
        self._usual_ms = 0.0
        super().__init__(outcome, settings, sequencer, held)

    def start_over(self) -> None:
        """Nothing was said yet."""
        super().start_over()
        # The response and item whose sound was delivered last, how much of it was, and the items
        # of which it is known how much there is.
        self._heard = "", ""
        self._heard_ms = 0.0
        self._known: set[str] = set()
        self._track = Track()
        # The response whose sound has been produced to its end.
        self._produced: str | None = None
        # Whether an answer began to be heard and its end was not told yet.
        self._open = False

    def break_off(self) -> None:
        """The connection broke, and the track with it."""
        super().break_off()
        playing = self._track.playing
        if playing is not None:
            self._cut_short(playing)
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
            cut = not self._track.played
            self._break(self._track.hush(response_id), cut=cut)
            self._close(playing, now)
        elif playing is None:
            self._close(None, now)

    def counted(self, response: protocol.Response) -> None:
        """The service has produced all of a response, and tells by its usage how long it is."""
        details = response.usage.output_token_details if response.usage is not None else None
        tokens = (details.audio_tokens if details is not None else None) or 0
        said = {
            wire.id: self._usual_of(wire.id)
            for wire in response.output or ()
            if isinstance(wire, protocol.MessageItem) and wire.id
        }
        together = sum(said.values())
        for item_id, usual in said.items():
            if not usual or item_id in self._known:
                continue
            length_ms = tokens * _TOKEN_MS * usual / together or usual * self._pace
            self._record.history.set_sound_length(item_id, length_ms)
            if tokens:
                self._known.add(item_id)

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
        playing, cut = track.playing, not track.played
        if playing is not None or ongoing:
            track.hush(response_id if ongoing or playing is None else playing.response_id)
        held = self._held.drop()
        if playing is not None or cancelled or held:
            self._break(playing, cut=cut)
        self._release(now)

    def silence(self, response_id: str | None, now: float) -> None:
        """Let nothing more be heard of a response, and leave the one that is going on alone."""
        if response_id is None:
            return
        self._held.drop(response_id)
        playing = self._track.playing
        if playing is not None and playing.response_id == response_id:
            self._clear()
            cut = not self._track.played
            self._break(self._track.hush(response_id), cut=cut)
        self._release(now)

    def refuse(self, response_id: str | None, now: float) -> None:
        """Deliver nothing more of a response."""
        if response_id is not None:
            self._clear()
            cut = not self._track.played
            playing = self._track.hush(response_id)
            if playing is not None and cut:
                self._cut_short(playing)
            self._held.drop(response_id)
            self._release(now)

    def _clear(self) -> None:
        self._outcome.client_events.append({"type": "output_audio_buffer.clear"})

    def _break(self, part: TrackPart | None, *, cut: bool) -> None:
        """Tell that what was heard was interrupted; `cut`: before its end."""
        item_id, content_index = (part.item_id, part.content_index) if part else (None, None)
        self._outcome.events.append(
            events.AudioInterrupted(item_id=item_id or None, content_index=content_index)
        )
        self._interruptions += 1
        self._announced = False
        if part is not None and cut:
            self._cut_short(part)

    def _cut_short(self, part: TrackPart) -> None:
        """What was delivered of a part is all that is heard of it."""
        if not part.item_id:
            return
        if part.item_id not in self._known:
            length_ms = self._usual_of(part.item_id) * self._pace
            self._record.history.set_sound_length(part.item_id, length_ms)
        heard = self._heard_ms if self._heard[1] == part.item_id else 0.0
        self._record.cut(part.item_id, math.floor(heard))

    def _heard_whole(self, item_id: str) -> None:
        """All of an item was heard: it is as long as that, and shows the pace of what is said."""
        usual = self._usual_of(item_id)
        if self._heard[1] == item_id and usual:
            self._known.add(item_id)
            self._record.history.set_sound_length(item_id, self._heard_ms)
            self._said_ms += self._heard_ms
            self._usual_ms += usual

    def _usual_of(self, item_id: str) -> float:
        item = self._record.history.get(item_id)
        if item is None:
            return 0.0
        return sum(usual_ms(part.transcript or "") for part in item.content)

    @property
    def _pace(self) -> float:
        return self._said_ms / self._usual_ms if self._usual_ms else 1.0

    def _end(self, now: float) -> None:
        played = self._track.played
        part = self._track.end()
        self._close(part, now)
        if played and part is not None:
            self._heard_whole(part.item_id)

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

    def _keep(self, audio: events.Audio, length_ms: float, now: float) -> None:
        heard = audio.response_id, audio.item_id
        if heard != self._heard:
            # Sound may come before the news of its item.
            if self._heard != (audio.response_id, ""):
                self._heard_ms = 0.0
            self._heard = heard
        self._heard_ms += length_ms
        if self.sounds is not None and audio.item_id:
            self.sounds.spoken(audio, now)

    def _miss(self, cuts: list[Cut]) -> None:
        """The service knows what it has played; there is nothing to tell it."""
