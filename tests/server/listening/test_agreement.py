"""Which words of a turn are certain, by its drafts, and how its final text goes on from there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.server.engines.base import DraftSegment
from rtaudio.server.listening.agreement import Agreement


def segments(*texts: str, each_s: float = 1.0) -> list[DraftSegment]:
    return [DraftSegment(text, each_s * (index + 1)) for index, text in enumerate(texts)]


def heard(agreement: Agreement, *drafts: str) -> list[str]:
    return [agreement.hear(segments(draft))[0] for draft in drafts]


def test_a_word_is_given_out_when_two_drafts_have_it() -> None:
    assert heard(
        Agreement(), " It was the", " It was the best of", " It was the best off times", " It was"
    ) == ["", "It was the", " best", ""]


@pytest.mark.parametrize(
    ("drafts", "given"),
    [
        ((" Quick.", " Quick brown."), ["", ""]),  # a full stop where the sound ended
        ((" Quick.", " Quick brown.", " Quick brown fox."), ["", "", "Quick"]),
        ((" a b", " x a b", " x a b"), ["", "", "x a b"]),
        (("", " a", "", " a"), ["", "", "", ""]),
        ((" a b", " a b", " A, b c d", " a! b c d e"), ["", "a b", "", " c d"]),
        ((" a b", " a b", " x b c", " a b c"), ["", "a b", "", ""]),
        (("吾輩は", "吾輩は猫", "吾輩は猫である"), ["", "吾輩は", "猫"]),
    ],
)
def test_what_drafts_do_not_agree_on_waits(drafts: tuple[str, ...], given: list[str]) -> None:
    assert heard(Agreement(), *drafts) == given


def test_the_final_text_continues_what_was_given_out() -> None:
    agreement = Agreement()
    heard(agreement, " It was the", " It was the best")
    assert agreement.conclude("It was", whole=False) == ""
    assert agreement.conclude("It was the b", whole=False) == " b"
    assert agreement.conclude("It was the best of times.", whole=False) == "est of times."
    assert agreement.conclude("It was the best of times.", whole=True) == ""


def test_other_punctuation_and_case_do_not_keep_it_from_being_continued() -> None:
    agreement = Agreement()
    heard(agreement, " The end. - It", " The end. - It")
    assert agreement.conclude("the end; it was", whole=True) == " was"


@pytest.mark.parametrize("final", ["It is over.", "It", ""])
def test_a_final_text_with_other_words_stands_for_itself(final: str) -> None:
    agreement = Agreement()
    heard(agreement, " It was", " It was")
    assert agreement.conclude(final, whole=True) == ""


def test_a_final_text_that_is_no_longer_than_what_was_given_out_adds_nothing() -> None:
    agreement = Agreement()
    heard(agreement, " It was", " It was")
    assert agreement.conclude("It was.", whole=True) == ""


def test_without_drafts_the_final_text_is_given_as_it_comes() -> None:
    agreement = Agreement()
    assert agreement.conclude("It", whole=False) == "It"
    assert agreement.conclude("It was.", whole=False) == " was."
    assert agreement.conclude("It was.", whole=True) == ""


def test_of_long_sound_what_is_settled_need_not_be_heard_again() -> None:
    agreement = Agreement()
    first = segments(" One.", " Two.", " Three and", each_s=5.0)
    assert agreement.hear(first) == ("", 0.0)
    # The last segment is never done with: the next words may belong to it.
    assert agreement.hear(first) == ("One. Two. Three and", 10.0)
    assert agreement.hear(segments(" Three and four.", " Five.")) == ("", 0.0)
    assert agreement.hear(segments(" Three and four.", " Five.")) == (" four. Five.", 0.0)
    assert agreement.conclude("One. Two. Three and four. Five. Six.", whole=True) == " Six."


def test_what_is_not_settled_is_heard_again_however_long_it_gets() -> None:
    agreement = Agreement()
    assert agreement.hear(segments(" One.", " Two.", each_s=10.0)) == ("", 0.0)
    assert agreement.hear(segments(" Won.", " Two.", each_s=10.0)) == ("", 0.0)


WORDS = st.lists(st.sampled_from(["a", "b", "b.", "c"]), max_size=8)


@given(st.lists(WORDS, max_size=6), WORDS, st.integers(0, 20))
def test_deltas_are_the_final_text_wherever_they_can_be(
    drafts: list[list[str]], final: list[str], cut: int
) -> None:
    agreement = Agreement()
    given = "".join(heard(agreement, *("".join(f" {word}" for word in d) for d in drafts)))
    text = " ".join(final)
    joined = given + agreement.conclude(text[:cut], whole=False) if text[:cut] else given
    joined += agreement.conclude(text, whole=True)
    plain = [word.strip(".") for word in given.split()]
    if plain == [word.strip(".") for word in final[: len(plain)]]:
        assert [w.strip(".") for w in joined.split()] == [w.strip(".") for w in final]
    else:
        assert joined == given
