"""The memory of idle sessions, with a few of them, and with sessions that do not live."""

from __future__ import annotations

import json

import pytest

from rtaudio.bench import session_idle, session_idle_clients
from rtaudio.bench.cases import Absent
from rtaudio.bench.processes import ABSENT_STATUS
from rtaudio.bench.session_idle import measure_idle
from rtaudio.bench.session_idle_clients import CONNECTION, ON_WEBSOCKET, SESSION_ALONE
from rtaudio.bench.session_server import TalkingServer


@pytest.fixture
def without_peers(monkeypatch):
    kept = {
        name: holder
        for name, holder in session_idle.HOLDERS.items()
        if name in (ON_WEBSOCKET, SESSION_ALONE, CONNECTION)
    }
    monkeypatch.setattr(session_idle, "HOLDERS", kept)


@pytest.mark.usefixtures("without_peers")
def test_sessions_are_measured_over_a_websocket_and_without_one():
    rows = measure_idle(rounds=1, count=5)
    assert [row.contender for row in rows] == [ON_WEBSOCKET, SESSION_ALONE, CONNECTION]
    assert [(row.status, row.problem) for row in rows] == [("ok", "")] * 3
    assert [row.ours for row in rows] == [True, True, False]
    for row in rows:
        assert (row.sessions, row.samples) == (5, 1)
        assert row.traced_kib is not None
        assert row.traced_kib > 0
        assert row.resident_kib is not None
        assert row.left_kib is not None


def measured(capsys, name, what="traced"):
    with TalkingServer(1) as server:
        status = session_idle_clients.main([name, what, str(server.port), "2"])
    shown = capsys.readouterr()
    return status, json.loads(shown.out) if shown.out else shown.err


@pytest.mark.parametrize("what", ["resident", "traced", "left"])
def test_sessions_that_hear_what_they_are_sent_are_correct(capsys, what):
    status, result = measured(capsys, SESSION_ALONE, what)
    assert status == 0
    assert result["correct"] is True


def test_a_session_that_does_not_hear_is_not_correct(capsys, monkeypatch):
    class Deaf(session_idle_clients._RtaudioAlone):
        async def speak(self, held):
            if held.current_agent.instructions != session_idle_clients._instructions(1):
                await super().speak(held)

    monkeypatch.setitem(session_idle_clients.HOLDERS, SESSION_ALONE, ("rtaudio", Deaf))
    monkeypatch.setattr(session_idle_clients, "TIMEOUT_S", 0.2)
    status, result = measured(capsys, SESSION_ALONE)
    assert status == 0
    assert result["correct"] is False


def test_a_kind_whose_package_is_missing_says_so_and_ends(capsys, monkeypatch):
    def absent(_port, _heard):
        raise Absent("agents is not installed")

    monkeypatch.setitem(session_idle_clients.HOLDERS, SESSION_ALONE, ("rtaudio", absent))
    status, said = measured(capsys, SESSION_ALONE)
    assert status == ABSENT_STATUS
    assert "agents is not installed" in said


def test_a_kind_that_is_not_correct_gets_no_number(monkeypatch):
    monkeypatch.setattr(session_idle, "run_alone", lambda *_: {"kib": 1.0, "correct": False})
    row = session_idle._row(SESSION_ALONE, 5)
    assert session_idle._run(row, "traced", 0, 5) == []
    assert (row.status, row.problem) == ("wrong", "not every session heard what it was sent")
    assert session_idle._filled(row, {}).resident_kib is None
