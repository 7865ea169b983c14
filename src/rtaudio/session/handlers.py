"""Handlers of session events, kept apart from each other and from the stream."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeAlias

from rtaudio.conversation.events import Error, HistoryUpdated, SessionEvent
from rtaudio.conversation.queue_stats import QueueStats
from rtaudio.errors import ConfigError
from rtaudio.session.stream import ConsumerTooSlow

__all__ = ["Handler", "Handlers"]

Handler: TypeAlias = Callable[[Any], Awaitable[Any] | Any]

_log = logging.getLogger("rtaudio.session")


class Handlers:
    """Calls handlers in the order of registration.

    Plain handlers run at once. Async ones are started at once and not waited for, so that a slow
    one does not hold up the events behind it; but when `limit` of them run, no further one is
    started, which is reported once. What a handler raises is reported; what an `error` handler
    raises is logged, since reporting it would call that handler again.

    Args:
        kinds: the events that can be listened to; None for all.

    Attributes:
        limit: calls of async handlers that may run at a time.
        by_type: who listens to which type of event.
    """

    def __init__(self, kinds: Iterable[type[SessionEvent]] | None = None) -> None:
        self._kinds = kinds
        # Tuples, since one may change in the middle of being called; empty ones are not kept.
        self.by_type: dict[str, tuple[Handler, ...]] = {}
        self._running: set[asyncio.Future[Any]] = set()
        self.limit = 10_000
        self._lost = 0
        self._behind = False

    @property
    def queue(self) -> QueueStats:
        """The calls of async handlers that run."""
        return QueueStats(
            size=len(self._running), bound=self.limit, policy="drop_newest", lost=self._lost
        )

    def add(self, event_type: str, handler: Handler) -> None:
        """Call `handler` with every event of this type.

        Raises:
            ConfigError: it cannot be called, or there is no such event.
        """
        if not callable(handler):
            raise ConfigError(f"a handler must be callable, got {type(handler).__name__}")
        kinds = SessionEvent.__subclasses__() if self._kinds is None else self._kinds
        known = {kind.type for kind in kinds}
        if event_type not in known:
            raise ConfigError(
                f"there is no event {event_type!r} here; there are {', '.join(sorted(known))}"
            )
        self.by_type[event_type] = (*self.by_type.get(event_type, ()), handler)

    def remove(self, event_type: str, handler: Handler) -> None:
        """Stop calling `handler`; where it was never registered, do nothing."""
        remaining = list(self.by_type.pop(event_type, ()))
        if handler in remaining:
            remaining.remove(handler)
        if remaining:
            self.by_type[event_type] = tuple(remaining)

    def wants(self, event_type: str) -> bool:
        """Whether anybody listens to this type of event."""
        return event_type in self.by_type

    def call(self, event: SessionEvent, report: Callable[[Exception], None]) -> None:
        """Give an event to everybody who wants it.

        Args:
            event: the event.
            report: called with what a handler raises.
        """
        for handler in self.by_type.get(event.type, ()):
            try:
                result = handler(event)
            except Exception as error:
                self._failed(event, error, report)
                continue
            if result is not None:
                self.follow(event, result, report)

    def follow(self, event: SessionEvent, result: Any, report: Callable[[Exception], None]) -> None:
        """Let run what a handler returned, if it is something to run; see `call`."""
        if len(self._running) >= self.limit and inspect.iscoroutine(result):
            self._leave_out(result, report)
        elif inspect.isawaitable(result):
            if isinstance(event, HistoryUpdated):
                event.capture()
            running = asyncio.ensure_future(result)
            self._running.add(running)
            running.add_done_callback(functools.partial(self._finished, event, report))

    def _leave_out(
        self, begun: Coroutine[Any, Any, Any], report: Callable[[Exception], None]
    ) -> None:
        """Do without a call that has not run a step yet: too many run already."""
        begun.close()
        self._lost += 1
        if not self._behind:
            self._behind = True
            report(
                ConsumerTooSlow(
                    f"{self.limit} calls of async handlers run (max_queued_events); until some "
                    "have ended they are not called any more"
                )
            )

    def _finished(
        self,
        event: SessionEvent,
        report: Callable[[Exception], None],
        done: asyncio.Future[Any],
    ) -> None:
        self._running.discard(done)
        if len(self._running) <= self.limit // 2:
            self._behind = False
        error = None if done.cancelled() else done.exception()
        if isinstance(error, Exception):
            self._failed(event, error, report)

    @staticmethod
    def _failed(event: SessionEvent, error: Exception, report: Callable[[Exception], None]) -> None:
        if isinstance(event, Error):
            _log.error("an error handler raised %s", type(error).__name__)
        else:
            report(error)
