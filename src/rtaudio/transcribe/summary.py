"""The table at the end of a run: what each file became, and how good and fast it was overall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from rtaudio.transcribe.scoring import Score

if TYPE_CHECKING:
    from rtaudio.transcribe.runner import Outcome

__all__ = ["Summary"]

MAX_TABLE_ROWS = 40
"""Beyond this only files with an error are listed: a screen or two, whatever the batch's size."""


@dataclass(frozen=True, slots=True)
class _Line:
    outcome: Outcome
    score: Score | None


class Summary:
    """Collects outcomes while they come in."""

    def __init__(self) -> None:
        self._lines: list[_Line] = []

    def add(self, outcome: Outcome, score: Score | None) -> None:
        """Count one file; `score` where a reference was there for it."""
        self._lines.append(_Line(outcome, score))

    @property
    def failed(self) -> int:
        """Files with an error, complete failures and truncated ones alike."""
        return sum(line.outcome.row.error is not None for line in self._lines)

    @property
    def files(self) -> int:
        """All files counted."""
        return len(self._lines)

    @property
    def total_score(self) -> Score | None:
        """Word errors over all files that have a reference, or None where none has."""
        scores = [line.score for line in self._lines if line.score is not None]
        return sum(scores, Score(0, 0)) if scores else None

    def audio_s(self) -> float:
        """Seconds of audio transcribed in this run, kept rows not counted."""
        return sum(line.outcome.row.duration_s for line in self._lines if line.outcome.wall_s)

    def table(self, wall_s: float) -> Table:
        """Build the table.

        Args:
            wall_s: seconds the whole run took. The real-time factor is processing time over audio
                time; of one file it covers the time spent waiting for the files beside it.
        """
        scored = self.total_score is not None
        table = Table(show_footer=True, header_style="bold", footer_style="bold")
        listed = self._lines
        if len(listed) > MAX_TABLE_ROWS:
            listed = [line for line in listed if line.outcome.row.error is not None]
        left_out = len(self._lines) - len(listed)
        audio_s = self.audio_s()
        words = sum(len(line.outcome.row.text.split()) for line in self._lines)
        duration_s = sum(line.outcome.row.duration_s for line in self._lines)
        names = f"{self.files} {'file' if self.files == 1 else 'files'}"
        table.add_column("file", names, overflow="fold")
        table.add_column("duration", _clock(duration_s), justify="right", no_wrap=True)
        table.add_column("words", str(words), justify="right", no_wrap=True)
        if scored:
            table.add_column("WER", _percent(self.total_score), justify="right", no_wrap=True)
        factor = f"{wall_s / audio_s:.3f}" if audio_s else "-"
        table.add_column("RTF", factor, justify="right", no_wrap=True)
        if self.failed:
            table.add_column("error", f"{self.failed} with an error", overflow="fold", style="red")
        for line in listed:
            table.add_row(*self._cells(line, scored=scored))
        if left_out:
            table.add_row(Text(f"... and {left_out} more without an error", style="dim"))
        return table

    def _cells(self, line: _Line, *, scored: bool) -> list[Text]:
        row, wall_s = line.outcome.row, line.outcome.wall_s
        cells = [Text(row.path), Text(_clock(row.duration_s)), Text(str(len(row.text.split())))]
        if scored:
            cells.append(Text(_percent(line.score)))
        if wall_s is None:
            cells.append(Text("kept"))
        else:
            cells.append(Text(f"{wall_s / row.duration_s:.3f}" if row.duration_s else "-"))
        if self.failed:
            cells.append(Text(row.error or ""))
        return cells

    def totals(self, wall_s: float) -> str:
        """Return the run's speed as one sentence."""
        audio_s = self.audio_s()
        if all(line.outcome.wall_s is None for line in self._lines):
            return "Nothing was left to do."
        speed = f" ({audio_s / wall_s:.1f} s of audio per second)" if wall_s > 0 else ""
        return f"{audio_s:.1f} s of audio in {wall_s:.1f} s{speed}"


def _percent(score: Score | None) -> str:
    return "-" if score is None else f"{score.wer:.1%}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60.0)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"
