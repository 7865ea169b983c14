"""Means, ratios and targets, on figures that can be reckoned by hand."""

from __future__ import annotations

import math

import pytest

from rtaudio.bench.compare import TARGETS, families, geometric_mean, judge
from rtaudio.bench.report import LatencyRow, QualityRow, Report, Row
from rtaudio.bench.session import RECEIVE, SEND
from rtaudio.bench.session_clients import BARE, CLIENTS
from rtaudio.bench.signals import Material
from rtaudio.bench.suite import make_groups


def row(contender: str, variant: str, us: float | None, **changes: object) -> Row:
    facts: dict[str, object] = {
        "subject": "resample",
        "family": "resample stream",
        "variant": variant,
        "unit": "20 ms",
        "contender": contender,
        "package": "",
        "version": "1.0",
        "ours": contender.startswith("rtaudio"),
        "status": "ok" if us is not None else "wrong",
        "minimum_us": us,
        "median_us": None if us is None else 2 * us,
    }
    return Row(**{**facts, **changes})  # type: ignore[arg-type]


def latency(worst_ms: float, ratio: str, irregular: int = 0) -> LatencyRow:
    return LatencyRow(
        contender="rtaudio balanced",
        ours=True,
        ratio=ratio,
        worst_ms=worst_ms,
        least_ms=worst_ms,
        filter_ms=worst_ms,
        empty=0,
        irregular=irregular,
        chunks=150,
    )


def quality(contender: str, edge: float, image_db: float) -> QualityRow:
    return QualityRow(
        contender=contender,
        ours=contender.startswith("rtaudio"),
        ratio="24>16",
        edge=edge,
        ripple_db=0.0,
        image_db=image_db,
        alias_db=None,
        near_alias_db=120.0,
        snr_db=90.0,
    )


def test_the_mean_over_variants_is_geometric() -> None:
    assert geometric_mean([1, 4]) == pytest.approx(2)
    assert geometric_mean([7]) == pytest.approx(7)


def test_a_ratio_is_the_peers_time_over_ours() -> None:
    (family,) = families(
        [
            row("rtaudio balanced", "24>16", 1.0),
            row("soxr HQ", "24>16", 3.0),
            row("rtaudio balanced", "16>24", 2.0),
            row("soxr HQ", "16>24", 24.0),
        ]
    )
    assert family.variants == ["24>16", "16>24"]
    # Ours 1 and 2, theirs 3 and 24: the root of 3 * 12.
    assert family.ratio("soxr HQ", "rtaudio balanced") == pytest.approx(6)
    entry = family.entry("soxr HQ")
    assert entry is not None
    assert entry.median_us == pytest.approx(2 * math.sqrt(72))
    assert entry.by_variant == {"24>16": 3.0, "16>24": 24.0}


def test_a_contender_that_is_wrong_in_one_variant_gets_no_mean() -> None:
    (family,) = families(
        [
            row("rtaudio balanced", "24>16", 1.0),
            row("rtaudio balanced", "16>24", 1.0),
            row("PyAV", "24>16", 5.0),
            row("PyAV", "16>24", None, problem="clicks"),
        ]
    )
    entry = family.entry("PyAV")
    assert entry is not None
    assert (entry.status, entry.minimum_us) == ("wrong", None)
    assert entry.problem == "clicks (in 1 of 2 variants)"
    assert family.ratio("PyAV", "rtaudio balanced") is None
    assert family.ratio("nobody", "rtaudio balanced") is None


@pytest.mark.parametrize(("theirs", "reached"), [(3.0, True), (2.99, False)])
def test_a_target_is_reached_at_its_factor_and_missed_below(theirs: float, reached: bool) -> None:
    rows = [row("rtaudio balanced", "24>16", 1.0), row("soxr HQ", "24>16", theirs)]
    verdict = judge(Report(environment={}, rows=rows))[0]
    assert verdict.claim == "resample stream: rtaudio balanced at least 3x as fast as soxr HQ"
    assert verdict.found == f"{theirs:.2f}x"
    assert verdict.reached is reached


def test_a_target_whose_peer_is_absent_is_neither_reached_nor_missed() -> None:
    rows = [
        row("rtaudio balanced", "24>16", 1.0),
        row("soxr HQ", "24>16", None, status="absent", problem="soxr cannot be imported"),
    ]
    verdict = judge(Report(environment={}, rows=rows))[0]
    assert (verdict.found, verdict.reached) == ("not measured", None)


def test_families_that_were_not_run_have_no_verdict() -> None:
    assert judge(Report(environment={})) == []


def test_every_target_names_a_family_and_contenders_of_the_suite() -> None:
    named = {
        (group.family, contender.name)
        for group in make_groups(Material.synthetic())
        for contender in group.contenders
    }
    named |= {(family, client) for family in (RECEIVE, SEND) for client in (*CLIENTS, BARE)}
    for target in TARGETS:
        assert (target.family, target.ours) in named
        assert (target.family, target.peer) in named


@pytest.mark.parametrize(
    ("worst_ms", "ratio", "reached"),
    [(3.0, "24>16", True), (3.1, "24>16", False), (5.9, "8>24", True), (6.1, "24>8", False)],
)
def test_latency_may_be_twice_as_long_where_one_side_is_8_khz(
    worst_ms: float, ratio: str, reached: bool
) -> None:
    delay, regular = judge(Report(environment={}, latency=[latency(worst_ms, ratio)]))
    assert delay.reached is reached
    assert regular.reached is True


def test_one_chunk_that_is_not_20_ms_misses_the_target() -> None:
    rows = [latency(1.0, "24>16"), latency(1.0, "16>24", irregular=1)]
    _, regular = judge(Report(environment={}, latency=rows))
    assert regular.reached is False
    assert regular.found == "1 of 300 chunks do not"


@pytest.mark.parametrize(
    ("edge", "image_db", "reached"),
    [
        (0.91, 110.0, [True, True]),
        (0.90, 110.0, [False, True]),
        # Fainter than the noise of 16 bits, further down or not.
        (0.91, 99.0, [True, True]),
        (0.91, 97.0, [True, False]),
    ],
)
def test_high_is_held_to_the_pass_band_and_the_images_of_soxr(
    edge: float, image_db: float, reached: list[bool]
) -> None:
    rows = [quality("rtaudio high", edge, image_db), quality("soxr HQ", 0.913, 105.0)]
    assert [v.reached for v in judge(Report(environment={}, quality=rows))] == reached
