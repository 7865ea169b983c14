"""What formats allow and what they count."""

from __future__ import annotations

from typing import Any

import pytest

from rtaudio.audio import AudioFormat
from rtaudio.errors import AudioError


@pytest.mark.parametrize(
    ("audio_format", "per_sample", "per_second"),
    [
        (AudioFormat("pcm16", 24000), 2, 48000),
        (AudioFormat("pcm16", 16000, channels=2), 2, 64000),
        (AudioFormat("pcmu", 8000), 1, 8000),
        (AudioFormat("pcma", 8000, channels=2), 1, 16000),
    ],
)
def test_bytes_are_counted(audio_format: AudioFormat, per_sample: int, per_second: int) -> None:
    assert audio_format.bytes_per_sample == per_sample
    assert audio_format.bytes_per_second == per_second


def test_opus_has_no_fixed_number_of_bytes() -> None:
    opus = AudioFormat("opus", 48000, channels=2)
    with pytest.raises(AudioError, match="no fixed number"):
        _ = opus.bytes_per_sample
    with pytest.raises(AudioError, match="no fixed number"):
        _ = opus.bytes_per_second


def test_equal_formats_are_one_key() -> None:
    assert {AudioFormat("pcm16", 8000): 1}[AudioFormat("pcm16", 8000, 1)] == 1
    assert AudioFormat("pcm16", 8000) != AudioFormat("pcmu", 8000)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("mp3", 8000), "'mp3'"),
        (("pcm16", 3999), "3999"),
        (("pcm16", 192001), "192001"),
        (("pcm16", 8000.0), r"8000\.0"),
        (("pcm16", True), "True"),
        (("pcm16", 8000, 0), "0 channels"),
        (("pcm16", 8000, 9), "9 channels"),
        (("opus", 44100), "44100"),
        (("opus", 48000, 3), "3 channels"),
    ],
)
def test_values_outside_their_range_are_named(arguments: tuple[Any, ...], named: str) -> None:
    with pytest.raises(AudioError, match=named):
        AudioFormat(*arguments)
