from __future__ import annotations

from rtaudio.conversation.track import Track, TrackPart

PART = TrackPart("r1", "a", 0)


def test_sound_of_a_response_that_plays_belongs_to_the_part_that_began_last() -> None:
    track = Track()
    track.part_began(PART)
    assert track.started("r1")
    assert track.take(20, None, 0.0, silent=True) == PART


def test_a_part_that_begins_late_gets_the_sound_from_then_on() -> None:
    track = Track()
    track.started("r1")
    assert track.take(20, None, 0.0, silent=False) == ("r1", "", 0)
    track.part_began(PART)
    assert track.take(20, None, 0.0, silent=False) == PART


def test_silence_is_nobodys_while_nothing_plays() -> None:
    assert Track().take(20, "r1", 0.0, silent=True) is None


def test_what_is_audible_belongs_to_the_response_that_is_produced_even_if_nobody_told() -> None:
    track = Track()
    assert track.take(20, "r1", 0.0, silent=False) == ("r1", "", 0)
    for _ in range(24):
        track.take(20, None, 0.0, silent=True)
        assert not track.has_ended(0.0)
    track.take(20, None, 0.0, silent=True)
    assert track.has_ended(0.0)


def test_a_pause_does_not_end_a_response_of_which_the_end_will_be_told() -> None:
    track = Track()
    track.started("r1")
    for _ in range(100):
        track.take(20, None, 0.0, silent=True)
    assert not track.has_ended(0.0)


def test_the_end_comes_with_the_next_silence_after_it_was_told() -> None:
    track = Track()
    track.started("r1")
    track.take(20, None, 1.0, silent=False)
    track.stopped()
    assert not track.has_ended(1.0)
    track.take(20, None, 1.02, silent=False)
    assert not track.has_ended(1.02)
    track.take(20, None, 1.04, silent=True)
    assert track.has_ended(1.04)


def test_a_track_that_stays_audible_does_not_put_off_the_end_for_good() -> None:
    track = Track()
    track.started("r1")
    track.take(20, None, 0.0, silent=False)
    track.stopped()
    for _ in range(24):
        track.take(20, None, 0.0, silent=False)
    assert not track.has_ended(0.0)
    track.take(20, None, 0.0, silent=False)
    assert track.has_ended(0.0)


def test_where_no_sound_is_on_its_way_the_end_is_there_when_it_is_told() -> None:
    track = Track()
    track.started("r1")
    track.take(20, None, 1.0, silent=False)
    track.stopped()
    assert track.has_ended(1.2)


def test_after_a_hush_only_another_response_is_heard() -> None:
    track = Track()
    track.started("r1")
    assert track.hush("r1") == ("r1", "", 0)
    assert track.take(20, "r1", 0.0, silent=False) is None
    assert not track.started("r1")
    assert track.take(20, "r1", 0.0, silent=False) is None
    assert track.started("r2")
    assert track.take(20, "r2", 0.0, silent=False) == ("r2", "", 0)
