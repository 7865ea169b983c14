"""The script of a conversation: what a service would send, at times that fit each other."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from rtaudio import protocol
from rtaudio.bench.hour_script import CUT_EVERY, DELTAS, TURN_S, make_turn

TURNS = [make_turn(number) for number in range(9)]


def test_time_only_goes_forward_and_a_turn_takes_its_time() -> None:
    times = [at for turn in TURNS for at, _ in turn.events]
    assert times == sorted(times)
    starts = [turn.events[0][0] for turn in TURNS]
    assert starts == [number * TURN_S for number in range(len(TURNS))]


def test_all_events_are_ones_that_the_protocol_knows() -> None:
    assert not any(isinstance(e, protocol.UnknownEvent) for t in TURNS for _, e in t.events)


def test_each_turn_tells_of_two_items_of_its_own() -> None:
    ids = [told.item_id for turn in TURNS for told in turn.told]
    assert len(set(ids)) == 2 * len(TURNS)
    assert [told.role for told in TURNS[0].told] == ["user", "assistant"]


def test_a_minute_has_the_same_events_wherever_it_begins() -> None:
    def kinds(turns: list[int]) -> Counter[str]:
        return Counter(event.type for number in turns for _, event in make_turn(number).events)

    assert kinds([4, 5, 6, 7]) == kinds([996, 997, 998, 999])


def test_an_answer_that_is_cut_plays_still_when_the_next_turn_begins() -> None:
    for number, (turn, following) in enumerate(pairwise(TURNS)):
        sounds = [at for at, e in turn.events if isinstance(e, protocol.ResponseOutputAudioDelta)]
        assert len(sounds) == turn.sounds == DELTAS
        end = sounds[0] + DELTAS * 0.1
        assert turn.cut == (end > following.events[0][0] + 1e-9) == (number % CUT_EVERY == 0)
        cuts = [e for _, e in following.events if isinstance(e, protocol.ConversationItemTruncated)]
        assert len(cuts) == turn.cut
