"""Finds what was heard in what was said: where, how alike, what is missing and what came twice.

Both are cut into windows of 60 ms, 20 ms apart. A window of what was heard is looked for in what
was said, near where the one before was found. Opus keeps waveforms, so whatever arrived is found
with a high correlation; what was made up for a lost packet is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Match", "match"]

_STEP_S = 0.02
_WINDOW_S = 0.06
# How far from where it should be a window is looked for.
_REACH_S = 0.6
_ALIKE = 0.7
_SURE = 0.9
# Of a full scale of 32768: what is quieter is a pause.
_LOUD = 300.0
# Leaving out or repeating a period moves by less than that.
_STRETCH_S = 0.025


class Match(NamedTuple):
    """What was found.

    Attributes:
        windows: of what was heard, pauses aside.
        alike: share of them that was said.
        repeated_s: what was heard again after it had been heard.
        delay_s: of what was found, the median, from the first window on.
        delay_spread_s: and how far the longest is above the shortest, 2 % on either side aside.
        covered: for each 20 ms of what was said, whether it was heard; None in pauses.
    """

    windows: int
    alike: float
    repeated_s: float
    delay_s: float
    delay_spread_s: float
    covered: list[bool | None]


def match(said: NDArray[np.int16], heard: NDArray[np.int16], rate: int) -> Match:
    """Compare.

    Args:
        said: mono.
        heard: mono; must begin no more than `_REACH_S` before or behind it.
        rate: of both, in Hz.
    """
    step, window, reach = (round(each * rate) for each in (_STEP_S, _WINDOW_S, _REACH_S))
    spoken = np.concatenate([np.zeros(reach), said.astype(float), np.zeros(reach + window)])
    energy = np.concatenate([[0.0], np.cumsum(spoken**2)])
    covered = _loud(said, step)
    windows, found, repeated = 0, 0, 0
    offsets: list[int] = []
    # Behind by how much they are found, and the last one was; the furthest that was heard.
    behind, before, furthest = 0, 0, -reach
    for start in range(0, len(heard) - window, step):
        piece = heard[start : start + window].astype(float)
        if np.sqrt(np.mean(piece**2)) < _LOUD:
            continue
        begin = start - behind
        if begin + reach + window > len(said) + reach:
            break  # what comes then was said after the end
        begin = max(begin, 0)
        windows += 1
        area = spoken[begin : begin + 2 * reach + window]
        place, likeness = _best(area, energy[begin : begin + 2 * reach + window + 1], piece)
        if likeness < _ALIKE:
            continue
        at = begin + place - reach
        found += 1
        offsets.append(start - at)
        if likeness > _SURE:
            behind = round(behind + 0.5 * (start - at - behind))
        # Two that agree, as a vowel is like itself a little later.
        if likeness > _SURE and abs(start - at - before) < _STRETCH_S * rate:
            repeated += at + window < furthest - _STRETCH_S * rate
            furthest = max(furthest, at + window)
        before = start - at
        for index in range(max(0, at // step), min(len(covered), (at + window) // step + 1)):
            if covered[index] is False and at <= index * step + step / 2 <= at + window:
                covered[index] = True
    delays = np.sort(offsets) / rate if offsets else np.zeros(1)
    low, high = np.percentile(delays, [2, 98])
    return Match(
        windows=windows,
        alike=found / windows if windows else 0.0,
        repeated_s=repeated * _STEP_S,
        delay_s=float(np.median(delays)),
        delay_spread_s=float(high - low),
        covered=covered,
    )


def _loud(said: NDArray[np.int16], step: int) -> list[bool | None]:
    frames = said[: len(said) // step * step].reshape(-1, step).astype(float)
    levels = np.sqrt(np.mean(frames**2, axis=1))
    return [False if level >= _LOUD else None for level in levels]


def _best(area: Any, energy: Any, piece: Any) -> tuple[int, float]:
    """Where in an area a piece lies best, and its correlation there."""
    size = 1 << (len(area) + len(piece) - 1).bit_length()
    spectrum = np.fft.rfft(area, size) * np.conj(np.fft.rfft(piece, size))
    products = np.fft.irfft(spectrum, size)[: len(area) - len(piece) + 1]
    powers = energy[len(piece) :] - energy[: -len(piece)]
    norms = np.sqrt(np.maximum(powers, 1.0) * (piece @ piece))
    scores = products / norms
    place = int(scores.argmax())
    return place, float(scores[place])
