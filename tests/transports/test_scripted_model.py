from __future__ import annotations

from typing import Any

import pytest

from rtaudio import ConfigError, RealtimeAgent, RealtimeSession, function_tool
from rtaudio.transports import ScriptedModel, ScriptedTransport

TONE = bytes(range(256)) * 40  # 213 ms at 24 kHz


@pytest.fixture
def transport() -> ScriptedTransport:
    return ScriptedTransport()


@pytest.fixture
def model(transport: ScriptedTransport) -> ScriptedModel:
    return ScriptedModel(transport)


@pytest.fixture
def arrived(transport: ScriptedTransport, monkeypatch: Any) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(transport, "emit", events.append)
    return events


def test_a_text_comes_word_by_word_between_the_usual_events(
    model: ScriptedModel, arrived: list[dict[str, Any]]
) -> None:
    assert model.says("Just past noon.") == "item_1"
    assert [event["type"] for event in arrived] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.delta",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert "".join(event.get("delta", "") for event in arrived) == "Just past noon."
    assert len({event["event_id"] for event in arrived}) == len(arrived)


async def test_a_session_hears_what_the_model_says(
    transport: ScriptedTransport, model: ScriptedModel
) -> None:
    heard = bytearray()
    async with RealtimeSession(RealtimeAgent("a"), transport=transport) as session:
        session.on("audio", lambda event: heard.extend(event.data))
        model.creates_session()
        model.updates_session()
        asked = model.hears("What time is it?")
        said = model.says("Just past noon.", audio=TONE)
        assert [(item.item_id, item.text) for item in session.history] == [
            (asked, "What time is it?"),
            (said, "Just past noon."),
        ]
    assert heard == TONE


async def test_a_session_runs_what_the_model_calls(
    transport: ScriptedTransport, model: ScriptedModel
) -> None:
    seen: list[str] = []

    @function_tool
    async def note(text: str) -> str:
        seen.append(text)
        return "noted"

    async with RealtimeSession(RealtimeAgent("a", tools=[note]), transport=transport) as session:
        model.begins()
        model.calls("note", {"text": "one"}, end=False)
        call_id = model.calls("note", '{"text": "two"}')
        async for event in session:
            if event.type == "agent_tool_end" and event.tool_call.call_id == call_id:
                break
        assert sorted(seen) == ["one", "two"]
        assert [item.output for item in session.history] == ["noted", "noted"]


async def test_what_the_user_writes_and_commits_becomes_items_in_order(
    transport: ScriptedTransport, model: ScriptedModel
) -> None:
    async with RealtimeSession(RealtimeAgent("a"), transport=transport) as session:
        model.reads("first")
        model.commits("second")
        model.hears(None)
        assert [item.text for item in session.history] == ["first", "second", ""]


async def test_an_open_answer_can_be_interrupted(
    transport: ScriptedTransport, model: ScriptedModel
) -> None:
    async with RealtimeSession(RealtimeAgent("a"), transport=transport) as session:
        item_id = model.says("A long story", audio=TONE, end=False)
        await session.interrupt()
        truncation = transport.calls[-1].event
        assert truncation["item_id"] == item_id
        model.truncates(item_id, truncation["audio_end_ms"])
        model.ends("cancelled", usage={"input_tokens": 1, "output_tokens": 2})
        assert session.history[0].audio_end_ms == truncation["audio_end_ms"]
        assert session.usage.total_tokens == 3


def test_responses_follow_each_other(model: ScriptedModel) -> None:
    with pytest.raises(ConfigError, match="no response"):
        model.ends()
    model.begins()
    with pytest.raises(ConfigError, match="resp_1"):
        model.begins()
