"""What the service says about the session itself."""

from __future__ import annotations

from typing import Any

from rtaudio.protocol.base import Detail, ServerEvent

__all__ = [
    "ConversationCreated",
    "ErrorDetail",
    "ErrorEvent",
    "RateLimit",
    "RateLimitsUpdated",
    "SessionCreated",
    "SessionUpdated",
]


class SessionCreated(ServerEvent, tag="session.created", frozen=True, kw_only=True):
    """The first event on a connection: only now is it usable.

    Attributes:
        session: every setting in effect, plus `id`, `object` and `expires_at` (Unix seconds).
    """

    session: dict[str, Any]


class SessionUpdated(ServerEvent, tag="session.updated", frozen=True, kw_only=True):
    """A `session.update` took effect.

    Attributes:
        session: every setting in effect, not only the changed ones.
    """

    session: dict[str, Any]


class ErrorDetail(Detail, omit_defaults=False, frozen=True, kw_only=True):
    """What an `error` event says.

    Attributes:
        type: `invalid_request_error`, `server_error`, ...
        message: for people; not stable.
        code: for programs, such as `invalid_value`.
        param: the path of the field that was wrong.
        event_id: the client event that is answered, where that had an id.
    """

    type: str
    message: str = ""
    code: str | None = None
    param: str | None = None
    event_id: str | None = None


class ErrorEvent(ServerEvent, tag="error", frozen=True, kw_only=True):
    """Something was refused or went wrong; mostly the session goes on."""

    error: ErrorDetail


class RateLimit(Detail, frozen=True, kw_only=True):
    """What is left of an allowance.

    Attributes:
        name: `requests` or `tokens`.
        limit: the whole allowance.
        remaining: what is left of it, reservations taken off.
        reset_seconds: until it is full again.
    """

    name: str | None = None
    limit: int | None = None
    remaining: int | None = None
    reset_seconds: float | None = None


class RateLimitsUpdated(ServerEvent, tag="rate_limits.updated", frozen=True, kw_only=True):
    """Allowances after a response."""

    rate_limits: list[RateLimit]


class ConversationCreated(ServerEvent, tag="conversation.created", frozen=True, kw_only=True):
    """A conversation exists; beta servers send it.

    Attributes:
        conversation: `{"id", "object"}`.
    """

    conversation: dict[str, Any]
