"""When a text that is being said is due to be checked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtaudio.conversation.spoken_text import SpokenText


def due_at(every: int, *lengths: int) -> list[int]:
    """Lengths of the texts that were due, for pieces of these lengths."""
    spoken = SpokenText(every)
    texts = [spoken.add("item", "x" * length) for length in lengths]
    return [len(text) for text in texts if text is not None]


def test_a_check_is_due_at_each_multiple_and_once_for_a_jump_over_several():
    assert due_at(100, 60, 60, 60, 250) == [120, 430]
    assert due_at(100, 100, 99, 1) == [100, 200]
    assert due_at(100, 99) == []


def test_below_zero_nothing_is_due_before_the_end():
    assert due_at(-1, 500, 500) == []


@given(st.integers(1, 20), st.lists(st.integers(0, 50), max_size=20))
def test_the_due_text_is_all_that_was_said_so_far(every, lengths):
    said, expected = 0, []
    for length in lengths:
        said += length
        if said // every > (said - length) // every:
            expected.append(said)
    assert due_at(every, *lengths) == expected


def test_items_are_counted_apart():
    spoken = SpokenText(4)
    assert spoken.add("a", "123") is None
    assert spoken.add("b", "123") is None
    assert spoken.add("a", "4") == "1234"
    assert spoken.add("b", "45") == "12345"
