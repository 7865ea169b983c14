"""The resampler's filters, measured: pass band, stop band, delay, size."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rtaudio._native.filter_design import (
    QUALITIES,
    TAP_GROUP,
    FilterDesign,
    design_filter,
    prototype,
)

# (up, down): whole ratios both ways, 44.1 kHz ratios, and ones whose rows are interpolated.
RATIOS = [(2, 3), (3, 2), (3, 1), (1, 6), (160, 147), (80, 147), (47999, 48000), (4001, 16000)]

# Pass band edge and stop band in dB, as promised to users.
PROMISES = {"fast": (0.75, 60.0), "balanced": (0.85, 96.0), "high": (0.913, 125.0)}


def response(design: FilterDesign) -> tuple[np.ndarray, np.ndarray]:
    """Gain in dB of the table as it is used, over frequency relative to the lower Nyquist."""
    rows = design.table.astype(np.float64)
    if design.interpolated:
        rows = rows[:-1]  # the last row is the first, one sample on
    # Row r holds h(r / rows + age - delay), oldest first: together one densely sampled filter.
    dense = rows[:, ::-1].T.ravel() / len(rows)
    size = 1 << 21
    gain = 20 * np.log10(np.abs(np.fft.rfft(dense, size)) + 1e-12)
    frequency = np.arange(len(gain)) * (2 * len(rows) / size)
    return frequency / min(1.0, design.up / design.down), gain


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_filter_is_flat_where_promised_and_stops_where_promised(up, down, quality):
    pass_band, attenuation = PROMISES[quality]
    frequency, gain = response(design_filter(up, down, quality))
    assert np.abs(gain[frequency <= pass_band]).max() < 0.01
    assert gain[frequency >= 1.0].max() < -attenuation


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_rows_are_the_prototype_at_their_fraction(up, down, quality):
    design = design_filter(up, down, quality)
    intervals = len(design.table) - 1 if design.interpolated else up
    for row in {0, len(design.table) // 2, len(design.table) - 1}:
        ages = np.arange(design.taps)[::-1]
        expected = prototype(row / intervals + ages - design.delay, up, down, QUALITIES[quality])
        # Rows are scaled so that a constant passes unchanged, by no more than the ripple.
        assert design.table[row] == pytest.approx(expected, abs=1e-3)
        expected /= expected.sum()
        assert design.table[row] == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert np.abs(design.table.sum(axis=1, dtype=np.float64) - 1).max() < 1e-6


@pytest.mark.parametrize("quality", QUALITIES)
def test_interpolated_rows_are_as_exact_as_the_stop_band_is_deep(quality):
    up, down = 47999, 48000
    design = design_filter(up, down, quality)
    intervals = len(design.table) - 1
    between = (design.table[:-1].astype(np.float64) + design.table[1:]) / 2
    ages = np.arange(design.taps)[::-1]
    fractions = (np.arange(intervals)[:, np.newaxis] + 0.5) / intervals
    exact = prototype(fractions + ages - design.delay, up, down, QUALITIES[quality])
    exact /= exact.sum(axis=1, keepdims=True)
    # The middle between two rows is where linear interpolation is worst.
    error_db = 10 * np.log10(np.max(np.sum((between - exact) ** 2, axis=1)))
    assert error_db < -QUALITIES[quality].attenuation_db + 3


def test_delay_stays_below_3_ms_and_6_ms_at_8_khz():
    for lower, limit_ms in [(16000, 3.0), (24000, 3.0), (8000, 6.0)]:
        for higher in (16000, 22050, 24000, 32000, 44100, 48000, 96000):
            if higher <= lower:
                continue
            common = math.gcd(lower, higher)
            down_filter = design_filter(lower // common, higher // common, "balanced")
            up_filter = design_filter(higher // common, lower // common, "balanced")
            assert down_filter.delay / higher * 1000 <= limit_ms
            assert up_filter.delay / lower * 1000 <= limit_ms


def test_delay_is_a_whole_number_of_output_samples_at_simple_ratios():
    for up, down in [(2, 3), (3, 2), (1, 2), (1, 3), (1, 6), (4, 3)]:
        assert design_filter(up, down, "balanced").delay * up % down == 0


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize(
    ("up", "down"), [(47999, 48000), (191999, 4000), (4000, 191999), (191999, 192000), (1, 48)]
)
def test_tables_stay_small_at_any_ratio(up, down, quality):
    design = design_filter(up, down, quality)
    assert design.table.nbytes <= 2 << 20
    assert design.taps % TAP_GROUP == 0
    assert design.taps >= 2 * design.delay
    assert design.table.shape[1] == design.taps


def test_tables_are_shared_and_cannot_be_written():
    design = design_filter(2, 3, "balanced")
    assert design_filter(2, 3, "balanced") is design
    assert design.table.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        design.table[0, 0] = 1.0
