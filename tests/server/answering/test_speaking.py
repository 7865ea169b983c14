"""Where text is cut to be spoken, and how far sound runs ahead."""

from __future__ import annotations

import pytest

from rtaudio.server.answering.speaking import Pace, Phrases


def stretches(text: str, piece: int) -> list[str]:
    phrases = Phrases()
    found = [p for at in range(0, len(text), piece) for p in phrases.feed(text[at : at + piece])]
    return found + phrases.flush()


@pytest.mark.parametrize("piece", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Well then, it is so.", ["Well then,", "it is so."]),
        ("No, it is not.", ["No, it is not."]),
        (
            "one two three four five six seven eight, nine",
            ["one two three four five six", "seven eight, nine"],
        ),
        ('He said "no." Then he left. ', ['He said "no."', "Then he left."]),
        ("It costs 3.50 now.", ["It costs 3.50 now."]),
        ("好。是的。", ["好。", "是的。"]),
        ("  ", []),
    ],
)
def test_text_is_cut_where_a_speaker_may_pause(text: str, piece: int, expected: list[str]) -> None:
    assert stretches(text, piece) == expected


def test_later_stretches_are_longer() -> None:
    words = [f"w{i}" for i in range(50)]
    found = stretches(" ".join(words), 7)
    assert [len(stretch.split()) for stretch in found] == [6, 30, 14]
    assert " ".join(found).split() == words


def test_sound_runs_ahead_freely_at_first_and_then_at_its_speed() -> None:
    pace = Pace(ahead_s=2.0, speed=4.0)
    assert pace.delay(100.0, 0.0) == 0.0
    assert pace.delay(100.0, 2.0) == 0.0
    assert pace.delay(100.0, 4.0) == pytest.approx(0.5)
    assert pace.delay(100.5, 4.0) == 0.0
    assert pace.delay(101.0, 10.0) == pytest.approx(1.0)
