"""Recognition in the silence that is to end a turn, as a client sees it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.audio import AudioFormat
from rtaudio.server.config import SessionConfig
from rtaudio.server.listening import early, live_transcript
from rtaudio.server.listening.input_buffer import InputBuffer
from rtaudio.server.listening.recognition import RecognitionPool, Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 16000
PCM = {"type": "audio/pcm", "rate": RATE}
VAD = {"type": "server_vad", "prefix_padding_ms": 0, "silence_duration_ms": 300}
LISTENING = {"format": PCM, "turn_detection": {**VAD, "create_response": False}}
TRANSCRIBED = {**LISTENING, "transcription": {}}
DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"
STARTED = "input_audio_buffer.speech_started"
COMMITTED = (
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
)
TURN = ("input_audio_buffer.speech_stopped", *COMMITTED)

# Seconds, whole windows of the detector.
SPEECH, PAUSE, REST = 0.512, 0.192, 0.192
EARLY = SPEECH + 0.3  # what is recognised in the pause
WHOLE = SPEECH + 0.32  # the turn


class Listener:
    """Understands how long a stretch of speech is, in milliseconds.

    Stretches of `gated_s` wait at the gate; with an `error`, that is what they come to.
    """

    sample_rate = RATE
    workers = 1

    def __init__(self, gated_s: float = EARLY) -> None:
        self.gated_s = gated_s
        self.gate = threading.Event()
        self.error: Exception | None = None
        self.heard: list[np.ndarray[Any, Any]] = []
        self.heard_s: list[float] = []
        self.languages: list[str | None] = []
        self.pieces = 0
        self.began = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def load(self) -> None:
        pass

    def draft(self, samples: Any, *, language: Any, prompt: Any) -> list[Any]:
        del samples, language, prompt
        raise AssertionError("too early for a draft")

    def transcribe(self, samples: Any, *, language: Any, prompt: Any) -> Iterator[str]:
        del prompt
        seconds = samples.size / RATE
        self.heard.append(samples)
        self.heard_s.append(seconds)
        self.languages.append(language)
        self._loop.call_soon_threadsafe(self.began.set)
        if seconds == pytest.approx(self.gated_s):
            assert self.gate.wait(10)
            if self.error is not None:
                raise self.error
        for piece in (f"{1000 * seconds:.0f}", " ms"):
            self.pieces += 1
            yield piece


@pytest.fixture(autouse=True)
def at_any_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not speak in real time, and no drafts come in between."""
    monkeypatch.setattr(early, "_AHEAD_S", 1000.0)
    monkeypatch.setattr(live_transcript, "_STEP_S", 1000.0)


async def speak_and_pause(client: Any, recogniser: Listener) -> None:
    """Say something and wait until it is being recognised."""
    recogniser.began.clear()
    await client.append(SPEECH, 5000)
    await client.append(PAUSE, 0)
    await recogniser.began.wait()


async def test_a_turn_that_ends_has_the_text_that_was_begun_in_its_silence(talk: Any) -> None:
    recogniser = Listener()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await speak_and_pause(client, recogniser)
        await client.append(REST, 0)
        await client.receive(STARTED, *TURN)
        recogniser.gate.set()
        delta, completed = await client.receive(DELTA, COMPLETED)
    assert delta["delta"] == completed["transcript"] == "812 ms"
    assert completed["usage"] == {"type": "duration", "seconds": pytest.approx(WHOLE)}
    assert recogniser.heard_s == pytest.approx([EARLY])


async def test_the_silence_to_come_is_taken_to_be_like_that_which_was_heard(talk: Any) -> None:
    recogniser = Listener()
    recogniser.gate.set()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await client.append(SPEECH, 5000)
        await client.append(PAUSE, 7)
        await recogniser.began.wait()
    levels, counts = np.unique(recogniser.heard[0], return_counts=True)
    assert dict(zip(levels, counts, strict=True)) == {5000: SPEECH * RATE, 7: 0.3 * RATE}


async def test_nothing_of_it_is_sent_before_the_turn_is_committed(talk: Any) -> None:
    recogniser = Listener()
    recogniser.gate.set()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        for _ in range(2):
            await speak_and_pause(client, recogniser)
            await client.receive(STARTED)
            await client.write("Something else comes meanwhile.")
            await client.append(REST, 0)
            await client.receive(*TURN, DELTA, COMPLETED)


async def test_speech_that_goes_on_drops_it_and_the_whole_turn_is_recognised(talk: Any) -> None:
    recogniser = Listener()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await speak_and_pause(client, recogniser)
        await client.append(SPEECH, 5000)
        await client.append(PAUSE + REST, 0)
        *_, completed = await client.receive(STARTED, *TURN, DELTA, DELTA, COMPLETED)
        assert completed["transcript"] == "1536 ms"
        recogniser.gate.set()
    assert recogniser.heard_s == pytest.approx([EARLY, SPEECH + PAUSE + WHOLE])
    assert recogniser.pieces == 3  # the one that was dropped ended at its first piece


async def test_speech_and_the_end_of_the_turn_in_one_message_drop_it_too(talk: Any) -> None:
    recogniser = Listener()
    recogniser.gate.set()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await speak_and_pause(client, recogniser)
        sound = np.repeat(np.array([5000, 0], np.int16), [int(SPEECH * RATE), int(0.384 * RATE)])
        await client.append_bytes(sound.tobytes())
        *_, completed = await client.receive(STARTED, *TURN, DELTA, DELTA, COMPLETED)
        assert completed["transcript"] == "1536 ms"


async def test_a_turn_is_begun_once_in_a_pause_and_so_often_in_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(early, "_TRIES", 2)
    recogniser = Listener()
    recogniser.gate.set()
    pool = RecognitionPool(recogniser)
    buffer = InputBuffer(AudioFormat("pcm16", RATE), RATE, 60.0)
    config = SessionConfig("transcription")
    config.update(
        {"type": "transcription", "audio": {"input": {"transcription": {}}}}, may_change_type=True
    )
    recognition = early.EarlyRecognition(config, pool, buffer)
    recognition.begin(0)
    begun: list[Stretch] = []
    begin = pool.begin_early

    def noted(*args: Any, **options: Any) -> Stretch | None:
        found = begin(*args, **options)
        assert found is not None
        begun.append(found)
        return found

    monkeypatch.setattr(pool, "begin_early", noted)
    for _ in range(3):
        silent_from = buffer.end
        for _ in range(3):
            buffer.append(bytes(2 * RATE // 5))
            recognition.follow(silent_from)
            for one in begun:
                await early.early_text(one)  # from then on another one could begin
            begun.clear()
        recognition.follow(None)
    await pool.close()
    assert len(recogniser.heard_s) == 2


async def test_nothing_is_begun_while_the_recogniser_has_other_work(talk: Any) -> None:
    recogniser = Listener(WHOLE)
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await client.append(SPEECH, 5000)
        await client.append(PAUSE + REST, 0)
        await client.receive(STARTED, *TURN)
        await client.append(SPEECH, 5000)
        await client.append(PAUSE, 0)
        await client.append(REST, 0)
        await client.receive(STARTED, *TURN)
        recogniser.gate.set()
        await client.receive(*(DELTA, DELTA, COMPLETED) * 2)
    assert recogniser.heard_s == pytest.approx([WHOLE, WHOLE])


async def test_a_try_that_fails_costs_the_turn_nothing(
    talk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "rtaudio")
    recogniser = Listener()
    recogniser.error = RuntimeError("the secret words")
    recogniser.gate.set()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await speak_and_pause(client, recogniser)
        await client.append(REST, 0)
        *_, completed = await client.receive(STARTED, *TURN, DELTA, DELTA, COMPLETED)
    assert completed["transcript"] == "832 ms"
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


async def test_a_buffer_that_is_cleared_drops_it(talk: Any) -> None:
    recogniser = Listener()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await speak_and_pause(client, recogniser)
        await client.send("input_audio_buffer.clear")
        await client.receive(STARTED, "input_audio_buffer.cleared")
        recogniser.gate.set()
        await client.append(1.0, 0)
    assert recogniser.pieces == 1


async def test_a_commit_by_the_client_has_all_recognised_that_it_commits(talk: Any) -> None:
    recogniser = Listener()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await speak_and_pause(client, recogniser)
        await client.send("input_audio_buffer.commit")
        *_, completed = await client.receive(STARTED, *COMMITTED, DELTA, DELTA, COMPLETED)
        assert completed["transcript"] == "704 ms"
        recogniser.gate.set()


async def test_settings_that_change_in_the_pause_count_for_the_turn(talk: Any) -> None:
    recogniser = Listener(0.0)
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await speak_and_pause(client, recogniser)
        await client.send(
            "session.update",
            session={
                "type": "realtime",
                "audio": {"input": {"transcription": {"language": "de"}}},
            },
        )
        await client.receive(STARTED, "session.updated")
        await client.append(REST, 0)
        await client.until(COMPLETED)
    assert recogniser.languages == [None, "de"]


async def test_turn_detection_that_is_turned_off_drops_it(talk: Any) -> None:
    recogniser = Listener()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await speak_and_pause(client, recogniser)
        await client.send(
            "session.update",
            session={"type": "realtime", "audio": {"input": {"turn_detection": None}}},
        )
        await client.receive(STARTED, "session.updated")
        recogniser.gate.set()
        await client.append(REST, 0)
        await client.send("input_audio_buffer.commit")
        await client.receive(*COMMITTED, DELTA, DELTA, COMPLETED)
    assert recogniser.pieces == 3


async def test_an_answer_is_given_to_what_was_begun_though_no_transcript_is_wanted(
    talk: Any,
) -> None:
    recogniser = Listener()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": {"format": PCM, "turn_detection": VAD}})
        await speak_and_pause(client, recogniser)
        await client.append(REST, 0)
        await client.receive(STARTED, *TURN)
        recogniser.gate.set()
        events = await client.until("response.done")
    assert events.joined("response.output_text.delta") == "812 ms"
    assert recogniser.heard_s == pytest.approx([EARLY])


async def test_nothing_is_begun_that_nobody_wants_to_read(talk: Any) -> None:
    recogniser = Listener()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": LISTENING})
        await client.append(SPEECH, 5000)
        await client.append(PAUSE, 0)
        await client.append(REST, 0)
        await client.receive(STARTED, *TURN)
    assert recogniser.heard_s == []


async def test_sound_that_comes_faster_than_it_was_spoken_is_recognised_at_the_end(
    talk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early, "_AHEAD_S", 0.5)
    monkeypatch.setattr(early, "_now", lambda: 0.0)
    recogniser = Listener()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await client.append(SPEECH, 5000)
        await client.append(PAUSE, 0)
        await client.append(REST, 0)
        await client.receive(STARTED, *TURN, DELTA, DELTA, COMPLETED)
    assert recogniser.heard_s == pytest.approx([WHOLE])


async def test_a_long_turn_is_recognised_at_its_end(
    talk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early, "_LONGEST_S", 0.5)
    recogniser = Listener()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await client.append(SPEECH, 5000)
        await client.append(PAUSE, 0)
        await client.append(REST, 0)
        await client.receive(STARTED, *TURN, DELTA, DELTA, COMPLETED)
    assert recogniser.heard_s == pytest.approx([WHOLE])


async def test_a_client_that_leaves_in_the_pause_drops_it(
    talk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recogniser = Listener()
    close = RecognitionPool.close

    async def opened(pool: RecognitionPool) -> None:
        recogniser.gate.set()  # sessions are over by now
        await close(pool)

    monkeypatch.setattr(RecognitionPool, "close", opened)
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": TRANSCRIBED})
        await speak_and_pause(client, recogniser)
    assert recogniser.pieces == 1
