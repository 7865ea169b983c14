"""The resampler's filters, measured: pass band, stop band, delay, size."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rtaudio._native.filter_design import (
    MAX_ALIGNED_DOWN,
    MAX_PHASES,
    QUALITIES,
    TAP_GROUP,
    FilterDesign,
    design_filter,
    half_width,
    prototype,
)

# (up, down): by phases both ways; by rows, of 44.1 kHz; and ones whose rows are interpolated.
PHASES = [(2, 3), (3, 2), (3, 1), (1, 3), (1, 6), (4, 3), (5, 6), (23, 24), (24, 1), (1, 24)]
ROWS = [(160, 147), (80, 147), (25, 24)]
BETWEEN_ROWS = [(47999, 48000), (4001, 16000)]
RATIOS = [*PHASES, *ROWS, *BETWEEN_ROWS]

# End of the pass band and stop band in dB, as promised to users.
PROMISES = {"fast": (0.75, 60.0), "balanced": (0.85, 96.0), "high": (0.925, 125.0)}


def dense(design: FilterDesign) -> tuple[np.ndarray, int]:
    """The table as one densely sampled filter, newest first, and its samples per input sample."""
    table = design.table.astype(np.float64)
    if not design.width:
        if design.intervals:
            rows = table[:-1]  # the last is the first, one sample on
        else:
            rows = table[np.arange(design.up) * design.inverse % design.up]
        return rows[:, ::-1].T.ravel() / len(rows), len(rows)
    repeats = math.gcd(design.up, design.down)  # a period may be two
    density = design.up // repeats
    filled = np.zeros((design.taps + 2 * design.down + 2) * density)
    first = -density  # a group may have zeros for samples newer than its outputs need
    for output in range(design.up):
        group, column = divmod(output, design.width)
        for row in range(design.down):
            for tap in range(design.taps // design.down):
                coefficient = table[group, row * (design.taps // design.down) + tap, column]
                sample = design.starts[group] + row + tap * design.down
                place = (output * design.down - sample * design.up) // repeats
                if coefficient:
                    filled[place - first] = coefficient / density
    return filled, density


def response(design: FilterDesign) -> tuple[np.ndarray, np.ndarray]:
    """Gain of the table as it is used, over frequency relative to the lower Nyquist."""
    samples, density = dense(design)
    gain = np.abs(np.fft.rfft(samples, 1 << 21))
    frequency = np.arange(len(gain)) * (2 * density / (1 << 21))
    return frequency / min(1.0, design.up / design.down), gain


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_filter_is_flat_where_promised_and_stops_where_promised(up, down, quality):
    pass_band, attenuation = PROMISES[quality]
    frequency, gain = response(design_filter(up, down, quality))
    passed = gain[frequency <= pass_band]
    assert 20 * np.log10(passed.max() / passed.min()) < (0.05 if quality == "fast" else 0.01)
    assert 20 * np.log10(gain[frequency >= 1.0].max()) < -attenuation


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_rows_are_the_prototype_at_their_fraction(up, down, quality):
    design = design_filter(up, down, quality)
    samples, density = dense(design)
    first = -1 if design.width else 0
    times = np.arange(len(samples)) / density + first - design.delay
    expected = prototype(times, up, down, quality) / density
    # Rows are scaled so that a constant passes unchanged, by no more than the ripple.
    assert samples == pytest.approx(expected, abs=1e-3 / density)
    by_fraction = samples[: len(samples) // density * density].reshape(-1, density)
    assert np.abs(by_fraction.sum(axis=0) * density - 1).max() < 3e-6


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_prototype_is_even_ends_at_zero_and_sums_to_one(quality):
    for up, down in [(3, 1), (2, 3)]:
        end = half_width(up, down, quality)
        times = np.linspace(-end - 2, end + 2, 4001)
        values = prototype(times, up, down, quality)
        assert values == pytest.approx(values[::-1], abs=1e-12)
        assert (values[np.abs(times) > end] == 0).all()
        assert np.abs(prototype(np.array([-end, end]), up, down, quality)).max() < 1e-10
        assert values.sum() * (times[1] - times[0]) == pytest.approx(1.0, abs=1e-2)


@pytest.mark.parametrize("quality", QUALITIES)
def test_interpolated_rows_are_as_exact_as_the_stop_band_is_deep(quality):
    up, down = 47999, 48000
    design = design_filter(up, down, quality)
    intervals = design.intervals
    between = (design.table[:-1].astype(np.float64) + design.table[1:]) / 2
    ages = np.arange(design.taps)[::-1]
    fractions = (np.arange(intervals)[:, np.newaxis] + 0.5) / intervals
    exact = prototype(fractions + ages - design.delay, up, down, quality)
    exact /= exact.sum(axis=1, keepdims=True)
    # The middle between two rows is where linear interpolation is worst.
    error_db = 10 * np.log10(np.max(np.sum((between - exact) ** 2, axis=1)))
    assert error_db < -PROMISES[quality][1]


LIMITS_MS = [(4000, 9.1), (8000, 4.6), (11025, 3.4), (12000, 3.04), (16000, 3.0), (24000, 3.0)]


@pytest.mark.parametrize(("lower", "limit_ms"), LIMITS_MS)
def test_delay_at_balanced_is_36_samples_of_the_lower_rate(lower, limit_ms):
    for higher in (12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000, 192000):
        if higher <= lower:
            continue
        common = math.gcd(lower, higher)
        for up, down, rate_in in (
            (lower // common, higher // common, higher),
            (higher // common, lower // common, lower),
        ):
            delay_s = design_filter(up, down, "balanced").delay / rate_in
            rounding_s = (down if down <= MAX_ALIGNED_DOWN else 1) / rate_in
            assert 36 / lower <= delay_s < 36 / lower + rounding_s
            assert delay_s * 1000 <= limit_ms


@pytest.mark.parametrize(
    ("ratio", "up", "width"),
    [
        ((1, 2), 4, 4),
        ((1, 3), 4, 4),
        ((1, 4), 2, 2),
        ((2, 3), 4, 4),
        ((2, 1), 4, 4),
        ((2, 7), 2, 2),
        ((3, 2), 3, 3),
    ],
)
def test_periods_of_few_outputs_are_taken_together(ratio, up, width):
    design = design_filter(*ratio, "balanced")
    assert (design.up, design.width) == (up, width)
    assert design.up * ratio[1] == design.down * ratio[0]


def test_delay_is_a_whole_number_of_output_samples_at_simple_ratios():
    for up, down in [(2, 3), (3, 2), (1, 2), (1, 3), (1, 6), (4, 3)]:
        assert design_filter(up, down, "balanced").delay * up % down == 0


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize(
    ("up", "down"),
    [(47999, 48000), (191999, 4000), (4000, 191999), (191999, 192000), (1, 48), (24, 23)],
)
def test_tables_stay_small_at_any_ratio(up, down, quality):
    design = design_filter(up, down, quality)
    assert design.table.nbytes <= 2 << 20
    if max(up, down) <= MAX_PHASES:
        assert design.table.shape == (len(design.starts), design.taps, design.width)
        assert design.taps % design.down == 0
        assert (design.starts <= 0).all()
    else:
        assert design.table.shape[1] == design.taps
        assert design.taps % TAP_GROUP == 0
        assert design.taps > 2 * design.delay


def test_tables_are_shared_aligned_to_cache_lines_and_cannot_be_written():
    for up, down in [(2, 3), (80, 147)]:
        design = design_filter(up, down, "balanced")
        assert design_filter(up, down, "balanced") is design
        assert design.table.dtype == np.float32
        assert design.table.ctypes.data % 64 == 0
        with pytest.raises(ValueError, match="read-only"):
            design.table[0, 0] = 1.0
