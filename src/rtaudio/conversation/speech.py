"""The sound of answers: delivered, counted, and cut off where the listener interrupts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rtaudio._native.sound_stream import SoundLength, SoundStream
from rtaudio.conversation import events
from rtaudio.conversation.playback import Playback
from rtaudio.conversation.tracker import PlaybackTracker, TrackedPlayback
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Buffer

    from rtaudio import protocol
    from rtaudio.audio import AudioFormat
    from rtaudio.conversation.held_sound import HeldSound
    from rtaudio.conversation.outcome import Outcome
    from rtaudio.conversation.playback import Cut
    from rtaudio.conversation.queue_stats import QueueStats
    from rtaudio.conversation.sequencer import ResponseSequencer
    from rtaudio.conversation.settings import WireSettings
    from rtaudio.conversation.sound_keeper import SoundKeeper

__all__ = ["Speech"]


class Speech:
    """What the model says aloud on one connection.

    Args:
        outcome: where events go.
        settings: the wire's formats, and who cancels when the user speaks.
        sequencer: knows whether a response goes on, and cancels it.
        held: sound that waits until it was checked.

    Attributes:
        sounds: keeps what is delivered; None where nobody does.
        stream: the part that is delivered, while its next piece needs no more than being counted;
            whatever else happens to what is said closes it.
    """

    def __init__(
        self,
        outcome: Outcome,
        settings: WireSettings,
        sequencer: ResponseSequencer,
        held: HeldSound,
    ) -> None:
        self._outcome = outcome
        self._settings = settings
        self._sequencer = sequencer
        self._held = held
        self.sounds: SoundKeeper | None = None
        self.stream = SoundStream()
        self._playback = Playback()
        self._tracker: PlaybackTracker | None = None
        # What the application gets, where that is not the wire's own format.
        self._heard_format: AudioFormat | None = None
        # Over the life of the session.
        self._delivered_bytes = 0
        self._delivered = SoundLength()
        self._suppressed = 0
        self._interruptions = 0
        self._lost_before = 0
        self.start_over()

    def start_over(self) -> None:
        """Nothing was said yet."""
        self.stream.close()
        self._announced = False
        self._sounding: str | None = None
        self._silenced: str | None = None
        self._playback.clear()
        self._held.start_over()

    def break_off(self) -> None:
        """The connection broke. What was delivered goes on playing, and can be interrupted.

        What waits for a check is dropped: no verdict will come any more.
        """
        self.stream.close()
        self._announced = False
        self._silenced = None
        self._held.start_over()

    def track(
        self, tracker: PlaybackTracker | Literal["wall"] | None, heard: AudioFormat | None
    ) -> None:
        """Say how the playback position is known; see `Conversation.track`."""
        self.stream.close()
        self._heard_format = heard
        self._lost_before += self._playback.queue.lost
        if isinstance(tracker, PlaybackTracker):
            self._tracker, self._playback = tracker, TrackedPlayback(tracker)
        else:
            self._tracker, self._playback = None, Playback(waits=tracker is None)

    def counts(self) -> dict[str, int | float]:
        """What was said so far, as fields of `SessionStats`."""
        return {
            "output_audio_bytes": self._delivered_bytes + self.stream.bytes,
            "output_audio_ms": self._delivered.ms,
            "output_audio_suppressed": self._suppressed,
            "interruptions": self._interruptions,
        }

    @property
    def queue(self) -> QueueStats:
        """The parts of items that have not been heard to their end, as far as is known."""
        queue = self._playback.queue
        return msgspec.structs.replace(queue, lost=queue.lost + self._lost_before)

    def settings_changed(self) -> None:
        """The wire's formats may be others now."""
        self.stream.close()
        if self._tracker is not None:
            self._tracker.set_audio_format(self._heard_format or self._settings.output)

    def response_ended(self, response_id: str | None, now: float) -> None:
        """No more sound of this response can come."""
        if self._silenced == response_id:
            self._silenced = None
        wordless = self._held.unchecked(response_id)
        self._miss(self._held.ended(response_id))
        if wordless:
            self._report("an answer came without words that could be checked")
        self._release(now)
        self._sound_ended(response_id)

    def _sound_ended(self, response_id: str | None) -> None:
        if self.sounds is not None and not self._held.waits(response_id or ""):
            self.sounds.response_ended(response_id)

    def delta(
        self,
        event: protocol.ResponseOutputAudioDelta,
        length_ms: float,
        now: float,
        of_item: SoundLength | None = None,
    ) -> None:
        """A piece of sound arrived; nothing where it belongs to an answer that was interrupted.

        Args:
            event: as it came.
            length_ms: of the sound in it.
            now: monotonic seconds.
            of_item: where the sound of its item is counted; None where it is not.
        """
        if event.response_id == self._silenced:
            self._suppressed += 1
            return
        audio = events.Audio(
            data=event.audio,
            response_id=event.response_id,
            item_id=event.item_id,
            content_index=event.content_index,
        )
        self._take(audio, length_ms, now)
        of_part = self._playback.latest
        if of_item is not None and of_part is not None and not self._held.checking.hold:
            # The pieces behind this one come `more` easily.
            self.stream.open(
                audio.response_id,
                audio.item_id,
                audio.content_index,
                self._settings.output_bytes_per_ms,
                self._playback.head,
                (of_item, of_part, self._delivered),
                events.Audio,
            )

    def more(self, message: Buffer | str, now: float) -> events.Audio | None:
        """Take the next piece of the part that is delivered straight from the wire.

        Args:
            message: as it arrived; only read during the call.
            now: monotonic seconds.

        Returns:
            What to deliver; None, with nothing done, where the message may be anything else.
        """
        audio: events.Audio | None = self.stream.read(message, now)
        if audio is not None and self.sounds is not None:
            self.sounds.spoken(audio, self.stream.start_s)
        return audio

    def _take(self, audio: events.Audio, length_ms: float, now: float) -> None:
        if self._held.checking.hold:
            self._hold(audio, length_ms, now)
        else:
            self._deliver(audio, length_ms, now)

    def done(self, response_id: str, item_id: str, content_index: int, now: float) -> None:
        """The service has produced all sound of a part; it is told behind that sound."""
        stopped = events.AudioStopped(item_id=item_id, content_index=content_index)
        self._held.add(response_id, stopped, 0.0, now)
        self._release(now)

    def part_began(self, response_id: str, item_id: str, content_index: int) -> None:
        """The service begins to produce the sound of a part."""

    def playback_started(self, response_id: str, now: float) -> None:
        """The service begins to play a response; only where sound travels as media."""

    def playback_stopped(self, response_id: str, now: float) -> None:
        """The service has played all of a response; only where sound travels as media."""

    def playback_cleared(self, response_id: str, now: float) -> None:
        """The service has dropped what it had not played; only where sound travels as media."""

    def counted(self, response: protocol.Response) -> None:
        """The service tells how long a response is; only where sound travels as media."""

    def hear(self, pcm: bytes, length_ms: float, now: float) -> None:
        """Sound arrived on a track; only where sound travels as media."""

    def user_speaks(self, now: float) -> None:
        """The service hears the user: what has not been heard of the answer is cut off."""
        self.stream.close()
        unheard = self._playback.cuts(now, speaking=self._sequencer.ongoing)
        if unheard or len(self._held):
            self.interrupt(now, cancel=not self._settings.server_interrupts)

    def interrupt(self, now: float, *, cancel: bool) -> None:
        """Cut the answer off where it was heard up to; with `cancel`, stop producing it too."""
        if self._sequencer.ongoing:
            self._silenced = self._sequencer.response_id
        if cancel:
            self._sequencer.cancel()
        ongoing = self._sequencer.ongoing
        if self._cut(now, self._held.drop(), speaking=ongoing) or ongoing:
            self._interruptions += 1
        self._release(now)

    def silence(self, response_id: str | None, now: float) -> None:
        """Let nothing more be heard of a response, and leave the one that is going on alone."""
        if response_id is None:
            return
        missed = self._held.drop(response_id)
        if response_id == self._sounding:
            self._cut(now, missed, speaking=False)
        else:
            self._miss(missed)
        self._release(now)

    def refuse(self, response_id: str | None, now: float) -> None:
        """Deliver nothing more of a response; what was delivered plays on."""
        if response_id is not None:
            self.stream.close()
            self._silenced = response_id
            self._miss(self._held.drop(response_id))
            self._release(now)

    def checked(self, response_id: str | None, number: int, now: float, *, passed: bool) -> None:
        """A check of what is said found nothing or, where it has not passed, did not come about."""
        missed = self._held.settle(response_id, number, passed=passed)
        self._miss(missed)
        if missed:
            self._report("what was said could not be checked")
        self._release(now)

    def question_checked(self, item_id: str, now: float, *, passed: bool) -> None:
        """The same of a check of what the user said."""
        free = passed or self._held.checking.unchecked == "release"
        missed = self._held.judged(item_id, passed=free)
        self._miss(missed)
        if missed:
            self._report("what the user said could not be checked")
        self._release(now)

    def question_refused(self, item_id: str, now: float) -> None:
        """What waits for a check of what the user said is not heard."""
        self._miss(self._held.judged(item_id, passed=False))
        self._release(now)

    def _hold(self, audio: events.Audio, length_ms: float, now: float) -> None:
        excess_ms = self._held.excess_ms(audio.response_id, length_ms)
        if excess_ms and self._held.checking.unchecked == "release":
            self._release(now, excess_ms)
        elif excess_ms:
            limit_s = self._held.checking.max_held_ms / 1000
            self._report(f"more than {limit_s:g} s waited to be checked")
            self._sequencer.cancel()
            self._miss(self._held.end_here(audio.response_id))
        self._held.add(audio.response_id, audio, length_ms, now)
        self._release(now)

    def _release(self, now: float, surplus_ms: float = 0.0) -> None:
        for piece in self._held.take(surplus_ms):
            event = piece.event
            if isinstance(event, events.Audio):
                event.held_ms = (now - piece.since) * 1000
                self._deliver(event, piece.length_ms, now)
            else:
                self.stream.close()
                self._announced = False
                self._outcome.events.append(event)
                if self.sounds is not None:
                    self.sounds.part_ended(event.item_id or "", event.content_index or 0)

    def _deliver(self, audio: events.Audio, length_ms: float, now: float) -> None:
        self.stream.close()
        self._keep(audio, length_ms, now)
        self._delivered_bytes += len(audio.data)
        self._delivered.ms += length_ms
        if not self._announced or audio.response_id != self._sounding:
            self._announce(audio.response_id)
        self._outcome.events.append(audio)

    def _keep(self, audio: events.Audio, length_ms: float, now: float) -> None:
        """Keep account of what is delivered, and with `sounds` that itself."""
        start_s = self._playback.received(audio.item_id, audio.content_index, length_ms, now)
        if self.sounds is not None:
            self.sounds.spoken(audio, start_s)

    def _announce(self, response_id: str) -> None:
        self._announced = True
        self._sounding = response_id
        self._outcome.events.append(events.AudioStart())

    def _cut(self, now: float, missed: list[Cut], *, speaking: bool) -> bool:
        """End playback: what was not heard is cut, and so is what was not even delivered.

        Returns:
            Whether there was anything to cut.
        """
        self.stream.close()
        cuts = self._playback.cuts(now, speaking=speaking)
        known = {cut[:2] for cut in cuts}
        cuts += [cut for cut in missed if cut[:2] not in known]
        if cuts:
            self._outcome.events.append(
                events.AudioInterrupted(
                    item_id=cuts[0].item_id, content_index=cuts[0].content_index
                )
            )
        self._miss(cuts)
        self._playback.clear()
        self._announced = False
        return bool(cuts)

    def _miss(self, cuts: list[Cut]) -> None:
        """Let the service know where what the user hears of a part ends."""
        for cut in cuts:
            self._outcome.client_events.append(
                {"type": "conversation.item.truncate", **cut._asdict()}
            )

    def _report(self, problem: str) -> None:
        unchecked = self._held.checking.unchecked
        fate = "delivered unchecked" if unchecked == "release" else "not delivered"
        self._outcome.events.append(events.Error(error=AudioError(f"{problem}: sound was {fate}")))
