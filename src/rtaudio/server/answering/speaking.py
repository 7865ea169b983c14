"""How a client gets sound early, but not too much: where text is cut, and how fast sound goes."""

from __future__ import annotations

import re

__all__ = ["Pace", "Phrases"]

_WORD = re.compile(r"\S+?[。！？]|\S+(?=\s)")  # noqa: RUF001 - a word is whole when a space is behind it
_CLOSING = "\"')]»”’"  # noqa: RUF001
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")  # noqa: RUF001
_CLAUSE_ENDS = (",", ";", ":", "–", "—")  # noqa: RUF001
# Words from which on a clause is long enough to be spoken by itself, and with which even a stretch
# without any punctuation is. The first stretch is short: until it is spoken there is only silence.
_FIRST = (2, 6)
_LATER = (8, 30)


class Phrases:
    """Cuts text that is still being written into stretches to be spoken.

    Joined with spaces, the stretches are the text but for spaces at the cuts.
    """

    def __init__(self) -> None:
        self._pending = ""
        self._limits = _FIRST

    def feed(self, text: str) -> list[str]:
        """Take the next text and return the stretches that it completed."""
        self._pending += text
        found = []
        while (end := self._cut()) is not None:
            found.append(self._pending[:end].strip())
            self._pending = self._pending[end:]
            self._limits = _LATER
        return found

    def flush(self) -> list[str]:
        """Return what is left, nothing or one stretch."""
        rest, self._pending = self._pending.strip(), ""
        return [rest] if rest else []

    def _cut(self) -> int | None:
        clause, longest = self._limits
        for count, match in enumerate(_WORD.finditer(self._pending), 1):
            word = match.group().rstrip(_CLOSING)
            if (
                word.endswith(_SENTENCE_ENDS)
                or (count >= clause and word.endswith(_CLAUSE_ENDS))
                or count >= longest
            ):
                return match.end()
        return None


class Pace:
    """Holds sound back so that a client is ahead of its loudspeaker, but not without bound.

    Args:
        ahead_s: seconds of sound that may go out at once.
        speed: how many seconds of sound may follow in each second after that.
    """

    def __init__(self, ahead_s: float = 5.0, speed: float = 4.0) -> None:
        self._ahead_s = ahead_s
        self._speed = speed
        self._began: float | None = None

    def delay(self, now: float, sent_s: float) -> float:
        """Tell how long to wait before more may be sent.

        Args:
            now: a monotonic clock, in seconds; it counts from the first call.
            sent_s: seconds of sound sent so far.

        Returns:
            Seconds, 0 or more.
        """
        if self._began is None:
            self._began = now
        return max(0.0, (sent_s - self._ahead_s) / self._speed - (now - self._began))
