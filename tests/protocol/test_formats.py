"""Audio formats between the protocol's objects and AudioFormat."""

from __future__ import annotations

from typing import Any

import pytest

from rtaudio.audio import AudioFormat
from rtaudio.errors import ConfigError
from rtaudio.protocol import format_from_wire, format_to_wire, normalise_session_config


@pytest.mark.parametrize(
    ("spellings", "wire"),
    [
        (("pcm16", "pcm", "audio/pcm"), {"type": "audio/pcm", "rate": 24000}),
        (("g711_ulaw", "pcmu", "audio/pcmu"), {"type": "audio/pcmu"}),
        (("g711_alaw", "pcma", "audio/pcma"), {"type": "audio/pcma"}),
    ],
)
def test_every_spelling_in_use_gives_the_wires_object(
    spellings: tuple[str, ...], wire: dict[str, Any]
) -> None:
    for spelling in spellings:
        config = normalise_session_config({"audio": {"output": {"format": spelling}}})
        assert config["audio"]["output"]["format"] == wire
        assert format_to_wire(format_from_wire(spelling)) == wire


def test_an_audio_format_may_stand_where_a_format_is_expected() -> None:
    config = normalise_session_config({"audio": {"input": {"format": AudioFormat("pcmu", 8000)}}})
    assert config == {"audio": {"input": {"format": {"type": "audio/pcmu"}}}}


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), None])
def test_pcm_without_a_usable_rate_has_24_khz(rate: float | None) -> None:
    assert format_from_wire({"type": "audio/pcm", "rate": rate}) == AudioFormat("pcm16", 24000)


@pytest.mark.parametrize(
    "wire",
    [
        {"type": "audio/opus"},
        {"type": ["audio/pcm"]},
        {},
        "flac",
        {"type": "audio/pcm", "rate": 0},
        {"type": "audio/pcm", "rate": 22050.5},
        {"type": "audio/pcm", "rate": True},
        {"type": "audio/pcm", "rate": "24000"},
    ],
)
def test_a_format_that_cannot_be_read_is_a_config_error(wire: Any) -> None:
    with pytest.raises(ConfigError):
        format_from_wire(wire)


@pytest.mark.parametrize(
    ("audio_format", "problem"),
    [
        (AudioFormat("opus", 48000), "opus"),
        (AudioFormat("pcm16", 24000, channels=2), "mono"),
        (AudioFormat("pcmu", 16000), "8000 Hz"),
    ],
)
def test_a_format_that_json_cannot_carry_is_refused(
    audio_format: AudioFormat, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        format_to_wire(audio_format)
