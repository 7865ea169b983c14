"""When a socket that opened is a session.

A service accepts the upgrade even with a bad key, and refuses afterwards, by an `error` event and a
close. So the first event decides; where the application wants it, so does the confirmation of its
configuration.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from rtaudio.errors import AuthenticationError, TransportError
from rtaudio.protocol import ErrorEvent, SessionUpdated

if TYPE_CHECKING:
    from rtaudio.protocol import ServerEvent, UnknownEvent
    from rtaudio.transports.engines.base import End

__all__ = ["Acceptance"]

_CLOSE_UNAUTHORISED = 3000
_CODES_UNAUTHORISED = frozenset({"invalid_api_key", "missing_api_key", "unauthorized"})
# What a server may take to close after it has reported an error, in seconds.
_CLOSE_GRACE_S = 1.0
# How long to wait for `session.updated`, in seconds; a service that sends none may still work.
_UPDATE_WAIT_S = 5.0

_log = logging.getLogger("rtaudio.transports")


class Acceptance:
    """What one connection waits for before it counts as connected.

    Args:
        session: whether the service's first event is waited for. It sends none to who attaches to
            a session that runs already.
        update: whether `session.updated` is.
        timeout_s: seconds for the first event.
    """

    def __init__(self, *, session: bool, update: bool, timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._session: asyncio.Future[ErrorEvent | None] | None = None
        self._update: asyncio.Future[None] | None = None
        if session:
            self._session = loop.create_future()
        if update:
            self._update = loop.create_future()
        self._closed: asyncio.Future[End] = loop.create_future()

    # What happens.

    def received(self, event: ServerEvent | UnknownEvent | None) -> None:
        """See whether an event is one that is waited for; None is no event."""
        first, update = self._session, self._update
        if first is not None and event is not None and not first.done():
            first.set_result(event if isinstance(event, ErrorEvent) else None)
        if update is not None and isinstance(event, SessionUpdated) and not update.done():
            update.set_result(None)

    def ended(self, end: End) -> bool:
        """The connection has ended; returns whether something was still waited for."""
        self._closed.set_result(end)
        waited = False
        for each in (self._session, self._update):
            if each is not None and not each.done():
                waited = True
                each.set_exception(_closed_early(end))
                each.exception()  # nobody may be waiting any more
        return waited

    # What is waited for.

    async def session(self) -> None:
        """Wait for the first event.

        Raises:
            AuthenticationError: the service refused the key.
            TransportError: the service refused the session, closed, or stayed silent.
        """
        if self._session is None:
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                refusal = await self._session
        except TimeoutError:
            raise TransportError(
                f"the socket opened, but no event came within {self._timeout_s:g} s"
            ) from None
        if refusal is not None:
            raise await self._refused(refusal)

    async def update(self) -> None:
        """Wait for the confirmed configuration, but not for ever."""
        if self._update is None:
            return
        done, _ = await asyncio.wait([self._update], timeout=_UPDATE_WAIT_S)
        if done:
            self._update.result()
        else:
            _log.warning("no session.updated came within %g s; going on without", _UPDATE_WAIT_S)

    async def _refused(self, refusal: ErrorEvent) -> TransportError:
        """The exception for an `error` that came instead of a session."""
        done, _ = await asyncio.wait([self._closed], timeout=_CLOSE_GRACE_S)
        close_code = self._closed.result().code if done else None
        code = refusal.error.code
        text = f"the service refused the session: {code or refusal.error.type}"
        if code in _CODES_UNAUTHORISED or close_code == _CLOSE_UNAUTHORISED:
            # The service's own message repeats part of the key.
            return AuthenticationError(text, code=code)
        return TransportError(f"{text}: {refusal.error.message}", code=code)


def _closed_early(end: End) -> TransportError:
    text = f"the service closed the connection before the session began (code {end.code})"
    if end.code == _CLOSE_UNAUTHORISED:
        return AuthenticationError(text, code=str(end.code))
    return TransportError(text, code=None if end.code is None else str(end.code))
