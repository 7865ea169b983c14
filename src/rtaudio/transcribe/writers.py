"""Writing transcripts down while they come in.

Every run keeps a file of rows, flushed row by row, from which `--resume` goes on. The formats txt,
srt and vtt put one file per input into a folder as well, each replaced in one step so that a
reader never sees half of one; their rows lie in the same folder.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal, Protocol

from rtaudio.errors import ConfigError
from rtaudio.transcribe.captions import render_srt, render_txt, render_vtt
from rtaudio.transcribe.rows import Row, encode_row, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO, Self

    from rtaudio.transcribe.inputs import Input

__all__ = ["FORMATS", "FolderWriter", "Format", "RowWriter", "Writer", "open_writer"]

Format = Literal["jsonl", "txt", "srt", "vtt"]

ROWS_NAME = "transcripts.jsonl"
FOLDER_NAME = "transcripts"

_RENDERERS: dict[str, Callable[[Row], str]] = {
    "txt": render_txt,
    "srt": render_srt,
    "vtt": render_vtt,
}

FORMATS: tuple[str, ...] = ("jsonl", *_RENDERERS)


class Writer(Protocol):
    """Where finished rows go."""

    kept: list[Row]
    """Rows of an earlier run that stand; their inputs need not be done again."""

    target: Path
    """What the user looks at afterwards: the file of rows, or the folder."""

    def write(self, row: Row, item: Input) -> None:
        """Put one finished input down; it survives the process from here on."""

    def close(self) -> None:
        """Close the files."""


class RowWriter:
    """A file of rows.

    Args:
        target: the file. An existing one moves to `.bak` beside it, unless `resume`.
        resume: keep the rows without an error, drop the others and a torn last line.

    Raises:
        ConfigError: the file cannot be written, or (with `resume`) is not a file of rows.
    """

    def __init__(self, target: Path, *, resume: bool = False) -> None:
        self.target = target
        self.kept: list[Row] = []
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if resume:
                self.kept = [row for row in read_rows(target) if row.error is None]
                replace_file(target, b"".join(encode_row(row) for row in self.kept))
            elif target.is_file() and target.stat().st_size:
                # An empty one, of a run that never got anywhere, must not push out a real backup.
                os.replace(target, target.with_name(target.name + ".bak"))
            # Unbuffered: a row is one write, in the kernel's hands before the next file begins.
            self._file: BinaryIO = open(target, "ab", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise ConfigError(f"cannot write {target}: {error.strerror}") from None

    def write(self, row: Row, item: Input) -> None:  # noqa: ARG002
        """Append one row."""
        remaining = memoryview(encode_row(row))
        while remaining:
            remaining = remaining[self._file.write(remaining) :]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FolderWriter:
    """One file per input in a folder, beside the file of rows.

    Args:
        folder: made where it does not exist.
        kind: "txt", "srt" or "vtt".
        inputs: all of the run's inputs: names are given out so that no two outputs collide.
        resume: as for `RowWriter`.

    Raises:
        ConfigError: as for `RowWriter`.
    """

    def __init__(
        self, folder: Path, kind: str, inputs: Sequence[Input], *, resume: bool = False
    ) -> None:
        self.target = folder
        self._rows = RowWriter(folder / ROWS_NAME, resume=resume)
        self.kept = self._rows.kept
        self._render = _RENDERERS[kind]
        self._names = output_names(inputs, "." + kind)

    def write(self, row: Row, item: Input) -> None:
        """Write the input's file, then its row: a row promises that the file is there."""
        if row.error is None or row.text:
            path = self.target / self._names[item.name]
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, self._render(row).encode("utf-8"))
        self._rows.write(row, item)

    def close(self) -> None:
        """Close the file of rows."""
        self._rows.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class StreamWriter:
    """Rows on an open binary stream, for `-o -`; nothing can be resumed from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.target = Path("-")
        self.kept: list[Row] = []
        self._stream = stream

    def write(self, row: Row, item: Input) -> None:  # noqa: ARG002
        """Write and flush one row."""
        self._stream.write(encode_row(row))
        self._stream.flush()

    def close(self) -> None:
        """Leave the stream to its owner."""


def open_writer(
    output: Path | None,
    kind: str,
    inputs: Sequence[Input],
    *,
    resume: bool = False,
    stdout: BinaryIO | None = None,
) -> Writer:
    """Open what `-o` and `--format` name.

    Args:
        output: a file for jsonl ("-" for `stdout`; an existing folder gets the usual name inside),
            a folder for the other formats; None for the usual name in the current folder.
        kind: one of `FORMATS`.
        inputs: all of the run's inputs.
        resume: go on from an earlier run's rows.
        stdout: the stream that "-" stands for.

    Raises:
        ConfigError: the two do not fit together, or cannot be written.
    """
    if kind not in FORMATS:
        raise ConfigError(f"unknown format {kind!r}; choose one of {', '.join(FORMATS)}")
    if output is not None and str(output) == "-":
        if kind != "jsonl" or resume or stdout is None:
            raise ConfigError("-o - writes rows to standard output: jsonl only, without --resume")
        return StreamWriter(stdout)
    if kind == "jsonl":
        target = output if output is not None else Path(ROWS_NAME)
        if target.is_dir():
            target = target / ROWS_NAME
        return RowWriter(target, resume=resume)
    folder = output if output is not None else Path(FOLDER_NAME)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"-o {folder} is a file; --format {kind} writes one file per input")
    return FolderWriter(folder, kind, inputs, resume=resume)


def output_names(inputs: Sequence[Input], suffix: str) -> dict[str, PurePath]:
    """Give every input a file name of its own below the output folder.

    The name is the input's relative path with the new suffix. Where two inputs would share it
    (`talk.mp3` and `talk.wav`) they keep their old suffix in front, and where that is not enough
    (`a/talk.wav` and `b/talk.wav`, both named explicitly) later ones are numbered.

    Returns:
        Names by `Input.name`; no two equal, also on file systems that ignore case.
    """
    counts = Counter(_key(item.relative.with_suffix(suffix)) for item in inputs)
    taken: set[str] = set()
    names: dict[str, PurePath] = {}
    for item in inputs:
        name = item.relative.with_suffix(suffix)
        full = item.relative.with_name(item.relative.name + suffix)
        if counts[_key(name)] > 1:
            name = full
        number = 2
        while _key(name) in taken:
            name = full.with_name(f"{item.relative.name}.{number}{suffix}")
            number += 1
        taken.add(_key(name))
        names[item.name] = name
    return names


def _key(name: PurePath) -> str:
    return str(name).casefold()


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file in one step: readers see the old or the new, never a part."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # mkstemp makes files private; a transcript gets the rights any new file would.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
