"""Checks on what the user says: before a text goes out, and before an answer goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rtaudio import (
    GuardrailResult,
    GuardrailTripped,
    InputGuardrail,
    RealtimeAgent,
    TransportError,
)
from rtaudio.session.guardrails import Finding, default_feedback


class Watch:
    """An input guardrail that refuses texts with a word, once it may."""

    def __init__(self, word: str = "bomb", *, waits: bool = False) -> None:
        self.seen: list[tuple[str, str]] = []
        self.word = word
        self.go_on = asyncio.Event()
        if not waits:
            self.go_on.set()
        self.guardrail = InputGuardrail("watch", self.execute, "no bombs")

    async def execute(self, _ctx: Any, agent: RealtimeAgent, text: str) -> GuardrailResult:
        self.seen.append((agent.name, text))
        await self.go_on.wait()
        return GuardrailResult(self.word in text, {"word": self.word})


def raising(_ctx: Any, _agent: Any, _text: str) -> GuardrailResult:
    raise LookupError("x")


def guarded(watch: Watch, **options: Any) -> dict[str, Any]:
    return {"options": {"input_guardrails": [watch.guardrail], **options}}


HOLD = {"output_guardrail_settings": {"hold_audio": True}}


def collect(talk: Any, *kinds: str) -> list[Any]:
    events: list[Any] = []
    for kind in kinds:
        talk.session.on(kind, events.append)
    return events


def commit(talk: Any, item: str = "u1") -> None:
    talk.transport.emit({"type": "input_audio_buffer.committed", "event_id": "e", "item_id": item})


def transcribe(talk: Any, text: str, item: str = "u1") -> None:
    kind = "conversation.item.input_audio_transcription.completed"
    talk.transport.emit(
        {"type": kind, "event_id": "e", "item_id": item, "content_index": 0, "transcript": text}
    )


def fail_to_transcribe(talk: Any, item: str = "u1") -> None:
    kind = "conversation.item.input_audio_transcription.failed"
    error = {"type": "x", "message": "no"}
    talk.transport.emit(
        {"type": kind, "event_id": "e", "item_id": item, "content_index": 0, "error": error}
    )


def wire(talk: Any) -> list[str]:
    events = [call.event for call in talk.transport.calls if call.method == "send_event"]
    quiet = ("session.update", "conversation.item.retrieve")
    return [event["type"] for event in events if event["type"] not in quiet]


# Texts that the application sends.


async def test_a_refused_text_is_not_sent_and_the_caller_is_told(talk_with):
    watch = Watch()
    async with talk_with(**guarded(watch)) as talk:
        tripped = collect(talk, "guardrail_tripped")
        with pytest.raises(GuardrailTripped) as caught:
            await talk.session.send_message("how to make a bomb")
        assert caught.value.guardrail == "watch"
        assert caught.value.info == {"word": "bomb"}
        assert "bomb" not in str(caught.value)
        (event,) = tripped
        assert (event.source, event.item_id, event.response_id) == ("input", "", None)
        assert event.guardrail is watch.guardrail
        assert event.agent is talk.agent
        assert wire(talk) == []


async def test_a_text_that_passes_is_sent(talk_with):
    watch = Watch()
    async with talk_with(**guarded(watch)) as talk:
        parts = [
            {"type": "input_text", "text": "look"},
            {"type": "input_image", "image_url": "http://i"},
            {"type": "input_text", "text": "here"},
        ]
        await talk.session.send_message({"role": "user", "content": parts})
        assert watch.seen == [("a", "look\nhere")]
        assert wire(talk) == ["conversation.item.create", "response.create"]


async def test_texts_keep_their_order_however_long_their_checks_take(talk_with):
    watch = Watch(waits=True)
    async with talk_with(**guarded(watch)) as talk:
        first = asyncio.ensure_future(talk.session.send_message("one"))
        await talk.settle()
        second = asyncio.ensure_future(talk.session.send_message("two"))
        await talk.settle()
        assert wire(talk) == []
        watch.go_on.set()
        await asyncio.gather(first, second)
        texts = [
            call.event["item"]["content"][0]["text"]
            for call in talk.transport.calls
            if call.method == "send_event" and "item" in call.event
        ]
        assert texts == ["one", "two"]


async def test_a_guardrail_that_raises_lets_no_text_pass(talk_with):
    options = {"input_guardrails": [InputGuardrail("broken", raising)]}
    async with talk_with(options=options) as talk:
        with pytest.raises(LookupError):
            await talk.session.send_message("hi")
        assert wire(talk) == []


async def test_a_text_whose_check_outlives_the_connection_is_not_sent(talk_with):
    watch = Watch(waits=True)
    async with talk_with(**guarded(watch)) as talk:
        tripped = collect(talk, "guardrail_tripped")
        sending = asyncio.ensure_future(talk.session.send_message("a bomb"))
        await talk.settle()
        await talk.session.close()
        await talk.session.connect()
        watch.go_on.set()
        with pytest.raises(TransportError):
            await sending
        assert tripped == []
        assert wire(talk) == []


# Speech.


async def test_a_refused_transcript_stops_the_answer_and_the_model_is_told(talk_with, service):
    watch = Watch()
    async with talk_with(**guarded(watch)) as talk:
        events = collect(talk, "guardrail_tripped", "audio_interrupted")
        commit(talk)
        talk.response("created")
        talk.transport.emit(service.audio(bytes(48_000)))
        transcribe(talk, "how to make a bomb")
        await talk.settle()
        assert [event.type for event in events] == ["guardrail_tripped", "audio_interrupted"]
        trip = events[0]
        assert (trip.source, trip.item_id, trip.agent) == ("input", "u1", talk.agent)
        assert wire(talk) == [
            "response.cancel",
            "conversation.item.truncate",
            "conversation.item.create",
        ]
        talk.response("done")
        await talk.settle()
        assert wire(talk)[-1] == "response.create"
        assert "no bombs" in next(
            call.event["item"]["content"][0]["text"]
            for call in talk.transport.calls
            if call.method == "send_event" and "item" in call.event
        )


async def test_with_hold_audio_the_answer_is_heard_once_the_transcript_has_passed(
    talk_with, service
):
    watch = Watch(waits=True)
    async with talk_with(**guarded(watch, **HOLD)) as talk:
        heard = collect(talk, "audio_start", "audio", "audio_stopped", "agent_end")
        commit(talk)
        talk.response("created")
        talk.transport.emit(service.audio(bytes(480)), service.audio_done())
        transcribe(talk, "hello")
        talk.response("done")
        await talk.settle()
        assert [event.type for event in heard] == ["agent_end"]
        watch.go_on.set()
        await talk.settle()
        assert [event.type for event in heard[1:]] == ["audio_start", "audio", "audio_stopped"]


async def test_with_hold_audio_nothing_of_the_answer_to_a_refused_transcript_is_heard(
    talk_with, service
):
    watch = Watch()
    async with talk_with(**guarded(watch, guardrail_feedback=None, **HOLD)) as talk:
        heard = collect(talk, "audio")
        commit(talk)
        talk.response("created")
        talk.transport.emit(service.audio(bytes(480)))
        transcribe(talk, "a bomb")
        await talk.settle()
        talk.transport.emit(service.audio(bytes(480)))
        await talk.settle()
        assert heard == []
        assert wire(talk) == ["response.cancel", "conversation.item.truncate"]


async def test_an_answer_that_begins_after_the_check_waits_for_nothing(talk_with, service):
    watch = Watch()
    async with talk_with(**guarded(watch, **HOLD)) as talk:
        heard = collect(talk, "audio")
        commit(talk)
        transcribe(talk, "hello")
        await talk.settle()
        talk.response("created")
        talk.transport.emit(service.audio(bytes(480)))
        assert len(heard) == 1


@pytest.mark.parametrize("text", ["", "  "])
async def test_silence_needs_no_check(talk_with, service, text):
    watch = Watch()
    async with talk_with(**guarded(watch, **HOLD)) as talk:
        heard = collect(talk, "audio")
        commit(talk)
        talk.response("created")
        talk.transport.emit(service.audio(bytes(480)))
        transcribe(talk, text)
        assert watch.seen == []
        assert len(heard) == 1


@pytest.mark.parametrize("unchecked", ["drop", "release"])
async def test_without_a_transcript_the_answer_is_unchecked_sound(talk_with, service, unchecked):
    settings = {"hold_audio": True, "unchecked_audio": unchecked}
    watch = Watch()
    async with talk_with(**guarded(watch, output_guardrail_settings=settings)) as talk:
        heard = collect(talk, "audio")
        commit(talk)
        talk.response("created")
        talk.transport.emit(service.audio(bytes(480)))
        fail_to_transcribe(talk)
        talk.transport.emit(service.audio(bytes(480)))
        assert len(heard) == (2 if unchecked == "release" else 0)
        assert talk.kinds() == ([] if unchecked == "release" else ["error"])


async def test_where_speech_is_not_transcribed_its_answer_waits_for_nothing(talk_with, service):
    watch = Watch()
    config = {"audio": {"input": {"transcription": None}}}
    async with talk_with(**guarded(watch, config=config, **HOLD)) as talk:
        heard = collect(talk, "audio")
        commit(talk)
        talk.response("created")
        talk.transport.emit(service.audio(bytes(480)))
        assert len(heard) == 1


async def test_the_services_own_answer_to_a_refused_transcript_is_cancelled_as_it_begins(
    talk_with, service
):
    watch = Watch()
    async with talk_with(**guarded(watch)) as talk:
        heard = collect(talk, "audio")
        commit(talk)
        transcribe(talk, "a bomb")
        await talk.settle()
        assert wire(talk) == ["conversation.item.create"]
        talk.response("created")
        talk.transport.emit(service.audio(bytes(480)))
        await talk.settle()
        assert wire(talk) == ["conversation.item.create", "response.cancel"]
        talk.response("done")
        await talk.settle()
        assert wire(talk)[-1] == "response.create"
        talk.response("created", "r2")
        talk.transport.emit(service.audio(bytes(480), response_id="r2"))
        assert len(heard) == 1


async def test_where_the_application_asks_for_answers_the_model_is_told_at_once(talk_with):
    watch = Watch()
    config = {"audio": {"input": {"turn_detection": None}}}
    async with talk_with(**guarded(watch, config=config)) as talk:
        commit(talk)
        transcribe(talk, "a bomb")
        await talk.settle()
        assert wire(talk) == ["conversation.item.create", "response.create"]


async def test_a_refusal_that_comes_after_the_next_turn_is_told_and_stops_nothing(talk_with):
    watch = Watch(waits=True)
    async with talk_with(**guarded(watch)) as talk:
        tripped = collect(talk, "guardrail_tripped")
        commit(talk)
        transcribe(talk, "a bomb")
        await talk.settle()
        commit(talk, "u2")
        talk.response("created")
        watch.go_on.set()
        await talk.settle()
        assert [event.item_id for event in tripped] == ["u1"]
        assert wire(talk) == []


async def test_the_agents_own_guardrails_count_too_and_one_object_runs_once(talk_with):
    own, shared = Watch(), Watch()
    async with talk_with(
        input_guardrails=[own.guardrail, shared.guardrail],
        options={"input_guardrails": [shared.guardrail]},
    ) as talk:
        await talk.session.send_message("hello")
        commit(talk)
        transcribe(talk, "again")
        await talk.settle()
        assert own.seen == shared.seen == [("a", "hello"), ("a", "again")]


async def test_a_guardrail_that_raises_on_speech_is_reported_and_the_answer_goes_on(
    talk_with, service
):
    options = {"input_guardrails": [InputGuardrail("broken", raising)]}
    async with talk_with(options=options) as talk:
        heard = collect(talk, "audio")
        commit(talk)
        talk.response("created")
        transcribe(talk, "hello")
        await talk.settle()
        talk.transport.emit(service.audio(bytes(480)))
        assert [type(event.error) for event in talk.events] == [LookupError]
        assert len(heard) == 1
        assert wire(talk) == []


def test_the_usual_words_tell_the_model_not_to_answer_what_was_refused():
    said = default_feedback(Finding(Watch().guardrail, GuardrailResult(True, {"word": "x"})))
    assert "no bombs" in said
    assert '{"word": "x"}' in said
    assert "Do not answer it" in said


async def test_an_answer_that_the_application_asked_for_is_left_alone(talk_with, service):
    watch = Watch()
    async with talk_with(**guarded(watch, guardrail_feedback=None)) as talk:
        heard = collect(talk, "audio")
        commit(talk)
        transcribe(talk, "a bomb")
        await talk.settle()
        await talk.session.request_response()
        talk.response("created")
        talk.transport.emit(service.audio(bytes(480)))
        await talk.settle()
        assert wire(talk) == ["response.create"]
        assert len(heard) == 1
