"""One sound for all cases: making it takes longer than most of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtaudio.bench.report import (
    GrowthRow,
    LatencyRow,
    MemoryRow,
    NetworkRow,
    QualityRow,
    Report,
    Row,
)
from rtaudio.bench.signals import Material
from rtaudio.bench.suite import make_groups

if TYPE_CHECKING:
    from rtaudio.bench.cases import Group


@pytest.fixture(scope="session")
def material() -> Material:
    return Material.synthetic()


@pytest.fixture(scope="session")
def groups(material: Material) -> dict[str, Group]:
    return {group.name: group for group in make_groups(material)}


@pytest.fixture(scope="session")
def report() -> Report:
    """Ours three times as fast as soxr, with a peer that is absent and one that is wrong."""

    def row(contender: str, variant: str, us: float | None, problem: str = "") -> Row:
        return Row(
            subject="resample",
            family="resample stream",
            variant=variant,
            unit="20 ms",
            contender=contender,
            package="",
            version="1.2.3",
            ours=contender.startswith("rtaudio"),
            status="ok" if us is not None else "absent" if contender == "PyAV" else "wrong",
            problem=problem,
            samples=0 if us is None else 10,
            minimum_us=us,
            median_us=None if us is None else us * 1.25,
            p90_us=None if us is None else us * 2,
        )

    def quality(contender: str, edge: float) -> QualityRow:
        return QualityRow(
            contender=contender,
            ours=contender.startswith("rtaudio"),
            ratio="24>16",
            edge=edge,
            ripple_db=0.0123,
            image_db=110.0,
            alias_db=108.0,
            near_alias_db=104.5,
            snr_db=95.0,
        )

    def latency(contender: str, worst_ms: float, irregular: int) -> LatencyRow:
        return LatencyRow(
            contender=contender,
            ours=contender.startswith("rtaudio"),
            ratio="24>16",
            worst_ms=worst_ms,
            least_ms=2.5,
            filter_ms=2.5,
            empty=irregular // 2,
            irregular=irregular,
            chunks=100,
        )

    def network(contender: str, name: str, delay_ms: float) -> NetworkRow:
        return NetworkRow(
            contender=contender,
            ours=contender.startswith("rtaudio"),
            network=name,
            delay_ms=delay_ms,
            worst_delay_ms=2 * delay_ms,
            missing=0.0123,
            gap_ms=40,
        )

    return Report(
        environment={"CPU": "one <& only>", "SIMD": "avx2", "Python": "3.11", "date": "today"},
        rows=[
            row(name, variant, us, problem)
            for variant in ("24>16", "16>24")
            for name, us, problem in (
                ("rtaudio balanced", 1.5, ""),
                ("soxr HQ", 4.5, ""),
                ("PyAV", None, "av cannot be imported"),
                ("broken | <peer>", None, "clicks & pops"),
            )
        ],
        latency=[latency("rtaudio balanced", 2.5, 0), latency("soxr HQ", 40.0, 30)],
        quality=[quality("rtaudio high", 0.914), quality("soxr HQ", 0.913)],
        networks=[
            network(contender, name, delay_ms)
            for contender, delay_ms in (("rtaudio playout", 30.4), ("aiortc", 97.0))
            for name in ("calm", "1 % lost")
        ],
    )


@pytest.fixture(scope="session")
def session_report() -> Report:
    """What sessions cost; a list that grows, and peers that are absent."""

    def growth(contender: str, first: float | None, last: float | None) -> GrowthRow:
        return GrowthRow(
            contender=contender,
            version="1.2.3",
            ours=contender == "rtaudio",
            status="ok" if first else "wrong",
            problem="" if first else "history lost an item",
            items=2000,
            events=50_000,
            first_us=first,
            last_us=last,
            first_median_us=first and first * 2,
            last_median_us=last and last * 2,
        )

    def memory(contender: str, kib: float | None) -> MemoryRow:
        return MemoryRow(
            contender=contender,
            package="",
            version="1.2.3",
            ours=contender.startswith("rtaudio"),
            status="ok" if kib else "absent",
            problem="" if kib else "agents cannot be imported",
            sessions=1000,
            resident_kib=kib,
            traced_kib=kib and kib - 1,
            left_kib=kib and 0.01,
        )

    return Report(
        environment={},
        growth=[
            growth("rtaudio", 3.0, 3.3),
            growth("list of items", 1.0, 20.0),
            growth("lossy list", None, None),
        ],
        memory=[
            memory("rtaudio", 23.0),
            memory("rtaudio, session without a transport", 7.5),
            memory("openai-agents", None),
            memory("websockets, connection without a session", 11.0),
        ],
    )
