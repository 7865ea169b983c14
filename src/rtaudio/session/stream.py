"""Session events as something to iterate over."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from rtaudio.conversation.events import HistoryUpdated, SessionEvent
from rtaudio.errors import RtAudioError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ConsumerTooSlow", "EventStream"]


class ConsumerTooSlow(RtAudioError):
    """An iterator fell further behind the session's events than its queue holds."""


class EventStream:
    """One consumer's view of the events, from the moment it was made.

    Args:
        limit: events that may wait; with one more the consumer gets `ConsumerTooSlow`.
        forget: called with the stream when it takes no more events.

    Attributes:
        lost: events that the consumer did not get because it was too slow.
    """

    def __init__(self, limit: int, forget: Callable[[EventStream], None]) -> None:
        self._limit = limit
        self._forget = forget
        self.lost = 0
        self._queue: deque[SessionEvent] = deque()
        self._ended = False
        self._error: Exception | None = None
        self._wakeup: asyncio.Future[None] | None = None

    @property
    def waiting(self) -> int:
        """Events that the consumer has not read yet."""
        return len(self._queue)

    def put(self, event: SessionEvent) -> None:
        """Queue an event."""
        if self._ended:
            return
        if len(self._queue) >= self._limit:
            # What is queued is worth nothing with a hole behind it, and holds memory.
            self.lost = len(self._queue) + 1
            self._queue.clear()
            self.end(
                ConsumerTooSlow(
                    f"the consumer fell behind by more than {self._limit} events "
                    "(max_queued_events); read faster, or use session.on(...)"
                )
            )
            return
        if isinstance(event, HistoryUpdated):
            event.capture()
        self._queue.append(event)
        self._wake()

    def end(self, error: Exception | None = None) -> None:
        """Let the iteration end behind what is queued, by an exception where one is given."""
        if not self._ended:
            self._ended = True
            self._error = error
            self._forget(self)
            self._wake()

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> SessionEvent:
        while not self._queue:
            if self._ended:
                error, self._error = self._error, None
                if error is not None:
                    raise error
                raise StopAsyncIteration
            if self._wakeup is not None:
                raise RuntimeError("two tasks read the same event stream; iterate once per task")
            self._wakeup = asyncio.get_running_loop().create_future()
            try:
                await self._wakeup
            finally:
                self._wakeup = None
        return self._queue.popleft()

    async def aclose(self) -> None:
        """Stop listening."""
        self._queue.clear()
        self.end()

    def _wake(self) -> None:
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)
