"""The timer, with a clock of its own: what is a sample, who takes part, and what gets no number."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from rtaudio.bench.cases import Absent, Contender, Group, Trial
from rtaudio.bench.measure import FEWEST, Effort, calls_for, measure_group, prepare
from rtaudio.bench.report import fill_times

EFFORT = Effort(rounds=20, sample_s=0.001, budget_s=1.0)


class Clock:
    """Nanoseconds that pass only when a contender says so."""

    def __init__(self) -> None:
        self.now = 0
        self.log: list[str] = []

    def __call__(self) -> int:
        return self.now

    def contender(self, name: str, takes_ns: int, result: object = 42) -> Contender:
        def call() -> None:
            self.now += takes_ns
            self.log.append(name)

        return Contender(name, lambda: Trial(call, lambda: result))


def right(result: Any) -> str | None:
    return None if result == 42 else f"{result} is not 42"


def group(*contenders: Contender, units: int = 1) -> Group:
    return Group("subject", "family", "variant", "20 ms", units, contenders, right)


def test_times_are_per_unit_of_the_group() -> None:
    clock = Clock()
    (row,) = measure_group(group(clock.contender("a", 50_000), units=10), EFFORT, clock)
    assert row.minimum_us == row.median_us == row.p90_us == pytest.approx(5.0)
    assert row.samples == EFFORT.rounds


def test_contenders_alternate_in_an_order_that_the_seed_decides() -> None:
    def order(seed: int) -> list[str]:
        clock = Clock()
        contenders = [clock.contender(name, 1_000_000) for name in "abc"]
        measure_group(group(*contenders), Effort(10, 0.001, 1.0, seed), clock)
        return clock.log[-30:]  # what came before was calibration

    assert order(1) == order(1) != order(2)
    rounds = [order(1)[at : at + 3] for at in range(0, 30, 3)]
    assert all(sorted(each) == ["a", "b", "c"] for each in rounds)
    assert len({tuple(each) for each in rounds}) > 1


def test_a_slow_contender_leaves_early_and_the_others_go_on() -> None:
    clock = Clock()
    rows = measure_group(
        group(clock.contender("fast", 1000), clock.contender("slow", 500_000_000)), EFFORT, clock
    )
    assert [row.samples for row in rows] == [EFFORT.rounds, FEWEST]


def test_a_wrong_result_gets_no_number_and_is_never_timed_in_a_race() -> None:
    clock = Clock()
    rows = measure_group(
        group(clock.contender("right", 1000), clock.contender("broken", 1, result=41)),
        EFFORT,
        clock,
    )
    assert [row.status for row in rows] == ["ok", "wrong"]
    assert rows[1].problem == "41 is not 42"
    assert rows[1].minimum_us is rows[1].median_us is rows[1].p90_us is None
    assert "broken" not in clock.log


def test_an_absent_peer_is_listed_with_what_is_missing() -> None:
    def make() -> Trial:
        raise Absent("nothing_like_it cannot be imported")

    rows = measure_group(group(Contender("gone", make, "nothing-like-it")), EFFORT, Clock())
    assert [(row.status, row.problem, row.version) for row in rows] == [
        ("absent", "nothing_like_it cannot be imported", "")
    ]


def test_a_peer_whose_names_have_changed_is_absent_rather_than_the_end_of_the_run() -> None:
    def make() -> Trial:
        raise AttributeError("no attribute 'Encoder'")

    trial, row = prepare(group(), Contender("changed", make))
    assert trial is None
    assert row.status == "absent"
    assert row.problem == "AttributeError: no attribute 'Encoder'"


def test_an_exception_while_checking_is_a_wrong_result() -> None:
    def result() -> object:
        raise ZeroDivisionError("division by zero")

    contender = Contender("raises", lambda: Trial(lambda: None, result))
    trial, row = prepare(group(), contender)
    assert trial is None
    assert (row.status, row.problem) == ("wrong", "ZeroDivisionError: division by zero")


def test_the_version_that_took_part_is_recorded() -> None:
    _, row = prepare(group(), Contender("numpy", lambda: Trial(int, lambda: 42), "numpy"))
    import numpy

    assert row.version == numpy.__version__


def test_the_collector_is_off_while_timing_and_on_again_afterwards() -> None:
    seen: list[bool] = []
    clock = Clock()

    def call() -> None:
        clock.now += 1_000_000
        seen.append(gc.isenabled())

    assert gc.isenabled()
    measure_group(group(Contender("a", lambda: Trial(call, lambda: 42))), EFFORT, clock)
    assert gc.isenabled()
    assert not any(seen[-EFFORT.rounds :])


def test_the_collector_is_on_again_after_a_contender_raised() -> None:
    clock = Clock()
    calls = iter(range(3))

    def call() -> None:
        clock.now += 1_000_000
        next(calls)

    with pytest.raises(StopIteration):
        measure_group(group(Contender("a", lambda: Trial(call, lambda: 42))), EFFORT, clock)
    assert gc.isenabled()


@pytest.mark.parametrize("takes_ns", [100, 3_000, 70_000, 900_000, 5_000_000])
def test_a_sample_takes_about_as_long_as_asked_for_and_at_least_one_call(takes_ns: int) -> None:
    clock = Clock()
    call = clock.contender("a", takes_ns).make().call
    calls = calls_for(call, 0.001, clock)
    assert calls == max(1, round(1_000_000 / takes_ns))


def test_percentiles_of_ten_samples() -> None:
    _, row = prepare(group(), Contender("a", lambda: Trial(int, lambda: 42)))
    fill_times(row, [10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    assert (row.minimum_us, row.median_us, row.p90_us) == (1.0, 5.5, 9.0)
    assert fill_times(row, [3.0]).p90_us == 3.0
