"""Levels and downmix against the same sums in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio._native.levels import SILENCE_DBFS, frame_rms, peak_dbfs, rms_dbfs, to_mono
from rtaudio.errors import AudioError

samples = st.lists(st.integers(-32768, 32767), max_size=100).map(
    lambda values: np.array(values, np.int16)
)


def rms_oracle(values: np.ndarray) -> float:
    mean_square = np.mean(values.astype(np.float64) ** 2) if len(values) else 0.0
    if mean_square == 0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 20 * math.log10(math.sqrt(mean_square) / 32768))


@given(samples)
def test_rms_is_that_of_float64(values):
    assert rms_dbfs(values) == pytest.approx(rms_oracle(values), abs=1e-9)


@given(samples)
def test_peak_is_the_largest_magnitude(values):
    peak = int(np.abs(values.astype(np.int32)).max(initial=0))
    expected = 20 * math.log10(peak / 32768) if peak else SILENCE_DBFS
    assert peak_dbfs(values) == pytest.approx(expected, abs=1e-9)


@given(samples, st.integers(1, 30))
def test_frames_are_measured_hop_by_hop_with_the_rest_as_its_own(values, hop):
    levels = frame_rms(values, hop)
    assert levels.dtype == np.float32
    blocks = [values[start : start + hop] for start in range(0, len(values), hop)]
    assert levels.tolist() == pytest.approx([rms_oracle(block) for block in blocks], abs=1e-4)


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


def test_full_scale_is_0_dbfs_and_a_sine_3_below():
    assert rms_dbfs(np.full(100_000, -32768, np.int16)) == 0.0
    assert peak_dbfs(np.array([5, -32768], np.int16)) == 0.0
    sine = np.rint(32767 * np.sin(2 * np.pi * np.arange(24_000) / 24)).astype(np.int16)
    assert rms_dbfs(sine) == pytest.approx(-3.01, abs=0.01)


def test_silence_and_nothing_have_a_finite_level():
    silence = np.zeros(960, np.int16)
    assert rms_dbfs(silence) == rms_dbfs(b"") == peak_dbfs(silence) == peak_dbfs(b"") == -120.0
    assert frame_rms(silence, 480).tolist() == [-120.0, -120.0]
    assert frame_rms(b"", 480).tolist() == []


def test_sizes_that_release_the_interpreter_give_the_same():
    values = np.resize(np.arange(-32768, 32768, 5).astype(np.int16), (1 << 20) + 2)
    assert rms_dbfs(values) == pytest.approx(rms_oracle(values), abs=1e-9)
    assert peak_dbfs(values) == 0.0
    assert len(frame_rms(values, 1000)) == 1049
    assert to_mono(values, 2).tolist()[-2:] == to_mono(values[-4:], 2).tolist()


def test_wrong_arguments_are_refused():
    with pytest.raises(AudioError, match="hop of 0"):
        frame_rms(b"", 0)
    with pytest.raises(AudioError, match="got 9 channels"):
        to_mono(b"", 9)
    with pytest.raises(AudioError, match="multiple of 6"):
        to_mono(b"1234", 3)
    with pytest.raises(AudioError, match="format 'f'"):
        rms_dbfs(np.zeros(3, np.float32))
    with pytest.raises(AudioError, match="got list"):
        peak_dbfs([1, 2])
