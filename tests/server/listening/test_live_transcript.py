"""Words of a turn while it is being spoken, as a client sees them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio import RealtimeAgent, RealtimeSession
from rtaudio.audio import AudioFormat
from rtaudio.server import RealtimeServer
from rtaudio.server.engines.base import DraftSegment
from rtaudio.server.listening import live_transcript
from rtaudio.server.listening.recognition import RecognitionPool

if TYPE_CHECKING:
    from collections.abc import Iterator

PCM = {"type": "audio/pcm", "rate": 16000}
VAD = {"type": "server_vad", "prefix_padding_ms": 0, "silence_duration_ms": 96}
SPEAKING = {"format": PCM, "turn_detection": {**VAD, "create_response": False}}
DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"
STARTED = "input_audio_buffer.speech_started"
TURN = (
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
)


class Drafting:
    """Understands a word per half second, and at the end what it is told to."""

    sample_rate = 16000
    workers = 1

    def __init__(self, final: str = "w1 w2 w3 and more") -> None:
        self.final = final
        self.error: Exception | None = None
        self.heard_s: list[float] = []
        self.drafted = asyncio.Event()

    def load(self) -> None:
        pass

    def transcribe(self, samples: Any, *, language: Any, prompt: Any) -> Iterator[str]:
        del samples, language, prompt
        yield self.final

    def draft(self, samples: Any, *, language: Any, prompt: Any) -> list[DraftSegment]:
        del language, prompt
        self.heard_s.append(samples.size / 16000)
        if self.error is not None:
            raise self.error
        count = samples.size // 8000
        return [DraftSegment(f" w{n + 1}", (n + 1) / 2) for n in range(count)]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drafts as soon as there is more sound, however fast it comes."""
    monkeypatch.setattr(live_transcript, "_STEP_S", 0.4)
    monkeypatch.setattr(live_transcript, "_REST", 0)
    monkeypatch.setattr(live_transcript, "_now", lambda: float("inf"))
    drafted = RecognitionPool._drafted

    def tell(pool: Any, loop: asyncio.AbstractEventLoop, draft: object) -> None:
        # Not before its thread is free for the next one.
        drafted(pool, loop, draft)
        with contextlib.suppress(RuntimeError):  # the loop was closed
            loop.call_soon_threadsafe(pool._drafter.drafted.set)

    monkeypatch.setattr(RecognitionPool, "_drafted", tell)


async def speak(client: Any, recogniser: Drafting, seconds: float = 0.512) -> None:
    """Say something and wait until it has been drafted."""
    recogniser.drafted.clear()
    await client.append(seconds, 5000)
    await recogniser.drafted.wait()


async def test_certain_words_come_while_the_turn_is_open_and_the_rest_behind_it(talk: Any) -> None:
    recogniser = Drafting()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": {**SPEAKING, "transcription": {}}})
        for _ in range(3):
            await speak(client, recogniser)
        started, first, second = await client.receive(STARTED, DELTA, DELTA)
        assert (first["delta"], second["delta"]) == ("w1", " w2")
        await client.append(0.512, 0)
        await client.receive(*TURN)
        rest, completed = await client.receive(DELTA, COMPLETED)
        assert rest["delta"] == " w3 and more"
        assert completed["transcript"] == "w1 w2 w3 and more"
        items = {event["item_id"] for event in (started, first, second, rest, completed)}
        assert len(items) == 1


async def test_a_final_text_with_other_words_takes_the_place_of_the_deltas(talk: Any) -> None:
    recogniser = Drafting("something else")
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": {**SPEAKING, "transcription": {}}})
        for _ in range(2):
            await speak(client, recogniser)
        await client.receive(STARTED, DELTA)
        await client.append(0.512, 0)
        *_, completed = await client.receive(*TURN, COMPLETED)
        assert completed["transcript"] == "something else"


async def test_the_next_turn_begins_anew(talk: Any) -> None:
    recogniser = Drafting("w1")
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": {**SPEAKING, "transcription": {}}})
        for _ in range(2):
            await speak(client, recogniser)
            await speak(client, recogniser)
            *_, delta = await client.receive(STARTED, DELTA)
            assert delta["delta"] == "w1"
            await client.append(0.512, 0)
            await client.receive(*TURN, COMPLETED)
    assert recogniser.heard_s == pytest.approx([0.512, 1.024] * 2)


async def test_a_buffer_that_is_cleared_ends_it(talk: Any) -> None:
    recogniser = Drafting("w1")
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": {**SPEAKING, "transcription": {}}})
        await speak(client, recogniser)
        await client.send("input_audio_buffer.clear")
        await client.receive(STARTED, "input_audio_buffer.cleared")
        await speak(client, recogniser)
        await client.append(0.512, 0)
        await client.receive(STARTED, *TURN, DELTA, COMPLETED)


async def test_what_was_settled_is_not_heard_again(
    talk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtaudio.server.listening.agreement._TRIM_S", 1.0)
    recogniser = Drafting()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": {**SPEAKING, "transcription": {}}})
        for _ in range(3):
            await speak(client, recogniser)
    # With the second draft the first word was certain, which had taken half a second.
    assert recogniser.heard_s == pytest.approx([0.512, 1.024, 1.036])


async def test_by_hand_words_come_before_the_commit_where_a_live_model_is_asked_for(
    talk: Any,
) -> None:
    recogniser = Drafting()
    listening = {"format": PCM, "turn_detection": None}
    async with talk(recogniser=recogniser) as client:
        live = {**listening, "transcription": {"model": "gpt-realtime-whisper"}}
        await client.configure(audio={"input": live})
        for _ in range(2):
            await speak(client, recogniser)
            await client.configure(instructions="Whatever changes, the turn stays.")
            await speak(client, recogniser)
            (first,) = await client.receive(DELTA)
            assert first["delta"] == "w1"
            await client.send("input_audio_buffer.commit")
            committed, *_, rest, completed = await client.receive(*TURN[1:], DELTA, COMPLETED)
            assert rest["delta"] == " w2 w3 and more"
            assert first["item_id"] == committed["item_id"] == completed["item_id"]
        await client.configure(audio={"input": {**live, "transcription": {"model": "whisper-1"}}})
        await client.append(1.024, 5000)
        await client.send("input_audio_buffer.commit")
        await client.receive(*TURN[1:], DELTA, COMPLETED)
    assert len(recogniser.heard_s) == 4


async def test_turn_detection_that_is_turned_on_ends_what_was_open_by_hand(talk: Any) -> None:
    recogniser = Drafting("w1 w2 w3")
    async with talk(recogniser=recogniser) as client:
        live = {"transcription": {"model": "gpt-realtime-whisper"}}
        await client.configure(audio={"input": {"format": PCM, "turn_detection": None, **live}})
        await speak(client, recogniser)
        await client.configure(audio={"input": {**SPEAKING, **live}})
        await speak(client, recogniser)
        await speak(client, recogniser)
        started, delta = await client.receive(STARTED, DELTA)
        assert started["item_id"] == delta["item_id"]


async def test_nothing_is_drafted_that_nobody_wants_to_read(talk: Any) -> None:
    recogniser = Drafting()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": {**SPEAKING, "transcription": None}})
        await client.append(1.024, 5000)
        await client.append(0.512, 0)
        await client.receive(STARTED, *TURN)
    assert recogniser.heard_s == []


async def test_sound_that_comes_faster_than_it_was_spoken_is_not_drafted(
    talk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_transcript, "_now", lambda: 0.0)
    recogniser = Drafting()
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": {**SPEAKING, "transcription": {}}})
        for _ in range(10):
            await client.append(1.024, 5000)
        await client.append(0.512, 0)
        await client.receive(STARTED, *TURN, DELTA, COMPLETED)
    assert recogniser.heard_s == []


async def test_a_draft_that_fails_costs_the_turn_nothing_else(
    talk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "rtaudio")
    recogniser = Drafting("w1")
    recogniser.error = RuntimeError("the secret words")
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": {**SPEAKING, "transcription": {}}})
        await speak(client, recogniser)
        await client.append(1.024, 5000)
        await client.append(0.512, 0)
        await client.receive(STARTED, *TURN, DELTA, COMPLETED)
    assert len(recogniser.heard_s) == 1
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


async def test_a_turn_of_which_nothing_becomes_certain_is_drafted_no_further(
    talk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_transcript, "_LONGEST_S", 1.0)
    recogniser = Drafting("w1")
    async with talk(recogniser=recogniser) as client:
        await client.configure(audio={"input": {**SPEAKING, "transcription": {}}})
        await speak(client, recogniser)
        await client.append(1.024, 5000)
        await client.append(0.512, 0)
        await client.receive(STARTED, *TURN, DELTA, COMPLETED)
    assert recogniser.heard_s == [0.512]


async def test_a_session_of_this_library_bears_words_before_their_item(
    engines: dict[str, Any],
) -> None:
    recogniser = Drafting()
    config = {
        "audio": {"input": {"turn_detection": SPEAKING["turn_detection"], "transcription": {}}}
    }
    async with (
        RealtimeServer(**{**engines, "recogniser": recogniser}) as server,
        RealtimeSession(
            RealtimeAgent("Porter"),
            url=server.url,
            config=config,
            input_audio=AudioFormat("pcm16", 16000),
        ) as session,
    ):
        events = aiter(session)
        for _ in range(3):
            recogniser.drafted.clear()
            await session.send_audio(np.full(8192, 5000, np.int16))
            await recogniser.drafted.wait()
        await session.send_audio(np.zeros(8192, np.int16))
        deltas: list[str] = []
        kinds: list[str] = []
        async for event in events:
            kinds.append(event.type)
            if event.type == "input_transcript_delta":
                deltas.append(event.delta)
            elif event.type == "transcript_completed":
                break
        assert kinds.index("input_transcript_delta") < kinds.index("history_added")
        assert "".join(deltas) == "w1 w2 w3 and more"
        (item,) = session.history
        assert item.content[0].transcript == "w1 w2 w3 and more"
