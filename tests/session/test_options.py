from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from rtaudio import (
    AudioRetention,
    ConfigError,
    GuardrailResult,
    InputGuardrail,
    OutputGuardrail,
    PlaybackTracker,
    PriceTable,
    RealtimeAgent,
    RealtimeSession,
    RealtimeSessionOptions,
    ReconnectPolicy,
    UsageLimit,
)
from rtaudio.audio import AudioFormat
from rtaudio.conversation import Item
from rtaudio.transports import ScriptedTransport, WebSocketTransport

GIVEN: dict[str, Any] = {
    "api_key": "sk-1",
    "config": {"voice": "ash"},
    "context": object(),
    "group_id": "g",
    "live_transcripts": True,
    "history_store_audio": AudioRetention("opus"),
    "model": "m",
    "trace_metadata": {"k": "v"},
    "tracing_disabled": True,
    "transport": ScriptedTransport(),
    "history": (Item(item_id="i"),),
    "url": "ws://h/",
    "workflow_name": "w",
    "input_audio": AudioFormat("pcm16", 16000),
    "output_audio": AudioFormat("pcmu", 8000),
    "output_guardrails": (OutputGuardrail("g", lambda *_: GuardrailResult(False)),),
    "output_guardrail_settings": {"debounce_text_length": 7},
    "input_guardrails": (InputGuardrail("g", lambda *_: GuardrailResult(False)),),
    "guardrail_feedback": None,
    "tool_error_formatter": str,
    "automatically_trigger_response_for_mcp_tool_calls": False,
    "tool_execution": {"pre_approval_input_guardrails": True},
    "async_tool_calls": False,
    "replay_outputs": False,
    "playback_tracker": PlaybackTracker(),
    "reconnect": ReconnectPolicy(),
    "prices": PriceTable(text_input=1, audio_input=2, text_output=3, audio_output=4),
    "usage_limit": UsageLimit(total_tokens=9),
    "max_queued_events": 5,
}


def test_every_option_is_taken_in_both_forms() -> None:
    assert GIVEN.keys() == {field.name for field in dataclasses.fields(RealtimeSessionOptions)}
    options = RealtimeSessionOptions(**GIVEN)
    assert RealtimeSession(None, options).options is options
    session = RealtimeSession(None, **GIVEN)
    for name, value in GIVEN.items():
        assert getattr(session.options, name) is value


def test_keywords_win_over_options_and_leave_them_alone() -> None:
    options = RealtimeSessionOptions(model="a", group_id="g")
    session = RealtimeSession(None, options, model="b")
    assert (session.options.model, session.options.group_id) == ("b", "g")
    assert options.model == "a"


def test_default_transport_is_a_websocket() -> None:
    assert isinstance(RealtimeSession(None).transport, WebSocketTransport)


# Of each option what is wrong with it, and what a refusal shows of that.
WRONG: list[tuple[str, Any, str]] = [
    ("api_key", 7, "got int"),
    ("config", [1], "got list"),
    ("config", {"audio": {"input": {"format": "mp3"}}}, "audio.input.format: .*'mp3'"),
    ("config", {"audio": 5}, "audio is a mapping, not int"),
    ("group_id", 7, "got 7"),
    ("model", 7, "got 7"),
    ("trace_metadata", "x", "got 'x'"),
    ("tracing_disabled", "yes", "got 'yes'"),
    ("transport", "carrier pigeon", "got 'carrier pigeon'"),
    ("transport", None, "got None"),
    ("url", b"ws://h", "got bytes"),
    ("workflow_name", 7, "got 7"),
    ("live_transcripts", 1, "got 1"),
    ("history_store_audio", "opus", "got 'opus'"),
    ("history_store_audio", 1, "got 1"),
    ("input_audio", "pcm16", "got 'pcm16'"),
    ("output_audio", 24000, "got 24000"),
    ("output_guardrails", ["none"], "got str"),
    ("output_guardrails", iter(()), "got <tuple_iterator"),
    ("output_guardrail_settings", {"debounce_text_length": 0}, "debounce_text_length.* got 0"),
    ("output_guardrail_settings", {"debounce_text_length": 1.5}, "got 1.5"),
    ("output_guardrail_settings", {"debounce_text_length": True}, "got True"),
    ("output_guardrail_settings", 100, "got int"),
    ("output_guardrail_settings", {"hold_audio": 1}, "hold_audio.* got 1"),
    ("output_guardrail_settings", {"unchecked_audio": "keep"}, "got 'keep'"),
    ("output_guardrail_settings", {"max_held_s": 0}, "max_held_s.* got 0"),
    ("output_guardrail_settings", {"hold": True}, "'hold'.* has debounce_text_length"),
    ("input_guardrails", [OutputGuardrail("g", lambda *_: GuardrailResult(False))], "got Output"),
    ("input_guardrails", InputGuardrail("g", lambda *_: GuardrailResult(False)), "got Input"),
    ("prices", {"text_input": 1}, "got {'text_input': 1}"),
    ("usage_limit", 1000, "got 1000"),
    ("usage_limit", UsageLimit(cost=1), "prices must be a PriceTable"),
    ("guardrail_feedback", "words", "got 'words'"),
    ("tool_error_formatter", "words", "got 'words'"),
    ("automatically_trigger_response_for_mcp_tool_calls", "no", "got 'no'"),
    ("tool_execution", True, "got True"),
    ("tool_execution", {"pre_approval_input_guardrails": "yes"}, "input_guardrails.* got 'yes'"),
    ("tool_execution", {"pre_approval_input_guardrails": None}, "got None"),
    ("tool_execution", {"pre_approval_guardrails": True}, r"tool_execution\['pre_approval_guard"),
    ("async_tool_calls", 1, "got 1"),
    ("replay_outputs", None, "got None"),
    ("playback_tracker", 5, "got 5"),
    ("playback_tracker", "clock", "'wall' or None, got 'clock'"),
    ("reconnect", True, "got True"),
    ("history", "said", "got str"),
    ("history", None, "got NoneType"),
    ("history", [Item(item_id="a"), "said"], "got str"),
    ("history", [Item(item_id="a"), Item(item_id="a")], "got 'a' twice"),
    ("max_queued_events", 0, "got 0"),
    ("max_queued_events", True, "got True"),
]


def test_there_is_a_wrong_value_for_every_option_but_the_applications_own() -> None:
    assert {name for name, _, _ in WRONG} == GIVEN.keys() - {"context"}


@pytest.mark.parametrize(("name", "value", "shown"), WRONG)
def test_wrong_option_is_refused_by_name_and_value_when_the_session_is_made(
    name: str, value: Any, shown: str
) -> None:
    with pytest.raises(ConfigError, match=shown) as caught:
        RealtimeSession(None, **{name: value})
    assert name in str(caught.value)


@pytest.mark.parametrize(("name", "value", "shown"), WRONG)
async def test_option_that_was_made_wrong_later_is_refused_at_connect(
    name: str, value: Any, shown: str
) -> None:
    session = RealtimeSession(None, transport=ScriptedTransport())
    setattr(session.options, name, value)
    with pytest.raises(ConfigError, match=shown):
        await session.connect()
    assert session.connection_state == "disconnected"


@pytest.mark.parametrize("name", ["api_key", "config", "history", "url"])
def test_refusal_does_not_show_what_is_nobody_elses_business(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RealtimeSession(None, **{name: [b"sk-secret"]})
    assert "secret" not in str(caught.value)


def test_unknown_option_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'patience'"):
        RealtimeSession(None, patience=True)


def test_agent_must_be_an_agent() -> None:
    with pytest.raises(ConfigError, match="RealtimeAgent"):
        RealtimeSession("agent")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="name"):
        RealtimeAgent("")
    with pytest.raises(ConfigError, match="instructions"):
        RealtimeAgent("a", instructions=5)  # type: ignore[arg-type]


def test_representation_hides_the_key() -> None:
    assert "sk-1" not in repr(RealtimeSessionOptions(api_key="sk-1"))
