"""What to transcribe: files, folders and patterns as the user typed them, turned into a list.

Nothing is opened here. A file that was named explicitly is always in the list, whether it exists or
not, so that its row can say what was wrong with it; inside folders only files with a known media
suffix count, since a folder also holds notes, references and transcripts.
"""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MEDIA_SUFFIXES", "Input", "discover", "display_path"]

_AUDIO = "3gp aac ac3 aif aifc aiff amr ape au caf dts eac3 flac gsm m4a m4b mka mp2 mp3 mpga oga"
_MORE_AUDIO = "ogg opus ra snd spx tta voc w64 wav wma wv"
_VIDEO = "asf avi flv m2ts m4v mkv mov mp4 mpeg mpg mts ogv ts vob webm wmv"

MEDIA_SUFFIXES = frozenset(f".{name}" for name in f"{_AUDIO} {_MORE_AUDIO} {_VIDEO}".split())
"""Containers that FFmpeg reads and people keep speech in; a video's sound counts."""


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to transcribe.

    Attributes:
        path: where it is, as the user spelled it (a folder's files continue its spelling).
        name: the path as it appears in rows and tables; text that can always be encoded.
        relative: where its own output belongs below an output folder: the path below the folder
            that was given, or the bare file name.
    """

    path: Path
    name: str
    relative: PurePath


def display_path(path: str | os.PathLike[str]) -> str:
    """Return a path as encodable text: bytes that are not UTF-8 appear as `\\xNN`."""
    return os.fspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def discover(paths: Iterable[str | os.PathLike[str]]) -> list[Input]:
    """Expand files, folders (recursively) and glob patterns into the inputs they name.

    Args:
        paths: as typed. A name that exists is taken literally even if it looks like a pattern.
            `**` in a pattern matches any depth.

    Returns:
        Inputs in the order given, folders and patterns sorted within themselves, each file once. A
        name that does not exist stays in the list unless it is a pattern; a pattern that matches
        nothing and a folder without media contribute nothing.
    """
    found: dict[str, Input] = {}
    for given in paths:
        for item in _expand(os.fspath(given)):
            found.setdefault(os.path.abspath(item.path), item)
    return list(found.values())


def _expand(given: str) -> Iterator[Input]:
    if not os.path.lexists(given) and glob.has_magic(given):
        for match in sorted(glob.glob(given, recursive=True)):
            if os.path.isdir(match):
                # `talks/*` names the files at its level; going deeper is what `**` is for.
                continue
            yield _named(match)
    elif os.path.isdir(given):
        yield from _below(given)
    else:
        yield _named(given)


def _named(path: str) -> Input:
    return Input(Path(path), display_path(path), PurePath(os.path.basename(path) or path))


def _below(folder: str) -> Iterator[Input]:
    for parent, subfolders, files in os.walk(folder):
        # A leading dot marks what programs keep for themselves, such as macOS's `._talk.mp3`.
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(files):
            if name.startswith(".") or os.path.splitext(name)[1].lower() not in MEDIA_SUFFIXES:
                continue
            path = os.path.join(parent, name)
            yield Input(Path(path), display_path(path), PurePath(os.path.relpath(path, folder)))
