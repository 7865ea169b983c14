"""The sound of answers: delivered, counted, and cut off where the listener interrupts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rtaudio.conversation import events
from rtaudio.conversation.playback import Playback
from rtaudio.conversation.tracker import PlaybackTracker, TrackedPlayback

if TYPE_CHECKING:
    from rtaudio import protocol
    from rtaudio.audio import AudioFormat
    from rtaudio.conversation.outcome import Outcome
    from rtaudio.conversation.queue_stats import QueueStats
    from rtaudio.conversation.sequencer import ResponseSequencer
    from rtaudio.conversation.settings import WireSettings

__all__ = ["Speech"]


class Speech:
    """What the model says aloud on one connection.

    Args:
        outcome: where events go.
        settings: the wire's formats, and who cancels when the user speaks.
        sequencer: knows whether a response goes on, and cancels it.
    """

    def __init__(
        self, outcome: Outcome, settings: WireSettings, sequencer: ResponseSequencer
    ) -> None:
        self._outcome = outcome
        self._settings = settings
        self._sequencer = sequencer
        self._playback = Playback()
        self._tracker: PlaybackTracker | None = None
        # What the application gets, where that is not the wire's own format.
        self._heard_format: AudioFormat | None = None
        # Over the life of the session.
        self._delivered_bytes = 0
        self._delivered_ms = 0.0
        self._suppressed = 0
        self._interruptions = 0
        self._lost_before = 0
        self.start_over()

    def start_over(self) -> None:
        """Nothing was said yet."""
        self._started = False
        self._interrupted_response: str | None = None
        self._playback.clear()

    def break_off(self) -> None:
        """The connection broke. What was received goes on playing, and can be interrupted."""
        self._started = False
        self._interrupted_response = None

    def track(self, tracker: PlaybackTracker | None, heard: AudioFormat | None) -> None:
        """Let the application say what was played; None for a clock of our own.

        Args:
            tracker: what the application reports to.
            heard: the format in which it gets the sound; None for the service's.
        """
        self._tracker, self._heard_format = tracker, heard
        self._lost_before += self._playback.queue.lost
        self._playback = Playback() if tracker is None else TrackedPlayback(tracker)

    def counts(self) -> dict[str, int | float]:
        """What was said so far, as fields of `SessionStats`."""
        return {
            "output_audio_bytes": self._delivered_bytes,
            "output_audio_ms": self._delivered_ms,
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
        if self._tracker is not None:
            self._tracker.set_audio_format(self._heard_format or self._settings.output)

    def response_began(self) -> None:
        """A new turn: its first sound is announced again."""
        self._started = False

    def response_ended(self, response_id: str | None) -> None:
        """No more sound of this response can come."""
        if self._interrupted_response == response_id:
            self._interrupted_response = None

    def delta(self, event: protocol.ResponseOutputAudioDelta, now: float) -> None:
        """A piece of sound arrived; nothing where it belongs to an answer that was interrupted."""
        if event.response_id == self._interrupted_response:
            self._suppressed += 1
            return
        audio = event.audio
        length = len(audio)
        length_ms = length / self._settings.output_bytes_per_ms
        self._delivered_bytes += length
        self._delivered_ms += length_ms
        self._playback.received(event.item_id, event.content_index, length_ms, now)
        collected = self._outcome.events
        if not self._started:
            self._started = True
            collected.append(events.AudioStart())
        collected.append(
            events.Audio(
                data=audio,
                response_id=event.response_id,
                item_id=event.item_id,
                content_index=event.content_index,
            )
        )

    def done(self, item_id: str, content_index: int) -> None:
        """The service has produced all sound of a part."""
        self._started = False
        self._outcome.events.append(
            events.AudioStopped(item_id=item_id, content_index=content_index)
        )

    def user_speaks(self, now: float) -> None:
        """The service hears the user: what has not been heard of the answer is cut off."""
        if self._playback.cuts(now, speaking=self._sequencer.ongoing):
            self.interrupt(now, cancel=not self._settings.server_interrupts)

    def interrupt(self, now: float, *, cancel: bool) -> None:
        """Cut the answer off where it was heard up to; with `cancel`, stop producing it too."""
        cuts = self._playback.cuts(now, speaking=self._sequencer.ongoing)
        if self._sequencer.ongoing:
            self._interrupted_response = self._sequencer.response_id
        if cuts or self._sequencer.ongoing:
            self._interruptions += 1
        if cancel:
            self._sequencer.cancel()
        if cuts:
            self._outcome.events.append(
                events.AudioInterrupted(
                    item_id=cuts[0].item_id, content_index=cuts[0].content_index
                )
            )
        for cut in cuts:
            self._outcome.client_events.append(
                {"type": "conversation.item.truncate", **cut._asdict()}
            )
        self._playback.clear()
        self._started = False
