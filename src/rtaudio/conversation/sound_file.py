"""Sound on disk: written in one go elsewhere, read back when somebody listens, and removed.

A conversation waits for nothing, so it does not write: it hands out a `Writing`, which whoever
drives it runs in a thread, and learns later how that went.
"""

from __future__ import annotations

import os
import re
import secrets
import weakref
from typing import TYPE_CHECKING, Final

from rtaudio.audio.whole_file import whole_file
from rtaudio.errors import AudioError, RtAudioError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rtaudio.audio.recording import Recording
    from rtaudio.conversation.sound import Sound

__all__ = ["SoundFile", "Writing"]

_MAX_NAME: Final = 100  # characters of an item's id in a file's name
_MODE: Final = 0o600  # what people said concerns nobody else on the machine


class SoundFile:
    """One file, which goes when nobody knows it any more, at the latest when the program ends.

    Args:
        path: where it is.
        keep: leave it there.
    """

    __slots__ = ("__weakref__", "_removal", "path")

    def __init__(self, path: Path, *, keep: bool) -> None:
        self.path = path
        # A child that was forked from this process must not take its files along when it ends.
        self._removal = None if keep else weakref.finalize(self, _remove, path, os.getpid())

    def remove(self) -> None:
        """Delete it now, even where it was to be kept."""
        if self._removal is not None:
            self._removal.detach()
        _remove(self.path, os.getpid())


class Writing:
    """A recording that is to become a file.

    Args:
        sound: whose recording it is.
        recording: what to write.
        folder: where to.
        settled: called by `settle`.
        keep: leave the file when the session is gone.

    Attributes:
        file: the file, once written.
        error: why it could not be written.
    """

    __slots__ = ("_folder", "_keep", "_settled", "error", "file", "recording", "sound")

    def __init__(
        self,
        sound: Sound,
        recording: Recording,
        folder: Path,
        settled: Callable[[Writing], None],
        *,
        keep: bool,
    ) -> None:
        self.sound = sound
        self.recording = recording
        self.file = sound.file  # to be replaced, where there is one
        self.error: RtAudioError | None = None
        self._folder = folder
        self._settled = settled
        self._keep = keep

    def run(self) -> None:
        """Write the file, and wait until it is on the disk. Any thread may do so; never raises.

        Writing 10 s of sound takes 0.1 ms (Opus) to 0.5 ms (PCM16) on a fast local disk; on a
        slow or remote one as long as that takes, which is why it has a thread.
        """
        try:
            path = self._free_path() if self.file is None else self.file.path
            with whole_file(path, _MODE) as partial, partial.open("wb") as file:
                self.recording.write(file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self.error = AudioError(
                f"sound could not be kept in {str(self._folder)!r}: {error.strerror or error}"
            )
            self.error.__cause__ = error
        else:
            if self.file is None:
                self.file = SoundFile(path, keep=self._keep)

    def settle(self) -> RtAudioError | None:
        """Once it was run, let the conversation know; returns why it failed, if it did.

        The file then stands for the sound, which leaves the memory; a failure costs the sound.
        """
        self._settled(self)
        return self.error

    def _free_path(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        safe = re.sub(r"[^A-Za-z0-9_-]", "_", self.sound.item_id)[:_MAX_NAME]
        stem = f"{safe}.{self.sound.content_index}"
        path = self._folder / f"{stem}{self.recording.suffix}"
        while path.exists():  # of an earlier session, or of an id that differs in odd characters
            path = self._folder / f"{stem}.{secrets.token_hex(4)}{self.recording.suffix}"
        return path


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            # The folder is gone or locked: nothing that could be done about it here.
            return
