"""Session events on their way to handlers and iterations."""

from __future__ import annotations

import logging
import weakref
from typing import TYPE_CHECKING, Any

from rtaudio.conversation.events import AgentHandoff, Audio, Error, SessionEvent
from rtaudio.conversation.queue_stats import QueueStats
from rtaudio.protocol import ErrorEvent
from rtaudio.session.agent import AGENT_EVENTS
from rtaudio.session.handlers import Handlers
from rtaudio.session.stream import EventStream

if TYPE_CHECKING:
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.context import RunContext

__all__ = ["Broadcast"]

_log = logging.getLogger("rtaudio.session")

_AGENT_EVENTS = frozenset(kind.type for kind in AGENT_EVENTS)


class Broadcast:
    """Gives every event to all who listen, in one order.

    Args:
        context: what events carry as `context`.

    Attributes:
        handlers: who is called.
        agent: what events carry as `agent`.
    """

    def __init__(self, context: RunContext, agent: RealtimeAgent | None) -> None:
        self.handlers = Handlers()
        self.agent = agent
        self._context = context
        # Weakly, for a loop that was left by `break` does not say so: its stream just vanishes.
        self._streams: dict[weakref.ref[EventStream], None] = {}
        self._lost = 0
        # How iteration ends for those who begin after the end; None while it goes on.
        self._end: tuple[Exception | None] | None = None

    @property
    def has_streams(self) -> bool:
        """Whether anybody iterates over the events."""
        return bool(self._streams)

    def wants(self, event_type: str) -> bool:
        """Whether anybody who listens to the session would see an event of this type."""
        return bool(self._streams) or event_type in self.handlers.by_type

    def deliver(self, event: SessionEvent, *, agent: RealtimeAgent | None = None) -> None:
        """Give an event to everybody. An error that nobody sees is logged, by its kind.

        Events of an agent's life go to handlers of the agent too: behind those of the session,
        but a handoff first to those of the agent that it leaves.

        Args:
            event: the event.
            agent: what it carries as `agent`; None for the current one.
        """
        kind = event.type
        if agent is None:
            agent = self.agent
        event.context = self._context
        event.agent = agent
        if kind in _AGENT_EVENTS and agent is not None:
            both = (self.handlers, agent.handlers)
            for handlers in reversed(both) if isinstance(event, AgentHandoff) else both:
                handlers.call(event, self.report)
        elif kind in self.handlers.by_type:
            self.handlers.call(event, self.report)
        elif isinstance(event, Error) and not self._streams:
            _log.error("unhandled session error: %s", _kind_of(event.error))
        if self._streams:
            for stream in self._alive():
                stream.put(event)

    def deliver_sound(self, audio: Audio) -> None:
        """The same for a piece of sound; apart, as most events are one."""
        audio.context = self._context
        audio.agent = self.agent
        handlers = self.handlers
        for handler in handlers.by_type.get("audio", ()):
            try:
                result = handler(audio)
            except Exception as error:
                self.report(error)
                continue
            if result is not None:
                handlers.follow(audio, result, self.report)
        if self._streams:
            for stream in self._alive():
                stream.put(audio)

    def report(self, error: Exception) -> None:
        """Deliver an exception as an `error` event."""
        self.deliver(Error(error=error))

    def stream(self, limit: int) -> EventStream:
        """All events from now on; ended already where the session has."""
        stream = EventStream(limit, self._forget)
        self._streams[weakref.ref(stream, self._vanished)] = None
        if self._end is not None:
            stream.end(self._end[0])
        return stream

    def begin(self) -> None:
        """Iterations that begin from now on see a new connection."""
        self._end = None

    def finish(self, error: Exception | None) -> None:
        """Let all iterations end, by an exception where one is given. The first end counts."""
        if self._end is None:
            self._end = (error,)
        for stream in self._alive():
            stream.end(error)

    def queue(self, limit: int) -> QueueStats:
        """What waits for the consumer that is furthest behind; losses are those of all."""
        size = max((stream.waiting for stream in self._alive()), default=0)
        return QueueStats(size=size, bound=limit, policy="raise", lost=self._lost)

    def _alive(self) -> list[EventStream]:
        return [stream for ref in tuple(self._streams) if (stream := ref()) is not None]

    def _forget(self, stream: EventStream) -> None:
        self._lost += stream.lost
        self._vanished(weakref.ref(stream))

    def _vanished(self, ref: weakref.ref[EventStream]) -> None:
        self._streams.pop(ref, None)


def _kind_of(error: Any) -> str:
    """What may be said of an error in a log: its kind, not its text."""
    if isinstance(error, ErrorEvent):
        return error.error.code or error.error.type or "error event"
    return type(error).__name__
