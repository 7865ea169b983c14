"""The table at the end of a run."""

from __future__ import annotations

import io

from rich.console import Console

from rtaudio.transcribe.rows import Row
from rtaudio.transcribe.runner import Outcome
from rtaudio.transcribe.scoring import Score
from rtaudio.transcribe.summary import MAX_TABLE_ROWS, Summary


def outcome(path: str, *, error: str | None = None, wall_s: float | None = 1.0) -> Outcome:
    return Outcome(Row(path, "two words", 10.0, [], error), wall_s)


def rendered(summary: Summary, wall_s: float = 4.0) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(summary.table(wall_s))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_totals_weigh_every_word_alike() -> None:
    summary = Summary()
    summary.add(outcome("a.wav"), Score(5, 10))
    summary.add(outcome("b.wav"), Score(0, 90))
    text = rendered(summary)
    assert "50.0%" in text
    assert "5.0%" in text.splitlines()[-2]
    assert "2 files" in text
    assert "0.200" in text
    assert summary.totals(4.0) == "20.0 s of audio in 4.0 s (5.0 s of audio per second)"


def test_without_references_and_errors_their_columns_are_absent() -> None:
    summary = Summary()
    summary.add(outcome("a.wav"), None)
    text = rendered(summary)
    assert "WER" not in text
    assert "error" not in text


def test_errors_are_counted_and_shown() -> None:
    summary = Summary()
    summary.add(outcome("a.wav", error="not audio"), None)
    summary.add(outcome("b.wav"), Score(0, 2))
    assert summary.failed == 1
    text = rendered(summary)
    assert "not audio" in text
    assert "1 with an error" in text


def test_kept_rows_count_as_files_but_not_as_work() -> None:
    summary = Summary()
    summary.add(outcome("a.wav", wall_s=None), None)
    assert "kept" in rendered(summary)
    assert summary.audio_s() == 0
    assert summary.totals(0.1) == "Nothing was left to do."


def test_a_large_batch_lists_only_failures() -> None:
    summary = Summary()
    for index in range(MAX_TABLE_ROWS + 1):
        summary.add(outcome(f"{index}.wav", error="gone" if index == 7 else None), None)
    text = rendered(summary)
    assert "7.wav" in text
    assert "8.wav" not in text
    assert f"and {MAX_TABLE_ROWS} more" in text


def test_file_names_are_not_read_as_markup() -> None:
    summary = Summary()
    summary.add(outcome("[bold]a.wav"), None)
    assert "[bold]a.wav" in rendered(summary)
