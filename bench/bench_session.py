"""A whole client's processor time over a WebSocket on loopback, each in a process of its own.

pytest-benchmark times calls, and this counts processor time elsewhere, so the rows go straight
into the report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtaudio.bench.session import measure_sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.bench.report import Row


def test_session(keep_row: Callable[[Row], None]) -> None:
    rows = measure_sessions()
    for row in rows:
        keep_row(row)
    assert all(row.status == "ok" for row in rows if row.ours)
