"""The pace of a call's sound: every 20 ms something is due.

What costs most of a frame, beside encoding it, is to be woken up for it. So whatever wakes the
process anyway, sound that is fed or a packet that arrives, sees to what is due, up to 8 ms before
its time. Where they come at other times than that, the clock is moved to meet them, once, by half a
frame at most. A timer is kept shortly behind what is due, and fires only where nobody came: where
both ends of a call keep their pace like this, each would otherwise wait for the other.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from rtaudio.transports.outgoing_sound import FRAME_S

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FrameClock"]

# How much before it is due somebody who comes sees to a frame, in seconds.
_EARLY_S = 0.008
# How long after it was due the timer sees to a frame where somebody else came for the one before.
_LATE_S = 0.004
# So many frames in a row that the timer has to see to, while somebody comes at other times, move
# the clock.
_MISSED = 3
# Whoever is further behind, since the machine slept or was too busy, begins anew.
_MAX_BEHIND_S = 1.0


class FrameClock:
    """Calls `tick` for every frame, at its time or a little before.

    Args:
        tick: called with the time, as `time.monotonic` has it; must not raise.

    Attributes:
        running: whether it was started and not stopped.
    """

    def __init__(self, tick: Callable[[float], None]) -> None:
        self._tick = tick
        self._loop = asyncio.get_running_loop()
        self.running = False
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        # Frames in a row that the timer saw to, when somebody else came last, and by how much the
        # clock was moved so far.
        self._missed = 0
        self._visited_at = float("-inf")
        self._moved = 0.0

    def start(self) -> None:
        """Begin; the first frame is due after its length."""
        now = time.monotonic()
        self.running = True
        self._due = now + FRAME_S
        self._set_timer(FRAME_S)

    def stop(self) -> None:
        """Call nobody any more."""
        self.running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def visit(self, now: float) -> bool:
        """Somebody was woken at `now`: see to what is due; whether anything was."""
        if not self.running:
            return False
        self._visited_at = now
        if now < self._due - _EARLY_S:
            return False
        self._see_to(now)
        self._missed = 0
        if self._timer is not None:
            self._timer.cancel()
            self._set_timer(self._due + _LATE_S - now)
        return True

    def _see_to(self, now: float) -> None:
        if now - self._due > _MAX_BEHIND_S:
            self._due = now
        while self.running and now >= self._due - _EARLY_S:
            self._due += FRAME_S
            self._tick(now)

    def _on_timer(self) -> None:
        now = time.monotonic()
        self._see_to(now)
        if not self.running:
            return
        self._missed += 1
        if self._missed >= _MISSED and now - self._visited_at < FRAME_S:
            self._meet()
        self._set_timer(max(0.0, self._due - now))

    def _set_timer(self, wait_s: float) -> None:
        self._timer = self._loop.call_later(wait_s, self._on_timer)

    def _meet(self) -> None:
        """Have frames due shortly after somebody comes.

        Measured from where the clock was first, so that it neither gains nor loses.
        """
        self._missed = 0
        moved = self._moved + self._visited_at + FRAME_S + _EARLY_S / 2 - self._due
        moved = (moved + FRAME_S / 2) % FRAME_S - FRAME_S / 2
        self._due += moved - self._moved
        self._moved = moved
