"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rtaudio.audio.whole_file import whole_file

if TYPE_CHECKING:
    from pathlib import Path


def test_the_file_has_its_name_only_once_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    with whole_file(target) as partial:
        partial.write_bytes(b"half")
        assert partial.parent == tmp_path
        assert not target.exists()
        partial.write_bytes(b"whole")
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_bytes() == b"whole"


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"before")

    def fail() -> None:
        with whole_file(target) as partial:
            partial.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_bytes() == b"before"


def test_the_mode_counts_from_the_first_byte(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.bin", 0o600) as partial:
        assert partial.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a.bin").stat().st_mode & 0o777 == 0o600
    umask = os.umask(0o022)
    try:
        with whole_file(tmp_path / "b.bin"):
            pass
    finally:
        os.umask(umask)
    assert (tmp_path / "b.bin").stat().st_mode & 0o777 == 0o644
