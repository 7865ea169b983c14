"""Services end a session after some time; before that, another connection takes its place."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.session.link import Link

__all__ = ["Expiry"]

# How long before the end a quiet moment is waited for, and how long before it is taken whatever is
# said: seconds, and for short sessions a part of what is left.
_EARLY_S: Final = 180.0
_EARLY_PART: Final = 0.1
_LATE_S: Final = 15.0
_LATE_PART: Final = 0.02


class Expiry:
    """Watches the time limit of a connection.

    Args:
        link: whose connection.
        renew: begins to make another one.
    """

    def __init__(self, link: Link, renew: Callable[[], object]) -> None:
        self._link = link
        self._renew = renew
        self._watching: asyncio.Task[None] | None = None

    def begin(self, expires_at: object) -> None:
        """The service has begun a session; it says, or does not, in Unix seconds when it ends."""
        self.stop()
        left_s = expires_at - time.time() if isinstance(expires_at, int | float) else 0.0
        # Where it is over already, clocks differ, and only the service knows.
        if left_s > 0:
            self._watching = asyncio.get_running_loop().create_task(
                self._watch(left_s), name="rtaudio-expiry"
            )

    def stop(self) -> None:
        """That connection is not the present one any more."""
        self._link.after_event = None
        watching, self._watching = self._watching, None
        if watching is not None and watching is not asyncio.current_task():
            watching.cancel()

    async def _watch(self, left_s: float) -> None:
        clock = self._link.transport.clock
        early_s = min(_EARLY_S, left_s * _EARLY_PART)
        late_s = min(_LATE_S, left_s * _LATE_PART)
        await clock.sleep(left_s - early_s)
        if self._renew_if_quiet():
            return
        self._link.after_event = self._renew_if_quiet
        await clock.sleep(early_s - late_s)
        self._renew()

    def _renew_if_quiet(self) -> bool:
        quiet = self._link.conversation.is_quiet
        if quiet:
            self._renew()
        return quiet
