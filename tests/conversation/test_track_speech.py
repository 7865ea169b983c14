"""Conversations whose sound travels as media: what is told, what is sent, what is heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.audio import AudioFormat
from rtaudio.conversation import Conversation
from rtaudio.conversation.checking import Checking
from rtaudio.conversation.retention import AudioRetention
from rtaudio.protocol import decode_server_event, encode_event

if TYPE_CHECKING:
    from rtaudio.conversation.events import SessionEvent

FRAME = 480  # 20 ms at 24 kHz
SPEECH = np.full(FRAME, 3000, np.int16).tobytes()
SILENCE = bytes(2 * FRAME)
WHERE = {"response_id": "r1", "item_id": "a", "output_index": 0, "content_index": 0}
CLEAR = {"type": "output_audio_buffer.clear"}
CANCEL = {"type": "response.cancel"}


class Line:
    """A conversation over a track, at a time that tests move by hand."""

    def __init__(self) -> None:
        self.conversation = Conversation("track")
        self.conversation.connecting()
        self.now = 100.0

    def feed(self, kind: str, **fields: Any) -> list[SessionEvent]:
        event = decode_server_event(encode_event({"type": kind, "event_id": "e", **fields}))
        self.conversation.receive(event, self.now)
        return self.conversation.take_events()

    def hear(self, pcm: bytes = SPEECH, times: int = 1) -> list[SessionEvent]:
        for _ in range(times):
            self.now += 0.02
            self.conversation.hear(pcm, self.now)
        return self.conversation.take_events()

    def begin(self, response_id: str = "r1", item_id: str = "a") -> list[SessionEvent]:
        """The service produces a response and begins to play it."""
        place = {**WHERE, "response_id": response_id, "item_id": item_id}
        response = {"id": response_id, "output": []}
        told = self.feed("response.created", response=response)
        told += self.feed("response.content_part.added", part={"type": "audio"}, **place)
        return told + self.buffer("started", response_id)

    def buffer(self, what: str, response_id: str = "r1") -> list[SessionEvent]:
        return self.feed(f"output_audio_buffer.{what}", response_id=response_id)

    def done(self, response_id: str = "r1") -> list[SessionEvent]:
        response = {"id": response_id, "status": "completed", "output": []}
        return self.feed("response.done", response=response)

    def interrupt(self) -> list[SessionEvent]:
        self.conversation.interrupt(self.now)
        return self.conversation.take_events()

    def sent(self) -> list[dict[str, Any]]:
        return self.conversation.take_outgoing()


@pytest.fixture
def line() -> Line:
    return Line()


def kinds(events: list[SessionEvent]) -> list[str]:
    return [event.type for event in events]


def of(events: list[SessionEvent], kind: str) -> Any:
    (found,) = [event for event in events if event.type == kind]
    return found


def test_an_answer_begins_when_the_service_begins_to_play_it(line: Line) -> None:
    assert kinds(line.begin())[-1] == "audio_start"
    (audio,) = line.hear()
    assert audio.type == "audio"
    assert (audio.data, audio.response_id, audio.item_id) == (SPEECH, "r1", "a")


def test_an_answer_goes_on_after_it_was_produced_until_it_was_played(line: Line) -> None:
    line.begin()
    assert line.feed("response.output_audio.done", **WHERE) == []
    assert kinds(line.done()) == ["agent_end"]
    assert kinds(line.hear(times=3)) == ["audio"] * 3
    assert line.buffer("stopped") == []
    assert kinds(line.hear()) == ["audio"]
    stopped = line.hear(SILENCE)
    assert kinds(stopped) == ["audio", "audio_stopped"]
    assert of(stopped, "audio_stopped").item_id == "a"
    assert line.hear(SILENCE) == []


def test_silence_in_an_answer_is_delivered_and_between_answers_is_not(line: Line) -> None:
    assert line.hear(SILENCE, times=5) == []
    line.begin()
    assert kinds(line.hear(SILENCE)) == ["audio"]


def test_sound_ahead_of_its_news_is_delivered_and_announced_once(line: Line) -> None:
    line.feed("response.created", response={"id": "r1", "output": []})
    assert kinds(line.hear()) == ["audio_start", "audio"]
    assert line.buffer("started") == []
    assert kinds(line.hear()) == ["audio"]


def test_sound_of_a_service_that_tells_nothing_is_delivered_and_ends_with_a_pause(
    line: Line,
) -> None:
    assert kinds(line.hear()) == ["audio_start", "audio"]
    assert kinds(line.hear(SILENCE, times=24)) == ["audio"] * 24
    assert kinds(line.hear(SILENCE)) == ["audio", "audio_stopped"]
    assert line.hear(SILENCE) == []


def test_the_next_answer_ends_the_one_before(line: Line) -> None:
    line.begin()
    line.hear()
    line.buffer("stopped")
    told = kinds(line.begin("r2", "b"))
    assert told[-2:] == ["audio_stopped", "audio_start"]
    assert line.hear()[0].item_id == "b"  # type: ignore[attr-defined]


def test_interrupting_cancels_what_is_produced_then_clears_what_is_queued(line: Line) -> None:
    line.begin()
    line.hear()
    line.sent()
    told = line.interrupt()
    assert kinds(told) == ["audio_interrupted"]
    assert of(told, "audio_interrupted").item_id == "a"
    assert line.sent() == [CANCEL, CLEAR]


def test_interrupting_after_the_sound_was_produced_only_clears(line: Line) -> None:
    line.begin()
    line.feed("response.output_audio.done", **WHERE)
    line.sent()
    assert kinds(line.interrupt()) == ["audio_interrupted"]
    assert line.sent() == [CLEAR]


def test_interrupting_the_end_of_an_answer_that_is_done_only_clears(line: Line) -> None:
    line.begin()
    line.done()
    line.sent()
    assert kinds(line.interrupt()) == ["audio_interrupted"]
    assert line.sent() == [CLEAR]


def test_a_second_part_with_sound_can_be_cancelled_again(line: Line) -> None:
    line.begin()
    line.feed("response.output_audio.done", **WHERE)
    place = {**WHERE, "item_id": "b", "output_index": 1}
    line.feed("response.content_part.added", part={"type": "audio"}, **place)
    line.sent()
    line.interrupt()
    assert line.sent() == [CANCEL, CLEAR]


def test_interrupting_twice_tells_once_and_cancels_once(line: Line) -> None:
    line.begin()
    line.interrupt()
    line.sent()
    assert line.interrupt() == []
    assert line.sent() == [CLEAR]
    assert line.conversation.counts()["interruptions"] == 1


def test_interrupting_while_nothing_goes_on_clears_all_the_same(line: Line) -> None:
    assert line.interrupt() == []
    assert line.sent() == [CLEAR]
    assert kinds(line.hear()) == ["audio_start", "audio"]


def test_what_arrives_after_an_interruption_is_not_heard_until_another_answer(line: Line) -> None:
    line.begin()
    line.interrupt()
    assert line.hear(times=3) == []
    assert kinds(line.buffer("cleared")) == ["audio_stopped"]
    line.done()
    assert line.hear(times=3) == []
    assert line.conversation.counts()["output_audio_suppressed"] == 6
    assert kinds(line.begin("r2"))[-1] == "audio_start"
    assert kinds(line.hear()) == ["audio"]


def test_an_answer_interrupted_before_it_plays_stays_unheard(line: Line) -> None:
    line.feed("response.created", response={"id": "r1", "output": []})
    assert kinds(line.interrupt()) == ["audio_interrupted"]
    assert line.buffer("started") == []
    assert line.hear() == []


def test_the_service_sees_to_the_user_who_speaks(line: Line) -> None:
    line.begin()
    line.hear()
    line.sent()
    assert line.feed("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0) == []
    assert line.sent() == []
    assert kinds(line.buffer("cleared")) == ["audio_interrupted", "audio_stopped"]
    assert line.hear() == []
    assert line.sent() == []


def test_news_about_another_response_changes_nothing(line: Line) -> None:
    line.begin()
    assert line.buffer("stopped", "r0") == []
    assert line.buffer("cleared", "r0") == []
    assert kinds(line.hear()) == ["audio"]


def test_the_end_of_an_answer_is_told_at_once_where_no_sound_comes(line: Line) -> None:
    line.begin()
    line.now += 1.0
    assert kinds(line.buffer("stopped")) == ["audio_stopped"]


def test_a_lost_connection_ends_what_was_heard_of_it(line: Line) -> None:
    line.begin()
    line.hear()
    line.conversation.suspend()
    line.conversation.take_events()
    line.conversation.restore(replay=False, running=())
    line.conversation.resume(again=False)
    assert line.hear(SILENCE) == []
    assert kinds(line.hear()) == ["audio_start", "audio"]


def test_sound_waits_for_the_check_of_what_it_says(line: Line) -> None:
    line.conversation.check(Checking(every=100, hold=True))
    line.begin()
    line.feed("response.output_audio_transcript.delta", delta="x" * 100, **WHERE)
    (check,) = line.conversation.take_checks()
    assert line.hear(times=2) == []
    line.conversation.passed(check, line.now)
    line.feed("response.output_audio_transcript.done", transcript="x" * 100, **WHERE)
    (last,) = line.conversation.take_checks()
    line.conversation.passed(last, line.now)
    assert kinds(line.conversation.take_events()) == ["audio_start", "audio", "audio"]
    line.done()
    line.conversation.take_events()
    assert kinds(line.hear()) == ["audio"]
    line.buffer("stopped")
    assert kinds(line.hear(SILENCE)) == ["audio", "audio_stopped"]


def test_an_answer_that_a_check_refuses_is_cancelled_cleared_and_not_heard(line: Line) -> None:
    line.conversation.check(Checking(every=100))
    line.begin()
    line.hear()
    line.feed("response.output_audio_transcript.delta", delta="x" * 100, **WHERE)
    (check,) = line.conversation.take_checks()
    line.sent()
    assert line.conversation.block(check, line.now)
    assert kinds(line.conversation.take_events()) == ["audio_interrupted", "history_updated"]
    assert line.sent() == [CANCEL, CLEAR]
    assert line.hear() == []


def test_a_refused_answer_that_another_has_followed_is_cleared_but_not_cancelled(
    line: Line,
) -> None:
    line.conversation.check(Checking(every=100))
    line.begin()
    line.feed("response.output_audio_transcript.delta", delta="x" * 100, **WHERE)
    (check,) = line.conversation.take_checks()
    line.done()
    line.feed("response.created", response={"id": "r2", "output": []})
    line.sent()
    line.conversation.take_events()
    assert not line.conversation.block(check, line.now)
    assert kinds(line.conversation.take_events()) == ["audio_interrupted", "history_updated"]
    assert line.sent() == [CLEAR]


def test_the_formats_of_a_track_count_whatever_the_settings_say(line: Line) -> None:
    formats = AudioFormat("pcm16", 16000), AudioFormat("pcm16", 48000)
    line.conversation.carry(formats)
    line.conversation.connecting()
    g711 = {"format": {"type": "audio/pcmu"}}
    session = {"type": "realtime", "audio": {"input": g711, "output": g711}}
    line.feed("session.updated", session=session)
    assert (line.conversation.wire_input, line.conversation.wire_output) == formats
    line.hear(bytes(1920))
    line.begin()
    line.hear(bytes(1920))
    assert line.conversation.counts()["output_audio_ms"] == 20


def test_what_was_heard_of_an_item_is_kept_with_it(line: Line) -> None:
    line.conversation.connecting((), AudioRetention())
    content = [{"type": "output_audio", "transcript": "hi"}]
    item = {"id": "a", "type": "message", "role": "assistant", "content": content}
    line.begin()
    line.feed("conversation.item.added", item=item, previous_item_id=None)
    line.hear()
    line.feed("response.output_audio.done", **WHERE)
    line.done()
    line.hear(times=2)
    line.buffer("stopped")
    line.hear(SILENCE)
    (message,) = line.conversation.history.snapshot()
    clip = message.content[0].audio
    assert clip is not None
    assert clip.samples.tobytes() == 3 * SPEECH + SILENCE


# What was heard of an answer that was cut.

WORDS = "The museum opens at ten on every day but Monday."
HALF = "The museum opens at ten"


def say(line: Line, item_id: str = "a", response_id: str = "r1", words: str = WORDS) -> None:
    """The service produces an answer with these words, and begins to play it."""
    place = {**WHERE, "item_id": item_id, "response_id": response_id}
    item = {"id": item_id, "type": "message", "role": "assistant", "content": []}
    line.feed("response.created", response={"id": response_id, "output": []})
    line.feed("conversation.item.added", item=item, previous_item_id=None)
    line.feed("response.content_part.added", part={"type": "audio"}, **place)
    line.buffer("started", response_id)
    for word in words.split(" "):
        line.feed("response.output_audio_transcript.delta", delta=f"{word} ", **place)


def produced(
    line: Line, item_id: str = "a", response_id: str = "r1", *, tokens: int | None
) -> None:
    """All of it was produced, and is this long in tokens of 50 ms."""
    item = {"id": item_id, "type": "message", "role": "assistant", "status": "incomplete"}
    usage = None
    if tokens is not None:
        details = {"text_tokens": 9, "audio_tokens": tokens}
        usage = {"total_tokens": 9, "input_tokens": 0, "output_tokens": 9}
        usage["output_token_details"] = details  # type: ignore[assignment]
    output = [{**item, "content": [{"type": "output_audio", "transcript": WORDS}]}]
    place = {**WHERE, "item_id": item_id, "response_id": response_id}
    line.feed("response.output_audio.done", **place)
    response = {"id": response_id, "status": "cancelled", "output": output, "usage": usage}
    line.feed("response.done", response=response)


def message(line: Line, item_id: str = "a") -> Any:
    (found,) = [each for each in line.conversation.history.snapshot() if each.item_id == item_id]
    return found


@pytest.mark.parametrize("order", ["cleared first", "done first"])
def test_of_an_answer_that_the_service_cuts_what_was_heard_ends_there(
    line: Line, order: str
) -> None:
    say(line)
    line.hear(times=60)
    if order == "cleared first":
        line.buffer("cleared")
        produced(line, tokens=50)
    else:
        produced(line, tokens=50)
        line.buffer("cleared")
    # Until the service tells, it is what arrived: 1200 of 2500 ms.
    assert (message(line).audio_end_ms, message(line).audio_ms) == (1200, 2500)
    assert message(line).heard == HALF
    cut = {"item_id": "a", "content_index": 0, "audio_end_ms": 500}
    line.feed("conversation.item.truncated", **cut)
    assert message(line).audio_end_ms == 500
    assert message(line).heard == "The"
    assert message(line).said.strip() == WORDS


def test_interrupting_cuts_history_where_the_sound_that_arrived_ends(line: Line) -> None:
    say(line)
    line.hear(times=60)
    produced(line, tokens=50)
    told = line.interrupt()
    assert kinds(told)[0] == "audio_interrupted"
    assert "history_updated" in kinds(told)
    assert message(line).heard == HALF


def test_an_answer_cut_before_any_of_it_arrived_was_not_heard(line: Line) -> None:
    say(line)
    line.buffer("cleared")
    assert message(line).heard == ""


def test_without_usage_the_length_is_what_the_words_take(line: Line) -> None:
    say(line)
    line.hear(times=60)
    line.buffer("cleared")
    assert WORDS.startswith(message(line).heard)
    assert 10 < len(message(line).heard) < 30
    produced(line, tokens=None)
    assert 10 < len(message(line).heard) < 30


def test_without_usage_the_pace_is_that_of_the_answers_before(line: Line) -> None:
    say(line)
    produced(line, tokens=None)
    line.hear(times=499)  # a slow speaker: 10 s
    line.buffer("stopped")
    line.hear(SILENCE)
    assert message(line).audio_end_ms is None
    assert message(line).heard == message(line).said
    say(line, "b", "r2")
    line.hear(times=250)
    line.buffer("cleared", "r2")
    assert message(line, "b").heard == HALF


def test_several_items_share_what_the_service_counted_by_their_words(line: Line) -> None:
    say(line, words="One two three four")
    output = []
    for item_id, transcript in (("a", "One two three four"), ("b", "One")):
        content = [{"type": "output_audio", "transcript": transcript}]
        item = {"id": item_id, "type": "message", "role": "assistant", "content": content}
        line.feed("conversation.item.added", item=item, previous_item_id=None)
        output.append(item)
    usage = {"output_token_details": {"audio_tokens": 21}}
    line.feed("response.done", response={"id": "r1", "output": output, "usage": usage})
    assert message(line).audio_ms == pytest.approx(1050 * 18 / 21)
    assert message(line, "b").audio_ms == pytest.approx(1050 * 3 / 21)


def test_an_answer_that_was_played_to_its_end_is_not_cut(line: Line) -> None:
    say(line)
    produced(line, tokens=3)
    line.hear(times=3)
    line.buffer("stopped")
    line.interrupt()
    assert message(line).audio_end_ms is None
    assert message(line).heard.strip() == WORDS


def test_sound_ahead_of_the_news_of_its_item_was_heard_of_it(line: Line) -> None:
    line.feed("response.created", response={"id": "r1", "output": []})
    line.hear(times=10)
    say(line)
    line.hear(times=50)
    line.buffer("cleared")
    assert message(line).audio_end_ms == 1200


def test_an_answer_that_breaks_off_with_the_connection_was_heard_up_to_there(line: Line) -> None:
    say(line)
    line.hear(times=20)
    line.conversation.suspend()
    assert message(line).audio_end_ms == 400


def test_what_is_kept_of_an_answer_that_was_cut_is_what_was_heard(line: Line) -> None:
    line.conversation.connecting((), AudioRetention())
    say(line)
    line.hear(times=10)
    line.buffer("cleared")
    line.hear(times=10)
    produced(line, tokens=50)
    cut = {"item_id": "a", "content_index": 0, "audio_end_ms": 160}
    line.feed("conversation.item.truncated", **cut)
    clip = message(line).content[0].audio
    assert clip is not None
    assert clip.samples.tobytes() == 8 * SPEECH
