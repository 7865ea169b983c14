"""How instruction counts are read, compared and judged; counting itself needs valgrind."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from count_instructions import (
    CALLS,
    FIGURES,
    Finding,
    comparable,
    compare,
    differences,
    judge,
    per_call,
    read_dumps,
)

if TYPE_CHECKING:
    from pathlib import Path

CHAIN = {
    "compiler": "gcc 12",
    "python": "3.11",
    "numpy": "2",
    "libopus": "1.6",
    "simd": "avx2",
    "machine": "x86_64",
}
KEPT = {"toolchain": CHAIN, "instructions": {"opus decode": 1000, "rms_dbfs": 200}}


@pytest.mark.parametrize(
    ("kept", "now", "failed"),
    [(1000, 1000, False), (1000, 1050, False), (1000, 1051, True), (1000, 500, False)],
)
def test_a_call_fails_that_grew_by_more_than_a_twentieth(kept: int, now: int, failed: bool) -> None:
    assert Finding("call", kept, now).failed is failed


def test_a_call_on_one_side_only_fails() -> None:
    findings = compare({"both": 5, "gone": 5}, {"new": 5, "both": 5})
    assert [(found.name, found.failed) for found in findings] == [
        ("both", False),
        ("gone", True),
        ("new", True),
    ]
    assert "the call is gone" in str(findings[1])
    assert "no figure is kept" in str(findings[2])


def test_a_finding_shows_its_growth_and_asks_to_keep_a_gain() -> None:
    assert "+20.0%  more than 5%" in str(Finding("call", 1000, 1200))
    assert "-20.0%  renew" in str(Finding("call", 1000, 800))
    assert str(Finding("call", 1000, 1010)).endswith("+1.0%")


def test_what_starting_and_ending_costs_is_not_in_the_instructions_of_a_call() -> None:
    totals = [77_000, 310 + 10 * 42, 310 + 20 * 42, 88_000, 310 + 10 * 7, 310 + 20 * 7]
    assert per_call(["first", "second"], totals, 10) == {"first": 42, "second": 7}


def test_a_marker_that_was_missed_is_noticed() -> None:
    with pytest.raises(ValueError, match="got 2 counts for 1 calls"):
        per_call(["call"], [1, 2], 10)


def test_dumps_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number, total in [(1, 5), (2, 6), (10, 7)]:
        (tmp_path / f"out.{number}").write_text(f"events: Ir\ntotals: {total}\n")
    (tmp_path / "out").write_text("totals: 99\n")  # what ran after the last marker
    assert read_dumps(tmp_path) == [5, 6, 7]


@pytest.mark.parametrize("part", ["compiler", "python", "simd", "machine"])
def test_with_another_toolchain_no_call_is_judged(
    part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = {"opus decode": 9000, "rms_dbfs": 9000}
    assert judge(KEPT, counts, {**CHAIN, part: "other"}) == 0
    printed = capsys.readouterr().out
    assert f"{part}: {CHAIN[part]} when figures were made, now other" in printed
    assert "NOT JUDGED: 2 calls" in printed


def test_another_libopus_excuses_only_the_calls_into_it() -> None:
    changed = differences(CHAIN, {**CHAIN, "libopus": "1.3"})
    assert changed == ["libopus"]
    assert not comparable("opus decode", changed)
    assert judge(KEPT, {"opus decode": 9000, "rms_dbfs": 200}, {**CHAIN, "libopus": "1.3"}) == 0
    assert judge(KEPT, {"opus decode": 1000, "rms_dbfs": 220}, {**CHAIN, "libopus": "1.3"}) == 1


def test_another_numpy_excuses_nothing() -> None:
    assert judge(KEPT, {"opus decode": 1100, "rms_dbfs": 200}, {**CHAIN, "numpy": "3"}) == 1


def test_judging_names_the_calls_that_fail(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(KEPT, {"opus decode": 1100, "rms_dbfs": 200}, CHAIN) == 1
    assert "1 of 2 calls FAIL: opus decode" in capsys.readouterr().out
    assert judge(KEPT, {"opus decode": 1040, "rms_dbfs": 150}, CHAIN) == 0


def test_the_figures_kept_are_of_the_calls_that_are_counted() -> None:
    done = subprocess.run(
        [sys.executable, str(CALLS), "1"], capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout)
    kept = json.loads(FIGURES.read_text("utf-8"))
    assert said["calls"] == list(kept["instructions"])
    assert {"compiler", *said["toolchain"]} == set(kept["toolchain"])
