"""The budgets of sessions, on figures at the limit and beyond it."""

from __future__ import annotations

import copy

import pytest

from rtaudio.bench.budgets import judge_sessions
from rtaudio.bench.report import Report, Row
from rtaudio.bench.session_delta import DECODING, HEARING, SESSION, groups
from rtaudio.bench.session_hour import LISTENING
from rtaudio.bench.session_idle_clients import CONNECTION, HOLDERS, ON_WEBSOCKET, SESSION_ALONE
from rtaudio.bench.signals import Material


def row(contender: str, us: float | None) -> Row:
    return Row(
        subject="session",
        family=HEARING,
        variant="",
        unit="100 ms",
        contender=contender,
        package="",
        version="",
        ours=True,
        status="ok" if us is not None else "wrong",
        minimum_us=us,
        median_us=us,
    )


def test_what_was_not_run_has_no_verdict() -> None:
    assert judge_sessions(Report(environment={})) == []


@pytest.mark.parametrize(("whole", "reached"), [(3.5, True), (3.6, False), (None, None)])
def test_a_session_may_add_so_much_to_decoding_and_no_more(
    whole: float | None, reached: bool | None
) -> None:
    rows = [row(SESSION, whole), row(DECODING, 0.5)]
    (verdict,) = judge_sessions(Report(environment={}, rows=rows))
    assert verdict.reached is reached
    if reached is False:
        assert verdict.found == "3.10 us"


@pytest.mark.parametrize(("last", "reached"), [(3.6, True), (3.7, False), (None, None)])
def test_the_last_minute_may_cost_a_fifth_more_than_the_first(
    session_report: Report, last: float | None, reached: bool | None
) -> None:
    ours = copy.copy(session_report.growth[0])
    ours.last_us = last
    (verdict,) = judge_sessions(Report(environment={}, growth=[ours, session_report.growth[1]]))
    assert verdict.reached is reached


def verdicts(report: Report, **kib: float | None) -> list[bool | None]:
    rows = [copy.copy(each) for each in report.memory]
    for each in rows[:2]:
        each.left_kib = kib.get("left", each.left_kib)
    rows[0].resident_kib = kib.get("carried", rows[0].resident_kib)
    rows[1].resident_kib = kib.get("alone", rows[1].resident_kib)
    return [each.reached for each in judge_sessions(Report(environment={}, memory=rows))]


def test_an_idle_session_is_held_to_its_budget_with_and_without_a_connection(
    session_report: Report,
) -> None:
    assert verdicts(session_report) == [True, True, True]
    assert verdicts(session_report, alone=20.5) == [False, True, True]
    # 11 of it are the connection.
    assert verdicts(session_report, carried=30.9) == [True, True, True]
    assert verdicts(session_report, carried=31.1) == [True, False, True]
    assert verdicts(session_report, carried=None) == [True, None, True]
    assert verdicts(session_report, left=0.2) == [True, True, False]
    assert verdicts(session_report, left=None) == [True, True, None]


def test_every_budget_names_contenders_that_exist(session_report: Report) -> None:
    assert {ON_WEBSOCKET, SESSION_ALONE, CONNECTION} <= HOLDERS.keys()
    assert LISTENING in {each.contender for each in session_report.growth}
    (group,) = groups(Material.synthetic())
    assert {SESSION, DECODING} <= {contender.name for contender in group.contenders}
