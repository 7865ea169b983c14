"""Rows survive the way to disk and back, torn ends included."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rtaudio.errors import ConfigError
from rtaudio.transcribe.rows import Row, RowSegment, encode_row, read_rows

if TYPE_CHECKING:
    from pathlib import Path

ROW = Row("a.wav", "Grüße, 世界", 1.5, [RowSegment(0.0, 1.5, "Grüße, 世界")], None)


def test_a_row_is_one_line_with_exactly_the_documented_fields() -> None:
    line = encode_row(ROW)
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "path": "a.wav",
        "text": "Grüße, 世界",
        "duration_s": 1.5,
        "segments": [{"start_s": 0.0, "end_s": 1.5, "text": "Grüße, 世界"}],
        "error": None,
    }


def test_wer_is_there_only_when_it_is_known() -> None:
    row = Row("a.wav", "", 0.0, [], "gone", wer=1.0)
    assert json.loads(encode_row(row))["wer"] == 1.0


def test_rows_are_read_back_and_the_last_of_a_path_counts(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    failed = Row("a.wav", "", 0.0, [], "lost")
    other = Row("b.wav", "b", 1.0, [], None)
    path.write_bytes(encode_row(failed) + encode_row(other) + encode_row(ROW))
    assert read_rows(path) == [ROW, other]


@pytest.mark.parametrize("kept", [1, 10, -2, -1])
def test_a_torn_last_line_is_ignored_or_whole(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "rows.jsonl"
    other = Row("b.wav", "b", 1.0, [], None)
    path.write_bytes(encode_row(ROW) + encode_row(other)[:kept])
    assert read_rows(path) == ([ROW, other] if kept == -1 else [ROW])


def test_a_file_that_does_not_exist_has_no_rows(tmp_path: Path) -> None:
    assert read_rows(tmp_path / "none.jsonl") == []


def test_something_else_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "diary.txt"
    path.write_bytes(encode_row(ROW) + b"dear diary\n" + encode_row(ROW))
    with pytest.raises(ConfigError, match="line 2 is not a transcript row"):
        read_rows(path)
