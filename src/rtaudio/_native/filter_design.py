"""Design of the resampler's filters: Kaiser-windowed sinc, cut into polyphase rows.

Theory of operation. Output sample k stands at input time t = k * down / up. Its value is the sum
over input samples j of x[j] * h(t - delay - j), where h is a low-pass filter in continuous time,
given here by its formula: sinc times a Kaiser window (Kaiser and Schafer 1980; the estimates of
attenuation and length are theirs). With p = floor(t) and f = t - p, the row for fraction f holds
h(f + i - delay) for i = 0 .. taps - 1, and meets the samples x[p], x[p - 1], ... The newest sample
needed is x[p], so an output can be computed as soon as its own time has come: latency is `delay`,
whatever the sizes of chunks.

f takes `up` different values. Where a table of all of them would be large (48000 to 47999 Hz has
47999), a table of fewer, evenly spaced fractions is made and neighbouring rows are interpolated
linearly.

This runs once per ratio and quality, so it is plain Python on arrays, in float64 until the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["QUALITIES", "FilterDesign", "Quality", "design_filter", "prototype"]


@dataclass(frozen=True, slots=True)
class Quality:
    """What a filter is to reach; frequencies are relative to the lower of the two Nyquists.

    Attributes:
        pass_band: where the pass band ends; the stop band begins at 1.
        attenuation_db: of the stop band. The ripple of a windowed sinc is as large in the pass
            band, so from 60 dB up that is flat within 0.01 dB.
        fractions: rows per sample of the lower rate where rows are interpolated. The error of the
            interpolation falls with the square: about -116 dB at 512, -128 at 1024, -140 at 2048.
    """

    pass_band: float
    attenuation_db: float
    fractions: int


# Attenuations lie a little above what is promised (60, 96, 125 dB), for Kaiser's estimate of the
# length is good to about 2 dB. "high" is soxr's HQ recipe as measured: flat to 0.913, 125.8 dB.
QUALITIES: Final = {
    "fast": Quality(0.75, 63.0, 256),
    "balanced": Quality(0.85, 99.0, 1024),
    "high": Quality(0.913, 128.5, 2048),
}

# Floats in a table of all fractions: 2 MiB. Common ratios stay far below (44.1 to 48 kHz at "high":
# 31 thousand); beyond, interpolated rows take over.
MAX_TABLE_FLOATS: Final = 1 << 19

# The kernel adds products in groups of this many, so rows are padded with zeros to a multiple.
TAP_GROUP: Final = 8

# Up to this `down`, the delay is rounded up so that it is a whole number of output samples too:
# then a stream equals the resampled whole signal, sample for sample, `delay` later.
MAX_ALIGNED_DOWN: Final = 6


@dataclass(frozen=True, slots=True, eq=False)
class FilterDesign:
    """One polyphase filter, shared by all resamplers of its ratio and quality.

    Attributes:
        up: output samples per `down` input samples, in lowest terms.
        down: see `up`.
        delay: group delay in input samples, a whole number.
        taps: length of a row, in input samples: at least 2 * delay, a multiple of `TAP_GROUP`.
        interpolated: whether rows lie between fractions and are to be interpolated.
        table: float32 of shape (rows, taps), C order, read only. Row r belongs to fraction r / up,
            or, interpolated, to r / (rows - 1). A row starts with the coefficient of the oldest
            sample, so that it meets the signal in the order of memory; padding comes first.
    """

    up: int
    down: int
    delay: int
    taps: int
    interpolated: bool
    table: NDArray[np.float32]


def kaiser_beta(attenuation_db: float) -> float:
    """Return the shape of the Kaiser window for a stop band of more than 50 dB."""
    return 0.1102 * (attenuation_db - 8.7)


def half_width(up: int, down: int, quality: Quality) -> float:
    """Return half the length of the filter, in (fractional) input samples."""
    # Kaiser's estimate N = (A - 7.95) / (14.36 df), df in cycles per sample of the lower rate.
    transition = (1.0 - quality.pass_band) / 2.0
    at_lower_rate = (quality.attenuation_db - 7.95) / (14.36 * transition) / 2.0
    return at_lower_rate * max(1.0, down / up)


def prototype(
    times: NDArray[np.float64], up: int, down: int, quality: Quality
) -> NDArray[np.float64]:
    """Evaluate the filter in continuous time.

    Args:
        times: distances from its centre, in input samples.
        up: output samples per `down` input samples.
        down: see `up`.
        quality: pass band and attenuation.

    Returns:
        h(times), whose sum over whole distances is about 1.
    """
    half = half_width(up, down, quality)
    cutoff = (1.0 + quality.pass_band) / 2.0 * min(1.0, up / down)  # relative to input Nyquist
    window = np.sqrt(np.maximum(0.0, 1.0 - (times / half) ** 2))
    beta = kaiser_beta(quality.attenuation_db)
    values = cutoff * np.sinc(cutoff * times) * np.i0(beta * window) / np.i0(beta)
    return np.where(np.abs(times) <= half, values, 0.0)


@lru_cache(maxsize=64)
def design_filter(up: int, down: int, quality: str) -> FilterDesign:
    """Design the filter of one ratio, or return the one designed before.

    Args:
        up: output samples per `down` input samples; coprime with it.
        down: see `up`.
        quality: a key of `QUALITIES`.

    Returns:
        The filter. Its table is at most 2 MiB where no rows are interpolated, and about
        `fractions` * taps of the lower rate * 4 bytes (1.6 MB at "high") where they are.
    """
    wanted = QUALITIES[quality]
    delay = math.ceil(half_width(up, down, wanted))
    if down <= MAX_ALIGNED_DOWN:
        delay = -(-delay // down) * down
    taps = -(-2 * delay // TAP_GROUP) * TAP_GROUP
    interpolated = up * taps > MAX_TABLE_FLOATS
    if interpolated:
        # A filter that is longer in input samples is smoother too, and needs fewer rows.
        intervals = math.ceil(wanted.fractions / max(1.0, down / up))
        fractions = np.arange(intervals + 1) / intervals
    else:
        fractions = np.arange(up) / up
    ages = np.arange(taps - 1, -1, -1)  # of the samples a row meets: the newest is 0 old
    rows = prototype(fractions[:, np.newaxis] + ages - delay, up, down, wanted)
    # Every fraction passes a constant unchanged; otherwise silence with an offset would buzz.
    rows /= rows.sum(axis=1, keepdims=True)
    table = np.ascontiguousarray(rows, dtype=np.float32)
    table.setflags(write=False)
    return FilterDesign(up, down, delay, taps, interpolated, table)
