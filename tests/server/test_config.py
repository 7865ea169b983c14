"""Session settings: defaults, what may change, and how refusals are worded."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rtaudio.protocol import InvalidEvent
from rtaudio.server.config import SessionConfig
from rtaudio.server.turns import VadSettings


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
    shown = updated(
        listening(
            noise_reduction={"type": "near_field"},
            turn_detection={"type": "semantic_vad", "eagerness": "high"},
        )
    )
    assert shown["noise_reduction"] is None
    assert shown["turn_detection"]["type"] == "server_vad"
    assert shown["turn_detection"]["silence_duration_ms"] == 300


@pytest.mark.parametrize(
    ("speaks", "asked", "shown"),
    [
        (True, ["audio"], ["audio"]),
        (True, ["text"], ["text"]),
        (True, [], ["audio"]),
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
    assert config.settings["audio"]["output"]["speed"] == 1.0


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
        "prompt": {"id": "p"},
        "tracing": "auto",
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
    }
    config.update({"type": "realtime", "model": "ignored", **settings}, may_change_type=False)
    assert {name: config.settings[name] for name in settings} == settings
    assert config.settings["model"] != "ignored"
