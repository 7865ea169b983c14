"""Streams brought from one format to another."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.audio import AudioConverter, AudioFormat, ulaw_decode
from rtaudio.errors import AudioError

FORMATS = [
    AudioFormat("pcm16", 24000),
    AudioFormat("pcm16", 16000, channels=2),
    AudioFormat("pcmu", 8000),
    AudioFormat("pcma", 8000),
]


@given(
    source=st.sampled_from(FORMATS),
    target=st.sampled_from(FORMATS),
    data=st.binary(max_size=3000),
    cuts=st.lists(st.integers(0, 3000), max_size=6),
)
def test_output_does_not_depend_on_how_the_input_is_cut(
    source: AudioFormat, target: AudioFormat, data: bytes, cuts: list[int]
) -> None:
    whole = AudioConverter(source, target)
    expected = whole.process(data) + whole.flush()
    bounds = [0, *sorted(cuts), len(data)]
    pieces = AudioConverter(source, target)
    got = b"".join(pieces.process(data[a:b]) for a, b in itertools.pairwise(bounds))
    assert got + pieces.flush() == expected


def test_twenty_milliseconds_in_give_twenty_milliseconds_out() -> None:
    convert = AudioConverter(AudioFormat("pcmu", 8000), AudioFormat("pcm16", 24000))
    assert [len(convert.process(bytes(160))) for _ in range(5)] == [960] * 5


def test_a_flushed_stream_has_its_whole_length_and_leaves_the_converter_as_new() -> None:
    source, target = AudioFormat("pcm16", 44100), AudioFormat("pcma", 8000)
    convert = AudioConverter(source, target)
    sound = np.random.default_rng(5).integers(-9000, 9000, 44100, np.int16)
    first = convert.process(sound) + convert.process(b"\x01") + convert.flush()  # half a sample
    assert len(first) == math.ceil((1 + convert.delay) * 8000)  # it begins with the delay
    assert convert.process(sound) + convert.flush() == first


def test_stereo_becomes_the_average_and_mono_becomes_copies() -> None:
    stereo = np.array([[100, 300], [-50, -150]], np.int16)
    down = AudioConverter(AudioFormat("pcm16", 8000, channels=2), AudioFormat("pcm16", 8000))
    up = AudioConverter(AudioFormat("pcm16", 8000), AudioFormat("pcm16", 8000, channels=2))
    mono = down.process(stereo)
    assert np.frombuffer(mono, np.int16).tolist() == [200, -100]
    assert np.frombuffer(up.process(mono), np.int16).tolist() == [200, 200, -100, -100]


def test_encodings_change_without_loss_of_the_code() -> None:
    codes = bytes(range(256))
    convert = AudioConverter(AudioFormat("pcmu", 8000), AudioFormat("pcm16", 8000))
    assert convert.process(codes) == ulaw_decode(codes).tobytes()


def test_opus_and_unequal_channels_are_refused() -> None:
    with pytest.raises(AudioError, match="OpusEncoder"):
        AudioConverter(AudioFormat("opus", 48000), AudioFormat("pcm16", 48000))
    with pytest.raises(AudioError, match="3 channels"):
        AudioConverter(
            AudioFormat("pcm16", 8000, channels=3), AudioFormat("pcm16", 8000, channels=2)
        )


def test_floats_are_refused() -> None:
    convert = AudioConverter(AudioFormat("pcm16", 8000), AudioFormat("pcm16", 16000))
    with pytest.raises(AudioError, match="format 'f'"):
        convert.process(np.zeros(4, np.float32))
