"""Which words of an unfinished turn are certain enough to be sent: those of two drafts."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtaudio.server.engines.base import DraftSegment

__all__ = ["Agreement"]

_NO_SPACES = r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff"  # Thai, Japanese, Chinese
# A word with the space before it; where the script puts none, a character.
_WORD = re.compile(rf"\s*(?:[{_NO_SPACES}]|[^\s{_NO_SPACES}]+)")
_TRIM_S = 12.0  # of sound that is heard again; whoever speaks on gets rid of what is settled


class Agreement:
    """The text of one turn as it becomes certain.

    Drafts of a turn that goes on are heard one after the other; a word is given out when two
    successive ones have it in the same place, with the same punctuation, behind words that they
    agree on. What was given out is never taken back. The final text continues it if it has the same
    words, whatever their punctuation; otherwise it gives nothing more, and stands for itself.
    """

    def __init__(self) -> None:
        self._given = ""
        self._settled = 0  # words of the present stretch that were given out
        self._previous: list[str] = []
        self._place: int | None = None  # in the final text, up to which it has been given out
        self._apart = False

    def hear(self, segments: Sequence[DraftSegment]) -> tuple[str, float]:
        """Take a draft.

        Returns:
            What is certain now and was not before; and how many seconds at the beginning of the
            sound the next draft can do without.
        """
        words = [_WORD.findall(segment.text) for segment in segments]
        draft = [word for of_segment in words for word in of_segment]
        bare = [word.strip() for word in draft]
        if [_plain(word) for word in bare[: self._settled]] == [
            _plain(word) for word in self._previous[: self._settled]
        ]:
            agreed = self._settled + _agreed(bare[self._settled :], self._previous[self._settled :])
            delta = "".join(draft[self._settled : agreed])
            if not self._given:
                delta = delta.lstrip()
            self._given += delta
            self._settled = agreed
            self._previous = bare
            return delta, self._trim(segments, [len(of_segment) for of_segment in words])
        return "", 0.0

    def _trim(self, segments: Sequence[DraftSegment], counts: Sequence[int]) -> float:
        if not segments or segments[-1].end_s < _TRIM_S:
            return 0.0
        skip_s, gone, count = 0.0, 0, 0
        for segment, words in zip(segments[:-1], counts, strict=False):
            count += words
            if count > self._settled:
                break
            skip_s, gone = segment.end_s, count
        self._settled -= gone
        del self._previous[:gone]
        return skip_s

    def conclude(self, text: str, *, whole: bool) -> str:
        """Take the final text, or as much of it as there is, and return what comes next.

        Args:
            text: from its beginning.
            whole: whether that is all.
        """
        if self._place is None:
            self._place = self._find(text, whole=whole)
        if self._place is None or self._apart:
            return ""
        delta, self._place = text[self._place :], len(text)
        return delta

    def _find(self, text: str, *, whole: bool) -> int | None:
        """Find the end of what was given out; None where it takes more text to tell."""
        given = [plain for word in _WORD.findall(self._given) if (plain := _plain(word))]
        found = [
            (plain, match.end()) for match in _WORD.finditer(text) if (plain := _plain(match[0]))
        ]
        if not given:
            return 0
        if len(found) <= len(given) and not whole:
            return None
        self._apart = [plain for plain, _ in found[: len(given)]] != given
        return 0 if self._apart else found[len(given) - 1][1]


def _agreed(words: Sequence[str], others: Sequence[str]) -> int:
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(words, others, strict=False))
    )


def _plain(word: str) -> str:
    return "".join(re.findall(r"\w+", word)).casefold()
