from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

import pytest

from rtaudio.transports.frame_clock import FrameClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Timer:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class World:
    """A clock, under a loop and a time that are ours.

    Attributes:
        ticks: the times of frames.
        wakes: how often a timer woke us.
        visits: what the visits said.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.ticks: list[float] = []
        self.wakes = 0
        self.visits: list[bool] = []
        self._count = 0
        self._queue: list[tuple[float, int, Timer | None, Callable[[], None]]] = []
        monkeypatch.setattr("asyncio.get_running_loop", lambda: self)
        monkeypatch.setattr("rtaudio.transports.frame_clock.time.monotonic", lambda: self.now)
        self.clock = FrameClock(self.ticks.append)
        self.clock.start()

    def call_later(self, wait_s: float, call: Callable[[], None]) -> Timer:
        timer = Timer()
        self._put(self.now + wait_s, timer, call)
        return timer

    def _put(self, at: float, timer: Timer | None, call: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (at, self._count, timer, call))

    def send(self, clock: FrameClock, way_s: float) -> None:
        """Have a packet visit a clock a while later."""
        self._put(self.now + way_s, None, lambda: clock.visit(self.now))

    def run(self, visits: Iterable[float], until: float) -> None:
        """Be visited at these times."""
        for at in visits:
            self._put(at, None, lambda: self.visits.append(self.clock.visit(self.now)))
        self._put(until, None, lambda: None)
        while True:
            at, _, timer, call = heapq.heappop(self._queue)
            if timer is not None and timer.cancelled:
                continue
            self.now = max(self.now, at)
            self.wakes += timer is not None
            call()
            if at == until:
                return


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def steps(ticks: list[float]) -> list[float]:
    return [round(after - before, 4) for before, after in itertools.pairwise(ticks)]


def test_where_nobody_comes_the_timer_sees_to_every_frame(world: World) -> None:
    world.run([], 101.0)
    assert len(world.ticks) == 50
    assert set(steps(world.ticks)) == {0.02}


def test_whoever_comes_shortly_before_sees_to_it_and_no_timer_fires(world: World) -> None:
    world.run((100 + 0.015 + 0.02 * n for n in range(50)), 100.999)
    assert len(world.ticks) == 50
    assert world.wakes == 0
    assert all(world.visits)


@pytest.mark.parametrize("phase", [0.0005, 0.004, 0.008, 0.011])
def test_the_clock_moves_once_to_meet_those_who_come_at_other_times(
    world: World, phase: float
) -> None:
    world.run((100 + phase + 0.02 * n for n in range(500)), 110.0)
    assert 499 <= len(world.ticks) <= 501  # it neither gains nor loses
    assert world.wakes < 6
    assert set(steps(world.ticks[10:])) == {0.02}


def test_uneven_visits_do_not_have_it_run_away(world: World) -> None:
    uneven = [(7 * n * n) % 13 / 1000 for n in range(3000)]
    world.run((100 + 0.02 * n + uneven[n] for n in range(3000)), 160.0)
    assert 2999 <= len(world.ticks) <= 3001


def test_visits_of_a_fifth_as_many_leave_the_rest_to_the_timer(world: World) -> None:
    world.run((100 + 0.003 + 0.1 * n for n in range(20)), 102.0)
    assert 99 <= len(world.ticks) <= 101


def test_when_visits_end_the_timer_takes_over_and_nothing_is_left_out(world: World) -> None:
    world.run((100 + 0.015 + 0.02 * n for n in range(20)), 101.0)
    assert len(world.ticks) == 50
    assert max(steps(world.ticks)) <= 0.1


def test_a_machine_that_slept_begins_anew(world: World) -> None:
    world.run([], 100.05)
    world.now = 200.0
    world.run([], 200.1)
    assert len(world.ticks) < 10


def test_stopped_within_a_frame_it_calls_nobody_any_more(world: World) -> None:
    world.clock._tick = lambda now: (world.ticks.append(now), world.clock.stop())  # type: ignore[assignment, func-returns-value]
    world.run([100.4], 101.0)
    assert len(world.ticks) == 1
    assert world.visits == [False]
    assert not world.clock.running


@pytest.mark.parametrize("way_s", [0.0, 0.001, 0.005, 0.008, 0.012, 0.015, 0.02, 0.03])
def test_two_whose_packets_wake_each_other_do_not_wait_for_each_other(
    world: World, way_s: float
) -> None:
    ticks: list[float] = []
    other = FrameClock(lambda now: (ticks.append(now), world.send(world.clock, way_s)))  # type: ignore[arg-type, func-returns-value]
    world.clock._tick = lambda now: (world.ticks.append(now), world.send(other, way_s))  # type: ignore[assignment, func-returns-value]
    other.start()
    world.run([], 130.0)
    for each in (world.ticks, ticks):
        assert 1499 <= len(each) <= 1501
        assert max(steps(each)) < 0.035
