"""Sound that waits until what it says was checked.

The transcript of an answer and its sound arrive side by side, the words usually a little ahead. A
check that finds nothing frees the sound that had arrived when the text it saw had arrived; what
came later may say what came later, and waits for the next check. When the transcript of a part is
complete, one more check frees all of the part, sound that is still to come included. Verdicts count
in the order in which their checks began: a later one frees nothing while an earlier one is out.

An answer can also wait for the question it answers: nothing of it is freed before the transcript
of that was checked.

Sound leaves in the order in which it came, and what tells of its end leaves behind it. What cannot
be checked, because a check failed or no transcript came, is dropped or freed as the settings say.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rtaudio.conversation.checking import Checking
from rtaudio.conversation.events import Audio
from rtaudio.conversation.playback import ROUNDING_MS, Cut
from rtaudio.conversation.queue_stats import QueueStats

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.conversation.events import AudioStopped

__all__ = ["HeldSound", "Piece"]

# Responses of which something is known while nothing of them waits.
_MAX_OPEN = 100

_Part: TypeAlias = tuple[str | None, int | None]


class Piece(NamedTuple):
    """A piece of sound, or the end of a part, in line.

    Attributes:
        number: counts the pieces of a connection from 1.
        since: monotonic seconds at which it came.
    """

    number: int
    response_id: str
    event: Audio | AudioStopped
    length_ms: float
    since: float

    @property
    def part(self) -> _Part:
        """The content part of an item that it belongs to."""
        return self.event.item_id, self.event.content_index


class _Run:
    """A check that was begun. With a part, or `last`, no later one will see the same text."""

    __slots__ = ("item_id", "last", "part", "passed", "reach")

    def __init__(self, item_id: str, reach: int, part: _Part | None, *, last: bool) -> None:
        self.item_id = item_id
        self.reach = reach
        self.part = part
        self.last = last
        self.passed: bool | None = None


class _Answer:
    """What is known about the sound of one response."""

    __slots__ = ("checked", "cleared", "ended", "lost", "question", "refused", "runs", "whole")

    def __init__(self, *, checked: bool, question: str | None) -> None:
        self.checked = checked
        self.question = question
        self.runs: dict[int, _Run] = {}
        # Pieces of an item up to this number may go; all pieces of these parts may.
        self.cleared: dict[str, int] = {}
        self.whole: set[_Part] = set()
        self.lost: set[_Part] = set()
        self.refused = False
        self.ended = False

    def has_cleared(self, piece: Piece) -> bool:
        """Whether what a piece says was checked."""
        return (
            not self.checked
            or piece.part in self.whole
            or piece.number <= self.cleared.get(piece.event.item_id or "", 0)
        )

    def will_check(self, piece: Piece) -> bool:
        """Whether a check is out after which none will come that sees more of a piece."""
        return any(
            run.part == piece.part or (run.last and run.item_id == piece.event.item_id)
            for run in self.runs.values()
        )


class HeldSound:
    """The line in which sound waits. Times are monotonic seconds.

    Attributes:
        checking: what is checked, and whether sound waits for it; counts for answers that begin
            from now on.
        waiting_ms: sound in line now.
        dropped_ms: sound that was never delivered.
    """

    def __init__(self) -> None:
        self.checking = Checking()
        self.dropped_ms = 0.0
        self.waiting_ms = 0.0
        self.start_over()

    def start_over(self) -> None:
        """Nothing waits; what did is dropped."""
        self.dropped_ms += self.waiting_ms
        self.waiting_ms = 0.0
        # A list: while it is empty, as nearly always, a deque takes 0.7 KB.
        self._line: list[Piece] = []
        self._answers: dict[str, _Answer] = {}
        self._pieces = 0
        self._runs = 0
        # What was freed last: so much of this part was delivered.
        self._part: _Part | None = None
        self._delivered_ms = 0.0

    def __len__(self) -> int:
        return len(self._line)

    @property
    def queue(self) -> QueueStats:
        """How much sound waits, in milliseconds."""
        limit = int(self.checking.max_held_ms)
        size, lost = int(self.waiting_ms), int(self.dropped_ms)
        return QueueStats(size=size, bound=limit, policy="raise", lost=lost)

    def began(self, response_id: str | None, question: str | None) -> None:
        """An answer began; with a question, none of it is heard before that was checked."""
        for known, answer in list(self._answers.items()):
            over = answer.ended or len(self._answers) > _MAX_OPEN
            if over and not answer.runs and not self.waits(known):
                del self._answers[known]
        if response_id is not None:
            self._know(response_id, question)

    def _know(self, response_id: str, question: str | None = None) -> _Answer | None:
        checked = self.checking.every is not None
        if not self.checking.hold or not (checked or question):
            return None
        answer = self._answers[response_id] = _Answer(checked=checked, question=question)
        return answer

    def waits(self, response_id: str) -> bool:
        """Whether anything of a response is in line."""
        return any(piece.response_id == response_id for piece in self._line)

    # Sound.

    def add(
        self, response_id: str, event: Audio | AudioStopped, length_ms: float, now: float
    ) -> bool:
        """Put a piece in line; False where it is not wanted any more.

        Room for it has to be made before, see `excess_ms`.
        """
        answer = self._answers.get(response_id)
        if answer is None and isinstance(event, Audio):
            answer = self._know(response_id)
        self._pieces += 1
        piece = Piece(self._pieces, response_id, event, length_ms, now)
        if answer is not None and length_ms and (answer.refused or piece.part in answer.lost):
            self.dropped_ms += length_ms
            return False
        self._line.append(piece)
        self.waiting_ms += length_ms
        return True

    def excess_ms(self, response_id: str, length_ms: float) -> float:
        """By how much a piece of an answer would be more than may wait; 0 where it would not."""
        answer = self._answers.get(response_id)
        if answer is not None and answer.refused:
            return 0.0
        return max(0.0, self.waiting_ms + length_ms - self.checking.max_held_ms)

    def take(self, surplus_ms: float = 0.0) -> list[Piece]:
        """What may be delivered now, in order.

        Args:
            surplus_ms: so much more leaves the line unchecked, to make room.
        """
        freed: list[Piece] = []
        while self._line:
            piece = self._line[0]
            if not self._is_free(piece):
                if surplus_ms <= 0:
                    break
                surplus_ms -= piece.length_ms
            self._line.pop(0)
            self.waiting_ms -= piece.length_ms
            if piece.length_ms:
                if piece.part != self._part:
                    self._part, self._delivered_ms = piece.part, 0.0
                self._delivered_ms += piece.length_ms
            freed.append(piece)
        if not self._line:
            # Sums of fractions do not quite come back to nothing.
            self.waiting_ms = 0.0
        return freed

    def _is_free(self, piece: Piece) -> bool:
        answer = self._answers.get(piece.response_id)
        if answer is None or not piece.length_ms:
            return True
        return answer.question is None and answer.has_cleared(piece)

    def end_here(self, response_id: str) -> list[Cut]:
        """Want nothing more of an answer; returns where what is in line of it ends."""
        answer = self._answers.get(response_id)
        if answer is not None:
            answer.refused = True
        part, length_ms = self._part, self._delivered_ms
        for piece in self._line:
            if piece.response_id == response_id and piece.length_ms:
                if piece.part != part:
                    part, length_ms = piece.part, 0.0
                length_ms += piece.length_ms
        return [] if part is None else [_cut(part, length_ms)]

    def drop(self, response_id: str | None = None) -> list[Cut]:
        """Deliver nothing of an answer any more; None for all that is in line now.

        Returns:
            The parts that are missed, each with where its delivered sound ended.
        """
        if response_id is None:
            return self._discard(lambda _piece: True)
        answer = self._answers.get(response_id)
        if answer is not None:
            answer.refused = True
            answer.runs.clear()
        return self._discard(lambda piece: piece.response_id == response_id)

    def _discard(self, unwanted: Callable[[Piece], bool]) -> list[Cut]:
        kept: list[Piece] = []
        missed: dict[_Part, float] = {}
        for piece in self._line:
            # The end of a part is told even where its sound is not heard.
            if not piece.length_ms or not unwanted(piece):
                kept.append(piece)
                continue
            self.waiting_ms -= piece.length_ms
            self.dropped_ms += piece.length_ms
            missed[piece.part] = self._delivered_ms if piece.part == self._part else 0.0
        self._line = kept
        return [_cut(part, delivered) for part, delivered in missed.items()]

    # Checks.

    def begin_run(
        self, response_id: str | None, item_id: str, part: int | None = None, *, last: bool
    ) -> int:
        """Begin a check of an item's text; it sees what has arrived.

        Args:
            response_id: the response.
            item_id: the item.
            part: index of the content part whose transcript is complete now.
            last: whether the response has ended.

        Returns:
            The run's number, for `settle`; 0 where no sound waits for it.
        """
        answer = self._answers.get(response_id or "")
        if answer is None or not answer.checked:
            return 0
        self._runs += 1
        whole = None if part is None else (item_id, part)
        answer.runs[self._runs] = _Run(item_id, self._pieces, whole, last=last)
        return self._runs

    def settle(self, response_id: str | None, number: int, *, passed: bool) -> list[Cut]:
        """Take in that a check found nothing or, where it has not passed, did not come about.

        Returns:
            The parts that are missed, because no check will free them any more.
        """
        answer = self._answers.get(response_id or "")
        if answer is None or number not in answer.runs:
            return []
        answer.runs[number].passed = passed or self.checking.unchecked == "release"
        missed: list[Cut] = []
        for known, run in list(answer.runs.items()):
            if run.passed is None:
                break
            del answer.runs[known]
            if run.passed:
                answer.cleared[run.item_id] = max(run.reach, answer.cleared.get(run.item_id, 0))
                if run.part is not None:
                    answer.whole.add(run.part)
            elif run.last or run.part is not None:
                missed += self._lose(answer, run)
        return missed

    def _lose(self, answer: _Answer, run: _Run) -> list[Cut]:
        if run.part is not None:
            answer.lost.add(run.part)

        def lost(piece: Piece) -> bool:
            return (
                self._answers.get(piece.response_id) is answer
                and not answer.has_cleared(piece)
                and (run.part is None or piece.part == run.part)
                and piece.event.item_id == run.item_id
            )

        return self._discard(lost)

    def unchecked(self, response_id: str | None) -> list[str]:
        """Items of a response whose sound waits for a check that has not begun."""
        answer = self._answers.get(response_id or "")
        if answer is None:
            return []
        return list(
            dict.fromkeys(
                piece.event.item_id or ""
                for piece in self._line
                if piece.response_id == response_id
                and piece.length_ms
                and not answer.has_cleared(piece)
                and not answer.will_check(piece)
            )
        )

    def ended(self, response_id: str | None) -> list[Cut]:
        """End a response: what is said there without a word to check is dropped or freed.

        Returns:
            The parts that are missed.
        """
        answer = self._answers.get(response_id or "")
        if answer is None:
            return []
        missed: list[Cut] = []
        for item_id in self.unchecked(response_id):
            number = self.begin_run(response_id, item_id, last=True)
            missed += self.settle(response_id, number, passed=False)
        answer.ended = True
        return missed

    def judged(self, question: str, *, passed: bool) -> list[Cut]:
        """Free what waits for a question or, where that has not passed, drop it.

        Returns:
            The parts that are missed.
        """
        missed: list[Cut] = []
        for response_id, answer in self._answers.items():
            if answer.question == question:
                answer.question = None
                if not passed:
                    missed += self.drop(response_id)
        return missed


def _cut(part: _Part, delivered_ms: float) -> Cut:
    item_id, content_index = part
    return Cut(item_id or "", content_index or 0, math.floor(delivered_ms + ROUNDING_MS))
