"""What sessions cost: processor time per delta and chunk, time per event of a long talk, memory.

pytest-benchmark times calls. What is counted elsewhere, in processes or minutes, goes straight into
the report as rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtaudio.bench.session import measure_sessions
from rtaudio.bench.session_delta import HEARING
from rtaudio.bench.session_hour import measure_hour
from rtaudio.bench.session_idle import measure_idle

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.bench.report import GrowthRow, MemoryRow, Row

# Dozens of processes one after the other, on a machine that may be busy.
pytestmark = pytest.mark.timeout(900)


@pytest.mark.family(HEARING)
def test_delta(race: Callable[[], None]) -> None:
    race()


def test_client(keep_row: Callable[[Row], None]) -> None:
    rows = measure_sessions()
    for row in rows:
        keep_row(row)
    assert all(row.status == "ok" for row in rows if row.ours)


def test_hour(keep_growth: Callable[[GrowthRow], None]) -> None:
    rows = measure_hour()
    for row in rows:
        keep_growth(row)
    assert all(row.status == "ok" for row in rows)


def test_idle(keep_memory: Callable[[MemoryRow], None]) -> None:
    rows = measure_idle()
    for row in rows:
        keep_memory(row)
    assert all(row.status == "ok" for row in rows if row.ours)
