"""A conversation's history, as applications see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtaudio.conversation.history_file import load_items, save_items
from rtaudio.conversation.items import Item

if TYPE_CHECKING:
    import os
    from typing import Self

__all__ = ["History"]


class History(tuple[Item, ...]):
    """The items of a conversation in order: a tuple that can be saved.

    It never changes; a session has a new one after each change.
    """

    __slots__ = ()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the items and the sound that is kept of them to one file.

        The file is a zip archive: `history.json`, and `audio/` with a WAV or Ogg Opus file for each
        part that has sound. It appears whole or not at all. An hour of kept Opus takes about 20 ms,
        an hour of PCM16 about a second; with slow disks, call it in a thread.

        Args:
            path: of the file; one that is there already is replaced.

        Raises:
            OSError: the file cannot be written.
        """
        save_items(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `save` has written.

        `RealtimeSession(..., history=History.load(path))` goes on from there. Sound is read from
        the file when it is listened to, so the file has to stay where it is.

        Args:
            path: of the file.

        Raises:
            OSError: the file cannot be read.
            ConfigError: it is no saved history, or one of another version.
        """
        return cls(load_items(path))
