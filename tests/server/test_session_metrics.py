"""What a session adds to the service's figures, event by event."""

from __future__ import annotations

from typing import Any

import pytest

from rtaudio.protocol import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ErrorDetail,
    ErrorEvent,
    InputAudioBufferAppend,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStopped,
    ResponseCreate,
    ResponseOutputAudioDelta,
    SessionCreated,
    SessionUpdated,
)
from rtaudio.server.metrics import Metrics
from rtaudio.server.session_metrics import SessionMetrics


class Watched:
    """A session's metrics with a clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.metrics = Metrics(sessions=dict, waiting=int, running=int)
        self.session = SessionMetrics(self.metrics, lambda: self.now)
        self.session.sent(SessionCreated(session=wire("audio/pcm", rate=24000)))

    def value(self, name: str) -> float:
        for line in self.metrics.text().splitlines():
            if line.startswith(f"{name} "):
                return float(line.split()[1])
        raise KeyError(name)

    def times(self, name: str) -> tuple[float, float]:
        """Count and sum of a histogram."""
        return self.value(f"{name}_count"), self.value(f"{name}_sum")

    def sound(self) -> None:
        self.session.sent(
            ResponseOutputAudioDelta(
                response_id="r", item_id="a", output_index=0, content_index=0, audio=bytes(4800)
            )
        )

    def committed(self, item_id: str) -> None:
        self.session.sent(InputAudioBufferCommitted(item_id=item_id))

    def delta(self, item_id: str) -> None:
        self.session.sent(
            ConversationItemInputAudioTranscriptionDelta(
                item_id=item_id, content_index=0, delta="hm"
            )
        )


def wire(kind: str, **fields: Any) -> dict[str, Any]:
    audio = {"format": {"type": kind, **fields}}
    return {"type": "realtime", "audio": {"input": audio, "output": audio}}


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_events_are_counted_by_type_and_errors_by_code(watched: Watched) -> None:
    watched.session.received(ResponseCreate())
    watched.session.sent(ErrorEvent(error=ErrorDetail(type="server_error", code="x")))
    watched.session.sent(ErrorEvent(error=ErrorDetail(type="server_error")))
    assert watched.value('rtaudio_events_received_total{type="response.create"}') == 1
    assert watched.value('rtaudio_events_sent_total{type="error"}') == 2
    assert watched.value('rtaudio_errors_total{code="x"}') == 1
    assert watched.value('rtaudio_errors_total{code="none"}') == 1


def test_sound_is_counted_in_seconds_whatever_its_format(watched: Watched) -> None:
    watched.session.received(InputAudioBufferAppend(audio=bytes(48000)))
    watched.session.sent(SessionUpdated(session=wire("audio/pcmu")))
    watched.session.received(InputAudioBufferAppend(audio=bytes(4000)))
    watched.sound()
    assert watched.value("rtaudio_audio_received_seconds_total") == pytest.approx(1.5)
    assert watched.value("rtaudio_audio_sent_seconds_total") == pytest.approx(0.6)


def test_a_turn_is_timed_from_its_end_to_its_first_words_and_first_sound(watched: Watched) -> None:
    watched.now = 10.0
    watched.session.sent(InputAudioBufferSpeechStopped(item_id="i", audio_end_ms=1))
    watched.now = 10.5
    watched.committed("i")
    watched.now = 11.0
    watched.delta("i")
    watched.delta("i")
    watched.now = 13.0
    watched.sound()
    watched.sound()
    assert watched.times("rtaudio_first_transcript_seconds") == (1, 1.0)
    assert watched.times("rtaudio_first_audio_seconds") == (1, 3.0)


def test_words_that_come_while_speaking_do_not_count(watched: Watched) -> None:
    watched.delta("i")
    watched.committed("i")
    watched.now = 2.0
    watched.session.sent(
        ConversationItemInputAudioTranscriptionCompleted(
            item_id="i", content_index=0, transcript="hm"
        )
    )
    assert watched.times("rtaudio_first_transcript_seconds") == (1, 2.0)


def test_an_answer_that_the_client_asks_for_is_timed_from_then(watched: Watched) -> None:
    watched.committed("i")
    watched.now = 60.0
    watched.session.received(ResponseCreate())
    watched.now = 61.0
    watched.sound()
    assert watched.times("rtaudio_first_audio_seconds") == (1, 1.0)


def test_turns_without_transcripts_are_forgotten(watched: Watched) -> None:
    for index in range(1000):
        watched.committed(str(index))
    assert len(watched.session._ended) == 64
    watched.delta("0")
    assert watched.times("rtaudio_first_transcript_seconds")[0] == 0
    watched.delta("999")
    assert watched.times("rtaudio_first_transcript_seconds")[0] == 1
