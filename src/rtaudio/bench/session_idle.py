"""The memory of sessions that are open and do nothing, over a WebSocket and without one.

Each kind of session runs in fresh processes against a scripted service here, kinds taking turns.
How much a process grows is what counts in practice, but depends a little on where the memory lies;
what Python's allocators give out is exact, but knows nothing of memory that others take.
"""

from __future__ import annotations

import random
import statistics

from rtaudio.bench.cases import installed_version
from rtaudio.bench.processes import run_alone
from rtaudio.bench.report import MemoryRow
from rtaudio.bench.session_idle_clients import HOLDERS
from rtaudio.bench.session_server import TalkingServer

__all__ = ["measure_idle"]

COUNT = 1000  # sessions


def measure_idle(*, rounds: int = 3, count: int = COUNT) -> list[MemoryRow]:
    """Measure every kind of session whose packages are installed.

    Args:
        rounds: processes per kind for the growth of the process; the other figures take one each.
        count: sessions.

    Returns:
        A row per kind.
    """
    rows = {name: _row(name, count) for name in HOLDERS}
    found: dict[str, dict[str, list[float]]] = {
        name: {"resident": [], "traced": [], "left": []} for name in rows
    }
    names = list(rows)
    order = random.Random(1)
    with TalkingServer(1) as server:
        for what in (*("resident",) * rounds, "traced", "left"):
            order.shuffle(names)
            for name in names:
                if rows[name].status == "ok":
                    found[name][what] += _run(rows[name], what, server.port, count)
    return [_filled(rows[name], found[name]) for name in rows]


def _row(name: str, count: int) -> MemoryRow:
    package = HOLDERS[name][0]
    return MemoryRow(
        contender=name,
        package=package,
        version=installed_version(package),
        ours="rtaudio" in package.split(),
        status="ok",
        sessions=count,
    )


def _run(row: MemoryRow, what: str, port: int, count: int) -> list[float]:
    """One process; a failure is noted in the row."""
    result = run_alone(row, "rtaudio.bench.session_idle_clients", what, port, count)
    if result is None:
        return []
    if not result["correct"]:
        row.status, row.problem = "wrong", "not every session heard what it was sent"
        return []
    return [float(result["kib"])]


def _filled(row: MemoryRow, found: dict[str, list[float]]) -> MemoryRow:
    if row.status == "ok":
        row.samples = len(found["resident"])
        row.resident_kib = statistics.median(found["resident"])
        (row.traced_kib,), (row.left_kib,) = found["traced"], found["left"]
    return row
