"""Turns the contenders of `rtaudio.bench` into pytest-benchmark's tests.

A module here names families of groups with `@pytest.mark.family`; each contender of each group
becomes one test per pass. Passes go round a group's contenders in an order drawn anew, so that a
noisy minute hurts all alike. What was measured is also added to pytest-benchmark's JSON as one
report, under `rtaudio`, which `rtaudio bench --from` reads.
"""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from rtaudio.bench.environment import describe
from rtaudio.bench.measure import calls_for, prepare
from rtaudio.bench.report import (
    GrowthRow,
    LatencyRow,
    MemoryRow,
    NetworkRow,
    QualityRow,
    Report,
    Row,
    fill_times,
)
from rtaudio.bench.signals import Material
from rtaudio.bench.suite import make_groups

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.bench.cases import Contender, Group, Trial

SPEECH = Path(__file__).parent.parent / "samples" / "pride.wav"
PASSES = 3
SEED = 1
# Of one pass: as many samples of 2 ms as fit into the time, within bounds.
SAMPLE_S = 0.002
PASS_S = 0.08
ROUNDS = (3, 25)

_raced: dict[tuple[str, str], Row] = {}
_samples: dict[tuple[str, str], list[float]] = {}
_rows: list[Row] = []
_growth: list[GrowthRow] = []
_memory: list[MemoryRow] = []
_latency: list[LatencyRow] = []
_quality: list[QualityRow] = []
_networks: list[NetworkRow] = []


@cache
def material() -> Material:
    """Real speech where the source tree has it."""
    return Material.from_file(SPEECH) if SPEECH.exists() else Material.synthetic()


@cache
def groups() -> list[Group]:
    """Every timed group."""
    return make_groups(material())


@cache
def prepared(group_name: str, contender_name: str) -> tuple[Trial | None, Row]:
    """A contender, set up and checked once for all its passes."""
    group = next(group for group in groups() if group.name == group_name)
    contender = next(each for each in group.contenders if each.name == contender_name)
    return prepare(group, contender)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "family(name): the groups that a test times")


def pytest_unconfigure() -> None:
    # opuslib's objects cannot be let go any more once the interpreter has begun to end.
    prepared.cache_clear()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("family")
    if marker is None or "race" not in metafunc.fixturenames:
        return
    cases = [
        pytest.param(
            (group, contender, number),
            id=f"{group.variant or group.family}-{contender.name}-{number}",
        )
        for group in groups()
        if group.family in marker.args
        for number in range(PASSES)
        for contender in _shuffled(group, number)
    ]
    metafunc.parametrize("case", cases)


def _shuffled(group: Group, number: int) -> list[Contender]:
    order = list(group.contenders)
    random.Random(f"{SEED} {group.name} {number}").shuffle(order)
    return order


@pytest.fixture
def race(case: tuple[Group, Contender, int], benchmark: Any) -> Callable[[], None]:
    """Times the test's contender, once its result was found to be right."""
    group, contender, number = case

    def run() -> None:
        trial, row = prepared(group.name, contender.name)
        _raced[group.name, contender.name] = row
        benchmark.group = group.name
        benchmark.extra_info.update(
            correct=row.status == "ok",
            contender=contender.name,
            version=row.version,
            units_per_call=group.units,
            unit=group.unit,
            pass_number=number,
        )
        if trial is None:
            if contender.ours:
                pytest.fail(f"{group.name}: {contender.name}: {row.problem}")
            pytest.skip(f"{contender.name} is {row.status}: {row.problem}")
        calls = calls_for(trial.call, SAMPLE_S)
        rounds = _rounds(trial.call, calls)
        benchmark.pedantic(trial.call, rounds=rounds, iterations=calls, warmup_rounds=1)
        times = _samples.setdefault((group.name, contender.name), [])
        times += [second * 1e6 / group.units for second in benchmark.stats.stats.data]

    return run


def _rounds(call: Callable[[], object], calls: int) -> int:
    import time

    start = time.perf_counter()
    for _ in range(calls):
        call()
    taken = max(time.perf_counter() - start, 1e-6)
    return min(max(round(PASS_S / taken), ROUNDS[0]), ROUNDS[1])


@pytest.fixture
def speech() -> Material:
    """What everything is raced with."""
    return material()


@pytest.fixture
def keep_row() -> Callable[[Row], None]:
    """Adds a row to the report."""
    return _rows.append


@pytest.fixture
def keep_growth() -> Callable[[GrowthRow], None]:
    """Adds a row to the report."""
    return _growth.append


@pytest.fixture
def keep_memory() -> Callable[[MemoryRow], None]:
    """Adds a row to the report."""
    return _memory.append


@pytest.fixture
def keep_latency() -> Callable[[LatencyRow], None]:
    """Adds a row to the report."""
    return _latency.append


@pytest.fixture
def keep_quality() -> Callable[[QualityRow], None]:
    """Adds a row to the report."""
    return _quality.append


@pytest.fixture
def keep_network() -> Callable[[NetworkRow], None]:
    """Adds a row to the report."""
    return _networks.append


def pytest_benchmark_update_json(output_json: dict[str, Any]) -> None:
    report = Report(
        environment=describe(material()),
        growth=_growth,
        memory=_memory,
        latency=_latency,
        quality=_quality,
        networks=_networks,
    )
    for group in groups():
        for contender in group.contenders:
            key = (group.name, contender.name)
            if key in _raced:
                report.rows.append(fill_times(_raced[key], _samples.get(key, [])))
    report.rows += _rows
    output_json["rtaudio"] = msgspec.to_builtins(report)
