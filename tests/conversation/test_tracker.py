"""Playback as the application reports it."""

from __future__ import annotations

import pytest

from rtaudio.audio import AudioFormat
from rtaudio.conversation.playback import MAX_PARTS, Cut
from rtaudio.conversation.tracker import PlaybackState, PlaybackTracker, TrackedPlayback


@pytest.fixture
def tracker() -> PlaybackTracker:
    return PlaybackTracker()


@pytest.fixture
def playback(tracker: PlaybackTracker) -> TrackedPlayback:
    return TrackedPlayback(tracker)


def test_reports_of_one_part_add_up_and_another_part_starts_over(tracker):
    assert tracker.state() == PlaybackState()
    tracker.on_play_ms("a", 0, 100)
    tracker.on_play_bytes("a", 0, bytes(4800))
    assert tracker.state() == ("a", 0, 200.0)
    tracker.on_play_ms("a", 1, 5)
    assert tracker.state() == ("a", 1, 5)
    tracker.on_interrupted()
    assert tracker.state() == (None, None, None)


def test_bytes_are_milliseconds_of_the_format_in_use(tracker):
    tracker.set_audio_format(AudioFormat("pcmu", 8000))
    tracker.on_play_bytes("a", 0, bytearray(80))
    assert tracker.state().elapsed_ms == 10.0


def test_the_reported_position_is_where_the_sound_is_cut(tracker, playback):
    playback.received("a", 0, 1000.0, now=0.0)
    tracker.on_play_ms("a", 0, 500.7)
    assert playback.cuts(0.0, speaking=True) == [Cut("a", 0, 500)]


def test_without_a_report_nothing_is_cut(playback):
    playback.received("a", 0, 1000.0, now=0.0)
    assert playback.cuts(5.0, speaking=True) == []


@pytest.mark.parametrize(("speaking", "cuts"), [(True, [Cut("a", 0, 1000)]), (False, [])])
def test_a_report_beyond_the_end_is_the_end_and_no_cut_once_all_was_said(
    tracker, playback, speaking, cuts
):
    playback.received("a", 0, 1000.0, now=0.0)
    tracker.on_play_ms("a", 0, 2000)
    assert playback.cuts(0.0, speaking=speaking) == cuts


def test_what_was_not_begun_is_cut_at_its_beginning_and_what_was_heard_is_left(tracker, playback):
    for part in ("a", "b", "c"):
        playback.received(part, 0, 100.0, now=0.0)
    tracker.on_play_ms("b", 0, 30)
    assert playback.cuts(0.0, speaking=False) == [Cut("b", 0, 30), Cut("c", 0, 0)]


def test_a_part_that_was_never_received_is_not_clamped(tracker, playback):
    tracker.on_play_ms("x", 0, 42.9)
    assert playback.cuts(0.0, speaking=True) == [Cut("x", 0, 42)]


def test_clearing_forgets_reports_and_lengths(tracker, playback):
    playback.received("a", 0, 100.0, now=0.0)
    tracker.on_play_ms("a", 0, 50)
    playback.clear()
    assert tracker.state() == PlaybackState()
    assert playback.cuts(0.0, speaking=True) == []


def test_parts_that_were_heard_are_not_kept_for_ever(tracker, playback):
    for number in range(100):
        playback.received(str(number), 0, 100.0, now=0.0)
        tracker.on_play_ms(str(number), 0, 100)
    assert len(playback._lengths) <= 2


def test_without_any_report_only_so_many_parts_are_remembered(playback):
    for number in range(MAX_PARTS + 5):
        playback.received(f"i{number}", 0, 10.0, now=0.0)
    queue = playback.queue
    assert (queue.size, queue.bound, queue.lost) == (MAX_PARTS, MAX_PARTS, 5)
