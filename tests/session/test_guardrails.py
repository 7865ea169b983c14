"""Checks on what the model says: when they run, what they stop, and what they tell."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rtaudio import ConfigError, GuardrailResult, GuardrailTripped, OutputGuardrail, RealtimeAgent
from rtaudio.audio import AudioFormat
from rtaudio.session.guardrail_runs import MAX_RUNNING
from rtaudio.session.guardrails import run_guardrails


class Watch:
    """A guardrail that refuses texts with a word, and remembers all it saw."""

    def __init__(self, word: str = "secret", name: str = "watch", **facts: Any) -> None:
        self.seen: list[tuple[str, str]] = []
        self.word = word
        self.guardrail = OutputGuardrail(name, self.execute, **facts)

    async def execute(self, _ctx: Any, agent: RealtimeAgent, text: str) -> GuardrailResult:
        self.seen.append((agent.name, text))
        return GuardrailResult(self.word in text, {"word": self.word})


def say(
    talk: Any, text: str, *, kind: str = "output_audio_transcript", response: str = "r1"
) -> None:
    talk.transport.emit(
        {
            "type": f"response.{kind}.delta",
            "event_id": "e",
            "response_id": response,
            "item_id": f"item_{response}",
            "output_index": 0,
            "content_index": 0,
            "delta": text,
        }
    )


def finish(talk: Any, text: str, response: str = "r1") -> None:
    part = {"type": "output_audio", "transcript": text}
    item = {"id": f"item_{response}", "type": "message", "role": "assistant", "content": [part]}
    body = {"id": response, "status": "completed", "output": [item] if text else []}
    talk.transport.emit({"type": "response.done", "event_id": "e", "response": body})


def wire(talk: Any) -> list[str]:
    events = [call.event for call in talk.transport.calls if call.method == "send_event"]
    return [event["type"] for event in events if event["type"] != "session.update"]


def guarded(*watches: Watch, **options: Any) -> dict[str, Any]:
    return {"options": {"output_guardrails": [each.guardrail for each in watches], **options}}


async def test_texts_are_checked_while_they_grow_and_once_more_at_the_end(talk_with):
    watch = Watch()
    settings = {"debounce_text_length": 4}
    async with talk_with(**guarded(watch, output_guardrail_settings=settings)) as talk:
        talk.response("created")
        for piece in ("ab", "cd", "e"):
            say(talk, piece)
        finish(talk, "abcde")
        await talk.settle()
        assert watch.seen == [("a", "abcd"), ("a", "abcde")]


@pytest.mark.parametrize("every", [-1, 100])
async def test_a_short_text_is_checked_at_its_end_and_an_empty_one_never(talk_with, every):
    watch = Watch()
    settings = {"debounce_text_length": every}
    async with talk_with(**guarded(watch, output_guardrail_settings=settings)) as talk:
        talk.response("created")
        say(talk, "short")
        finish(talk, "short")
        talk.response("created", "r2")
        finish(talk, "", "r2")
        await talk.settle()
        assert watch.seen == [("a", "short")]


async def test_a_refused_answer_is_cut_and_the_model_is_told_after_it_ended(talk_with):
    watch = Watch(policy_hint="no secrets")
    settings = {"debounce_text_length": 5}
    async with talk_with(**guarded(watch, output_guardrail_settings=settings)) as talk:
        tripped: list[Any] = []
        talk.session.on("guardrail_tripped", tripped.append)
        talk.response("created")
        say(talk, "the secret is")
        await talk.settle()
        (event,) = tripped
        assert (event.item_id, event.response_id) == ("item_r1", "r1")
        assert event.guardrail is watch.guardrail
        assert event.result.output_info == {"word": "secret"}
        assert isinstance(event.error, GuardrailTripped)
        assert event.error.info == {"word": "secret"}
        assert event.agent is talk.agent
        assert wire(talk) == ["response.cancel", "conversation.item.create"]
        talk.response("done")
        await talk.settle()
        assert wire(talk) == ["response.cancel", "conversation.item.create", "response.create"]
        (said,) = [
            call.event["item"]["content"][0]["text"]
            for call in talk.transport.calls
            if call.method == "send_event" and call.event["type"] == "conversation.item.create"
        ]
        assert "no secrets" in said
        assert '{"word": "secret"}' in said


async def test_a_response_trips_at_most_once(talk_with):
    watch = Watch()
    settings = {"debounce_text_length": 1}
    async with talk_with(**guarded(watch, output_guardrail_settings=settings)) as talk:
        tripped: list[Any] = []
        talk.session.on("guardrail_tripped", tripped.append)
        talk.response("created")
        say(talk, "secret")
        say(talk, "!")
        finish(talk, "secret!")
        await talk.settle()
        assert len(watch.seen) == 3
        assert len(tripped) == 1


async def test_text_is_cancelled_by_response_and_nothing_is_truncated(talk_with):
    watch = Watch()
    settings = {"debounce_text_length": 1}
    async with talk_with(
        **guarded(watch, output_guardrail_settings=settings, guardrail_feedback=None)
    ) as talk:
        talk.response("created")
        say(talk, "secret", kind="output_text")
        await talk.settle()
        events = [call.event for call in talk.transport.calls if call.method == "send_event"]
        assert events[-1] == {"type": "response.cancel", "response_id": "r1"}


class Gate:
    """A guardrail that answers when it is told to, and refuses or not as it is told."""

    def __init__(self, *, refuse: bool = True) -> None:
        self.go_on = asyncio.Event()
        self.refuse = refuse
        self.guardrail = OutputGuardrail("gate", self.execute)

    async def execute(self, _ctx: Any, _agent: Any, _text: str) -> GuardrailResult:
        await self.go_on.wait()
        return GuardrailResult(self.refuse)


async def test_a_verdict_about_an_answer_that_is_over_stops_nothing_newer(talk_with):
    gate = Gate()
    options = {"output_guardrails": [gate.guardrail]}
    async with talk_with(options=options) as talk:
        tripped: list[Any] = []
        talk.session.on("guardrail_tripped", tripped.append)
        talk.response("created")
        finish(talk, "anything")
        talk.response("created", "r2")
        gate.go_on.set()
        await talk.settle()
        assert len(tripped) == 1
        assert wire(talk) == []


async def test_nothing_is_told_after_the_session_closed(talk_with):
    gate = Gate()
    options = {"output_guardrails": [gate.guardrail]}
    async with talk_with(options=options) as talk:
        tripped: list[Any] = []
        talk.session.on("guardrail_tripped", tripped.append)
        talk.response("created")
        finish(talk, "anything")
        await talk.settle()
        await talk.session.close()
        gate.go_on.set()
        await talk.settle()
        assert tripped == []


async def test_a_slow_guardrail_holds_up_no_events(talk_with):
    async def never(_ctx: Any, _agent: Any, _text: str) -> GuardrailResult:
        await asyncio.Event().wait()
        raise AssertionError

    options = {"output_guardrails": [OutputGuardrail("never", never)]}
    async with talk_with(options=options) as talk:
        said: list[Any] = []
        talk.session.on("transcript_delta", said.append)
        talk.response("created")
        for _ in range(5):
            say(talk, "x" * 100)
        assert len(said) == 5


async def test_a_guardrail_that_raises_is_reported_and_the_others_count(talk_with):
    def broken(_ctx: Any, _agent: Any, _text: str) -> GuardrailResult:
        raise LookupError("x")

    watch = Watch("bad")
    options = {"output_guardrails": [OutputGuardrail("broken", broken), watch.guardrail]}
    async with talk_with(options=options) as talk:
        tripped: list[Any] = []
        talk.session.on("guardrail_tripped", tripped.append)
        talk.response("created")
        finish(talk, "bad")
        await talk.settle()
        assert [type(event.error) for event in talk.events] == [LookupError]
        assert tripped[0].guardrail is watch.guardrail


async def test_the_agents_own_guardrails_come_first_and_one_object_runs_once(talk_with):
    own, shared = Watch("x", "own"), Watch("x", "shared")
    async with talk_with(
        output_guardrails=[own.guardrail, shared.guardrail],
        options={"output_guardrails": [shared.guardrail]},
    ) as talk:
        tripped: list[Any] = []
        talk.session.on("guardrail_tripped", tripped.append)
        talk.response("created")
        finish(talk, "x")
        await talk.settle()
        assert len(own.seen) == len(shared.seen) == 1
        assert [finding.guardrail.name for finding in tripped[0].results] == ["own", "shared"]


async def test_the_agent_that_spoke_is_the_one_that_is_checked(talk_with):
    watch = Watch()
    async with talk_with(**guarded(watch)) as talk:
        talk.response("created")
        say(talk, "secret")
        await talk.session.update_agent(RealtimeAgent("b"))
        tripped: list[Any] = []
        talk.session.on("guardrail_tripped", tripped.append)
        finish(talk, "secret")
        await talk.settle()
        assert watch.seen == [("a", "secret")]
        assert tripped[0].agent is talk.agent


async def test_without_guardrails_nothing_is_collected(talk_with):
    async with talk_with() as talk:
        talk.response("created")
        say(talk, "x" * 500)
        assert talk.session._link.conversation._parts.turns._spoken == {"r1": None}


async def test_what_is_no_result_is_an_error():
    findings, errors = await run_guardrails(
        [OutputGuardrail("g", lambda *_: True)],  # type: ignore[arg-type,return-value]
        None,  # type: ignore[arg-type]
        RealtimeAgent("a"),
        "text",
    )
    assert findings == []
    assert "must return a GuardrailResult, got bool" in str(errors[0])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: OutputGuardrail("", print), "needs a name"),
        (lambda: OutputGuardrail("g", "no"), "execute of guardrail 'g' must be callable, got str"),
        (lambda: RealtimeAgent("a", output_guardrails=[print]), "of agent 'a' must be OutputGua"),
    ],
)
def test_wrong_guardrails_are_refused_when_they_are_made(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


async def test_checks_that_pile_up_make_room_for_the_latest(talk_with):
    started: list[str] = []
    cancelled: list[str] = []

    async def hang(_ctx: Any, _agent: Any, text: str) -> GuardrailResult:
        started.append(text)
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cancelled.append(text)
            raise
        return GuardrailResult(False)

    settings = {"output_guardrail_settings": {"debounce_text_length": 1}}
    options = {"output_guardrails": [OutputGuardrail("slow", hang)], **settings}
    async with talk_with(options=options) as talk:
        talk.response("created")
        for _ in range(MAX_RUNNING):
            say(talk, "x")
        await talk.settle()
        say(talk, "x")
        say(talk, "x")
        await talk.settle()
        assert cancelled == ["x", "xx"]
        assert started[-1] == "x" * (MAX_RUNNING + 2)
        checks = talk.session.stats.queues["checks"]
        assert (checks.size, checks.bound, checks.lost) == (MAX_RUNNING, MAX_RUNNING, 2)
    await talk.settle()
    assert talk.session.stats.queues["checks"].size == 0


def collect(talk: Any, *kinds: str) -> list[Any]:
    events: list[Any] = []
    for kind in kinds:
        talk.session.on(kind, events.append)
    return events


def sent_texts(talk: Any) -> list[str]:
    return [
        call.event["item"]["content"][0]["text"]
        for call in talk.transport.calls
        if call.method == "send_event" and "item" in call.event
    ]


async def test_a_refused_answer_is_cut_where_it_was_heard_and_no_more_of_it_is_delivered(
    talk_with, service
):
    watch = Watch()
    settings = {"debounce_text_length": 1}
    async with talk_with(**guarded(watch, output_guardrail_settings=settings)) as talk:
        events = collect(talk, "audio", "guardrail_tripped", "audio_interrupted")
        talk.response("created")
        talk.transport.emit(service.audio(bytes(48_000), item_id="item_r1"))
        say(talk, "secret")
        await talk.settle()
        talk.transport.emit(service.audio(bytes(480), item_id="item_r1"))
        assert [event.type for event in events] == [
            "audio",
            "guardrail_tripped",
            "audio_interrupted",
        ]
        assert events[1].source == "output"
        assert wire(talk) == [
            "response.cancel",
            "conversation.item.truncate",
            "conversation.item.create",
        ]


async def test_a_refused_text_of_an_answer_that_has_ended_is_only_told(talk_with):
    gate = Gate()
    options = {
        "output_guardrails": [gate.guardrail],
        "output_guardrail_settings": {"debounce_text_length": 1},
    }
    async with talk_with(options=options) as talk:
        talk.response("created")
        say(talk, "x", kind="output_text")
        talk.response("done")
        gate.go_on.set()
        await talk.settle()
        assert wire(talk) == ["conversation.item.create", "response.create"]


async def test_a_verdict_of_an_earlier_connection_is_dropped(talk_with):
    gate = Gate()
    async with talk_with(options={"output_guardrails": [gate.guardrail]}) as talk:
        tripped = collect(talk, "guardrail_tripped")
        talk.response("created")
        finish(talk, "anything")
        await talk.settle()
        await talk.session.close()
        await talk.session.connect()
        talk.response("created")
        gate.go_on.set()
        await talk.settle()
        assert tripped == []
        assert wire(talk) == []


async def test_a_guardrail_may_close_the_session_and_says_nothing_after(talk_with):
    async with talk_with() as talk:

        async def close(_ctx: Any, _agent: Any, _text: str) -> GuardrailResult:
            await talk.session.close()
            return GuardrailResult(True)

        talk.session.options.output_guardrails = [OutputGuardrail("close", close)]
        await talk.session.close()
        await talk.session.connect()
        tripped = collect(talk, "guardrail_tripped")
        talk.response("created")
        finish(talk, "anything")
        await talk.settle()
        assert talk.session.connection_state == "disconnected"
        assert tripped == []


async def test_the_name_stands_in_for_a_hint_and_what_is_no_json_is_left_out(talk_with):
    def refuse(_ctx: Any, _agent: Any, _text: str) -> GuardrailResult:
        return GuardrailResult(True, object())

    async with talk_with(
        options={"output_guardrails": [OutputGuardrail("no news", refuse)]}
    ) as talk:
        talk.response("created")
        finish(talk, "anything")
        await talk.settle()
        (said,) = sent_texts(talk)
        assert "'no news'" in said
        assert "{}" in said


async def test_feedback_in_ones_own_words(talk_with):
    watch = Watch()
    words = {"guardrail_feedback": lambda found: f"not {found.result.output_info['word']}!"}
    async with talk_with(options={"output_guardrails": [watch.guardrail], **words}) as talk:
        talk.response("created")
        finish(talk, "secret")
        await talk.settle()
        assert sent_texts(talk) == ["not secret!"]


async def test_feedback_that_raises_is_reported_and_the_answer_is_cut_all_the_same(talk_with):
    def words(_found: Any) -> str:
        raise LookupError("x")

    options = {
        "output_guardrails": [Watch().guardrail],
        "output_guardrail_settings": {"debounce_text_length": 1},
        "guardrail_feedback": words,
    }
    async with talk_with(options=options) as talk:
        talk.response("created")
        say(talk, "secret")
        await talk.settle()
        assert [type(event.error) for event in talk.events] == [LookupError]
        assert wire(talk) == ["response.cancel"]


async def test_an_agents_own_guardrails_check_its_answer_to_the_end_after_a_handoff(talk_with):
    watch = Watch()
    async with talk_with(output_guardrails=[watch.guardrail]) as talk:
        talk.response("created")
        await talk.session.update_agent(RealtimeAgent("b"))
        finish(talk, "words")
        talk.response("created", "r2")
        finish(talk, "words of b", "r2")
        await talk.settle()
        assert watch.seen == [("a", "words")]


HOLD = {"hold_audio": True, "debounce_text_length": 4}


async def test_held_sound_is_heard_when_its_text_has_passed_and_nothing_else_waits(
    talk_with, service
):
    gate = Gate(refuse=False)
    options = {"output_guardrails": [gate.guardrail], "output_guardrail_settings": HOLD}
    async with talk_with(options=options) as talk:
        events = collect(
            talk, "audio_start", "audio", "audio_stopped", "transcript_delta", "agent_end"
        )
        talk.response("created")
        talk.transport.emit(service.audio(bytes(480), item_id="item_r1"))
        say(talk, "words")
        talk.transport.emit(service.audio_done("item_r1"))
        finish(talk, "words")
        await talk.settle()
        assert [event.type for event in events] == ["transcript_delta", "agent_end"]
        gate.go_on.set()
        await talk.settle()
        assert [event.type for event in events[2:]] == ["audio_start", "audio", "audio_stopped"]
        assert events[3].held_ms > 0


async def test_nothing_of_a_refused_held_answer_is_ever_heard(talk_with, service):
    watch = Watch()
    options = {"output_guardrails": [watch.guardrail], "output_guardrail_settings": HOLD}
    async with talk_with(options=options) as talk:
        heard = collect(talk, "audio")
        talk.response("created")
        for piece in ("the s", "ecret"):
            talk.transport.emit(service.audio(bytes(480), item_id="item_r1"))
            say(talk, piece)
            await talk.settle()
        talk.transport.emit(service.audio(bytes(480), item_id="item_r1"))
        finish(talk, "the secret")
        await talk.settle()
        assert len(heard) == 1
        assert wire(talk)[0] == "response.cancel"


async def test_sound_is_held_before_it_is_converted(talk_with, service):
    gate = Gate(refuse=False)
    options = {
        "output_guardrails": [gate.guardrail],
        "output_guardrail_settings": HOLD,
        "output_audio": AudioFormat("pcmu", 8000),
    }
    async with talk_with(options=options) as talk:
        heard = collect(talk, "audio")
        talk.response("created")
        talk.transport.emit(service.audio(bytes(4800), item_id="item_r1"))
        talk.transport.emit(service.audio_done("item_r1"))
        finish(talk, "words")
        gate.go_on.set()
        await talk.settle()
        assert len(heard[0].data) == 800


async def test_a_check_that_was_overtaken_holds_up_none_of_the_later_ones(talk_with, service):
    go_on = asyncio.Event()

    async def check(_ctx: Any, _agent: Any, text: str) -> GuardrailResult:
        if text == "x":
            await asyncio.get_running_loop().create_future()
        await go_on.wait()
        return GuardrailResult(False)

    options = {
        "output_guardrails": [OutputGuardrail("slow", check)],
        "output_guardrail_settings": {"hold_audio": True, "debounce_text_length": 1},
    }
    async with talk_with(options=options) as talk:
        heard = collect(talk, "audio")
        talk.response("created")
        talk.transport.emit(service.audio(bytes(480), item_id="item_r1"))
        for _ in range(MAX_RUNNING):
            say(talk, "x")
        say(talk, "x")
        go_on.set()
        await talk.settle()
        assert len(heard) == 1


async def test_a_session_without_guardrails_holds_nothing(talk_with, service):
    async with talk_with(options={"output_guardrail_settings": HOLD}) as talk:
        heard = collect(talk, "audio")
        talk.response("created")
        talk.transport.emit(service.audio(bytes(480)))
        assert len(heard) == 1
