"""Session settings: one shape for every spelling, and merging."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.audio import AudioFormat
from rtaudio.errors import ConfigError
from rtaudio.protocol import (
    format_from_wire,
    format_to_wire,
    merge_session_config,
    normalise_session_config,
    wire_format,
)


def test_camel_snake_and_beta_keys_come_to_the_same() -> None:
    wanted = {
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "turn_detection": {"type": "server_vad", "silence_duration_ms": 200},
            }
        }
    }
    camel = {"type": "server_vad", "silenceDurationMs": 200}
    assert normalise_session_config(wanted) == wanted
    assert (
        normalise_session_config({"audio": {"input": {"format": "pcm16", "turnDetection": camel}}})
        == wanted
    )
    assert normalise_session_config({"inputAudioFormat": "pcm16", "turnDetection": camel}) == wanted


def test_snake_case_wins_over_camel_case() -> None:
    assert normalise_session_config({"toolChoice": "none", "tool_choice": "auto"}) == {
        "tool_choice": "auto"
    }


@pytest.mark.parametrize("side", ["input", "output"])
def test_an_unknown_format_is_refused_by_place_and_name(side: str) -> None:
    for config in ({f"{side}_audio_format": "mp3"}, {"audio": {side: {"format": "mp3"}}}):
        with pytest.raises(ConfigError, match=rf"audio\.{side}\.format.*'mp3'.*g711_ulaw"):
            normalise_session_config(config)


@pytest.mark.parametrize("rate", [float("inf"), float("-inf"), float("nan")])
def test_a_rate_that_is_no_number_becomes_the_usual_one_of_pcm_only(rate: float) -> None:
    sides = ("input", "output")
    pcm = {"type": "audio/pcm", "rate": rate}
    config = normalise_session_config({"audio": {side: {"format": pcm} for side in sides}})
    for side in sides:
        assert config["audio"][side]["format"] == {"type": "audio/pcm", "rate": 24000}
    future = {"type": "audio/future", "rate": rate}
    config = normalise_session_config({"audio": {side: {"format": future} for side in sides}})
    for side in sides:
        assert config["audio"][side]["format"]["rate"] is rate


def test_merging_is_deep_and_leaves_its_arguments_alone() -> None:
    base = {"a": {"b": {"c": 1, "d": 2}}, "l": [1, 2]}
    update = {"a": {"b": {"c": 3}}, "l": [9], "n": None}
    kept = copy.deepcopy((base, update))
    assert merge_session_config(base, update) == {
        "a": {"b": {"c": 3, "d": 2}},
        "l": [9],
        "n": None,
    }
    assert (base, update) == kept


def test_a_block_whose_type_changes_is_replaced_whole() -> None:
    base = {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}}}
    update = {"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}
    assert merge_session_config(base, update) == update


@pytest.mark.parametrize(
    "audio_format",
    [AudioFormat("pcm16", 24000), AudioFormat("pcm16", 16000)]
    + [AudioFormat(name, 8000) for name in ("pcmu", "pcma")],
)
def test_formats_survive_the_wire(audio_format: AudioFormat) -> None:
    assert format_from_wire(format_to_wire(audio_format)) == audio_format
    config = {"audio": {"input": {"format": format_to_wire(audio_format)}}}
    assert wire_format(config, "input") == audio_format


def test_the_wires_format_is_24_khz_pcm_where_nothing_is_said() -> None:
    assert wire_format({}, "output") == AudioFormat("pcm16", 24000)


@pytest.mark.parametrize(
    ("beta", "today"),
    [
        ({"modalities": ["text"]}, {"output_modalities": ["text"]}),
        ({"model_name": "m"}, {"model": "m"}),
        ({"modelName": "m"}, {"model": "m"}),
        ({"max_response_output_tokens": 9}, {"max_output_tokens": 9}),
        ({"maxResponseOutputTokens": "inf"}, {"max_output_tokens": "inf"}),
        (
            {"input_audio_format": "g711_ulaw"},
            {"audio": {"input": {"format": {"type": "audio/pcmu"}}}},
        ),
        (
            {"inputAudioFormat": "pcm16"},
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}},
        ),
        (
            {"outputAudioFormat": "pcm16"},
            {"audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}}}},
        ),
        (
            {"inputAudioTranscription": {"model": "m"}},
            {"audio": {"input": {"transcription": {"model": "m"}}}},
        ),
        (
            {"input_audio_noise_reduction": None},
            {"audio": {"input": {"noise_reduction": None}}},
        ),
        (
            {"turnDetection": {"type": "server_vad"}},
            {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}},
        ),
        ({"voice": "ash"}, {"audio": {"output": {"voice": "ash"}}}),
        ({"speed": 1.2}, {"audio": {"output": {"speed": 1.2}}}),
        (
            {"output_audio_format": "g711_alaw"},
            {"audio": {"output": {"format": {"type": "audio/pcma"}}}},
        ),
        (
            {"input_audio_transcription": None},
            {"audio": {"input": {"transcription": None}}},
        ),
        (
            {"inputAudioNoiseReduction": {"type": "near_field"}},
            {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}},
        ),
        ({"turn_detection": None}, {"audio": {"input": {"turn_detection": None}}}),
    ],
)
def test_beta_keys_move_to_todays_place(beta: dict[str, Any], today: dict[str, Any]) -> None:
    assert normalise_session_config(beta) == today


def test_each_setting_is_decided_by_itself_and_todays_place_wins(
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = {
        "voice": "ash",
        "turn_detection": None,
        "audio": {"output": {"voice": "marin"}, "input": {"transcription": {"model": "m"}}},
    }
    assert normalise_session_config(config) == {
        "audio": {
            "output": {"voice": "marin"},
            "input": {"transcription": {"model": "m"}, "turn_detection": None},
        }
    }
    assert len(caplog.records) == 1
    assert "voice" in caplog.text
    assert "ash" not in caplog.text


def test_what_says_nothing_is_not_sent() -> None:
    nothing = {"audio": {"input": None, "output": {"format": None}}}
    assert normalise_session_config(nothing) == {}
    assert normalise_session_config({"audio": {"input": {"turn_detection": {}}}}) == {}


@pytest.mark.parametrize(
    ("camel", "snake"),
    [
        ("createResponse", "create_response"),
        ("interruptResponse", "interrupt_response"),
        ("prefixPaddingMs", "prefix_padding_ms"),
        ("silenceDurationMs", "silence_duration_ms"),
        ("idleTimeoutMs", "idle_timeout_ms"),
        ("modelVersion", "model_version"),
    ],
)
@pytest.mark.parametrize("value", [0, False, 300])
def test_camel_keys_of_turn_detection_arrive_in_snake_case(
    camel: str, snake: str, value: Any
) -> None:
    def read(**detection: Any) -> dict[str, Any]:
        config = normalise_session_config({"audio": {"input": {"turn_detection": detection}}})
        return dict(config["audio"]["input"]["turn_detection"])

    assert read(**{camel: value}) == {snake: value}
    assert read(**{camel: value, snake: "wins"}) == {snake: "wins"}


@pytest.mark.parametrize(
    ("camel", "snake"),
    [
        ("outputModalities", "output_modalities"),
        ("toolChoice", "tool_choice"),
        ("parallelToolCalls", "parallel_tool_calls"),
        ("maxOutputTokens", "max_output_tokens"),
    ],
)
def test_camel_keys_at_the_top_arrive_in_snake_case(camel: str, snake: str) -> None:
    assert normalise_session_config({camel: ["x"]}) == {snake: ["x"]}


def test_settings_of_the_transcription_pass_unchanged() -> None:
    transcription = {
        "model": "m",
        "language": "de",
        "languages": ["de", "en"],
        "prompt": "names of rivers",
        "keywords": ["Spree"],
        "delay": "low",
    }
    config = {"audio": {"input": {"transcription": transcription}}}
    assert normalise_session_config(config) == config


def test_unknown_keys_and_falsy_values_pass_through() -> None:
    detection = {"type": "server_vad", "threshold": 0, "interruptResponse": False, "novelty": 1}
    config = {"parallelToolCalls": False, "temperature": 0.8, "turnDetection": detection}
    assert normalise_session_config(config) == {
        "parallel_tool_calls": False,
        "temperature": 0.8,
        "audio": {
            "input": {
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0,
                    "interrupt_response": False,
                    "novelty": 1,
                }
            }
        },
    }


def test_provider_data_wins_over_all_but_prompt_and_tools() -> None:
    config = {
        "tool_choice": "auto",
        "tools": [],
        "prompt": {"promptId": "p", "version": "2"},
        "providerData": {"tool_choice": "none", "tools": [1], "prompt": None, "extra": 1},
    }
    assert normalise_session_config(config) == {
        "tool_choice": "none",
        "tools": [],
        "prompt": {"id": "p", "version": "2"},
        "extra": 1,
    }


def test_provider_data_leaves_alone_what_it_does_not_name() -> None:
    config = {"voice": "ash", "provider_data": {"audio": {"output": {"speed": 2}}}}
    assert normalise_session_config(config) == {"audio": {"output": {"voice": "ash", "speed": 2}}}


@pytest.mark.parametrize("config", [{"audio": "loud"}, {"audio": {"input": [1]}}, ["audio"]])
def test_a_block_that_is_no_mapping_is_a_config_error(config: Any) -> None:
    with pytest.raises(ConfigError, match="mapping"):
        normalise_session_config(config)


def test_the_result_shares_nothing_with_what_was_given() -> None:
    tools = [{"type": "function", "parameters": {"type": "object"}}]
    config = normalise_session_config({"tools": tools})
    config["tools"][0]["parameters"]["type"] = "array"
    assert tools[0]["parameters"] == {"type": "object"}


LEAVES = st.none() | st.booleans() | st.integers() | st.lists(st.integers(), max_size=2)
CONFIGS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), LEAVES, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), LEAVES | inner, max_size=3),
    max_leaves=8,
)


@given(base=CONFIGS, update=CONFIGS)
def test_merging_twice_changes_no_more_than_merging_once(
    base: dict[str, Any], update: dict[str, Any]
) -> None:
    once = merge_session_config(base, update)
    assert merge_session_config(once, update) == once
    assert merge_session_config({}, update) == update
    assert merge_session_config(base, {}) == base
