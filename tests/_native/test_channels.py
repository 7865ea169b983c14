"""Channels and float samples against numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio._native.channels import (
    split_channels,
    to_float32,
    to_float32_into,
    to_int16,
    to_int16_into,
    to_mono,
    to_mono_into,
    to_stereo,
    to_stereo_into,
)
from rtaudio.errors import AudioError

samples = st.lists(st.integers(-32768, 32767), max_size=100).map(
    lambda values: np.array(values, np.int16)
)
EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)


@given(st.integers(1, 8), st.data())
def test_mono_is_the_mean_with_halves_rounded_upwards(channels, data):
    rows = data.draw(
        st.lists(
            st.lists(st.integers(-32768, 32767), min_size=channels, max_size=channels), max_size=40
        )
    )
    frames = np.array(rows, np.int16).reshape(-1, channels)
    expected = [math.floor((2 * sum(row) + channels) / (2 * channels)) for row in rows]
    assert to_mono(frames, channels).tolist() == expected
    assert to_mono(frames.tobytes(), channels).tolist() == expected


def test_long_signals_are_mixed_down_without_the_interpreter():
    values = np.resize(EVERY_SAMPLE[::5], (1 << 20) + 2)
    assert to_mono(values, 2).tolist()[-2:] == to_mono(values[-4:], 2).tolist()


def test_wrong_numbers_of_channels_are_refused():
    with pytest.raises(AudioError, match="got 9 channels"):
        to_mono(b"", 9)
    with pytest.raises(AudioError, match="multiple of 6"):
        to_mono(b"1234", 3)


def test_arrays_of_two_dimensions_keep_them():
    frames = EVERY_SAMPLE[:12].reshape(6, 2)
    for shaped in (frames, frames.T.copy(), frames[:0], frames.reshape(1, 12)):
        assert to_float32(shaped).shape == shaped.shape
        assert to_int16(to_float32(shaped)).tolist() == shaped.tolist()
    out = np.zeros((6, 2), np.int16)
    assert to_int16_into(to_float32(frames), out) == 12
    assert out.tolist() == frames.tolist()


@given(samples)
def test_stereo_has_both_signals_in_turn(values):
    assert to_stereo(values).tolist() == np.repeat(values, 2).tolist()
    right = values[::-1].copy()
    assert to_stereo(values, right).tolist() == np.stack([values, right], 1).ravel().tolist()
    assert to_mono(to_stereo(values), 2).tolist() == values.tolist()


def test_results_are_written_into_buffers_and_nothing_more():
    left, right = np.array([1, -3, 5], np.int16), np.array([2, 4, -32768], np.int16)
    out = np.full(7, 99, np.int16)
    assert to_stereo_into(left, right, out) == 3
    assert out.tolist() == [1, 2, -3, 4, 5, -32768, 99]
    assert to_stereo_into(left, None, bytearray(12)) == 3
    assert to_mono_into(out[:6], 2, out) == 3  # over its own input
    assert out[:4].tolist() == [2, 1, -16381, 4]
    with pytest.raises(AudioError, match="room for 5 samples; this result has 6"):
        to_stereo_into(left, right, bytearray(10))
    with pytest.raises(AudioError, match="room for 1 samples; this result has 2"):
        to_mono_into(bytes(8), 2, bytearray(2))
    with pytest.raises(AudioError, match="read-only"):
        to_mono_into(bytes(8), 2, bytes(4))


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("length", [0, 1, 7, 8, 31, 32, 33, 65])
def test_channels_are_taken_apart(channels, length):
    frames = np.resize(EVERY_SAMPLE[::-771], (length, channels))
    odd = memoryview(b"?" + frames.tobytes())[1:]
    for pcm in (frames, odd):
        rows = split_channels(pcm, channels)
        assert rows.shape == (channels, length)
        assert rows.tolist() == frames.T.tolist()


@pytest.mark.parametrize("channels", [2, 3])
def test_long_signals_are_taken_apart_and_put_together_without_the_interpreter(channels):
    frames = np.resize(EVERY_SAMPLE[::7], ((1 << 20) + 3, channels))
    rows = split_channels(frames, channels)
    assert (rows == frames.T).all()
    assert (to_stereo(rows[0], rows[1]).reshape(-1, 2) == frames[:, :2]).all()
    assert (to_int16(to_float32(rows[0])) == rows[0]).all()


def test_stereo_of_two_lengths_is_refused():
    with pytest.raises(AudioError, match="got 1 samples for the left and 2 for the right"):
        to_stereo(b"12", b"1234")


def test_every_sample_survives_as_a_float():
    every = np.arange(-32768, 32768).astype(np.int16)
    floats = to_float32(every)
    assert floats.dtype == np.float32
    assert (floats == every / 32768).all()
    assert (to_int16(floats) == every).all()


@given(st.lists(st.floats(width=32), max_size=80))
def test_floats_are_rounded_and_saturated_and_nonsense_is_silence(values):
    floats = np.array(values, np.float32)
    with np.errstate(over="ignore"):
        scaled = np.nan_to_num(floats * np.float32(32768), nan=0.0)
    expected = np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)
    assert to_int16(floats).tolist() == expected.tolist()
    out = np.full(len(floats) + 1, 99, np.int16)
    assert to_int16_into(floats, out) == len(floats)
    assert out.tolist() == [*expected.tolist(), 99]


def test_floats_are_written_into_a_buffer_and_nothing_more():
    out = np.full(5, 9.0, np.float32)
    assert to_float32_into(b"\x00\x40\x00\xc0", out) == 2
    assert out.tolist() == [0.5, -0.5, 9.0, 9.0, 9.0]


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31, 32, 33, 65])
@pytest.mark.parametrize("offset", [1, 2, 3])
def test_floats_may_lie_at_any_address(length, offset):
    room = memoryview(bytearray(4 * length + offset))[offset:]
    floats = np.frombuffer(room, np.float32)
    values = np.resize(EVERY_SAMPLE[::-77], length)
    assert to_float32_into(values, floats) == length
    assert to_int16(floats).tolist() == values.tolist()


def test_wrong_floats_are_refused():
    with pytest.raises(AudioError, match="format 'd'; it must hold float32"):
        to_int16(np.zeros(3))
    with pytest.raises(AudioError, match="format 'B'; it must hold float32"):
        to_int16(bytes(8))
    with pytest.raises(AudioError, match="must be contiguous"):
        to_int16(np.zeros(6, np.float32)[::2])
    with pytest.raises(AudioError, match="got list"):
        to_int16([0.0])
    with pytest.raises(AudioError, match="room for 1 samples; this result has 2"):
        to_float32_into(b"1234", np.zeros(1, np.float32))
    with pytest.raises(AudioError, match="room for 1 samples; this result has 2"):
        to_int16_into(np.zeros(2, np.float32), bytearray(2))
    with pytest.raises(AudioError, match="read-only memoryview"):
        to_float32_into(b"12", memoryview(bytes(4)).cast("f"))
