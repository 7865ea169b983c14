"""One attempt at something, which several callers wait for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["SharedAttempt"]


class SharedAttempt:
    """Lets callers join what another one has begun.

    It goes on while at least one of them waits; when the last is cancelled, it is too.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._waiting = 0

    async def join(self, begin: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait for the attempt that is under way, or for a new one.

        Args:
            begin: makes a new one.

        Raises:
            Exception: what the attempt raised, to all who wait.
        """
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(begin())
            self._waiting = 0
        task = self._task
        self._waiting += 1
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            if self._waiting == 1 and not task.done():
                task.cancel()
                await asyncio.wait([task])
                if not task.cancelled():
                    task.exception()  # nobody else is there to look at it
            raise
        finally:
            if task is self._task:
                self._waiting -= 1
        await task
