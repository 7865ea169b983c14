"""Responses to speech, and spoken ones, as a plain WebSocket client sees them."""

from __future__ import annotations

import asyncio
import base64
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PCM = {"type": "audio/pcm", "rate": 16000}
VAD = {"type": "server_vad", "prefix_padding_ms": 0, "silence_duration_ms": 96}
TURN = (
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
)
SPOKEN = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]


async def test_a_turn_found_by_voice_activity_is_answered_aloud(talk: Any, tone_voice: Any) -> None:
    async with talk(voice=tone_voice()) as client:
        listening = {"format": PCM, "turn_detection": VAD}
        settings = await client.configure(audio={"input": listening, "output": {"format": PCM}})
        assert settings["output_modalities"] == ["audio"]
        await client.append(0.512, 5000)
        await client.append(0.512, 0)
        started, *_ = await client.receive(*TURN)
        events = await client.until("rate_limits.updated")
        deltas = ("response.output_audio_transcript.delta", "response.output_audio.delta")
        assert events.kinds(*deltas) == SPOKEN
        assert events[2]["previous_item_id"] == started["item_id"]
        assert events.joined(deltas[0]) == "hello there"
        assert len(events.sound()) == 2 * 16000 // 5  # two words of 100 ms
        done = events[-2]["response"]
        assert done["output"][0]["content"] == [
            {"type": "output_audio", "transcript": "hello there"}
        ]
        usage = done["usage"]
        assert usage["input_token_details"]["audio_tokens"] == 6
        assert usage["output_token_details"] == {"text_tokens": 2, "audio_tokens": 4}


@pytest.mark.parametrize(
    ("wire", "size"),
    [({"type": "audio/pcm", "rate": 24000}, 2 * 4800), ({"type": "audio/pcmu"}, 1600)],
)
async def test_sound_comes_in_the_sessions_output_format(
    talk: Any, tone_voice: Any, wire: dict[str, Any], size: int
) -> None:
    async with talk(voice=tone_voice()) as client:
        await client.configure(audio={"output": {"format": wire}})
        await client.write("hello there")
        await client.send("response.create")
        events = await client.until("rate_limits.updated")
        # The resampler's delay comes on top.
        assert len(events.sound()) == pytest.approx(size, abs=size / 20)
        item_id = events[-2]["response"]["output"][0]["id"]
        await client.send("conversation.item.retrieve", item_id=item_id)
        (event,) = await client.receive("conversation.item.retrieved")
        (part,) = event["item"]["content"]
        assert base64.b64decode(part["audio"]) == events.sound()


async def test_sound_begins_before_the_sentence_is_finished(talk: Any, tone_voice: Any) -> None:
    gate = asyncio.Event()

    class Slow:
        async def respond(self, items: Any, settings: Any, tools: Any) -> AsyncIterator[str]:
            del items, settings, tools
            yield "Well then, "
            await gate.wait()
            yield "let us begin."

    voice = tone_voice()
    async with talk(voice=voice, responder=Slow()) as client:
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        gate.set()
        await client.until("rate_limits.updated")
    assert voice.spoken == ["Well then,", "let us begin."]


async def test_speech_interrupts_an_answer_and_is_answered_itself(
    talk: Any, tone_voice: Any
) -> None:
    voice = tone_voice(asyncio.Event())
    async with talk(voice=voice) as client:
        listening = {"format": PCM, "turn_detection": VAD}
        await client.configure(audio={"input": listening, "output": {"format": PCM}})
        await client.append(0.512, 5000)
        await client.append(0.512, 0)
        *_, delta = await client.until("response.output_audio.delta")
        await client.append(0.512, 5000)
        events = await client.until("rate_limits.updated")
        assert events.kinds() == ["input_audio_buffer.speech_started", *SPOKEN[4:]]
        response = events[-2]["response"]
        assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert response["output"][0]["status"] == "incomplete"
        assert voice.closed == 1
        item_id = delta["item_id"]
        await client.send(
            "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=50
        )
        await client.receive("conversation.item.truncated")
        await client.send("conversation.item.retrieve", item_id=item_id)
        (event,) = await client.receive("conversation.item.retrieved")
        (part,) = event["item"]["content"]
        assert "transcript" not in part
        assert len(base64.b64decode(part["audio"])) == 2 * 800
        voice.gate.set()
        await client.append(0.512, 0)
        await client.receive(*TURN[1:])
        *_, done = await client.until("response.done")
        assert done["response"]["status"] == "completed"


async def test_a_turn_waits_for_an_answer_that_is_not_to_be_interrupted(
    talk: Any, gated: Any
) -> None:
    vad = {**VAD, "interrupt_response": False}
    async with talk(responder=gated) as client:
        await client.configure(audio={"input": {"format": PCM, "turn_detection": vad}})
        await client.send("response.create")
        await client.until("response.output_text.delta")
        await client.append(0.512, 5000)
        await client.append(0.512, 0)
        await client.receive(*TURN)
        gated.gate.set()
        *_, first = await client.until("response.done")
        assert first["response"]["status"] == "completed"
        *_, second = await client.until("response.done")
        assert second["response"]["id"] != first["response"]["id"]


async def test_turns_are_not_answered_where_the_client_wants_to_ask_for_it(talk: Any) -> None:
    vad = {**VAD, "create_response": False}
    async with talk() as client:
        await client.configure(audio={"input": {"format": PCM, "turn_detection": vad}})
        await client.append(0.512, 5000)
        await client.append(0.512, 0)
        await client.receive(*TURN)
        await client.send("response.cancel")
        await client.receive("error")
        await client.send("response.create")
        events = await client.until("rate_limits.updated")
        assert events.joined("response.output_text.delta") == "hello there"


async def test_speech_is_recognised_once_for_transcript_and_answer(
    talk: Any, engines: dict[str, Any]
) -> None:
    async with talk(**engines) as client:
        listening = {"format": PCM, "turn_detection": None, "transcription": {}}
        await client.configure(audio={"input": listening})
        await client.append(0.2, 5000)
        await client.send("input_audio_buffer.commit")
        for _ in range(2):
            await client.send("response.create")
            events = await client.until("rate_limits.updated")
            assert events.joined("response.output_text.delta") == "hello there"
    assert engines["recogniser"].calls == 1


async def test_speech_is_recognised_once_where_no_transcript_is_asked_for(
    talk: Any, engines: dict[str, Any]
) -> None:
    async with talk(**engines) as client:
        await client.configure(audio={"input": {"format": PCM, "turn_detection": None}})
        audio = base64.b64encode(bytes(6400)).decode()
        content = [{"type": "input_audio", "audio": audio}]
        item = {"type": "message", "role": "user", "content": content}
        await client.send("conversation.item.create", item=item)
        for _ in range(2):
            await client.send("response.create")
            events = await client.until("rate_limits.updated")
            assert events.joined("response.output_text.delta") == "hello there"
    assert engines["recogniser"].calls == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"item_id": "no"}, "item_truncate_invalid_item_id"),
        ({"item_id": "question"}, "unsupported_content_type"),
        ({"content_index": 1}, "invalid_value"),
        ({"audio_end_ms": 300}, "invalid_value"),
    ],
)
async def test_only_what_was_said_can_be_truncated(
    talk: Any, tone_voice: Any, fields: dict[str, Any], code: str
) -> None:
    async with talk(voice=tone_voice()) as client:
        await client.write("hello there", id="question")
        await client.send("response.create")
        events = await client.until("rate_limits.updated")
        item_id = events[-2]["response"]["output"][0]["id"]
        right = {"item_id": item_id, "content_index": 0, "audio_end_ms": 200}
        await client.send("conversation.item.truncate", **{**right, **fields})
        (error,) = await client.receive("error")
        assert error["error"]["code"] == code
        await client.send("conversation.item.truncate", **right)
        await client.receive("conversation.item.truncated")


async def test_the_voice_stays_once_it_has_been_heard(talk: Any, tone_voice: Any) -> None:
    async with talk(voice=tone_voice()) as client:
        await client.configure(audio={"output": {"voice": "marin"}})
        await client.write("hello")
        await client.send("response.create")
        await client.until("rate_limits.updated")
        session = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
        await client.send("session.update", session=session)
        (error,) = await client.receive("error")
        assert error["error"]["code"] == "cannot_update_voice"


async def test_sound_that_is_held_back_can_be_cut(
    talk: Any, tone_voice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Still:
        def delay(self, now: float, sent_s: float) -> float:
            del now
            return 1e9 if sent_s >= 0.2 else 0.0

    monkeypatch.setattr("rtaudio.server.answering.response.Pace", Still)
    async with talk(voice=tone_voice()) as client:
        await client.configure(audio={"output": {"format": PCM}})
        await client.write("one two three four")
        await client.send("response.create")
        before = await client.until("response.output_audio.delta")
        before += await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        events = await client.until("rate_limits.updated")
        assert events[-2]["response"]["status"] == "cancelled"
        assert events.sound() == b""


async def test_the_sessions_speed_is_the_voices(talk: Any, tone_voice: Any) -> None:
    voice = tone_voice()
    async with talk(voice=voice) as client:
        for speed in (1.25, 0.5):
            settings = await client.configure(audio={"output": {"speed": speed}})
            assert settings["audio"]["output"]["speed"] == speed
            await client.write("hello")
            await client.send("response.create")
            await client.until("rate_limits.updated")
    assert voice.speeds == [1.25, 0.5]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ConfigError("there is no voice 'xx'"), "there is no voice 'xx'"),
        (RuntimeError("the secret words"), "the voice failed"),
    ],
)
async def test_a_voice_that_fails_ends_the_response_and_not_the_session(
    talk: Any, tone_voice: Any, error: Exception, message: str
) -> None:
    class Hoarse(tone_voice):  # type: ignore[misc]
        async def speak(self, text: str, *, speed: float = 1.0) -> AsyncIterator[bytes]:
            async for chunk in super().speak(text, speed=speed):
                yield chunk
            if text == "one, two,":
                raise error

    async with talk(voice=Hoarse()) as client:
        await client.configure(audio={"output": {"format": PCM}})
        await client.write("one, two, three")
        await client.send("response.create")
        events = await client.until("response.done")
        response = events[-1]["response"]
        assert response["status"] == "failed"
        assert response["status_details"]["error"]["message"] == message
        assert response["output"][0]["status"] == "incomplete"
        assert len(events.sound()) == 6400
        await client.write("hello")
        await client.send("response.create")
        *_, done = await client.until("response.done")
        assert done["response"]["status"] == "completed"


async def test_cutting_a_response_closes_responder_and_voice_at_once(
    talk: Any, tone_voice: Any, gated: Any
) -> None:
    class Speaks(type(gated)):  # type: ignore[misc]
        async def respond(self, items: Any, settings: Any, tools: Any) -> AsyncIterator[str]:
            async with aclosing(super().respond(items, settings, tools)) as pieces:
                async for piece in pieces:
                    yield f"{piece} and more, "

    responder, voice = Speaks(), tone_voice(asyncio.Event())
    async with talk(responder=responder, voice=voice) as client:
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        await client.until("response.done")
        assert responder.closed.is_set()
        assert voice.closed == 1
