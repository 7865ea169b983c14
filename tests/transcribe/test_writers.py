"""Transcripts reach the disk row by row, whole files in one step, and runs can be resumed."""

from __future__ import annotations

import io
import json
from pathlib import Path, PurePath

import pytest

from rtaudio.errors import ConfigError
from rtaudio.transcribe.inputs import Input
from rtaudio.transcribe.rows import Row, RowSegment, encode_row
from rtaudio.transcribe.writers import open_writer, output_names, replace_file


def an_input(name: str, relative: str | None = None) -> Input:
    return Input(Path(name), name, PurePath(relative or Path(name).name))


def a_row(name: str, text: str = "Hello.", error: str | None = None) -> Row:
    return Row(name, text, 1.0, [RowSegment(0.0, 1.0, text)] if text else [], error)


A, B = an_input("in/a.wav"), an_input("in/b.wav")


def paths_in(file: Path) -> list[str]:
    return [json.loads(line)["path"] for line in file.read_text("utf-8").splitlines()]


def test_a_row_is_on_disk_as_soon_as_it_is_written(tmp_path: Path) -> None:
    target = tmp_path / "new" / "rows.jsonl"
    writer = open_writer(target, "jsonl", [A, B])
    writer.write(a_row("in/a.wav"), A)
    assert paths_in(target) == ["in/a.wav"]
    writer.close()


def test_a_fresh_run_moves_the_old_file_aside(tmp_path: Path) -> None:
    target = tmp_path / "rows.jsonl"
    target.write_text("old\n")
    open_writer(target, "jsonl", [A]).close()
    assert (target.read_text(), (tmp_path / "rows.jsonl.bak").read_text()) == ("", "old\n")


def test_an_empty_file_does_not_push_out_a_backup(tmp_path: Path) -> None:
    target = tmp_path / "rows.jsonl"
    target.write_text("old\n")
    open_writer(target, "jsonl", [A]).close()
    open_writer(target, "jsonl", [A]).close()
    assert (tmp_path / "rows.jsonl.bak").read_text() == "old\n"


def test_resume_keeps_good_rows_and_drops_failed_and_torn_ones(tmp_path: Path) -> None:
    target = tmp_path / "rows.jsonl"
    failed = a_row("in/b.wav", "", "connection lost")
    target.write_bytes(encode_row(a_row("in/a.wav")) + encode_row(failed) + b'{"path": "in/c')
    writer = open_writer(target, "jsonl", [A, B], resume=True)
    assert [row.path for row in writer.kept] == ["in/a.wav"]
    writer.write(a_row("in/b.wav"), B)
    writer.close()
    assert paths_in(target) == ["in/a.wav", "in/b.wav"]
    assert not (tmp_path / "rows.jsonl.bak").exists()


def test_resume_without_an_earlier_run_is_a_fresh_one(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "rows.jsonl", "jsonl", [A], resume=True)
    assert writer.kept == []
    writer.close()


def test_a_folder_given_for_rows_gets_the_usual_name(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, "jsonl", [A])
    writer.close()
    assert writer.target == tmp_path / "transcripts.jsonl"


def test_a_dash_writes_rows_to_the_stream() -> None:
    stream = io.BytesIO()
    writer = open_writer(Path("-"), "jsonl", [A], stdout=stream)
    writer.write(a_row("in/a.wav"), A)
    writer.close()
    assert json.loads(stream.getvalue())["path"] == "in/a.wav"


@pytest.mark.parametrize("kind", ["txt", "srt", "vtt"])
def test_other_formats_write_one_file_per_input_and_the_rows(tmp_path: Path, kind: str) -> None:
    item = an_input("in/day/a.wav", "day/a.wav")
    writer = open_writer(tmp_path / "out", kind, [item])
    writer.write(a_row("in/day/a.wav"), item)
    writer.close()
    assert "Hello." in (tmp_path / "out" / "day" / f"a.{kind}").read_text("utf-8")
    assert paths_in(tmp_path / "out" / "transcripts.jsonl") == ["in/day/a.wav"]


def test_a_failed_input_has_a_row_and_no_file(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, "txt", [A, B])
    writer.write(a_row("in/a.wav", "", "not audio"), A)
    writer.write(a_row("in/b.wav", "Half.", "truncated"), B)
    writer.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.txt", "transcripts.jsonl"]


def test_folder_runs_are_resumed_from_their_rows(tmp_path: Path) -> None:
    open_writer(tmp_path, "txt", [A]).close()
    (tmp_path / "transcripts.jsonl").write_bytes(encode_row(a_row("in/a.wav")))
    writer = open_writer(tmp_path, "txt", [A, B], resume=True)
    writer.close()
    assert [row.path for row in writer.kept] == ["in/a.wav"]


@pytest.mark.parametrize(
    ("output", "kind", "message"),
    [
        (None, "docx", "unknown format 'docx'; choose one of jsonl, txt, srt, vtt"),
        ("-", "srt", "jsonl only"),
        ("file.txt", "srt", "is a file"),
        ("file.txt/rows.jsonl", "jsonl", "cannot write"),
    ],
)
def test_outputs_that_cannot_be_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str | None, kind: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.txt").write_text("x")
    with pytest.raises(ConfigError, match=message):
        open_writer(Path(output) if output else None, kind, [A])


def test_inputs_that_share_a_stem_keep_their_suffix() -> None:
    names = output_names([an_input("a.mp3"), an_input("a.wav"), an_input("b.wav")], ".txt")
    assert [str(name) for name in names.values()] == ["a.mp3.txt", "a.wav.txt", "b.txt"]


def test_inputs_that_share_their_whole_name_are_numbered() -> None:
    inputs = [an_input("x/a.wav"), an_input("y/a.wav"), an_input("z/A.WAV")]
    names = [str(name) for name in output_names(inputs, ".srt").values()]
    assert names == ["a.wav.srt", "a.wav.2.srt", "A.WAV.3.srt"]


def test_output_names_never_collide() -> None:
    spelled = ["a.wav", "a", "a.txt", "p/a.wav", "q/a.wav", "a.wav.txt", "a.wav.2", "A.Wav"]
    names = output_names([an_input(f"{i}/{name}", name) for i, name in enumerate(spelled)], ".txt")
    assert len({str(name).casefold() for name in names.values()}) == len(spelled)


def test_replacing_leaves_no_temporary_file_behind(tmp_path: Path) -> None:
    replace_file(tmp_path / "a.txt", b"one")
    replace_file(tmp_path / "a.txt", b"two")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"two"
