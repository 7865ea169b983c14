"""Which libopus is taken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rtaudio._native.libopus import libopus_path
from rtaudio._native.libopus_path import choose, parse_version

if TYPE_CHECKING:
    from collections.abc import Callable


def knowing(versions: dict[str, str]) -> Callable[[str], str]:
    """A loader that has the libraries of these names and no others."""

    def probe(name: str) -> str:
        if Path(name).name not in versions:
            raise OSError("no such library")
        return versions[Path(name).name]

    return probe


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder for our own copy, empty, and one with PyAV's libraries."""
    bundled, pyav = tmp_path / "libs", tmp_path / "av.libs"
    pyav.mkdir()
    for name in ("libopus-1a2b.so.0.9", "libopusfile.so.0"):
        (pyav / name).touch()
    return bundled, pyav


@pytest.mark.parametrize(
    ("pyavs", "systems", "chosen"),
    [("1.6.1", "1.3.1", "libopus-1a2b.so.0.9"), ("1.3", "1.10", "sys"), ("1.5", "1.5", None)],
)
def test_the_newest_is_taken_and_pyavs_in_a_tie(
    folders: tuple[Path, Path], pyavs: str, systems: str, chosen: str | None
) -> None:
    probe = knowing({"libopus-1a2b.so.0.9": f"libopus {pyavs}", "sys": f"libopus {systems}"})
    choice = choose(probe, environ={}, bundled=folders[0], pyav=folders[1], system="sys")
    assert choice.name is not None
    assert Path(choice.name).name == (chosen or "libopus-1a2b.so.0.9")
    assert choice.tried == []


def test_a_bundled_copy_is_taken_even_where_another_is_newer(folders: tuple[Path, Path]) -> None:
    bundled, pyav = folders
    bundled.mkdir()
    (bundled / "libopus.so.0").touch()
    probe = knowing({"libopus.so.0": "libopus 1.4", "sys": "libopus 1.6"})
    choice = choose(probe, environ={}, bundled=bundled, pyav=pyav, system="sys")
    assert choice.name == str(bundled / "libopus.so.0")


def test_what_was_asked_for_is_the_only_candidate(folders: tuple[Path, Path]) -> None:
    choice = choose(
        knowing({"sys": "libopus 1.6"}),
        environ={"RTAUDIO_LIBOPUS": "mine.so"},
        bundled=folders[0],
        pyav=folders[1],
        system="sys",
    )
    assert choice.name is None
    assert choice.tried == ["RTAUDIO_LIBOPUS=mine.so: no such library"]


def test_every_candidate_that_fails_is_told(folders: tuple[Path, Path]) -> None:
    environ = {"RTAUDIO_LIBOPUS": ""}  # counts as not set
    choice = choose(knowing({}), environ=environ, bundled=folders[0], pyav=folders[1], system="sys")
    assert choice.name is None
    assert choice.tried == [
        f"{folders[1] / 'libopus-1a2b.so.0.9'}: no such library",
        "sys: no such library",
    ]


def test_versions_are_read_from_the_librarys_text() -> None:
    assert parse_version("libopus 1.5.2-fixed") == (1, 5, 2)
    assert parse_version("unknown") == ()


def in_a_fresh_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_the_environment_variable_comes_first() -> None:
    code = "from rtaudio.audio import libopus_path; print(libopus_path())"
    done = in_a_fresh_process(code, RTAUDIO_LIBOPUS=libopus_path())
    assert done.stdout.strip() == libopus_path()


def test_without_a_loadable_library_only_opus_fails_and_says_what_was_tried() -> None:
    code = (
        "from rtaudio.audio import OpusEncoder, Resampler; Resampler(24000, 16000)\n"
        "OpusEncoder(24000)"
    )
    done = in_a_fresh_process(code, RTAUDIO_LIBOPUS="/nowhere/libopus.so")
    last = done.stderr.strip().splitlines()[-1]
    assert "OpusError" in last
    assert "/nowhere/libopus.so" in last
