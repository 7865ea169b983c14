"""When pieces of sound were heard."""

from __future__ import annotations

import pytest

from rtaudio.conversation.timeline import Mark, Timeline


def test_pieces_that_follow_each_other_need_one_mark() -> None:
    timeline = Timeline(1000)
    for piece in range(50):
        late = 0.015 if piece % 3 else 0.0
        timeline.add(piece * 20, 5.0 + piece * 0.02 + late)
    assert timeline.marks == [Mark(0, 5.0)]
    assert timeline.at(500) == pytest.approx(5.5)


def test_pieces_that_come_early_wait_for_those_before_them() -> None:
    timeline = Timeline(1000)
    for piece in range(10):
        timeline.add(piece * 100, 5.0)
    assert timeline.at(1000) == pytest.approx(6.0)


def test_a_gap_is_marked_and_rules_what_comes_after_it() -> None:
    timeline = Timeline(1000)
    timeline.add(0, 5.0)
    timeline.add(100, 5.121)
    timeline.add(200, 5.3)
    timeline.add(300, 9.0)
    assert timeline.marks == [Mark(0, 5.0), Mark(100, 5.121), Mark(200, 5.3), Mark(300, 9.0)]
    assert timeline.at(50) == pytest.approx(5.05)
    assert timeline.at(150) == pytest.approx(5.171)
    assert timeline.at(350) == pytest.approx(9.05)


def test_a_stretch_is_cut_at_its_gaps() -> None:
    timeline = Timeline(1000)
    for position, start_s in ((0, 1.0), (100, 2.0), (200, 3.0)):
        timeline.add(position, start_s)
    assert timeline.pieces(50, 250) == [(50, 100), (100, 200), (200, 250)]
    assert timeline.pieces(100, 200) == [(100, 200)]


def test_what_is_forgotten_leaves_the_mark_that_still_rules() -> None:
    timeline = Timeline(1000)
    for position, start_s in ((0, 1.0), (100, 2.0), (200, 3.0)):
        timeline.add(position, start_s)
    timeline.forget_before(150)
    assert timeline.marks == [Mark(100, 2.0), Mark(200, 3.0)]
    timeline.forget_before(10_000)
    assert timeline.at(250) == pytest.approx(3.05)
