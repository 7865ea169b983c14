"""Long recordings are cut at pauses into turns that fit one window."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtaudio.transcribe.segment import HOP_S, MAX_SEGMENT_S, Span, plan_spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPEECH, PAUSE = -20.0, -75.0


def levels(*stretches: tuple[float, float], seed: int = 1) -> NDArray[np.float32]:
    """Levels of (seconds, dBFS) stretches; speech moves up and down, as speech does."""
    rng = np.random.default_rng(seed)
    parts = []
    for seconds, level in stretches:
        count = round(seconds / HOP_S)
        swing = 12.0 if level > -50 else 1.0
        parts.append(level - swing * rng.random(count))
    return np.concatenate(parts).astype(np.float32)


def plan(given_levels: NDArray[np.float32]) -> list[Span]:
    return plan_spans(given_levels, len(given_levels) * HOP_S)


def test_a_recording_that_fits_one_window_is_not_cut() -> None:
    given_levels = levels((1, PAUSE), (10, SPEECH), (5, PAUSE), (10, SPEECH))
    assert plan(given_levels) == [Span(0.0, 26.0)]


def test_nothing_at_all_has_no_turns() -> None:
    assert plan_spans(np.zeros(0, np.float32), 0.0) == []


@pytest.mark.parametrize("level", [-np.inf, -90.0, -66.0])
@pytest.mark.parametrize("seconds", [0.5, 10, 100])
def test_silence_has_no_turns(level: float, seconds: float) -> None:
    count = round(seconds / HOP_S)
    assert plan(np.full(count, level, np.float32)) == []


def test_steady_hiss_has_no_turns() -> None:
    rng = np.random.default_rng(3)
    assert plan((-50 + rng.normal(0, 0.4, 3000)).astype(np.float32)) == []


def test_very_quiet_speech_is_kept() -> None:
    assert plan(levels((2, -85), (3, -55), (2, -85))) != []


def test_a_cut_falls_into_the_longest_pause_in_reach() -> None:
    given_levels = levels(
        (18, SPEECH),
        (0.2, PAUSE),
        (4, SPEECH),
        (0.8, PAUSE),
        (3, SPEECH),
        (0.1, PAUSE),
        (20, SPEECH),
    )
    first, second = plan(given_levels)
    assert 22.2 < first.end_s < 23.0
    assert 22.2 < second.start_s < 23.0


def test_a_long_silence_is_left_out() -> None:
    first, second = plan(levels((10, SPEECH), (60, PAUSE), (10, SPEECH)))
    assert first.end_s == pytest.approx(10.3, abs=0.1)
    assert second.start_s == pytest.approx(69.7, abs=0.1)


def test_speech_without_any_pause_is_cut_all_the_same() -> None:
    spans = plan(levels((200, SPEECH)))
    assert len(spans) <= 8
    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(spans))


def test_turns_are_as_few_as_possible_when_pauses_abound() -> None:
    sentence = [(4.0, SPEECH), (0.5, PAUSE)]
    given_levels = levels(*(sentence * 60))
    assert len(plan(given_levels)) <= 270 / MAX_SEGMENT_S * 1.15


def test_a_noisy_recording_is_all_sound() -> None:
    spans = plan(levels((20, -20), (3, -30), (20, -20), (3, -30), (20, -20)))
    assert sum(span.end_s - span.start_s for span in spans) == pytest.approx(66.0)


@settings(max_examples=150)
@given(
    stretches=st.lists(
        st.tuples(st.floats(0.02, 45.0), st.sampled_from([SPEECH, -40.0, PAUSE, -100.0])),
        min_size=1,
        max_size=12,
    ),
    seed=st.integers(0, 1000),
)
def test_turns_are_in_order_within_the_limit_and_lose_no_speech(
    stretches: list[tuple[float, float]], seed: int
) -> None:
    given_levels = levels(*stretches, seed=seed)
    duration_s = len(given_levels) * HOP_S
    spans = plan(given_levels)
    end_s = 0.0
    for span in spans:
        assert end_s <= span.start_s < span.end_s <= duration_s + 1e-9
        assert span.end_s - span.start_s <= MAX_SEGMENT_S + 1e-9
        end_s = span.end_s
    covered = np.zeros(len(given_levels), bool)
    for span in spans:
        covered[round(span.start_s / HOP_S) : round(span.end_s / HOP_S)] = True
    if np.count_nonzero(given_levels > -35) > 5:
        assert covered[given_levels > -35].all()
