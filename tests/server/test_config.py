"""Session settings: defaults, what may change, and how refusals are worded."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rtaudio.protocol import InvalidEvent
from rtaudio.server.config import SessionConfig
from rtaudio.server.listening.turns import VadSettings


def listening(**fields: Any) -> dict[str, Any]:
    return {"type": "transcription", "audio": {"input": fields}}


def updated(changes: dict[str, Any], kind: Any = "transcription") -> dict[str, Any]:
    config = SessionConfig(kind)
    config.update(changes, may_change_type=False)
    return config.settings["audio"]["input"]


def test_a_transcription_session_begins_with_the_protocols_defaults() -> None:
    config = SessionConfig("transcription")
    assert config.kind == "transcription"
    assert config.settings["object"] == "realtime.transcription_session"
    assert config.vad == VadSettings(threshold=0.5, prefix_padding_ms=300, silence_duration_ms=200)
    assert config.transcription is None
    assert "output" not in config.settings["audio"]


def test_a_conversation_begins_with_its_own() -> None:
    config = SessionConfig("realtime", "some-model")
    assert config.settings["model"] == "some-model"
    assert config.settings["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}
    assert config.vad == VadSettings(silence_duration_ms=500)


def test_an_update_merges_into_what_is_there() -> None:
    config = SessionConfig("transcription")
    config.update(listening(transcription={"model": "m", "prompt": "p"}), may_change_type=False)
    config.update(listening(transcription={"language": "en"}), may_change_type=False)
    assert config.transcription == {"model": "m", "prompt": "p", "language": "en"}


def test_turn_detection_is_switched_off_and_on_again_with_defaults() -> None:
    config = SessionConfig("transcription")
    config.update(listening(turn_detection=None), may_change_type=False)
    assert config.vad is None
    config.update(listening(turn_detection={"type": "server_vad"}), may_change_type=False)
    assert config.vad == VadSettings(silence_duration_ms=200)


def test_settings_that_have_no_effect_here_are_not_shown_as_if_they_had() -> None:
    config = SessionConfig("realtime")
    changes = {
        "audio": {"input": {"noise_reduction": {"type": "near_field"}}},
        "include": ["item.input_audio_transcription.logprobs"],
        "tracing": {"workflow_name": "w"},
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
    }
    config.update({"type": "realtime", **changes}, may_change_type=False)
    shown = config.settings
    assert shown["audio"]["input"]["noise_reduction"] is None
    assert (shown["include"], shown["tracing"], shown["truncation"]) == (None, None, "auto")


@pytest.mark.parametrize(
    ("eagerness", "silence_ms"),
    [({}, 600), ({"eagerness": "low"}, 1000), ({"eagerness": "high"}, 300)],
)
def test_semantic_turn_detection_is_shown_as_asked_for_and_is_silence(
    eagerness: dict[str, str], silence_ms: int
) -> None:
    config = SessionConfig("realtime")
    config.update(
        {
            "type": "realtime",
            "audio": {
                "input": {
                    "turn_detection": {
                        "type": "semantic_vad",
                        "create_response": False,
                        **eagerness,
                    }
                }
            },
        },
        may_change_type=False,
    )
    assert config.settings["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": False,
        "interrupt_response": True,
        **eagerness,
    }
    assert config.vad == VadSettings(silence_duration_ms=silence_ms)
    assert config.idle_timeout_ms is None
    assert not config.creates_responses


def test_a_transcription_session_shows_of_turn_detection_only_what_it_has() -> None:
    vad = {"type": "server_vad", "idle_timeout_ms": 6000, "create_response": True}
    assert updated(listening(turn_detection=vad))["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
    }


@pytest.mark.parametrize(
    ("speaks", "asked", "shown"),
    [
        (True, ["audio"], ["audio"]),
        (True, ["text"], ["text"]),
        (False, ["audio"], ["text"]),
        (False, ["text"], ["text"]),
    ],
)
def test_output_is_text_where_there_is_no_voice(
    speaks: bool, asked: list[str], shown: list[str]
) -> None:
    config = SessionConfig("realtime", speaks=speaks)
    assert config.settings["output_modalities"] == (["audio"] if speaks else ["text"])
    changes = {"output_modalities": asked, "audio": {"output": {"speed": 1.5}}}
    config.update({"type": "realtime", **changes}, may_change_type=False)
    assert config.settings["output_modalities"] == shown
    assert config.settings["audio"]["output"]["speed"] == (1.5 if speaks else 1.0)


def test_a_format_without_a_rate_has_24_khz() -> None:
    assert updated(listening(format={"type": "audio/pcm"}))["format"]["rate"] == 24000


def test_a_new_session_may_become_the_other_kind_and_keeps_its_id() -> None:
    config = SessionConfig("realtime")
    before = config.settings["id"]
    config.update(listening(turn_detection=None), may_change_type=True)
    assert (config.kind, config.settings["id"]) == ("transcription", before)


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({}, "missing_required_parameter", "session.type"),
        ({"type": "other"}, "invalid_value", "session.type"),
        ({"type": "realtime"}, "invalid_value", "session.type"),
        ({"type": "transcription", "voice": "x"}, "unknown_parameter", "session.voice"),
        ({"type": "transcription", "audio": None}, "invalid_type", "session.audio"),
        (
            {"type": "transcription", "audio": {"input": None}},
            "invalid_type",
            "session.audio.input",
        ),
        (
            {"type": "transcription", "audio": {"output": {}}},
            "unknown_parameter",
            "session.audio.output",
        ),
        (
            listening(format={"type": "audio/opus"}),
            "invalid_value",
            "session.audio.input.format.type",
        ),
        (
            listening(format={"type": "audio/pcm", "rate": 100}),
            "integer_below_min_value",
            "session.audio.input.format.rate",
        ),
        (
            listening(format={"type": "audio/pcm", "rate": "fast"}),
            "invalid_type",
            "session.audio.input.format.rate",
        ),
        (
            listening(turn_detection={"threshold": 0.5}),
            "missing_required_parameter",
            "session.audio.input.turn_detection.type",
        ),
        (
            listening(turn_detection={"type": "server_vad", "silence_duration_ms": -1}),
            "integer_below_min_value",
            "session.audio.input.turn_detection.silence_duration_ms",
        ),
        (
            listening(transcription={"prompt": "x" * 5000}),
            "string_above_max_length",
            "session.audio.input.transcription.prompt",
        ),
    ],
)
def test_a_refusal_names_code_and_param_and_changes_nothing(
    changes: dict[str, Any], code: str, param: str
) -> None:
    config = SessionConfig("transcription")
    before = copy.deepcopy(config.settings)
    with pytest.raises(InvalidEvent) as refused:
        config.update(changes, may_change_type=False)
    assert (refused.value.code, refused.value.param) == (code, param)
    assert config.settings == before


def test_every_setting_of_a_conversation_is_accepted() -> None:
    config = SessionConfig("realtime")
    settings = {
        "instructions": "Be brief.",
        "output_modalities": ["text"],
        "max_output_tokens": 10,
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low"},
        "prompt": None,
    }
    listened = {
        "format": {"type": "audio/pcma"},
        "transcription": {
            "model": "m",
            "language": "en",
            "prompt": "ducks",
            "languages": ["en"],
            "keywords": ["duck"],
            "delay": "low",
        },
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.6,
            "prefix_padding_ms": 100,
            "silence_duration_ms": 400,
            "create_response": False,
            "interrupt_response": False,
            "idle_timeout_ms": 5000,
        },
    }
    spoken = {"format": {"type": "audio/pcmu"}, "voice": {"id": "voice_1"}}
    audio = {"input": {**listened, "noise_reduction": None}, "output": {**spoken, "speed": 1.0}}
    changes = {"type": "realtime", "model": "ignored", "audio": audio, **settings}
    config.update(changes, may_change_type=False)
    assert config.settings["audio"] == audio
    assert {name: config.settings[name] for name in settings} == settings
    assert config.settings["model"] != "ignored"


def conversing(side: str, **fields: Any) -> dict[str, Any]:
    return {"audio": {side: fields}}


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"voice": "cedar"}, "unknown_parameter", "voice"),
        ({"model": 5}, "invalid_type", "model"),
        ({"instructions": None}, "invalid_type", "instructions"),
        ({"output_modalities": ["smell"]}, "invalid_value", "output_modalities[0]"),
        (
            {"output_modalities": ["audio", "text"]},
            "array_above_max_length",
            "output_modalities",
        ),
        ({"output_modalities": []}, "array_below_min_length", "output_modalities"),
        ({"max_output_tokens": 4097}, "integer_above_max_value", "max_output_tokens"),
        ({"max_output_tokens": "many"}, "invalid_value", "max_output_tokens"),
        ({"include": ["everything"]}, "invalid_value", "include[0]"),
        ({"tracing": "on"}, "invalid_value", "tracing"),
        ({"truncation": "never"}, "invalid_value", "truncation"),
        (
            {"truncation": {"type": "retention_ratio", "retention_ratio": 2}},
            "decimal_above_max_value",
            "truncation.retention_ratio",
        ),
        ({"reasoning": {"effort": "huge"}}, "invalid_value", "reasoning.effort"),
        ({"parallel_tool_calls": "yes"}, "invalid_type", "parallel_tool_calls"),
        ({"prompt": {"version": "1"}}, "missing_required_parameter", "prompt.id"),
        ({"prompt": {"id": "pmpt_1"}}, "invalid_value", "prompt"),
        ({"tools": {}}, "invalid_type", "tools"),
        (
            {"tools": [{"type": "function", "name": "a"}] * 5 + [{"type": "function"}]},
            "missing_required_parameter",
            "tools[5].name",
        ),
        (
            {"tools": [{"type": "function", "name": "a", "strict": True}]},
            "unknown_parameter",
            "tools[0].strict",
        ),
        ({"tools": [{"name": "a"}]}, "missing_required_parameter", "tools[0].type"),
        ({"tools": [{"type": "web_search"}]}, "invalid_value", "tools[0].type"),
        (
            {"tools": [{"type": "mcp", "server_label": "s", "server_url": "https://s"}]},
            "invalid_value",
            "tools[0].type",
        ),
        ({"tool_choice": "maybe"}, "invalid_value", "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "missing_required_parameter", "tool_choice.name"),
        (
            {"tool_choice": {"type": "mcp", "server_label": "s"}},
            "invalid_value",
            "tool_choice.type",
        ),
        (conversing("output", speed=2), "decimal_above_max_value", "audio.output.speed"),
        (conversing("output", speed=0.1), "decimal_below_min_value", "audio.output.speed"),
        (conversing("output", voice={}), "missing_required_parameter", "audio.output.voice.id"),
        (conversing("output", format="pcm16"), "invalid_type", "audio.output.format"),
        (conversing("sideways"), "unknown_parameter", "audio.sideways"),
        (
            conversing("input", noise_reduction={"type": "room"}),
            "invalid_value",
            "audio.input.noise_reduction.type",
        ),
        (
            conversing("input", transcription={"languages": []}),
            "array_below_min_length",
            "audio.input.transcription.languages",
        ),
        (
            conversing("input", transcription={"delay": "forever"}),
            "invalid_value",
            "audio.input.transcription.delay",
        ),
        (
            conversing("input", turn_detection={"type": "server_vad", "idle_timeout_ms": 4999}),
            "integer_below_min_value",
            "audio.input.turn_detection.idle_timeout_ms",
        ),
        (
            conversing("input", turn_detection={"type": "server_vad", "eagerness": "low"}),
            "unknown_parameter",
            "audio.input.turn_detection.eagerness",
        ),
        (
            conversing("input", turn_detection={"type": "semantic_vad", "eagerness": "keen"}),
            "invalid_value",
            "audio.input.turn_detection.eagerness",
        ),
        (
            conversing("input", turn_detection={"type": "psychic_vad"}),
            "invalid_value",
            "audio.input.turn_detection.type",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_field_of_a_conversation_is_checked(
    changes: dict[str, Any], code: str, param: str
) -> None:
    config = SessionConfig("realtime")
    before = copy.deepcopy(config.settings)
    given = copy.deepcopy(changes)
    with pytest.raises(InvalidEvent) as refused:
        config.update({"type": "realtime", **changes}, may_change_type=False)
    assert (refused.value.code, refused.value.param) == (code, f"session.{param}")
    assert config.settings == before
    assert changes == given  # looking for the entry that is wrong leaves the list as it was


def test_the_voice_stays_once_it_has_been_heard() -> None:
    config = SessionConfig("realtime", speaks=True)
    cedar = {"type": "realtime", **conversing("output", voice="cedar")}
    config.update(cedar, may_change_type=False)
    config.fix_voice()
    config.update(cedar, may_change_type=False)
    with pytest.raises(InvalidEvent) as refused:
        config.update(
            {"type": "realtime", **conversing("output", voice="ash")}, may_change_type=False
        )
    assert refused.value.code == "cannot_update_voice"
    assert refused.value.param == "session.audio.output.voice"


def test_the_end_of_a_session_is_shown_whatever_kind_it_becomes() -> None:
    config = SessionConfig("realtime")
    assert "expires_at" not in config.settings
    config.expire_in(60)
    shown = config.settings["expires_at"]
    config.update(listening(turn_detection=None), may_change_type=True)
    assert config.settings["expires_at"] == shown
