"""Design of the resampler's filters: one low-pass in continuous time, cut into polyphase rows.

Theory of operation. Output sample k stands at input time t = k * down / up. Its value is the sum
over input samples j of x[j] * h(t - delay - j), where h is a low-pass filter in continuous time,
given here by its cosine series (`filter_series`; `tools/design_filters.py` says how it was found).
With p = floor(t) and f = t - p, the row for fraction f holds h(f + age - delay) for ages 0, 1, ...,
and meets the samples x[p], x[p - 1], ... The newest sample needed is x[p], so an output can be
computed as soon as its own time has come: latency is `delay`, whatever the sizes of chunks.

f takes `up` different values, and the same value comes back every `down` input samples. The kernel
has two ways to use that, and the table is laid out for the one or the other:

- By phases, where up and down are small. The input is dealt out to `down` arrays, sample i to
  array i mod down. Then the outputs of one fraction, `down` input samples apart, need neighbours in
  these arrays: for each coefficient, one vector of samples serves as many outputs as a register
  holds, with no sum across lanes and no stride. Several fractions are computed from the same loads.
- By rows, for all other ratios: one dot product for each output. Where a table of all fractions
  would be large (48000 to 47999 Hz has 47999), there is one of fewer, evenly spaced fractions, and
  results of neighbouring rows are interpolated linearly.

This runs once per ratio and quality, so it is plain Python on arrays, in float64 until the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from rtaudio._native.filter_series import FILTER_SERIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["QUALITIES", "FilterDesign", "design_filter", "half_width", "prototype"]

QUALITIES: Final = tuple(FILTER_SERIES)

# Rows per sample of the lower rate where rows are interpolated. The error falls with the square:
# about -116 dB at 512, -128 at 1024, -140 at 2048.
INTERPOLATED_ROWS: Final = {"fast": 256, "balanced": 1024, "high": 2048}

# Floats in a table of all fractions: 2 MiB. Common ratios stay far below (44.1 to 48 kHz at "high":
# 28 thousand); beyond, interpolated rows take over.
MAX_TABLE_FLOATS: Final = 1 << 19

# The kernel adds the products of a row in groups of this many, so rows are padded with zeros.
TAP_GROUP: Final = 16

# 64 bytes. By rows, a table that begins elsewhere costs a quarter of the speed.
CACHE_LINE_FLOATS: Final = 16

# Up to this `up` and `down` the kernel works by phases: 8 to 192 kHz and back. 20 ms then hold at
# least 160 outputs of each fraction at such ratios; at 44.1 to 24 kHz (80, 147) they hold 6, which
# would leave most of a register empty.
MAX_PHASES: Final = 24

# Fractions that the kernel can compute together. One alone would leave it waiting for loads, and so
# do two, if less: a vector of samples that crosses a cache line takes as long to load as two.
GROUP_WIDTHS: Final = (4, 3, 2)

# So where `up` is 1 or 2, several periods are taken as one of four outputs, as long as `down` does
# not become more than this: beyond, dealing samples out costs more than is gained, and 20 ms at 8
# kHz hold no more than 40 such periods.
MAX_GROUPED_DOWN: Final = 12

# Up to this `down`, the delay is rounded up so that it is a whole number of output samples too:
# then a stream equals the resampled whole signal, sample for sample, `delay` later.
MAX_ALIGNED_DOWN: Final = 6


@dataclass(frozen=True, slots=True, eq=False)
class FilterDesign:
    """One polyphase filter, shared by all resamplers of its ratio and quality.

    Attributes:
        up: output samples per `down` input samples: in lowest terms, or two or four times that.
        down: see `up`.
        delay: group delay in input samples, a whole number.
        taps: coefficients of one row or group.
        intervals: 0, or how many intervals the interpolated rows divide a sample into.
        width: fractions in a group, 2 to 4; 0 where the filter works by rows.
        starts: by phases, int32 of shape (groups,): where the samples that a group meets begin, in
            input samples from the first of a period of `down`; 0 or less. By rows, empty.
        inverse: by rows of all fractions, the number whose product with `down` is 1 modulo `up`:
            fraction f / up has row f * inverse mod up. Else 0.
        table: float32, read only. By rows, of shape (rows, taps): row r belongs to output r, whose
            fraction is r * down mod up; between rows, to fraction r / intervals. A row begins with
            padding, then the coefficient of the oldest sample, so that it meets the signal in the
            order of memory.
            By phases, of shape (groups, taps, width): column c of group g belongs to the outputs
            g * width + c of each period, 0 where it needs no such sample. The first taps / down
            rows meet the samples starts[g], starts[g] + down, ..., the next ones those one later.
    """

    up: int
    down: int
    delay: int
    taps: int
    intervals: int
    width: int
    starts: NDArray[np.int32]
    inverse: int
    table: NDArray[np.float32]


def half_width(up: int, down: int, quality: str) -> float:
    """Return half the length of the filter, in (fractional) input samples."""
    return FILTER_SERIES[quality][0] * max(1.0, down / up)


def prototype(times: NDArray[np.float64], up: int, down: int, quality: str) -> NDArray[np.float64]:
    """Evaluate the filter in continuous time.

    Args:
        times: distances from its centre, in input samples.
        up: output samples per `down` input samples.
        down: see `up`.
        quality: one of `QUALITIES`.

    Returns:
        h(times), whose sum over whole distances is about 1.
    """
    half = half_width(up, down, quality)
    inside = np.abs(times) <= half
    angles = np.where(inside, np.pi / half * times, 0.0)
    series = np.array(FILTER_SERIES[quality][1])
    series[0] /= 2
    # Clenshaw's recurrence for a sum of cosines: one cosine for all of them.
    twice = 2 * np.cos(angles)
    last, before = np.zeros_like(times), np.zeros_like(times)
    for coefficient in series[:0:-1]:
        last, before = coefficient + twice * last - before, last
    values = series[0] + twice / 2 * last - before
    return np.where(inside, values / half, 0.0)


@lru_cache(maxsize=64)
def design_filter(up: int, down: int, quality: str) -> FilterDesign:
    """Design the filter of one ratio, or return the one designed before.

    Args:
        up: output samples per `down` input samples; coprime with it.
        down: see `up`.
        quality: one of `QUALITIES`.

    Returns:
        The filter. Its table is at most 2 MiB where no rows are interpolated, and about
        `INTERPOLATED_ROWS` * taps of the lower rate * 4 bytes (1.4 MB at "high") where they are.
    """
    delay = math.ceil(half_width(up, down, quality))
    if down <= MAX_ALIGNED_DOWN:
        delay = -(-delay // down) * down
    if max(up, down) <= MAX_PHASES:
        return _by_phases(up, down, delay, quality)
    return _by_rows(up, down, delay, quality)


def _rows(
    fractions: NDArray[np.float64], ages: int, up: int, down: int, delay: int, quality: str
) -> NDArray[np.float64]:
    """Return h(fraction + age - delay), a row per fraction, oldest of `ages` samples first."""
    times = fractions[:, np.newaxis] + np.arange(ages - 1, -1, -1) - delay
    rows = prototype(times, up, down, quality)
    # Every fraction passes a constant unchanged; otherwise silence with an offset would buzz.
    rows /= rows.sum(axis=1, keepdims=True)
    return rows


def _by_rows(up: int, down: int, delay: int, quality: str) -> FilterDesign:
    taps = -(-(2 * delay + 1) // TAP_GROUP) * TAP_GROUP
    intervals, inverse = 0, pow(down, -1, up)
    fractions = np.arange(up) * down % up / up
    if up * taps > MAX_TABLE_FLOATS:
        # A filter that is longer in input samples is smoother too, and needs fewer rows.
        intervals = math.ceil(INTERPOLATED_ROWS[quality] / max(1.0, down / up))
        fractions = np.arange(intervals + 1) / intervals
        inverse = 0
    table = _shared_table(_rows(fractions, taps, up, down, delay, quality))
    starts = np.zeros(0, np.int32)
    return FilterDesign(up, down, delay, taps, intervals, 0, starts, inverse, table)


def _by_phases(up: int, down: int, delay: int, quality: str) -> FilterDesign:
    if up <= 2:
        periods = 4 // up if 4 // up * down <= MAX_GROUPED_DOWN else 2 // up
        up, down = periods * up, periods * down
    width = min(GROUP_WIDTHS, key=lambda width: -(-up // width) * width)
    groups = -(-up // width)
    positions, parts = np.divmod(np.arange(up) * down, up)
    ages = 2 * delay + 1
    rows = _rows(parts / up, ages, up, down, delay, quality)

    # The samples of each output of a period, on one axis that begins `ages` before the period.
    placed = np.zeros((groups * width, ages + down))
    for output, position in enumerate(positions):
        placed[output, position + 1 : position + 1 + ages] = rows[output]
    met = [np.flatnonzero(group.any(axis=0)) for group in placed.reshape(groups, width, -1)]
    taps = max(-(-(samples[-1] - samples[0] + 1) // down) * down for samples in met)

    starts = np.array([samples[-1] + 1 - taps for samples in met])
    padded = np.pad(placed, ((0, 0), (taps, 0)))  # a start may lie before the axis
    table = np.empty((groups, taps, width))
    for group, start in enumerate(starts + taps):
        columns = padded[group * width : (group + 1) * width, start : start + taps]
        # from (width, taps / down, down) to every `down`-th sample together
        table[group] = columns.reshape(width, -1, down).transpose(2, 1, 0).reshape(taps, width)
    offsets = (starts - ages).astype(np.int32)
    offsets.setflags(write=False)
    return FilterDesign(up, down, delay, taps, 0, width, offsets, 0, _shared_table(table))


def _shared_table(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the values as float32, read only, beginning where a cache line begins."""
    flat = np.empty(values.size + CACHE_LINE_FLOATS, np.float32)
    skipped = -(flat.ctypes.data // flat.itemsize) % CACHE_LINE_FLOATS
    table = flat[skipped : skipped + values.size].reshape(values.shape)
    table[:] = values
    table.setflags(write=False)
    return table
