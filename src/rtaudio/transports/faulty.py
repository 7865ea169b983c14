"""A transport that misbehaves on demand, the same way each time.

Wrapped around another transport, it delays, loses, repeats, swaps and cuts, by chance or at given
events. Chance depends on the seed and on how many events passed, not on time, so a run that failed
can be repeated: which faults happened, and to what, is in `injected`.

    flaky = FaultyTransport(
        WebSocketTransport(url),
        Fault("delay", rate=0.2, direction="in", delay_s=(0.05, 0.4)),
        Fault("cut", nth=100),
        seed=7,
    )
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import deque
from collections.abc import Collection
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import msgspec

from rtaudio.errors import ConfigError, ConnectionLost, TransportError
from rtaudio.transports.base import ConnectOptions, RawMessage, RealtimeTransport, finish, lasting
from rtaudio.transports.wrapping import WrappingTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from typing_extensions import Buffer

    from rtaudio.errors import ProtocolError
    from rtaudio.protocol import ServerEvent, UnknownEvent
    from rtaudio.transports.clock import Clock

__all__ = ["Fault", "FaultyTransport", "Injected"]

FaultKind = Literal["delay", "loss", "duplicate", "reorder", "cut"]
Direction = Literal["in", "out"]

_APPEND = "input_audio_buffer.append"
_log = logging.getLogger("rtaudio.transports")


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong. Of `rate` and `nth` exactly one is given.

    Attributes:
        kind: `delay`: the event comes late, and those behind it wait. `loss`: it does not arrive.
            `duplicate`: it comes twice. `reorder`: it comes behind the next one. `cut`: the
            connection is lost instead.
        rate: how likely it is for each event that fits, above 0, at most 1.
        nth: for which of the events that fit, counted from 1 over the life of the transport: a
            number, or several.
        direction: `in` for events of the service, `out` for those of the session; None for both,
            each counted for itself.
        event_type: events of this type only, such as `response.done`; sound that is sent is
            `input_audio_buffer.append`.
        delay_s: how late, in seconds: a number, or the least and the most.

    Raises:
        ConfigError: one of them is out of its range.
    """

    kind: FaultKind
    _: KW_ONLY
    rate: float | None = None
    nth: int | Collection[int] | None = None
    direction: Direction | None = None
    event_type: str | None = None
    delay_s: float | tuple[float, float] = (0.0, 0.5)

    def __post_init__(self) -> None:
        kinds, directions = get_args(FaultKind), get_args(Direction)
        _check("kind", self.kind, self.kind in kinds, f"one of {', '.join(kinds)}")
        if (self.rate is None) == (self.nth is None):
            raise ConfigError("a Fault needs either rate or nth")
        if self.rate is not None:
            _check("rate", self.rate, _is_number(self.rate, 1) and self.rate > 0, "above 0 up to 1")
        if self.nth is not None:
            whole = bool(self.places) and all(
                isinstance(place, int) and not isinstance(place, bool) and place >= 1
                for place in self.places
            )
            _check("nth", self.nth, whole, "an int from 1, or several")
        fine = self.direction is None or self.direction in directions
        _check("direction", self.direction, fine, "'in', 'out' or None")
        fine = self.event_type is None or isinstance(self.event_type, str)
        _check("event_type", self.event_type, fine, "a str or None")
        span = self.span_s
        fine = len(span) == 2 and all(map(_is_number, span)) and span[0] <= span[1]
        _check("delay_s", self.delay_s, fine, "seconds from 0, or the least and the most of them")

    @property
    def places(self) -> Collection[int]:
        """`nth` as a collection."""
        if self.nth is None:
            return ()
        return self.nth if isinstance(self.nth, Collection) else (self.nth,)

    @property
    def span_s(self) -> tuple[float, float]:
        """`delay_s` as the least and the most."""
        return self.delay_s if isinstance(self.delay_s, tuple) else (self.delay_s, self.delay_s)


class Injected(msgspec.Struct, frozen=True):
    """A fault that happened.

    Attributes:
        kind: which one.
        direction: `in` or `out`.
        index: zero-based position of the event among all of its direction.
        event_type: the event's type; None for what is no event.
        delay_s: how late it was made.
    """

    kind: FaultKind
    direction: Direction
    index: int
    event_type: str | None
    delay_s: float = 0.0


class _Dice:
    """When one fault strikes in one direction."""

    def __init__(self, fault: Fault, seed: object, number: int, direction: Direction) -> None:
        self.fault = fault
        # Of its own, so that neither other faults nor the other direction can shift its numbers.
        self._random = random.Random(f"{seed}/{number}/{direction}")
        self._passed = 0

    def strikes(self, event_type: str | None) -> bool:
        if self.fault.event_type not in (None, event_type):
            return False
        self._passed += 1
        if self.fault.rate is None:
            return self._passed in self.fault.places
        return self._random.random() < self.fault.rate

    def delay_s(self) -> float:
        return self._random.uniform(*self.fault.span_s)


class _Verdict(NamedTuple):
    """What happens to one event."""

    cut: bool = False
    lost: bool = False
    swapped: bool = False
    copies: int = 1
    delay_s: float = 0.0


class _Plan:
    """What happens to the events of one direction."""

    def __init__(
        self, faults: tuple[Fault, ...], seed: object, direction: Direction, done: list[Injected]
    ) -> None:
        self._direction: Direction = direction
        self._done = done
        self._dice = [
            _Dice(fault, seed, number, direction)
            for number, fault in enumerate(faults)
            if fault.direction in (None, direction)
        ]
        self._index = -1

    def judge(self, event_type: str | None, *, may_swap: bool) -> _Verdict:
        self._index += 1
        struck: dict[FaultKind, _Dice] = {}
        for dice in self._dice:
            if dice.strikes(event_type):
                struck.setdefault(dice.fault.kind, dice)
        if not may_swap:
            struck.pop("reorder", None)
        for kind in ("cut", "loss", "reorder"):
            # Each of these leaves nothing for the others to happen to.
            if kind in struck:
                self._note(kind, event_type)
                return _Verdict(kind == "cut", kind == "loss", kind == "reorder")
        delay_s = struck["delay"].delay_s() if "delay" in struck else 0.0
        for kind in struck:
            self._note(kind, event_type, delay_s if kind == "delay" else 0.0)
        return _Verdict(copies=2 if "duplicate" in struck else 1, delay_s=delay_s)

    def _note(self, kind: FaultKind, event_type: str | None, delay_s: float = 0.0) -> None:
        self._done.append(Injected(kind, self._direction, self._index, event_type, delay_s))


class FaultyTransport(WrappingTransport):
    """Another transport, with faults. See the module's text.

    A cut is told as a `ConnectionLost`, as a transport would tell of a broken connection; it can be
    connected again. Faults strike from the first event on, before the session is accepted too.

    Args:
        inner: the transport that does the work.
        *faults: what goes wrong. Where several strike one event, a cut goes before a loss, that
            before a swap, and delay and repetition come together.
        seed: from which chance follows; anything with a repr.
        clock: the time by which events are late; None for that of `inner`.
    """

    def __init__(
        self,
        inner: RealtimeTransport,
        *faults: Fault,
        seed: object = 0,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(inner, clock=clock)
        for fault in faults:
            if not isinstance(fault, Fault):
                raise ConfigError(f"faults must be Fault objects, got {type(fault).__name__}")
        self._injected: list[Injected] = []
        self._in = _Plan(faults, seed, "in", self._injected)
        self._out = _Plan(faults, seed, "out", self._injected)
        self._connection = 0
        # What has arrived and is late, with the time at which it is due.
        self._late: deque[tuple[float, Callable[[], None]]] = deque()
        self._delivering: asyncio.Task[None] | None = None
        self._swapped_in: Callable[[], None] | None = None
        self._writing = asyncio.Lock()
        self._swapped_out: Callable[[], Awaitable[None] | None] | None = None
        # Done by a cut before the session was accepted.
        self._cut_early: asyncio.Future[ConnectionLost] | None = None

    @property
    def injected(self) -> tuple[Injected, ...]:
        """The faults that happened so far, in order."""
        return tuple(self._injected)

    async def connect(self, options: ConnectOptions) -> None:
        """Connect the inner transport."""
        self._forget()
        self._cut_early = asyncio.get_running_loop().create_future()
        await super().connect(options)

    async def confirm(self) -> None:
        """Wait until the inner transport's session is accepted.

        Raises:
            ConnectionLost: the connection was cut before.
        """
        cut = self._cut_early
        assert cut is not None
        accepted = asyncio.ensure_future(super().confirm())
        either: list[asyncio.Future[Any]] = [accepted, cut]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if cut.done():
                raise cut.result()
            await accepted
        finally:
            self._cut_early = None
            accepted.cancel()

    async def close(self) -> None:
        """Close the inner transport; what is late does not arrive any more."""
        self._forget()
        await super().close()

    async def send_event(self, event: Mapping[str, Any]) -> None:
        """Write an event, or do to it what the faults say.

        Raises:
            ConnectionLost: the connection was cut here.
            TransportError: not connected.
        """
        await self._send(event.get("type"), lambda: self.inner.send_event(event))

    async def send_audio(self, pcm: Buffer) -> None:
        """Send sound, or do to it what the faults say.

        Raises:
            ConnectionLost: the connection was cut here.
            TransportError: not connected.
        """
        kept = bytes(memoryview(pcm).cast("B"))
        await self._send(_APPEND, lambda: self.inner.send_audio(kept))

    async def _send(
        self, event_type: str | None, write: Callable[[], Awaitable[None] | None]
    ) -> None:
        async with self._writing:
            if self.status == "disconnected":
                raise TransportError("cannot send: the transport is disconnected")
            mine = self._connection
            verdict = self._out.judge(event_type, may_swap=self._swapped_out is None)
            if verdict.cut:
                raise self._cut()
            if verdict.lost:
                return
            if verdict.swapped:
                self._swapped_out = write
                return
            if verdict.delay_s:
                await self.clock.sleep(verdict.delay_s)
                if mine != self._connection:
                    raise ConnectionLost("the connection ended before this was sent")
            for _ in range(verdict.copies):
                await finish(write())
            swapped, self._swapped_out = self._swapped_out, None
            if swapped is not None:
                await finish(swapped())

    def _on_event(self, event: ServerEvent | UnknownEvent, raw: RawMessage) -> None:
        arrive, raw = super()._on_event, lasting(raw)
        self._arrived(event.type, lambda: arrive(event, raw))

    def _on_garbage(self, error: ProtocolError, raw: RawMessage) -> None:
        arrive, raw = super()._on_garbage, lasting(raw)
        self._arrived(None, lambda: arrive(error, raw))

    def _on_lost(self, error: Exception | None) -> None:
        if self._swapped_in is not None:
            self._deliver(self._swapped_in, 0.0)
            self._swapped_in = None
        self._deliver(lambda: self.lost(error), 0.0)

    def _arrived(self, event_type: str | None, arrive: Callable[[], None]) -> None:
        if self.status == "disconnected":
            return
        verdict = self._in.judge(event_type, may_swap=self._swapped_in is None)
        if verdict.cut:
            self._cut()
        elif verdict.swapped:
            self._swapped_in = arrive
        elif not verdict.lost:
            for _ in range(verdict.copies):
                self._deliver(arrive, verdict.delay_s)
            swapped, self._swapped_in = self._swapped_in, None
            if swapped is not None:
                self._deliver(swapped, 0.0)

    def _deliver(self, arrive: Callable[[], None], delay_s: float) -> None:
        if not self._late and not delay_s:
            arrive()
            return
        self._late.append((self.clock.monotonic() + delay_s, arrive))
        if self._delivering is None or self._delivering.done():
            self._delivering = asyncio.get_running_loop().create_task(
                self._deliver_late(), name="rtaudio-faulty-late"
            )

    async def _deliver_late(self) -> None:
        while self._late:
            head = due, arrive = self._late[0]
            wait_s = due - self.clock.monotonic()
            if wait_s > 0:
                await self.clock.sleep(wait_s)
            try:
                arrive()
            except Exception as error:
                _log.warning("taking in a late event raised %s", type(error).__name__)
            # Taken out only now: what arrived meanwhile went behind it. It may have ended all.
            if self._late and self._late[0] is head:
                self._late.popleft()

    def _cut(self) -> ConnectionLost:
        error = ConnectionLost("the connection was cut by a FaultyTransport")
        self._forget()
        if self._cut_early is not None and not self._cut_early.done():
            self._cut_early.set_result(error)
        self.sever(error)
        return error

    def _forget(self) -> None:
        """What is under way belongs to a connection that is gone."""
        self._connection += 1
        self._late.clear()
        self._swapped_in = self._swapped_out = None
        if self._delivering is not None and self._delivering is not asyncio.current_task():
            self._delivering.cancel()
            self._delivering = None


def _check(name: str, value: Any, fine: bool, wanted: str) -> None:
    if not fine:
        raise ConfigError(f"{name} of a Fault must be {wanted}, got {value!r}")


def _is_number(value: Any, most: float = math.inf) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= most
