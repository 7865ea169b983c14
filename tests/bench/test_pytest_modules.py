"""The modules in `bench/`: thin, whole, and honest about what is wrong."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rtaudio.bench import load_report

if TYPE_CHECKING:
    from rtaudio.bench.cases import Group

ROOT = Path(__file__).parent.parent.parent
BENCH = ROOT / "bench"


def families_named() -> list[str]:
    """What `@pytest.mark.family(...)` names in all modules, by the values of the constants."""
    found = []
    for path in BENCH.glob("bench_*.py"):
        text = path.read_text("utf-8")
        modules = re.findall(r"^from (rtaudio\.bench\.\w+) import", text, re.MULTILINE)
        for names in re.findall(r"@pytest\.mark\.family\((.*?)\)", text):
            for name in re.split(r",\s*", names):
                values = {getattr(importlib.import_module(each), name, None) for each in modules}
                found += values - {None}
    return found


def test_every_family_is_timed_by_one_module(groups: dict[str, Group]) -> None:
    assert sorted(families_named()) == sorted({group.family for group in groups.values()})


# Two contenders give silence; -p loads it before the suite.
BREAK_TWO = """
import rtaudio.bench.ring as ring

def lossy(open_buffer):
    def opened(waiting):
        run, kind = open_buffer(waiting)
        return (lambda chunks: bytes(len(run(chunks)))), kind
    return opened

ring._bytearray, ring._ring_into = lossy(ring._bytearray), lossy(ring._ring_into)
"""


@pytest.mark.skipif(
    importlib.util.find_spec("pytest_benchmark") is None, reason="pytest-benchmark is not installed"
)
def test_right_results_are_timed_wrong_ones_get_no_number_and_ours_fail_the_run(
    tmp_path: Path,
) -> None:
    (tmp_path / "break_two.py").write_text(BREAK_TWO)
    path = tmp_path / "figures.json"
    command = [sys.executable, "-m", "pytest", str(BENCH / "bench_ring.py"), "-q"]
    command += ["-p", "no:cacheprovider", "-p", "break_two", "-o", "python_files=bench_*.py"]
    done = subprocess.run(
        [*command, f"--benchmark-json={path}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "rtaudio read_into: what is read is not what was written" in done.stdout

    timed = json.loads(path.read_bytes())["benchmarks"]
    assert {each["group"] for each in timed} == {"ring buffer"}
    assert {each["extra_info"]["contender"] for each in timed} == {
        "rtaudio read",
        "deque of chunks",
        "numpy concatenate",
    }
    assert all(each["extra_info"]["correct"] is True for each in timed)

    report = load_report(path)
    status = {row.contender: (row.status, row.minimum_us is not None) for row in report.rows}
    assert status == {
        "rtaudio read_into": ("wrong", False),
        "rtaudio read": ("ok", True),
        "bytearray": ("wrong", False),
        "deque of chunks": ("ok", True),
        "numpy concatenate": ("ok", True),
    }
    for name in ("date", "commit", "CPU", "SIMD", "Python", "Python's compiler flags", "peers"):
        assert report.environment[name]
