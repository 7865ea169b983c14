"""Levels, gain and mixing against the same sums in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio._native.levels import (
    MAX_GAIN_DB,
    MAX_MIXED,
    SILENCE_DBFS,
    active_frames,
    apply_gain,
    apply_gain_into,
    energy_vad,
    frame_rms,
    mix,
    mix_into,
    peak_dbfs,
    rms_dbfs,
)
from rtaudio.errors import AudioError

samples = st.lists(st.integers(-32768, 32767), max_size=100).map(
    lambda values: np.array(values, np.int16)
)
EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)


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


def test_wrong_arguments_are_refused():
    with pytest.raises(AudioError, match="hop of 0"):
        frame_rms(b"", 0)
    with pytest.raises(AudioError, match="format 'f'"):
        rms_dbfs(np.zeros(3, np.float32))
    with pytest.raises(AudioError, match="got list"):
        peak_dbfs([1, 2])


# --- voice activity -------------------------------------------------------------------------------


@given(
    st.lists(st.floats(-130, 0, width=32) | st.just(-math.inf), max_size=60),
    st.floats(-100, 0),
    st.integers(0, 70),
)
def test_frames_near_a_loud_one_are_active(values, threshold, reach):
    levels = np.array(values, np.float32)
    loud = [float(level) > threshold for level in levels]
    expected = [any(loud[max(0, i - reach) : i + reach + 1]) for i in range(len(loud))]
    active = active_frames(levels, threshold, reach)
    assert active.dtype == np.bool_
    assert active.tolist() == expected


def test_energy_alone_finds_speech_between_silences():
    speech = (np.sin(np.arange(1600) / 3) * 8000).astype(np.int16)
    sound = np.concatenate([np.zeros(800, np.int16), speech, np.zeros(801, np.int16)])
    assert energy_vad(sound, 160, -40.0).tolist() == [False] * 5 + [True] * 10 + [False] * 6
    assert energy_vad(sound, 160, -40.0, 2).tolist() == [False] * 3 + [True] * 14 + [False] * 4
    assert energy_vad(b"", 160, -40.0).tolist() == []


def test_levels_may_lie_at_any_address():
    room = memoryview(bytearray(4 * 9 + 1))[1:]
    levels = np.frombuffer(room, np.float32)
    levels[:] = np.arange(-4, 5)
    assert active_frames(levels, 0.0).tolist() == [False] * 5 + [True] * 4


def test_wrong_levels_are_refused():
    with pytest.raises(AudioError, match="format 'd'; it must hold float32"):
        active_frames(np.zeros(3), -40.0)
    with pytest.raises(AudioError, match="reach of -1"):
        active_frames(np.zeros(3, np.float32), -40.0, -1)
    with pytest.raises(AudioError, match="hop of 0"):
        energy_vad(b"", 0, -40.0)


# --- gain and mixing ------------------------------------------------------------------------------


def mix_oracle(signals: list[np.ndarray], gains_db: list[float]) -> np.ndarray:
    sums = np.zeros(max(map(len, signals)))
    for signal, gain_db in zip(signals, gains_db, strict=True):
        sums[: len(signal)] += signal.astype(np.float64) * 10.0 ** (gain_db / 20.0)
    return np.clip(np.rint(sums), -32768, 32767).astype(np.int16)


gains = st.floats(-80, 20) | st.sampled_from([0.0, -math.inf, 40 - 20 * math.log10(5)])


@given(st.lists(st.tuples(samples, gains), min_size=1, max_size=5))
def test_mixed_signals_are_their_scaled_sum_saturated(parts):
    signals, gains_db = [part[0] for part in parts], [part[1] for part in parts]
    expected = mix_oracle(signals, gains_db)
    assert mix(*signals, gains_db=gains_db).tolist() == expected.tolist()
    out = np.full(len(expected) + 2, 99, np.int16)
    assert mix_into(out, *signals, gains_db=gains_db) == len(expected)
    assert out.tolist() == [*expected.tolist(), 99, 99]


def test_without_gains_the_sum_is_exact_and_saturates():
    loud = np.full(40, 30000, np.int16)
    assert (mix(loud, loud) == 32767).all()
    assert (mix(-loud, -loud, -loud) == -32768).all()
    assert (mix(loud, -loud) == 0).all()
    assert mix(b"\x01\x00" * 3, b"\x02\x00").tolist() == [3, 1, 1]
    assert mix(b"", b"").tolist() == []


@pytest.mark.parametrize("length", [*range(70), 511, 512, 513, 1 << 20])
def test_sums_are_the_same_with_and_without_gains_whatever_the_length(length):
    first = np.resize(EVERY_SAMPLE[::7], length)
    second = np.resize(EVERY_SAMPLE[::-5], length // 2 + 1)[: length // 2]
    expected = first.astype(np.int64)
    expected[: len(second)] += second
    expected = np.clip(expected, -32768, 32767)
    assert (mix(first, second) == expected).all()
    assert (mix(first, second, gains_db=[0.0, 0.0]) == expected).all()
    out = first.copy()
    assert mix_into(out, out, second) == length
    assert (out == expected).all()
    out = first.copy()
    assert mix_into(out, second, out, factors=[1.0, -1.0]) == length
    expected = np.negative(first, dtype=np.int64)
    expected[: len(second)] += second
    assert (out == np.clip(expected, -32768, 32767)).all()


@pytest.mark.parametrize("length", [*range(70), 511, 512, 513, 1 << 21])
def test_gain_scales_every_sample_whatever_the_length(length):
    values = np.resize(np.arange(-32768, 32768, 7).astype(np.int16), length)
    expected = np.clip(np.rint(values.astype(np.float64) * 10**0.3), -32768, 32767)
    assert (apply_gain(values, 6.0) == expected).all()
    copy = values.copy()
    assert apply_gain_into(copy, 6.0, copy) == length
    assert (copy == expected).all()


def test_gains_out_of_range_are_refused():
    for wrong in (40.1, math.inf, math.nan):
        with pytest.raises(AudioError, match="it must be at most 40"):
            apply_gain(b"12", wrong)
    assert apply_gain(b"12", -math.inf).tolist() == [0]
    assert peak_dbfs(apply_gain(np.array([-327], np.int16), MAX_GAIN_DB)) == pytest.approx(
        -0.02, abs=0.01
    )
    with pytest.raises(AudioError, match=r"add up to 46\.0 dB; all together must be at most 40"):
        mix(b"12", b"34", gains_db=[40.0, 40.0])


@given(samples, st.floats(-100, 100) | st.sampled_from([0.1, 0.5, -0.7, 1.5]))
def test_factors_scale_as_float64_does(values, factor):
    products = values.astype(np.float64) * factor
    scaled = np.clip(np.rint(products), -32768, 32767).astype(np.int16)
    assert apply_gain(values, factor=factor).tolist() == scaled.tolist()
    out = values.copy()
    assert apply_gain_into(out, factor=factor, out=out) == len(values)
    assert out.tolist() == scaled.tolist()


def test_a_negative_factor_turns_full_scale_upside_down_and_saturates():
    assert apply_gain(np.array([-32768, 32767, 0], np.int16), factor=-1).tolist() == [
        32767,
        -32767,
        0,
    ]
    assert mix(b"12", b"12", factors=[1, -1]).tolist() == [0]
    assert mix(EVERY_SAMPLE, EVERY_SAMPLE, factors=[50, 50]).tolist() == (
        np.clip(EVERY_SAMPLE.astype(int) * 100, -32768, 32767).tolist()
    )


def test_factors_out_of_range_or_beside_decibels_are_refused():
    for wrong in (100.1, -101, math.inf, math.nan):
        with pytest.raises(AudioError, match=r"it must be -100 to 100"):
            apply_gain(b"12", factor=wrong)
    with pytest.raises(AudioError, match=r"add up to 46\.0 dB"):
        mix(b"12", b"34", factors=[-100, 100])
    with pytest.raises(AudioError, match="give one of the two"):
        mix(b"12", gains_db=[0], factors=[1])
    with pytest.raises(AudioError, match=r"gain_db=1\.0 and factor=2\.0; give one"):
        apply_gain(b"12", 1.0, factor=2.0)
    with pytest.raises(AudioError, match="gain_db=None and factor=None; give one"):
        apply_gain(b"12")


def test_wrong_signals_to_mix_are_refused():
    with pytest.raises(AudioError, match="got 0 signals to mix"):
        mix()
    with pytest.raises(AudioError, match="got 33 signals to mix"):
        mix(*[b""] * (MAX_MIXED + 1))
    with pytest.raises(AudioError, match="got 1 gains for 2 signals"):
        mix(b"12", b"34", gains_db=[0.0])
    with pytest.raises(AudioError, match="multiple of 2"):
        mix(b"12", b"345")
    with pytest.raises(AudioError, match="room for 1 samples; this result has 2"):
        mix_into(bytearray(2), b"1234")
    with pytest.raises(AudioError, match="read-only"):
        apply_gain_into(b"12", 0.0, b"12")


@pytest.mark.parametrize("factor", [0.1, 1 / 3, -0.50001, 0.99999, 1.0001, 63.7, 100, -100])
def test_every_sample_is_rounded_to_nearest(factor):
    products = EVERY_SAMPLE.astype(np.float64) * factor
    expected = np.clip(np.rint(products), -32768, 32767)
    assert (apply_gain(EVERY_SAMPLE, factor=factor) == expected).all()


def test_arrays_of_two_dimensions_keep_them():
    frames = EVERY_SAMPLE[:12].reshape(6, 2)
    assert rms_dbfs(frames) == rms_dbfs(frames.ravel())
    assert peak_dbfs(frames.T.copy()) == 0.0
    for shaped in (frames, frames.T.copy(), frames[:0], frames.reshape(1, 12)):
        assert apply_gain(shaped, 0.0).shape == shaped.shape
        assert apply_gain(shaped, 0.0).tolist() == shaped.tolist()
    assert mix(frames, frames[:2].tobytes()).shape == (6, 2)
    assert mix(frames.ravel(), frames[2:], factors=[0, 1]).tolist() == [
        *frames[2:].tolist(),
        [0, 0],
        [0, 0],
    ]
    out = np.zeros((6, 2), np.int16)
    assert mix_into(out, frames) == 12
    assert out.tolist() == frames.tolist()
    with pytest.raises(AudioError, match="arrays of 2 and 3 columns to mix"):
        mix(frames, frames.reshape(4, 3))
    with pytest.raises(AudioError, match="got 13 samples to mix with an array of 2 columns"):
        mix(frames, bytes(26))
