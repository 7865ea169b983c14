"""What a voice is given to read."""

from __future__ import annotations

import pytest

from rtaudio.errors import ConfigError
from rtaudio.server.engines.speakable import MAX_CHARACTERS, speakable, stretches


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Hello there.", "Hello there."),
        ("Hi 👩‍👩‍👧 you 👍🏽!", "Hi you!"),
        ("one\x00two\x07\x1b[0m", "one two [0m"),
        ("lone \ud800 half", "lone half"),
        ("in\u00advis\u202eible", "invisible"),
        ("<p class='x'>Hi <b>you</b></p>.", "Hi you."),
        ("2 < 3 and 5 > 4", "2 < 3 and 5 > 4"),
        ("**bold**, `code` and _more_", "bold, code and more"),
        ("2 * 3, 2*3 and snake_case", "2 * 3, 2*3 and snake_case"),
        ("# Heading\n\n* one\n- two", "Heading. one two"),
        ("see [the page](https://example.org/a?b=c) now", "see the page now"),
        ("[[h@loU]] [[[[x", "[ [h@loU]] [ [ [ [x"),
        ("21 °C ™ → 5 €", "21 °C ™ → 5 €"),
        ("你好。", "你好。"),
        ("क्\u200dष", "क्\u200dष"),
    ],
)
def test_only_what_can_be_read_aloud_is_left(text: str, read: str) -> None:
    assert speakable(text) == read


@pytest.mark.parametrize("text", ["", " \n\t", "😀", "...", "- * -", "<br/>", "\x00", "\ud83d"])
def test_where_nothing_can_be_read_aloud_nothing_is_left(text: str) -> None:
    assert speakable(text) == ""


def test_a_text_that_is_too_long_is_refused_without_showing_it() -> None:
    assert speakable("a" * MAX_CHARACTERS)
    with pytest.raises(ConfigError, match="has 10001 characters, expected at most 10000"):
        speakable("a" * (MAX_CHARACTERS + 1))


@pytest.mark.parametrize("mark", "<[*_~`\n #.\u200d")
def test_a_text_full_of_marks_takes_no_longer_than_one_full_of_words(mark: str) -> None:
    assert speakable(mark * (MAX_CHARACTERS - 1) + "a").endswith("a")


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("One two. Three, four.", ["One two.", "Three, four."]),
        ("One two, three four five", ["One two,", "three four five"]),
        ("One two three four", ["One two three", "four"]),
        ("abcdefghijklmnopqrst", ["abcdefghijklmnop", "qrst"]),
        ("One two.", ["One two."]),
        ("", []),
    ],
)
def test_stretches_end_where_a_reader_would_pause(text: str, cut: list[str]) -> None:
    assert stretches(text, 16) == cut
