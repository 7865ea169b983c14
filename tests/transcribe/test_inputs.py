"""Files, folders and patterns become a list of inputs."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

import pytest

from rtaudio.transcribe.inputs import discover, display_path


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    for name in ["b.mp3", "a.WAV", "notes.txt", "reference.jsonl", ".hidden.mp3", "day2/c.ogg"]:
        path = tmp_path / "talks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "talks"


def names(paths: list[str | Path]) -> list[str]:
    return [os.path.basename(item.name) for item in discover(paths)]


def test_a_folder_contributes_its_media_files_recursively_and_sorted(talks: Path) -> None:
    assert names([talks]) == ["a.WAV", "b.mp3", "c.ogg"]


def test_a_folders_files_remember_where_they_lay_below_it(talks: Path) -> None:
    assert [item.relative for item in discover([talks])][-1] == PurePath("day2/c.ogg")


def test_an_explicit_file_is_tried_whatever_its_suffix(talks: Path) -> None:
    assert names([talks / "notes.txt"]) == ["notes.txt"]


def test_a_name_that_does_not_exist_stays_in_the_list(talks: Path) -> None:
    assert names([talks / "gone.wav"]) == ["gone.wav"]


def test_a_quoted_pattern_is_expanded(talks: Path) -> None:
    assert names([str(talks / "*.mp3")]) == ["b.mp3"]
    assert names([str(talks / "**" / "*.ogg")]) == ["c.ogg"]


def test_a_pattern_names_files_only(talks: Path) -> None:
    assert names([str(talks / "*")]) == ["a.WAV", "b.mp3", "notes.txt", "reference.jsonl"]


def test_a_pattern_without_matches_contributes_nothing(talks: Path) -> None:
    assert names([str(talks / "*.flac")]) == []


def test_a_file_whose_name_looks_like_a_pattern_is_taken_literally(tmp_path: Path) -> None:
    (tmp_path / "take[1].wav").write_bytes(b"")
    (tmp_path / "take1.wav").write_bytes(b"")
    assert names([tmp_path / "take[1].wav"]) == ["take[1].wav"]


def test_a_file_named_twice_is_done_once(
    talks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert names(["talks/b.mp3", "./talks/b.mp3", "talks", str(talks)]) == [
        "b.mp3",
        "a.WAV",
        "c.ogg",
    ]


def test_names_continue_the_users_spelling(talks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(talks.parent)
    assert next(item.name for item in discover(["talks/"])) == "talks/a.WAV"


def test_a_name_that_is_not_utf_8_becomes_text_that_can_be_encoded() -> None:
    assert display_path(os.fsdecode(b"caf\xe9.wav")) == "caf\\xe9.wav"
