"""When a `response.create` may really go out.

The service produces one response at a time and refuses a second request. All requests therefore
pass through here. Each takes a place in line; the first goes when no response is being produced,
no earlier request is unanswered and no cancellation is unfinished. A request without a payload
("automatic") covers all automatic requests that wait directly behind it, so that three messages
sent during one answer cause one further answer; a request with a payload ("manual") is never
merged with another.

Two things can be learnt about a request that went out: a response began, or the service refused
it by an `error`. Errors name the `event_id` of the request, which is why each gets one.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from rtaudio.conversation.queue_stats import QueueStats
from rtaudio.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_WAITING", "ResponseSequencer"]

# Requests that may wait for the response before them.
MAX_WAITING = 1000

_ALREADY_ACTIVE = "conversation_already_has_active_response"


class _Control(Enum):
    FREE = "free"
    CREATE_REQUESTED = "create_requested"
    CANCEL_REQUESTED = "cancel_requested"
    SUSPENDED = "suspended"


class _Create:
    """A `response.create` that went out, and the requests it answers."""

    __slots__ = ("covered", "event_id")

    def __init__(self, event_id: str, covered: list[dict[str, Any] | None]) -> None:
        self.event_id = event_id
        self.covered = covered


class ResponseSequencer:
    """Decides about `response.create` and `response.cancel`; writes nothing itself.

    Attributes:
        outgoing: events to send now, in order; whoever drives the sequencer takes them away.
    """

    def __init__(self, outgoing: list[dict[str, Any]]) -> None:
        self.outgoing = outgoing
        self._count = 0
        self._refused = 0
        self._reset()

    def _reset(self) -> None:
        self._ongoing = False
        self._response_id: str | None = None
        self._control = _Control.FREE
        # Requests in line: None is automatic, a mapping is the event of a manual one.
        self._waiting: list[dict[str, Any] | None] = []
        self._pending: _Create | None = None
        # The last request taken for accepted: the response that seemed to accept it may have been
        # one that the service began by itself, and then the refusal is still to come.
        self._accepted: _Create | None = None
        self._halted = False

    @property
    def ongoing(self) -> bool:
        """Whether a response is being produced."""
        return self._ongoing

    @property
    def asked(self) -> bool:
        """Whether a request went out and nothing is known of it yet."""
        return self._pending is not None

    @property
    def response_id(self) -> str | None:
        """The id of the response that is being produced, where it is known."""
        return self._response_id

    @property
    def queue(self) -> QueueStats:
        """The requests that wait."""
        return QueueStats(
            size=len(self._waiting), bound=MAX_WAITING, policy="raise", lost=self._refused
        )

    def request(self, response: Mapping[str, Any] | None = None) -> None:
        """Ask for a response; with a payload (even an empty one) for one of its own.

        Raises:
            TransportError: too many with a payload wait.
        """
        if response is not None:
            self.request_event({"type": "response.create", "response": dict(response)})
            return
        # Where the line is full, the request before this one covers it.
        if len(self._waiting) < MAX_WAITING or self._waiting[-1] is not None:
            self._waiting.append(None)
        self._advance()

    def request_event(self, event: Mapping[str, Any]) -> None:
        """Ask for a response with a ready-made `response.create`, which keeps its `event_id`.

        Raises:
            TransportError: too many of these wait.
        """
        # One place is kept for requests without a payload: many share it, and none fails.
        if len(self._waiting) >= MAX_WAITING - 1:
            self._refused += 1
            raise TransportError(
                f"{len(self._waiting)} requests for a response wait for the one that is being "
                "given; ask again when some are answered"
            )
        self._waiting.append(dict(event))
        self._advance()

    def cancel(self) -> bool:
        """Cancel the response that is being produced, at most once.

        Returns:
            Whether a `response.cancel` goes out.
        """
        if not self._ongoing or self._control is _Control.CANCEL_REQUESTED:
            return False
        self._control = _Control.CANCEL_REQUESTED
        self.outgoing.append({"type": "response.cancel"})
        return True

    def cancel_event(self, event: Mapping[str, Any]) -> None:
        """Send a ready-made `response.cancel`; it always goes out."""
        if self._ongoing:
            self._control = _Control.CANCEL_REQUESTED
        self.outgoing.append(dict(event))

    def response_created(self, response_id: str | None) -> None:
        """A response began, whoever asked for it."""
        self._ongoing = True
        self._response_id = response_id
        self._accept()
        self._control = _Control.FREE

    def response_done(self, response_id: str | None) -> None:
        """A response ended, whatever its outcome."""
        if response_id and self._response_id and response_id != self._response_id:
            return
        self._ongoing = False
        self._response_id = None
        self._accept()
        self._control = _Control.FREE
        self._advance()

    def error(self, *, code: str | None, message: str | None, event_id: str | None) -> None:
        """The service reported an error, perhaps about a request of ours."""
        if code == _ALREADY_ACTIVE and self._put_back(event_id):
            return
        pending = self._pending
        if pending is None:
            return
        if event_id is None:
            if "response_create" in (code or "") or "response.create" in (message or ""):
                self._drop(pending)
        elif event_id == pending.event_id:
            self._drop(pending)

    def send_failed(self, event: Mapping[str, Any]) -> None:
        """An event of this sequencer could not be written."""
        if event.get("type") == "response.cancel":
            if self._control is _Control.CANCEL_REQUESTED:
                self._control = _Control.FREE
        elif self._pending is not None and event.get("event_id") == self._pending.event_id:
            self._drop(self._pending)

    def halt(self) -> None:
        """Ask for nothing more on this connection; those who wait, wait in vain."""
        self._halted = True
        self._advance()

    def reset(self) -> None:
        """The connection is gone: nothing is ongoing, and nobody waits any more."""
        self._reset()

    def suspend(self) -> None:
        """The connection broke and another is to take its place: what waits goes on waiting."""
        waiting = self._waiting
        if self._pending is not None:
            waiting = [*self._pending.covered, *waiting]
        self._reset()
        self._waiting = waiting
        self._control = _Control.SUSPENDED

    def resume(self) -> None:
        """The other connection stands."""
        self._control = _Control.FREE
        self._advance()

    def _advance(self) -> None:
        if self._halted:
            self._waiting.clear()
        if self._ongoing or self._control is not _Control.FREE or not self._waiting:
            return
        first = self._waiting[0]
        if first is None:
            count = next(
                (n for n, request in enumerate(self._waiting) if request is not None),
                len(self._waiting),
            )
            event: dict[str, Any] = {"type": "response.create"}
        else:
            count = 1
            event = dict(first)
        covered = self._waiting[:count]
        del self._waiting[:count]
        if not event.get("event_id"):
            self._count += 1
            event["event_id"] = f"rtaudio_response_create_{self._count}"
        self._pending = _Create(event["event_id"], covered)
        self._accepted = None
        self._control = _Control.CREATE_REQUESTED
        self.outgoing.append(event)

    def _accept(self) -> None:
        if self._pending is not None:
            self._accepted, self._pending = self._pending, None

    def _drop(self, create: _Create) -> None:
        """Give up the request that failed; those it would have covered ask once more."""
        self._waiting[:0] = create.covered[1:]
        self._pending = None
        self._control = _Control.FREE
        self._advance()

    def _put_back(self, event_id: str | None) -> bool:
        """Let a request that lost a race with the service's own response wait for its end."""
        for create in (self._pending, self._accepted):
            if create is None or (event_id is not None and create.event_id != event_id):
                continue
            self._waiting[:0] = create.covered
            if create is self._pending:
                # The response it collided with has begun at the service; its end will free us.
                self._pending = None
                self._control = _Control.FREE
                self._ongoing = True
            self._accepted = None
            self._advance()
            return True
        return False
