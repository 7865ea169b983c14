from __future__ import annotations

import pytest

from rtaudio.conversation.playback import MAX_PARTS, Cut, Playback


def test_nothing_received_leaves_nothing_to_cut() -> None:
    assert Playback().cuts(1.0, speaking=True) == []


@pytest.mark.parametrize(
    ("length_ms", "elapsed_ms", "expected"),
    [(1000, 5000, 1000), (1000, 250, 250), (42.8, 100, 42), (100, 0.9, 0), (100, 110.9, 100)],
)
def test_cut_is_at_what_was_heard_of_what_was_received(
    length_ms: float, elapsed_ms: float, expected: int
) -> None:
    playback = Playback()
    playback.received("i", 0, length_ms, 0.0)
    assert playback.cuts(elapsed_ms / 1000, speaking=True) == [Cut("i", 0, expected)]


def test_fully_heard_answer_that_has_ended_is_not_cut() -> None:
    playback = Playback()
    playback.received("i", 0, 1000, 0.0)
    assert playback.cuts(1.0, speaking=False) == []
    assert playback.cuts(0.999, speaking=False) == [Cut("i", 0, 999)]


def test_item_behind_the_one_that_plays_is_cut_at_nothing() -> None:
    playback = Playback()
    playback.received("a", 0, 1000, 0.0)
    playback.received("b", 0, 500, 0.1)
    assert playback.cuts(0.4, speaking=True) == [Cut("a", 0, 400), Cut("b", 0, 0)]


def test_item_that_was_heard_before_is_left_alone() -> None:
    playback = Playback()
    playback.received("a", 0, 1000, 0.0)
    playback.received("b", 0, 500, 0.1)
    assert playback.cuts(1.25, speaking=False) == [Cut("b", 0, 250)]


def test_gap_between_deltas_does_not_count_as_played() -> None:
    playback = Playback()
    playback.received("i", 0, 100, 0.0)
    playback.received("i", 0, 100, 10.0)
    assert playback.cuts(10.05, speaking=True) == [Cut("i", 0, 150)]


def test_clock_on_the_wall_counts_a_gap_as_played_but_no_gap_between_parts() -> None:
    playback = Playback(waits=False)
    playback.received("i", 0, 100, 0.0)
    playback.received("i", 0, 100, 10.0)
    assert playback.cuts(10.05, speaking=True) == [Cut("i", 0, 200)]
    assert playback.cuts(10.05, speaking=False) == []
    playback.received("j", 0, 100, 20.0)
    playback.received("j", 0, 100, 20.05)
    assert playback.cuts(20.12, speaking=True) == [Cut("j", 0, 120)]


def test_steady_stream_loses_no_milliseconds_to_rounding() -> None:
    playback = Playback()
    for n in range(300):
        playback.received("i", 0, 20.0, n * 0.001)
    assert playback.cuts(4.321, speaking=True) == [Cut("i", 0, 4321)]


def test_clear_forgets() -> None:
    playback = Playback()
    playback.received("i", 0, 1000, 0.0)
    playback.clear()
    assert playback.cuts(0.1, speaking=True) == []
    assert playback.unheard_ms(0.1) == 0


def test_parts_that_wait_to_be_heard_have_a_bound() -> None:
    playback = Playback()
    for number in range(MAX_PARTS + 5):
        playback.received(f"i{number}", 0, 10, 0.0)
    queue = playback.queue
    assert (queue.size, queue.bound, queue.lost) == (MAX_PARTS, MAX_PARTS, 5)
    cuts = playback.cuts(0.0, speaking=False)
    assert (cuts[0].item_id, cuts[-1].item_id) == ("i5", f"i{MAX_PARTS + 4}")
