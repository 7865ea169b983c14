from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from rtaudio import (
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("transport", "carrier pigeon"),
        ("transport", None),
        ("config", [1]),
        ("config", {"audio": {"input": {"format": "mp3"}}}),
        ("api_key", 7),
        ("model", 7),
        ("history", "said"),
        ("history", None),
        ("history", [{"item_id": "i"}]),
        ("history", (Item(item_id="i"), Item(item_id="i"))),
        ("url", b"ws://h"),
        ("workflow_name", 7),
        ("group_id", 7),
        ("trace_metadata", "x"),
        ("tracing_disabled", "yes"),
        ("input_audio", "pcm16"),
        ("output_audio", AudioFormat("opus", 48000)),
        ("output_guardrails", ["none"]),
        ("output_guardrail_settings", {"debounce_text_length": 0}),
        ("output_guardrail_settings", {"debounce_text_length": 1.5}),
        ("output_guardrail_settings", {"debounce_text_length": True}),
        ("output_guardrail_settings", 100),
        ("output_guardrail_settings", {"hold_audio": 1}),
        ("output_guardrail_settings", {"unchecked_audio": "keep"}),
        ("output_guardrail_settings", {"max_held_s": 0}),
        ("output_guardrail_settings", {"hold": True}),
        ("input_guardrails", [OutputGuardrail("g", lambda *_: GuardrailResult(False))]),
        ("input_guardrails", InputGuardrail("g", lambda *_: GuardrailResult(False))),
        ("guardrail_feedback", "words"),
        ("tool_error_formatter", "words"),
        ("automatically_trigger_response_for_mcp_tool_calls", "no"),
        ("playback_tracker", 5),
        ("reconnect", True),
        ("prices", {"text_input": 1}),
        ("usage_limit", 1000),
        ("usage_limit", UsageLimit(cost=1)),
        ("max_queued_events", 0),
        ("max_queued_events", True),
    ],
)
def test_wrong_option_is_a_config_error_when_the_session_is_made(name: str, value: Any) -> None:
    with pytest.raises(ConfigError):
        RealtimeSession(None, **{name: value})


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
