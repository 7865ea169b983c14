"""Cutting long recordings at pauses, by energy alone.

Theory of operation. The recogniser works on windows of 30 s and spends about the same on each,
however full it is, so the best cut is not one turn per sentence: it is as few turns as possible,
each ending in a pause. A recording that fits one window is therefore never cut.

1. Levels: one value in dBFS per 20 ms. From their distribution follow the floor (what this
   recording sounds like when nobody speaks) and the threshold below which a frame is silence. The
   threshold errs towards keeping sound: it lies well below the loud parts and at most a little
   above the floor, so quiet speech stays, and a recording with a high noise floor is all sound.
2. Candidates: every long silence is one candidate, and every half second of sound offers its
   quietest moment. A candidate costs little where the surrounding 0.4 s are quiet, much in the
   middle of speech.
3. The cheapest way through the candidates, with one unit per turn and the cost of each cut, is
   found by dynamic programming over the turns that fit into the limit. Time is linear in the
   length: an hour has some 7,000 candidates with at most 60 predecessors each.

Silence at either side of a cut belongs to no turn, so long silences are not sent at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from rtaudio.audio import active_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HOP_S", "MAX_SEGMENT_S", "Span", "plan_spans"]

HOP_S = 0.02
"""Seconds per level: one frame of speech coding, and fine enough for the gap between two words."""

MAX_SEGMENT_S = 29.5
"""The longest turn. Whisper's window is 30 s; the rest is room for padding and rounding, since one
sample too many would cost a second window."""

PAD_S = 0.3
"""Kept before and after sound: soft onsets and dying vowels lie below any energy threshold."""

SILENCE_S = 1.0
"""A silence this long is left out when a cut falls into it."""

NEVER_SOUND_DBFS = -65.0
"""Below this a frame is silence in any recording: about 18 steps of 16-bit PCM, inaudible beside
the noise of any real microphone."""

HISS_DBFS = -40.0
HISS_SPREAD_DB = 6.0
"""A whole recording below `HISS_DBFS` whose levels stay within `HISS_SPREAD_DB` is an open channel
without a speaker: speech moves by 20 dB and more between syllables."""

BLOCK_S = 0.5
CUT_WINDOW_S = 0.4
CUT_WEIGHT = 6.0
"""A cut at full level costs as much as six turns, so one is only made when there is no pause."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of audio in seconds from the start, `start_s < end_s`."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class _Cut:
    """A place to cut: one turn ends at `left`, the next begins at `right` (frames)."""

    left: int
    right: int
    cost: float


def plan_spans(
    levels_dbfs: NDArray[np.float32], duration_s: float, *, max_s: float = MAX_SEGMENT_S
) -> list[Span]:
    """Choose the turns of a recording.

    Args:
        levels_dbfs: one level per `HOP_S`, shape `(frames,)`; digital silence may be -inf.
        duration_s: length of the recording in seconds.
        max_s: the longest turn allowed, in seconds; at least 1.

    Returns:
        Spans in order, none longer than `max_s`, not overlapping, that together cover all sound.
        One span over everything when the recording fits; none when it is silent.
    """
    if duration_s <= 0 or len(levels_dbfs) == 0:
        return []
    levels = np.maximum(levels_dbfs, np.float32(-100.0)).astype(np.float64)
    if _is_silent(levels):
        return []
    if duration_s <= max_s:
        return [Span(0.0, duration_s)]
    floor, threshold, loud = _thresholds(levels)
    # Widened on both sides, for soft onsets and dying vowels.
    sound = active_frames(levels_dbfs, threshold, round(PAD_S / HOP_S))
    cuts = _candidates(levels, sound, floor=floor, loud=loud)
    max_frames = int(max_s / HOP_S)
    spans = []
    for left, right in _cheapest(cuts, max_frames):
        span = Span(left * HOP_S, min(right * HOP_S, duration_s))
        if span.end_s > span.start_s:
            spans.append(span)
    return spans


def _is_silent(levels: NDArray[np.float64]) -> bool:
    loudest = float(np.partition(levels, -min(5, len(levels)))[-min(5, len(levels))])
    if loudest < NEVER_SOUND_DBFS:
        return True
    low, high = np.percentile(levels, [2.0, 100.0])
    return bool(high < HISS_DBFS and high - low < HISS_SPREAD_DB and len(levels) * HOP_S > 1.0)


def _thresholds(levels: NDArray[np.float64]) -> tuple[float, float, float]:
    floor, loud = (float(value) for value in np.percentile(levels, [5.0, 95.0]))
    threshold = max(NEVER_SOUND_DBFS, min(floor + 9.0, loud - 35.0))
    return floor, threshold, loud


def _candidates(
    levels: NDArray[np.float64], sound: NDArray[np.bool_], *, floor: float, loud: float
) -> list[_Cut]:
    """Return all places to cut, in order; the first and the last are the recording's ends."""
    width = round(CUT_WINDOW_S / HOP_S)
    smooth = np.convolve(np.maximum(levels, floor), np.ones(width) / width, mode="same")
    # Near the ends the window hangs over; nobody cuts there, the first and last block are skipped.
    badness = np.clip((smooth - floor) / max(loud - floor, 1.0), 0.0, 1.0)
    block = round(BLOCK_S / HOP_S)
    silence = round(SILENCE_S / HOP_S)

    edges = np.flatnonzero(np.diff(sound.astype(np.int8))) + 1
    bounds = [0, *edges.tolist(), len(sound)]
    cuts: list[_Cut] = []
    for begin, end in pairwise(bounds):
        at_start, at_end = begin == 0, end == len(sound)
        if not sound[begin] and (at_start or at_end or end - begin >= silence):
            cuts.append(_Cut(begin, end, 0.0))
            continue
        if at_start:
            cuts.append(_Cut(0, 0, 0.0))
        for low in range(begin, end, block):
            high = min(low + block, end)
            at = low + int(np.argmin(badness[low:high]))
            if cuts and at > cuts[-1].right:
                cuts.append(_Cut(at, at, CUT_WEIGHT * float(badness[at]) ** 2))
        if at_end:
            cuts.append(_Cut(end, end, 0.0))
    return cuts


def _cheapest(cuts: list[_Cut], max_frames: int) -> list[tuple[int, int]]:
    """Return the turns, as frame pairs, of the cheapest way from the first cut to the last."""
    best = [0.0]
    came_from = [0]
    earliest = 0
    for index in range(1, len(cuts)):
        cut = cuts[index]
        while cut.left - cuts[earliest].right > max_frames and earliest < index - 1:
            earliest += 1
        choices = [
            (best[before] + (cut.left > cuts[before].right), before)
            for before in range(earliest, index)
        ]
        cost, before = min(choices, key=lambda choice: choice[0])
        best.append(cost + cut.cost)
        came_from.append(before)
    turns: list[tuple[int, int]] = []
    index = len(cuts) - 1
    while index > 0:
        before = came_from[index]
        if cuts[index].left > cuts[before].right:
            turns.append((cuts[before].right, cuts[index].left))
        index = before
    turns.reverse()
    return turns
