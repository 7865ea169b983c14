"""`rtaudio bench` as a command: what it prints, writes and refuses."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from rtaudio.bench import load_report, save_report
from rtaudio.bench.measure import Effort
from rtaudio.bench.report import Report, Row
from rtaudio.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def rtaudio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line; returns its exit status and what it printed."""
    monkeypatch.setattr(Effort, "quick", lambda: Effort(rounds=2, sample_s=1e-6, budget_s=0.0))
    # Rich cuts its tables to the terminal.
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rtaudio", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, shown.out, shown.err

    return run


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Figures of an earlier run."""
    rows = [
        Row(
            subject="ring",
            family="ring buffer",
            variant="",
            unit="20 ms",
            contender=name,
            package="",
            version="",
            ours=name.startswith("rtaudio"),
            status="ok",
            samples=9,
            minimum_us=us,
            median_us=us,
            p90_us=us,
        )
        for name, us in (("rtaudio read_into", 0.2), ("bytearray", 0.3))
    ]
    path = tmp_path / "kept.json"
    save_report(Report(environment={"CPU": "a [bold]processor[/bold]"}, rows=rows), path)
    return path


def test_groups_are_measured_printed_and_written(
    rtaudio: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    path = tmp_path / "new" / "ring.json"
    code, shown, _ = rtaudio("bench", "ring", "--quick", "--json", path)
    assert code == 0
    assert "ring buffer, us per 20 ms" in shown
    assert "targets" in shown
    assert "CPU: " in shown
    report = load_report(path)
    assert {row.contender for row in report.rows} >= {"rtaudio read_into", "bytearray"}
    assert json.loads(path.read_text())["environment"]["SIMD"]


def test_earlier_figures_are_shown_without_measuring(
    rtaudio: Callable[..., tuple[int, str, str]], kept: Path
) -> None:
    code, shown, _ = rtaudio("bench", "--from", kept)
    assert code == 0
    # Facts are no markup.
    assert "CPU: a [bold]processor[/bold]" in shown
    assert "1.50" in shown  # 0.3 over 0.2
    assert "Opus" not in shown


def test_markdown_is_printed_as_it_goes_into_a_readme(
    rtaudio: Callable[..., tuple[int, str, str]], kept: Path
) -> None:
    code, shown, _ = rtaudio("bench", "--from", kept, "--markdown")
    assert code == 0
    assert "| **rtaudio read_into** |  | 0.200 | 0.200 | 1.00 |" in shown


def test_figures_of_the_suite_in_bench_are_read_too(
    rtaudio: Callable[..., tuple[int, str, str]], kept: Path, tmp_path: Path
) -> None:
    both = tmp_path / "pytest.json"
    both.write_text(json.dumps({"benchmarks": [], "rtaudio": json.loads(kept.read_text())}))
    code, shown, _ = rtaudio("bench", "--from", both)
    assert code == 0
    assert "ring buffer" in shown


def test_plots_are_written_and_named(
    rtaudio: Callable[..., tuple[int, str, str]], kept: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    code, shown, _ = rtaudio("bench", "--from", kept, "--plot", tmp_path / "plots")
    assert code == 0
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert names == {"bench.png", "bench.svg", "bench.html"}
    assert all(name in "".join(shown.split()) for name in names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bench", "no-such-group"), "no group 'no-such-group'; there are resample"),
        (("bench", "--from", __file__), "is not a report of rtaudio bench"),
    ],
)
def test_mistakes_are_told_in_one_line_with_the_status_of_usage(
    rtaudio: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], message: str
) -> None:
    code, _, error = rtaudio(*arguments)
    assert code == 2
    assert message in error
    assert "Traceback" not in error


def test_a_missing_matplotlib_is_told_before_anything_is_measured(
    rtaudio: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr("rtaudio.bench.run", lambda *_, **__: pytest.fail("it measures"))
    code, _, error = rtaudio("bench", "ring", "--plot", tmp_path)
    assert code == 2
    assert "pip install 'rtaudio[bench]'" in error
