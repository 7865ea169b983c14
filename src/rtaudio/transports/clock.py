"""Time as transports and sessions see it: the real one, and one that tests move by hand.

clock = FakeClock()
transport = ScriptedTransport()
transport.clock = clock
async with RealtimeSession(agent, transport=transport) as session:
    ...
    await clock.advance(1.5)  # a second and a half of playback, in no time
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import time

from rtaudio.errors import ConfigError

__all__ = ["SYSTEM_CLOCK", "Clock", "FakeClock"]

_NS_PER_S = 1_000_000_000

# How often the event loop turns after each step of time. Whatever follows from a step within so
# many turns has happened before the next one.
_TURNS = 50


class Clock:
    """The machine's own time."""

    def monotonic(self) -> float:
        """Seconds since some moment that never changes."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait; for 0 seconds and below, only until others had their turn."""
        await asyncio.sleep(max(0.0, seconds))


#: What every transport uses unless it is given another clock.
SYSTEM_CLOCK = Clock()


class FakeClock(Clock):
    """Stands still until it is told to go on.

    Give it to a transport (`transport.clock = FakeClock()`, or the argument `clock`): its session
    then counts playback and waits between attempts to reconnect by it. Limits on tools and on
    handshakes stay in real time.

    Args:
        now: what it shows at first, in seconds.
    """

    def __init__(self, now: float = 0.0) -> None:
        # Whole nanoseconds: three steps of 0.1 s are exactly one of 0.3 s.
        self._now_ns = round(now * _NS_PER_S)
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def __repr__(self) -> str:
        return f"FakeClock({self.monotonic():g} s, {self.sleepers} waiting)"

    @property
    def sleepers(self) -> int:
        """How many tasks wait for it."""
        return sum(not future.done() for _, _, future in self._sleepers)

    def monotonic(self) -> float:
        """Seconds it was told to go on for, and what it showed at first."""
        return self._now_ns / _NS_PER_S

    async def sleep(self, seconds: float) -> None:
        """Wait until it was told to go on for so long."""
        length_ns = math.ceil(seconds * _NS_PER_S - 0.5)
        if length_ns <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_ns + length_ns, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Go on, stopping at each moment for which somebody waits.

        Those who wait are woken in order, and what they do, further waiting included, is done
        before time goes on. Answers of other processes and sockets are not waited for.

        Args:
            seconds: 0 or more; 0 only lets others have their turn.

        Raises:
            ConfigError: it cannot go back.
        """
        if not 0 <= seconds < math.inf:
            raise ConfigError(f"seconds must be a finite number, 0 or more, got {seconds!r}")
        end_ns = self._now_ns + round(seconds * _NS_PER_S)
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= end_ns:
            self._now_ns, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
                await _settle()
        self._now_ns = end_ns
        await _settle()


async def _settle() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
