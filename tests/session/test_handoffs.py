"""Conversations that change hands: by the model's call, and by the application."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from rtaudio import ConfigError, ProtocolError, RealtimeAgent, function_tool, handoff


@dataclass
class Reason:
    why: str


@function_tool
async def who() -> str:
    return "the second"


@pytest.fixture
def second() -> RealtimeAgent:
    return RealtimeAgent("Second one!", "be second", tools=[who], handoff_description="For more.")


def updates(talk: Any) -> list[dict[str, Any]]:
    events = [call.event for call in talk.transport.calls if call.method == "send_event"]
    return [event["session"] for event in events if event["type"] == "session.update"]


def test_a_handoff_is_offered_as_a_function_without_arguments(second):
    agent = RealtimeAgent("a", handoffs=[second])
    assert agent.handoffs[0].wire() == {
        "type": "function",
        "name": "transfer_to_Second_one_",
        "description": "Hand the conversation over to Second one!. For more.",
        "parameters": {
            "type": "object",
            "properties": {},
            "required": [],
            "additionalProperties": False,
        },
    }


def test_terms_of_a_handoff_reach_the_model(second):
    terms = handoff(
        second,
        tool_name="escalate",
        description="Call a person.",
        input_type=Reason,
        on_handoff=lambda _ctx, _reason: None,
    )
    assert terms.wire()["name"] == "escalate"
    assert terms.wire()["description"] == "Call a person."
    assert terms.wire()["parameters"]["required"] == ["why"]


async def test_the_model_hands_over_in_the_order_update_event_output(talk_with, second):
    async with talk_with(handoffs=[second]) as talk:
        changes: list[Any] = []
        talk.session.on("agent_handoff", changes.append)
        talk.response("created")
        talk.call("transfer_to_Second_one_")
        await talk.settle()
        talk.response("done")
        await talk.settle()
        (change,) = changes
        assert (change.from_agent, change.to_agent) == (talk.agent, second)
        assert talk.session.current_agent is second
        assert talk.sent() == [("c1", '{"assistant":"Second one!"}'), "create"]
        assert talk.kinds() == []
        update = updates(talk)[-1]
        assert update["instructions"] == "be second"
        assert [tool["name"] for tool in update["tools"]] == ["who"]
        assert "tracing" not in update
        kinds = [call.event["type"] for call in talk.transport.calls if call.method == "send_event"]
        assert kinds.index("session.update", 1) < kinds.index("conversation.item.create")


async def test_an_exact_repetition_hands_over_once(talk_with, second):
    async with talk_with(handoffs=[second]) as talk:
        talk.response("created")
        talk.call("transfer_to_Second_one_")
        await talk.settle()
        talk.call("transfer_to_Second_one_")
        await talk.settle()
        assert len(updates(talk)) == 2
        assert [call_id for call_id, _ in talk.sent()] == ["c1", "c1"]


async def test_a_call_runs_against_the_tools_that_the_model_saw(talk_with):
    ran = []

    def named(label: str) -> Any:
        async def same() -> str:
            ran.append(label)
            return label

        return function_tool(same)

    other = RealtimeAgent("b", tools=[named("new")])
    async with talk_with(named("old")) as talk:
        talk.response("created", "r1")
        await talk.session.update_agent(other)
        talk.call("same", call_id="c1", response_id="r1")
        talk.response("done", "r1")
        talk.response("created", "r2")
        talk.call("same", call_id="c2", response_id="r2")
        await talk.settle()
        assert ran == ["old", "new"]


async def test_an_agent_without_tools_clears_those_of_the_one_before(talk_with):
    async with talk_with(who) as talk:
        await talk.session.update_agent(RealtimeAgent("b"))
        assert updates(talk)[-1]["tools"] == []


async def test_settings_of_the_session_outlive_a_handoff(talk_with, second):
    async with talk_with(handoffs=[second]) as talk:
        talk.session.options.config = {"output_audio_format": "g711_ulaw"}
        talk.response("created")
        talk.call("transfer_to_Second_one_")
        await talk.settle()
        assert updates(talk)[-1]["audio"]["output"]["format"] == {"type": "audio/pcmu"}
        assert updates(talk)[-1]["model"] == updates(talk)[0]["model"]


async def test_the_callback_gets_the_input_before_anything_changes(talk_with, second):
    seen: list[Any] = []

    async def begin(ctx: Any, reason: Reason) -> None:
        seen.append((ctx.context, reason.why, talk.session.current_agent.name))

    terms = handoff(second, on_handoff=begin, input_type=Reason, tool_name="go")
    async with talk_with(handoffs=[terms]) as talk:
        talk.response("created")
        talk.call("go", {"why": "angry"})
        await talk.settle()
        assert seen == [(None, "angry", "a")]
        assert talk.session.current_agent is second


@pytest.mark.parametrize("arguments", ["", "{}", '{"why": 5}', "["])
async def test_input_that_does_not_fit_changes_nothing(talk_with, second, arguments):
    terms = handoff(second, on_handoff=lambda *_: None, input_type=Reason, tool_name="go")
    async with talk_with(handoffs=[terms]) as talk:
        talk.response("created")
        talk.call("go", arguments)
        await talk.settle()
        assert isinstance(talk.events[0].error, ProtocolError)
        assert talk.session.current_agent is talk.agent
        assert len(updates(talk)) == 1


async def test_a_callback_that_raises_prevents_the_handoff(talk_with, second):
    def refuse(_ctx: Any) -> None:
        raise LookupError("busy")

    async with talk_with(handoffs=[handoff(second, on_handoff=refuse)]) as talk:
        talk.response("created")
        talk.call("transfer_to_Second_one_")
        await talk.settle()
        assert isinstance(talk.events[0].error, LookupError)
        assert talk.session.current_agent is talk.agent
        assert talk.sent() == []


async def test_closing_during_the_callback_applies_nothing(talk_with, second):
    begun = asyncio.Event()

    async def wait(_ctx: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with talk_with(handoffs=[handoff(second, on_handoff=wait)]) as talk:
        talk.response("created")
        talk.call("transfer_to_Second_one_")
        await begun.wait()
        await talk.session.close()
        assert talk.session.current_agent is talk.agent
        assert len(updates(talk)) == 1


async def test_reconnecting_during_the_callback_applies_nothing(talk_with, second):
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def stubborn(_ctx: Any) -> None:
        begun.set()
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                continue
        ended.set()

    async with talk_with(handoffs=[handoff(second, on_handoff=stubborn)]) as talk:
        talk.response("created")
        talk.call("transfer_to_Second_one_")
        await begun.wait()
        talk.transport.disconnect()
        await talk.session.connect()
        go_on.set()
        await ended.wait()
        await talk.settle()
        assert talk.session.current_agent is talk.agent
        assert [update["instructions"] for update in updates(talk)] == ["", ""]
        assert (talk.sent(), talk.events) == ([], [])


@pytest.mark.parametrize("who", ["session", "agent"])
async def test_a_handler_that_closes_the_session_stops_the_handoff(who, talk_with, second):
    async with talk_with(handoffs=[second]) as talk:

        async def close(_event: Any) -> None:
            await talk.session.close()

        getattr(talk, who).on("agent_handoff", close)
        talk.response("created")
        talk.call("transfer_to_Second_one_")
        await talk.settle()
        assert talk.session.current_agent is talk.agent
        assert (talk.sent(), talk.events) == ([], [])


async def test_a_reconnection_begins_with_the_first_agent_again(talk_with, second):
    async with talk_with(handoffs=[second]) as talk:
        await talk.session.update_agent(second)
        await talk.session.close()
        assert talk.session.current_agent is second
        await talk.session.connect()
        assert talk.session.current_agent is talk.agent


async def test_an_agent_that_cannot_be_prepared_changes_nothing(talk_with):
    broken = RealtimeAgent("b", tools=[who, function_tool(name="who")(lambda: None)])
    async with talk_with(who) as talk:
        with pytest.raises(ConfigError, match="agent 'b' offers a name more than once"):
            await talk.session.update_agent(broken)
        with pytest.raises(ConfigError, match="must be a RealtimeAgent, got str"):
            await talk.session.update_agent("b")
        assert talk.session.current_agent is talk.agent
        assert len(updates(talk)) == 1


async def test_a_tool_and_a_handoff_of_one_name_clash_unless_one_is_disabled(talk_with, second):
    def same(*, is_enabled: bool) -> Any:
        return function_tool(name="transfer_to_Second_one_", is_enabled=is_enabled)(lambda: None)

    with pytest.raises(ConfigError, match=r"transfer_to_Second_one_ \(function tool, handoff\)"):
        await talk_with(same(is_enabled=True), handoffs=[second]).session.connect()
    async with talk_with(same(is_enabled=False), handoffs=[second]) as talk:
        assert len(updates(talk)[0]["tools"]) == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RealtimeAgent("a", handoffs=["b"]), "leads to a RealtimeAgent"),  # type: ignore[list-item]
        (lambda: handoff("b"), "got str"),  # type: ignore[arg-type]
        (lambda: handoff(RealtimeAgent("b"), input_type=Reason), "needs an on_handoff"),
        (lambda: handoff(RealtimeAgent("b"), on_handoff=5), "on_handoff must be callable, got int"),
        (lambda: handoff(RealtimeAgent("b"), is_enabled="no"), "is_enabled must be a bool"),
        (
            lambda: handoff(RealtimeAgent("b"), on_handoff=print, input_type=complex),
            "has no JSON schema",
        ),
    ],
)
def test_wrong_terms_are_refused_when_they_are_made(make, words):
    with pytest.raises(ConfigError, match=words):
        make()
