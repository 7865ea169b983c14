"""Counts the instructions of the kernels' calls and compares them with the figures kept beside it.

Usage: python tools/count_instructions.py [--renew] [--figures FILE]

A count is no timing: it is the same on a busy machine. Where it grew by more than 5 % for the same
toolchain, the exit status is 1. `--renew` writes the figures instead. docs/instruction-counts.md
says how to read them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "GROWTH_ALLOWED",
    "Finding",
    "comparable",
    "compare",
    "differences",
    "judge",
    "per_call",
    "read_dumps",
]

GROWTH_ALLOWED = 0.05
REPEATS = 50  # of each call, and twice that; the Opus calls go through 50 frames
MARKER = "getsid"  # the function of the C library that parts one run from the next
FIGURES = Path(__file__).with_name("instruction_counts.json")
CALLS = Path(__file__).with_name("counted_calls.py")


@dataclass(frozen=True, slots=True)
class Finding:
    """One call, its figure kept and its count now; None where there is none."""

    name: str
    kept: int | None
    now: int | None

    @property
    def growth(self) -> float | None:
        """0.05 means 5 % more instructions than the figure kept."""
        return self.now / self.kept - 1 if self.kept and self.now is not None else None

    @property
    def failed(self) -> bool:
        """Whether it grew too much, or stands on one side only, where nothing guards it."""
        if not self.kept or self.now is None:
            return True
        return self.now > self.kept * (1 + GROWTH_ALLOWED)

    def __str__(self) -> str:
        counts = " ".join(f"{'-' if n is None else n:>10}" for n in (self.kept, self.now))
        if self.growth is None:
            remark = "no figure is kept" if self.kept is None else "the call is gone"
        else:
            remark = f"{self.growth:+7.1%}"
            if self.failed:
                remark += f"  more than {GROWTH_ALLOWED:.0%}"
            elif self.growth < -GROWTH_ALLOWED:
                remark += "  renew, to keep the gain"
        return f"{self.name:32} {counts} {remark}"


def compare(kept: dict[str, int], now: dict[str, int]) -> list[Finding]:
    """Every call of either side, those kept first."""
    names = [*kept, *(name for name in now if name not in kept)]
    return [Finding(name, kept.get(name), now.get(name)) for name in names]


def differences(kept: dict[str, str], now: dict[str, str]) -> list[str]:
    """Which parts of the toolchain are not as they were when the figures were made."""
    return [part for part in {**kept, **now} if kept.get(part) != now.get(part)]


def comparable(name: str, changed: list[str]) -> bool:
    """Whether a call can be judged although these parts of the toolchain changed.

    What a compiler, an interpreter or a vector level makes of the same code may differ by more than
    any mistake would. libopus counts in its own calls only, and numpy in none by much.
    """
    if not {"machine", "compiler", "simd", "python"}.isdisjoint(changed):
        return False
    return "libopus" not in changed or not name.startswith("opus")


def per_call(names: list[str], totals: list[int], repeats: int) -> dict[str, int]:
    """Instructions of one call each, from what stood between the markers.

    Args:
        names: the calls in the order they ran.
        totals: three per call: its preparation, `repeats` calls, twice as many.
        repeats: how many calls.
    """
    if len(totals) != 3 * len(names):
        raise ValueError(f"got {len(totals)} counts for {len(names)} calls; it must be 3 for each")
    return {
        name: round((totals[3 * i + 2] - totals[3 * i + 1]) / repeats)
        for i, name in enumerate(names)
    }


def read_dumps(folder: Path) -> list[int]:
    """The totals of the dumps `out.1`, `out.2`, ... in the order they were written."""
    paths = sorted(folder.glob("out.*"), key=lambda path: int(path.suffix[1:]))
    found = [re.search(r"^totals: (\d+)$", path.read_text(), re.M) for path in paths]
    return [int(total[1]) for total in found if total is not None]


def compiler() -> str:
    """The first line with which the compiler that builds extensions introduces itself."""
    command = os.environ.get("CC", "gcc").split()[0]
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


def count() -> tuple[dict[str, int], dict[str, str]]:
    """Run the calls under callgrind; returns instructions per call, and the toolchain."""
    if shutil.which("valgrind") is None:
        raise SystemExit(
            "counting instructions needs valgrind; on Debian: apt-get install valgrind"
        )
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    # The level is what callgrind's processor has; an environment that lowers it gives other counts.
    environment.pop("RTAUDIO_SIMD", None)
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "-q", "--tool=callgrind", f"--dump-before={MARKER}"]
        command += [f"--callgrind-out-file={folder}/out"]
        command += [sys.executable, str(CALLS), str(REPEATS)]
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"the counted calls ended with {done.returncode}")
        said = json.loads(done.stdout)
        counts = per_call(said["calls"], read_dumps(Path(folder)), REPEATS)
    return counts, {"compiler": compiler(), **said["toolchain"]}


def judge(kept: dict[str, Any], counts: dict[str, int], chain: dict[str, str]) -> int:
    """Print the comparison; returns the exit status."""
    findings = compare(kept["instructions"], counts)
    changed = differences(kept["toolchain"], chain)
    print(f"{'instructions per call':32} {'kept':>10} {'now':>10}")
    for finding in findings:
        print(finding, "" if comparable(finding.name, changed) else "(not judged)")
    for part in changed:
        print(
            f"{part}: {kept['toolchain'].get(part)} when figures were made, now {chain.get(part)}"
        )
    judged = [finding for finding in findings if comparable(finding.name, changed)]
    if len(judged) < len(findings):
        print(f"NOT JUDGED: {len(findings) - len(judged)} calls, whose counts depend on the above.")
        print("To judge a change here, run `make counts-renew` before it and `make counts` after.")
    failed = [finding.name for finding in judged if finding.failed]
    if failed:
        print(f"{len(failed)} of {len(judged)} calls FAIL: {', '.join(failed)}")
        print("Mend them, or `make counts-renew` and say in the commit what the instructions buy.")
        return 1
    print(f"{len(judged)} calls judged, none more than {GROWTH_ALLOWED:.0%} above its figure")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--renew", action="store_true", help="write the figures of this machine")
    parser.add_argument("--figures", type=Path, default=FIGURES)
    options = parser.parse_args()
    counts, chain = count()
    if options.renew:
        figures = {"toolchain": chain, "instructions": counts}
        options.figures.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
        print(f"{len(counts)} figures written to {options.figures}")
        return 0
    return judge(json.loads(options.figures.read_text("utf-8")), counts, chain)


if __name__ == "__main__":
    sys.exit(main())
