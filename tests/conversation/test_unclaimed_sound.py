"""The user's sound that another connection would be told again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.audio import AudioFormat
from rtaudio.conversation.unclaimed_sound import UnclaimedSound

WIRE = AudioFormat("pcm16", 24000)
COMMIT = {"type": "input_audio_buffer.commit"}


class Line:
    """Somebody who sends a ramp: each sample is its own position."""

    def __init__(self, *, detects: bool = False) -> None:
        self.unclaimed = UnclaimedSound(WIRE)
        self.unclaimed.detects(detects)
        self.position = 0
        self.now = 100.0

    def say(self, ms: int, piece_ms: int = 20) -> None:
        for _ in range(0, ms, piece_ms):
            count = piece_ms * 24
            ramp = np.arange(self.position, self.position + count, dtype=np.int64)
            self.position += count
            self.now += piece_ms / 1000
            self.unclaimed.append(ramp.astype(np.uint16).tobytes(), WIRE, self.now)

    def take(self) -> list[Any]:
        """Stretches of milliseconds, and where commits are."""
        told: list[Any] = []
        for each in self.unclaimed.take(WIRE):
            if not isinstance(each, bytes):
                assert each == COMMIT
                told.append("commit")
                continue
            ramp = np.frombuffer(each, np.uint16)
            assert np.all(np.diff(ramp) == 1)
            start, end = int(ramp[0]) / 24, (int(ramp[-1]) + 1) / 24
            if told and isinstance(told[-1], tuple) and told[-1][1] == start:
                start = told.pop()[0]
            told.append((start, end))
        return told


def test_what_was_not_committed_is_told_again() -> None:
    line = Line()
    line.say(300)
    assert line.take() == [(0, 300)]
    assert line.take() == []


def test_commits_without_an_answer_are_told_again_where_they_were() -> None:
    line = Line()
    line.say(100)
    line.unclaimed.commit()
    line.say(200)
    line.unclaimed.commit()
    line.say(40)
    assert line.take() == [(0, 100), "commit", (100, 300), "commit", (300, 340)]


def test_what_became_an_item_is_not_told_again() -> None:
    line = Line()
    line.say(100)
    line.unclaimed.commit()
    line.say(200)
    line.unclaimed.commit()
    line.say(40)
    line.unclaimed.committed("a")
    assert line.unclaimed.queue.size == 240
    assert line.take() == [(100, 300), "commit", (300, 340)]


def test_a_refused_commit_leaves_its_sound_to_the_next() -> None:
    line = Line()
    line.say(40)
    line.unclaimed.commit()
    line.unclaimed.commit_refused()
    line.say(60)
    line.unclaimed.commit()
    assert line.take() == [(0, 100), "commit"]


def test_commits_of_nothing_are_not_told_again() -> None:
    line = Line()
    line.unclaimed.commit()
    line.say(40)
    line.unclaimed.commit()
    line.unclaimed.commit()
    assert line.take() == [(0, 40), "commit"]


def test_what_was_cleared_is_not_wanted_any_more() -> None:
    line = Line()
    line.say(100)
    line.unclaimed.commit()
    line.say(100)
    line.unclaimed.clear()
    line.say(40)
    assert line.take() == [(0, 100), "commit", (200, 240)]


def test_a_turn_is_kept_from_where_it_began_until_it_is_an_item() -> None:
    line = Line(detects=True)
    line.say(20_000)
    line.unclaimed.speech_started("a", 19_000)
    line.say(40_000)
    line.unclaimed.speech_stopped("a", 59_000)
    assert line.unclaimed.queue.size == 41_000
    assert not line.unclaimed.is_quiet
    line.unclaimed.committed("a")
    assert line.unclaimed.queue.size == 1000
    assert line.unclaimed.is_quiet


def test_a_turn_that_goes_on_is_told_again_from_its_beginning() -> None:
    line = Line(detects=True)
    line.say(1000)
    line.unclaimed.speech_started("a", 600)
    line.say(1000)
    assert line.take() == [(0, 2000)]


def test_sound_in_which_no_turn_began_is_let_go() -> None:
    line = Line(detects=True)
    line.say(60_000)
    assert 10_000 <= line.unclaimed.queue.size <= 10_100
    assert line.unclaimed.queue.lost == 0


def test_nothing_is_let_go_while_there_is_no_connection() -> None:
    line = Line(detects=True)
    line.say(1000)
    line.unclaimed.suspend()
    line.say(60_000)
    assert line.unclaimed.queue.size == 61_000
    line.unclaimed.take(WIRE)
    line.say(60_000)
    assert line.unclaimed.queue.size <= 10_100


def test_a_turn_that_a_commit_of_ours_ends_is_claimed_up_to_there() -> None:
    line = Line(detects=True)
    line.say(300)
    line.unclaimed.speech_started("a", 100)
    line.unclaimed.commit()
    line.say(60)
    line.unclaimed.committed("a")
    assert line.take() == [(300, 360)]


def test_a_silence_that_becomes_an_item_is_claimed() -> None:
    line = Line(detects=True)
    line.say(500)
    line.unclaimed.timed_out("a", 100, 400)
    line.unclaimed.committed("a")
    assert line.take() == [(400, 500)]


def test_an_item_of_which_nothing_is_known_claims_nothing() -> None:
    line = Line()
    line.say(100)
    line.unclaimed.committed("from elsewhere")
    assert line.take() == [(0, 100)]


def test_the_oldest_goes_first_where_there_is_too_much() -> None:
    line = Line()
    line.say(310_000, piece_ms=1000)
    queue = line.unclaimed.queue
    assert (queue.size, queue.bound, queue.policy, queue.lost) == (
        300_000,
        300_000,
        "drop_oldest",
        10_000,
    )


def test_a_connection_with_another_format_is_told_nothing() -> None:
    line = Line()
    line.say(100)
    assert line.unclaimed.take(AudioFormat("pcmu", 8000)) == []
    assert line.unclaimed.queue.lost == 100


def test_a_format_that_changes_in_the_middle_leaves_what_was_before() -> None:
    line = Line()
    line.say(100)
    pcmu = AudioFormat("pcmu", 8000)
    line.unclaimed.append(bytes(800), pcmu, line.now)
    assert line.unclaimed.take(pcmu) == [bytes(800)]


@pytest.mark.parametrize("detects", [True, False])
def test_it_is_quiet_where_nobody_is_in_the_middle_of_something(detects: bool) -> None:
    line = Line(detects=detects)
    assert line.unclaimed.is_quiet
    line.say(100)
    assert line.unclaimed.is_quiet == detects
    line.unclaimed.commit()
    assert not line.unclaimed.is_quiet
    line.unclaimed.committed("a")
    assert line.unclaimed.is_quiet


STEP = st.one_of(
    st.tuples(st.just("say"), st.integers(1, 50)),
    st.tuples(st.sampled_from(["commit", "committed", "refused", "cut"]), st.just(0)),
)


@given(st.lists(STEP, max_size=60))
def test_with_commits_no_sample_is_lost_or_told_twice(steps: list[tuple[str, int]]) -> None:
    """A service that takes in what is committed, and connections that break in between."""
    line = Line()
    items: list[list[int]] = []  # samples of what the application knows to be items
    heard: list[Any] = []  # what the present connection was told: samples, and None for a commit

    def tell(what: Any) -> None:
        heard.append(what)

    for kind, size in steps:
        if kind == "say":
            start = line.position
            line.say(size, piece_ms=size)
            tell(list(range(start, line.position)))
        elif kind == "commit":
            line.unclaimed.commit()
            tell(None)
        elif None in heard and kind in ("committed", "refused"):
            at = heard.index(None)
            said = [sample for each in heard[:at] for sample in each]
            if said and kind == "committed":
                items.append(said)
                del heard[: at + 1]
                line.unclaimed.committed("item")
            elif not said:
                del heard[at]
                line.unclaimed.commit_refused()
        elif kind == "cut":
            line.unclaimed.suspend()
            told = line.unclaimed.take(WIRE)
            heard = []
            for each in told:
                if isinstance(each, bytes):
                    line.unclaimed.append(each, WIRE, line.now)
                    low = np.frombuffer(each, np.uint16).tolist()
                    tell(low)
                else:
                    line.unclaimed.commit()
                    tell(None)
    rest = [sample for each in heard if each is not None for sample in each]
    whole = [sample % 65_536 for item in items for sample in item]
    whole += [sample % 65_536 for sample in rest]
    assert whole == [sample % 65_536 for sample in range(line.position)]
