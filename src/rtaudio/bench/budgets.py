"""What sessions may cost, in figures that do not depend on how others do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtaudio.bench.compare import Verdict, families
from rtaudio.bench.session_delta import DECODING, HEARING, SESSION
from rtaudio.bench.session_hour import LISTENING
from rtaudio.bench.session_idle_clients import CONNECTION, ON_WEBSOCKET, SESSION_ALONE

if TYPE_CHECKING:
    from rtaudio.bench.report import GrowthRow, MemoryRow, Report, Row

__all__ = ["judge_sessions"]

# What conversation and session add to the decoding of an audio delta.
MAX_ADDED_US = 3.0
# What an event of the last minute of an hour takes, over one of the first.
MAX_GROWTH = 1.2
# What an idle session takes beyond its transport.
MAX_IDLE_KIB = 20.0
# What stays of it afterwards: nothing, but for a few objects among a thousand sessions.
MAX_LEFT_KIB = 0.1


def judge_sessions(report: Report) -> list[Verdict]:
    """Hold a report to the budgets; those of what was not run are left out."""
    return [
        *_judge_added(report.rows),
        *_judge_growth(report.growth),
        *_judge_memory(report.memory),
    ]


def _judge_added(rows: list[Row]) -> list[Verdict]:
    family = next((each for each in families(rows) if each.name == HEARING), None)
    if family is None:
        return []
    claim = f"{HEARING}: a session adds at most {MAX_ADDED_US:g} us to decoding"
    whole, decoding = family.entry(SESSION), family.entry(DECODING)
    if not whole or not decoding or whole.minimum_us is None or decoding.minimum_us is None:
        return [Verdict(claim, "not measured", None)]
    added = whole.minimum_us - decoding.minimum_us
    return [Verdict(claim, f"{added:.2f} us", added <= MAX_ADDED_US)]


def _judge_growth(rows: list[GrowthRow]) -> list[Verdict]:
    if not rows:
        return []
    claim = (
        "an hour of conversation: an event of the last minute takes at most "
        f"{MAX_GROWTH:g}x one of the first"
    )
    ours = next((row for row in rows if row.contender == LISTENING), None)
    if ours is None or ours.first_us is None or ours.last_us is None:
        return [Verdict(claim, "not measured", None)]
    grown = ours.last_us / ours.first_us
    return [Verdict(claim, f"{grown:.2f}x", grown <= MAX_GROWTH)]


def _judge_memory(rows: list[MemoryRow]) -> list[Verdict]:
    if not rows:
        return []
    by_name = {row.contender: row for row in rows}
    alone = _resident(by_name.get(SESSION_ALONE))
    carried, connection = _resident(by_name.get(ON_WEBSOCKET)), _resident(by_name.get(CONNECTION))
    beyond = None if carried is None or connection is None else carried - connection
    left = [row.left_kib for row in rows if row.ours and row.left_kib is not None]
    limit = f"at most {MAX_IDLE_KIB:g} KiB"
    return [
        _within(f"an idle session without a transport takes {limit}", alone, MAX_IDLE_KIB),
        _within(f"over a WebSocket it takes {limit} beyond its connection", beyond, MAX_IDLE_KIB),
        _within(
            f"a session that has ended leaves nothing: under {MAX_LEFT_KIB:g} KiB each",
            max(left, default=None),
            MAX_LEFT_KIB,
        ),
    ]


def _resident(row: MemoryRow | None) -> float | None:
    return None if row is None else row.resident_kib


def _within(claim: str, kib: float | None, limit: float) -> Verdict:
    if kib is None:
        return Verdict(claim, "not measured", None)
    return Verdict(claim, f"{kib:.1f} KiB" if kib >= 1 else f"{kib:.3f} KiB", kib <= limit)
