"""Session settings: one shape for every spelling, and merging."""

from __future__ import annotations

import copy

import pytest

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


def test_an_unknown_format_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="mp3"):
        normalise_session_config({"input_audio_format": "mp3"})


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
