"""How the sound of a conversation is kept, and how much of it."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from rtaudio.audio import libopus_version
from rtaudio.errors import ConfigError, OpusError

if TYPE_CHECKING:
    from typing import Any

__all__ = ["AudioRetention"]

Codec = Literal["pcm16", "opus"]


@dataclass(frozen=True, slots=True)
class AudioRetention:
    """What becomes of the sound of a conversation: for the option `history_store_audio`.

    Sound is kept by the part of an item that it belongs to, at the rate it has on the wire. Where
    it exceeds a budget, the oldest finished sound goes first, to `spill_dir` or away; the texts of
    its items stay, and `audio` of the part becomes None. The sound of one part is kept up to 30
    minutes, and what follows is not.

    Attributes:
        codec: "pcm16" keeps samples as they are, 173 MB an hour of talk at 24000 Hz; "opus" encodes
            them as they arrive, at most 12 MB an hour, 0.1 ms of CPU per 100 ms.
        max_bytes: how much memory the sound may take, at least 1; None for no limit.
        max_seconds: how much sound may be in memory, above 0; None for no limit.
        spill_dir: a folder for files, made when needed: sound goes there instead of away, and
            without a budget as soon as it is finished. One WAV (pcm16) or Ogg Opus file per
            sound, named by item and part, readable only by who runs this, and complete when it
            appears. They are deleted when the session and all its items are gone.
        keep_files: leave them, but for those of deleted items.

    Raises:
        ConfigError: a value is wrong, or the codec is "opus" and there is no libopus.
    """

    codec: Codec = "pcm16"
    max_bytes: int | None = field(default=None, kw_only=True)
    max_seconds: float | None = field(default=None, kw_only=True)
    spill_dir: str | os.PathLike[str] | None = field(default=None, kw_only=True)
    keep_files: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        fine = isinstance(self.codec, str) and self.codec in get_args(Codec)
        _check("codec", self.codec, fine, "'pcm16' or 'opus'")
        limit = self.max_bytes
        fine = limit is None or (_is_number(limit, int) and limit >= 1)
        _check("max_bytes", limit, fine, "an int of at least 1, or None")
        span = self.max_seconds
        fine = span is None or (_is_number(span, int, float) and math.isfinite(span) and span > 0)
        _check("max_seconds", span, fine, "a finite number above 0, or None")
        folder = self.spill_dir
        fine = folder is None or (isinstance(folder, (str, os.PathLike)) and bool(str(folder)))
        _check("spill_dir", folder, fine, "the path of a folder, or None")
        if folder is not None:
            taken = os.path.exists(folder) and not os.path.isdir(folder)
            _check("spill_dir", os.fspath(folder), not taken, "a folder; a file has that name")
        _check("keep_files", self.keep_files, isinstance(self.keep_files, bool), "a bool")
        fine = folder is not None or not self.keep_files
        _check("keep_files", self.keep_files, fine, "False where there is no spill_dir")
        if self.codec == "opus":
            try:
                libopus_version()
            except OpusError as error:
                raise ConfigError(f"AudioRetention.codec 'opus' needs libopus: {error}") from error


def _check(name: str, value: Any, fine: bool, wanted: str) -> None:
    if not fine:
        raise ConfigError(f"AudioRetention.{name} must be {wanted}, got {value!r}")


def _is_number(value: Any, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)
