"""How much of an answer's words was heard, where its sound was cut.

The service does not say which word lies where in the sound. It sends words a little ahead of the
sound in which they are spoken, in bursts: some words, their sound, more words, their sound. So
whenever words arrive behind sound, what had been said before is taken to end where the sound so far
ends, and between two such marks the words are taken to be spread evenly. That is an estimate, good
to about a burst; where all words come before all sound, or behind it, it is their proportion.
"""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right

from rtaudio._native.sound_stream import SoundLength

__all__ = ["Alignment", "heard_words", "usual_ms"]

_MOST_MARKS = 32

# How long a character takes to be said, in milliseconds: of alphabets, and of scripts without
# spaces, most of which write syllables.
_CHARACTER_MS = 65.0
_SYLLABLE_MS = 200.0

# Scripts that are written without spaces between words; any character may end there.
_UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0xABFF),
    (0xF900, 0xFAFF),
)


class Alignment:
    """Collects, while an item streams in, where in its words which sound arrived.

    Attributes:
        sound: how much there was so far; whoever gets the sound adds to it.
        marks: pairs of milliseconds and the characters that were spoken by then, both rising; at
            most 32, of which every second is given up when there are more.
    """

    __slots__ = ("_characters", "marks", "sound")

    def __init__(self) -> None:
        self.sound = SoundLength()
        self.marks: list[tuple[float, int]] = []
        self._characters = 0

    def words(self, characters: int) -> None:
        """So many characters of a transcript arrived."""
        audio_ms = self.sound.ms
        if self._characters and audio_ms > (self.marks[-1][0] if self.marks else 0.0):
            if len(self.marks) == _MOST_MARKS:
                del self.marks[::2]
            self.marks.append((audio_ms, self._characters))
        self._characters += characters


def heard_words(
    text: str, end_ms: float, audio_ms: float | None, marks: tuple[tuple[float, int], ...]
) -> str:
    """The words that were spoken before the sound was cut, as far as can be told.

    Args:
        text: all words.
        end_ms: where the sound was cut.
        audio_ms: length of all sound; None or 0 where it is not known, which gives all words.
        marks: as collected by `Alignment`.

    Returns:
        A beginning of the text that ends with a whole word.
    """
    if end_ms <= 0:
        return ""
    if not audio_ms or end_ms >= math.floor(audio_ms):
        return text
    points = [
        (0.0, 0),
        *(mark for mark in marks if 0 < mark[0] < audio_ms and mark[1] <= len(text)),
        (audio_ms, len(text)),
    ]
    after = bisect_right(points, (end_ms, len(text)))
    (from_ms, first), (to_ms, last) = points[after - 1], points[after]
    spoken = first + math.floor((last - first) * (end_ms - from_ms) / (to_ms - from_ms))
    return text[: _word_end(text, spoken)].rstrip()


def usual_ms(text: str) -> float:
    """How long it takes to say this, in milliseconds, as far as its letters tell."""
    return sum(_SYLLABLE_MS if _is_unspaced(each) else _CHARACTER_MS for each in text)


def _word_end(text: str, position: int) -> int:
    """The last end of a word at or before a position."""
    while 0 < position < len(text) and not _is_boundary(text, position):
        position -= 1
    return position


def _is_boundary(text: str, position: int) -> bool:
    before, after = text[position - 1], text[position]
    if before.isspace() or after.isspace():
        return True
    if unicodedata.category(after).startswith("M"):
        return False
    return _is_unspaced(before) or _is_unspaced(after)


def _is_unspaced(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _UNSPACED)
