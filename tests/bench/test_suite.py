"""The whole suite: what can be asked for, and what a run of a part of it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtaudio.bench import SUBJECTS, run
from rtaudio.bench.measure import Effort
from rtaudio.bench.report import GrowthRow, LatencyRow, MemoryRow, QualityRow, Row
from rtaudio.bench.session_delta import HEARING
from rtaudio.bench.suite import make_groups
from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from rtaudio.bench.signals import Material


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times of a few calls, which are no measurement but run through everything."""
    monkeypatch.setattr(Effort, "quick", lambda: Effort(rounds=2, sample_s=1e-6, budget_s=0.0))


def test_a_subject_that_does_not_exist_is_refused_with_those_that_do(material: Material) -> None:
    with pytest.raises(ConfigError, match="no group 'resampel'; there are resample, opus, wire"):
        run(material, ["ring", "resampel"])


def test_groups_come_in_the_order_of_the_subjects_whatever_was_asked_first(
    material: Material,
) -> None:
    subjects = [group.subject for group in make_groups(material, ["ring", "opus"])]
    assert subjects == ["opus", "opus", "ring"]
    everything = [group.subject for group in make_groups(material)]
    assert list(dict.fromkeys(everything)) == [s for s in SUBJECTS if s in everything]


@pytest.mark.usefixtures("hasty")
def test_a_run_measures_what_was_asked_for_and_tells_what_it_is_at(material: Material) -> None:
    said: list[str] = []
    report = run(material, ["ring", "wire"], quick=True, progress=said.append)
    assert {row.subject for row in report.rows} == {"wire", "ring"}
    assert said == ["audio delta event to PCM", "PCM to append event", "ring buffer"]
    assert report.latency == report.quality == []
    for row in report.rows:
        if row.ours:
            assert row.status == "ok", row
        assert (row.minimum_us is not None) == (row.status == "ok")
    assert report.environment["speech"] == material.source


def latency(ratio: str) -> LatencyRow:
    return LatencyRow(
        contender="x",
        ours=False,
        ratio=ratio,
        worst_ms=1,
        least_ms=1,
        filter_ms=1,
        empty=0,
        irregular=0,
        chunks=1,
    )


@pytest.mark.usefixtures("hasty")
def test_what_takes_no_times_is_measured_by_its_own_name_only(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, int] = {}

    def count(name: str, result: list[object]) -> object:
        def measure(*arguments: object, **_: object) -> list[object]:
            asked[name] = len(arguments[0]) if arguments else 0  # type: ignore[arg-type]
            return result

        return measure

    quality: list[QualityRow] = []
    session: list[Row] = []
    growth: list[GrowthRow] = []
    memory: list[MemoryRow] = []
    monkeypatch.setattr(
        "rtaudio.bench.latency.measure_latencies", count("latency", [latency("24>16")])
    )
    monkeypatch.setattr("rtaudio.bench.quality.measure_qualities", count("quality", [*quality]))
    monkeypatch.setattr("rtaudio.bench.session.measure_sessions", count("session", [*session]))
    monkeypatch.setattr("rtaudio.bench.session_hour.measure_hour", count("hour", [*growth]))
    monkeypatch.setattr("rtaudio.bench.session_idle.measure_idle", count("memory", [*memory]))
    report = run(material, ["latency"])
    assert (asked, len(report.latency), report.rows) == ({"latency": 8}, 1, [])
    asked.clear()
    run(material, ["quality"], quick=True)
    assert asked == {"quality": 2}
    asked.clear()
    for name in ("hour", "memory"):
        run(material, [name])
        assert asked.popitem() == (name, 0)
    report = run(material, ["session"], quick=True)
    assert asked == {"session": 0}
    assert {row.family for row in report.rows} == {HEARING}
    monkeypatch.setattr("rtaudio.bench.networks.measure_networks", lambda _: ["a row"])
    assert run(material, ["networks"]).networks == ["a row"]
