"""The rows a transcription run produces, and reading them back.

One row per input, one line of JSON per row. The last line of a file may be torn, because a run was
stopped while it was being written; it is then ignored and its input done again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Row", "RowSegment", "encode_row", "read_rows"]


class RowSegment(msgspec.Struct, frozen=True):
    """A stretch of the file that was recognised as one turn; times in seconds from its start."""

    start_s: float
    end_s: float
    text: str


class Row(msgspec.Struct):
    """What became of one input.

    Attributes:
        path: the input, as the user spelled it.
        text: everything that was recognised; empty for silence and where nothing could be read.
        duration_s: seconds of audio that could be decoded.
        segments: the turns that make up `text`, in order; those without any text are left out.
        error: why the transcript is missing or incomplete, or None when all is well.
        wer: word error rate against the reference, 0 and up; absent where there is none.
    """

    path: str
    text: str
    duration_s: float
    segments: list[RowSegment]
    error: str | None
    wer: float | msgspec.UnsetType = msgspec.UNSET


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Row)


def encode_row(row: Row) -> bytes:
    """Return the row as one line of JSON in UTF-8, with its line feed."""
    return _encoder.encode(row) + b"\n"


def read_rows(path: Path) -> list[Row]:
    """Read the rows of an earlier run; of several rows for one path the last counts.

    Args:
        path: a file written by an earlier run. One that does not exist has no rows.

    Raises:
        ConfigError: the file holds something other than rows before its last line.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    rows: dict[str, Row] = {}
    lines = data.splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = _decoder.decode(line)
        except msgspec.MsgspecError as error:
            if number == len(lines) and not data.endswith(b"\n"):
                continue
            raise ConfigError(
                f"{path}, line {number} is not a transcript row ({error}); "
                "give another file with -o, or run without --resume to start afresh"
            ) from None
        rows[row.path] = row
    return list(rows.values())
