"""Kept sound on its way to disk, in a thread: a slow disk holds up nobody's conversation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rtaudio.conversation.sound_file import Writing

__all__ = ["SoundWriter"]


class SoundWriter:
    """Runs writings, one after the other. What waits is bounded where writings come from.

    Args:
        settle: called with each on the event loop, once it was run.
    """

    def __init__(self, settle: Callable[[Writing], None]) -> None:
        self._settle = settle
        # A list: while it is empty, as in most sessions, a deque takes 0.7 KB.
        self._waiting: list[Writing] = []
        self._task: asyncio.Task[None] | None = None

    def start(self, writings: Iterable[Writing]) -> None:
        """Run these behind those that wait."""
        self._waiting.extend(writings)
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._run(), name="rtaudio-sound")

    async def done(self) -> None:
        """Wait until all are written."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while self._waiting:
            writing = self._waiting.pop(0)
            await asyncio.to_thread(writing.run)
            self._settle(writing)
