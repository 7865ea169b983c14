"""What one session adds to the service's figures, seen from the events that go by."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rtaudio.protocol import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ErrorEvent,
    InputAudioBufferAppend,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStopped,
    ResponseCreate,
    ResponseOutputAudioDelta,
    SessionCreated,
    SessionUpdated,
    wire_format,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.audio import AudioFormat
    from rtaudio.protocol import ClientEvent, ServerEvent
    from rtaudio.server.metrics import Metrics

__all__ = ["SessionMetrics"]

_MAX_TURNS = 64  # whose transcripts are waited for; beyond that the oldest is not measured


class SessionMetrics:
    """Counts a session's events and sound, and times its answers.

    Args:
        metrics: the service's.
        clock: monotonic seconds.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._ended: dict[str, float] = {}  # turns without a transcript, and when they ended
        self._unanswered: float | None = None  # when the turn ended that has no sound yet
        self._input_bytes_per_s = self._output_bytes_per_s = 0.0

    def received(self, event: ClientEvent) -> None:
        """Take account of a client's event."""
        self._metrics.received.add(1, event.type)
        if isinstance(event, InputAudioBufferAppend):
            self.heard(len(event.audio) / self._input_bytes_per_s)
        elif isinstance(event, ResponseCreate) and self._unanswered is not None:
            self._unanswered = self._clock()  # what the client took is not the service's time

    def sent(self, event: ServerEvent) -> None:
        """Take account of an event to the client."""
        self._metrics.sent.add(1, event.type)
        match event:
            case ResponseOutputAudioDelta():
                self.spoken(len(event.audio) / self._output_bytes_per_s)
            case InputAudioBufferSpeechStopped():
                self._turn_ended(event.item_id)
            case InputAudioBufferCommitted() if event.item_id not in self._ended:
                self._turn_ended(event.item_id)
            case (
                ConversationItemInputAudioTranscriptionDelta()
                | ConversationItemInputAudioTranscriptionCompleted()
            ):
                ended = self._ended.pop(event.item_id, None)
                if ended is not None:
                    self._metrics.to_transcript.observe(self._clock() - ended)
            case SessionCreated() | SessionUpdated():
                self._input_bytes_per_s = _bytes_per_s(wire_format(event.session, "input"))
                self._output_bytes_per_s = _bytes_per_s(wire_format(event.session, "output"))
            case ErrorEvent():
                self._metrics.errors.add(1, event.error.code or "none")

    def heard(self, seconds: float) -> None:
        """Take account of sound from the client."""
        self._metrics.audio_received.add(seconds)

    def spoken(self, seconds: float) -> None:
        """Take account of sound to the client, of which the first answers its turn."""
        self._metrics.audio_sent.add(seconds)
        if self._unanswered is not None:
            self._metrics.to_audio.observe(self._clock() - self._unanswered)
            self._unanswered = None

    def _turn_ended(self, item_id: str) -> None:
        if len(self._ended) >= _MAX_TURNS:
            del self._ended[next(iter(self._ended))]
        self._ended[item_id] = self._unanswered = self._clock()


def _bytes_per_s(audio: AudioFormat) -> float:
    return float(audio.sample_rate * audio.bytes_per_sample)
