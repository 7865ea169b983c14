"""Sound files: any container that PyAV opens in, WAV, FLAC and Ogg/Opus out."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from rtaudio.audio.clip import AudioClip

__all__ = ["load", "load_partial", "save"]

# PyAV takes a while to import, and a session without files never needs it: hence the imports below.


def load(path: str | os.PathLike[str]) -> AudioClip:
    """Read a sound file.

    Args:
        path: a file in any container and codec that PyAV opens. Where it has several audio streams,
            FFmpeg's choice of the best is taken.

    Returns:
        The whole file as int16, at its own rate and channels.

    Raises:
        AudioError: it is missing, empty, not audio, truncated or damaged; the message names it.
    """
    clip, problem = load_partial(path)
    if problem is not None:
        raise AudioError(
            f"{os.fspath(path)}: {problem}; load_partial() returns the {clip.duration:.2f} s that "
            "could be decoded"
        )
    return clip


def load_partial(path: str | os.PathLike[str]) -> tuple[AudioClip, str | None]:
    """Read what can be read of a sound file.

    Args:
        path: as for `load`.

    Returns:
        The sound that could be decoded, and what is wrong with the file: cut short, or damaged
        midway. None where it is whole, as far as its container tells.

    Raises:
        AudioError: nothing could be decoded: it is missing, empty or not audio. The message names
            it.
    """
    from rtaudio.audio.decoding import decode_file

    name = os.fspath(path)
    try:
        _check_file(name)
        return decode_file(Path(name))
    except AudioError as error:
        raise AudioError(f"{name}: {error}") from error.__cause__


def save(path: str | os.PathLike[str], clip: AudioClip) -> None:
    """Write a clip to a file, which appears whole or not at all.

    Args:
        path: its extension picks the format: `.wav` (PCM16), `.flac`, or `.opus` and `.ogg` (Opus,
            at 48000 Hz; 1 or 2 channels).
        clip: the sound.

    Raises:
        AudioError: the extension is none of these, the format cannot hold the clip, or the file
            cannot be written. An older file of that name is then untouched.
    """
    from rtaudio.audio.encoding import write_file

    name = os.fspath(path)
    try:
        write_file(Path(name), clip)
    except OSError as error:
        raise AudioError(f"{name}: it cannot be written ({error.strerror or error})") from error
    except AudioError as error:
        raise AudioError(f"{name}: {error}") from error.__cause__


def _check_file(name: str) -> None:
    """Raise AudioError for what is plainly no sound file, more clearly than FFmpeg would."""
    try:
        status = os.stat(name)
    except FileNotFoundError:
        raise AudioError("there is no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise AudioError(f"it cannot be read ({reason})") from error
    if stat.S_ISDIR(status.st_mode):
        raise AudioError("it is a folder, not a sound file")
    if not stat.S_ISREG(status.st_mode):
        raise AudioError("it is not a regular file")
    if status.st_size == 0:
        raise AudioError("the file is empty")
