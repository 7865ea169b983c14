"""The timer: every contender of a group in turn, over and over, in one process.

On a machine that is shared or that changes its clock, two numbers taken one after the other say
little about each other. So a round times each contender for a few milliseconds, in an order drawn
anew, and there are many rounds; noise that lasts longer than a round hits all alike. What is
compared is the least time, which noise can only raise; median and 90th percentile tell how noisy it
was. The garbage collector is off meanwhile. A contender that is slow takes part in fewer rounds.
"""

from __future__ import annotations

import gc
import random
import time
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

from rtaudio.bench.cases import Absent, Contender, Group, Trial, installed_version
from rtaudio.bench.report import Row, fill_times

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Effort", "calls_for", "measure_group", "prepare"]


FEWEST = 5


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure.

    Attributes:
        rounds: samples per contender.
        sample_s: seconds that a sample takes, at least one call.
        budget_s: seconds after which a contender is timed no more, once it has `FEWEST` samples.
        seed: of the orders within rounds.
    """

    rounds: int = 60
    sample_s: float = 0.002
    budget_s: float = 0.25
    seed: int = 1

    @classmethod
    def quick(cls) -> Effort:
        """A first look: a tenth of the time."""
        return cls(rounds=15, sample_s=0.001, budget_s=0.08)


def measure_group(
    group: Group, effort: Effort, clock: Callable[[], int] = time.perf_counter_ns
) -> list[Row]:
    """Check and time a group's contenders.

    Args:
        group: who takes part.
        effort: how long.
        clock: nanoseconds.

    Returns:
        A row per contender, in the group's order; those absent or wrong have no times.
    """
    rows: dict[str, Row] = {}
    racing: list[tuple[Contender, Trial, int]] = []
    samples: dict[str, list[float]] = {}
    spent: dict[str, int] = {}
    for contender in group.contenders:
        trial, row = prepare(group, contender)
        rows[contender.name] = row
        if trial is not None:
            racing.append((contender, trial, calls_for(trial.call, effort.sample_s, clock)))
            samples[contender.name], spent[contender.name] = [], 0
    order = random.Random(f"{effort.seed} {group.name}")
    collected = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        for _ in range(effort.rounds):
            order.shuffle(racing)
            for contender, trial, calls in racing:
                done = samples[contender.name]
                if spent[contender.name] > effort.budget_s * 1e9 and len(done) >= FEWEST:
                    continue
                taken = _time(trial.call, calls, clock)
                spent[contender.name] += taken
                done.append(taken / (calls * group.units) / 1000)
    finally:
        if collected:
            gc.enable()
    return [fill_times(rows[c.name], samples.get(c.name, [])) for c in group.contenders]


def prepare(group: Group, contender: Contender) -> tuple[Trial | None, Row]:
    """Set a contender up and check its result.

    Returns:
        The trial, or None where there is nothing to time; and its row, without times yet.
    """

    def row(status: str, problem: str = "") -> Row:
        return Row(
            subject=group.subject,
            family=group.family,
            variant=group.variant,
            unit=group.unit,
            contender=contender.name,
            package=contender.package or "",
            version=installed_version(contender.package),
            ours=contender.ours,
            status=status,
            problem=problem,
        )

    try:
        trial = contender.make()
    except Absent as absent:
        return None, row("absent", str(absent))
    except Exception as error:  # a peer whose newer version has other names: no reason to stop
        return None, row("absent", f"{type(error).__name__}: {error}")
    problem = group.problem_of(trial)
    return (trial, row("ok")) if problem is None else (None, row("wrong", problem))


def calls_for(
    call: Callable[[], object], sample_s: float, clock: Callable[[], int] = time.perf_counter_ns
) -> int:
    """How many calls fill a sample; warms the contender up on the way."""
    calls = 1
    while True:
        taken_s = _time(call, calls, clock) / 1e9
        if taken_s >= sample_s / 2:
            return max(1, round(calls * sample_s / taken_s))
        calls *= 2


def _time(call: Callable[[], object], calls: int, clock: Callable[[], int]) -> int:
    start = clock()
    for _ in repeat(None, calls):
        call()
    return clock() - start
