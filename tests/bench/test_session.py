"""The measure of whole clients, with few deltas, and with sound that goes missing."""

from __future__ import annotations

import pytest

from rtaudio.bench import session, session_clients
from rtaudio.bench.cases import Absent
from rtaudio.bench.session import RECEIVE, SEND, measure_sessions
from rtaudio.bench.session_clients import BARE
from rtaudio.bench.session_server import TalkingServer


@pytest.fixture
def only_ours(monkeypatch):
    ours = {"rtaudio": session.CLIENTS["rtaudio"]}
    monkeypatch.setattr(session, "CLIENTS", ours)


@pytest.mark.usefixtures("only_ours")
def test_our_client_receives_and_sends_what_it_should():
    rows = measure_sessions(rounds=1, count=5, turns=2)
    assert [(row.family, row.contender) for row in rows] == [
        (RECEIVE, "rtaudio"),
        (RECEIVE, BARE),
        (SEND, "rtaudio"),
    ]
    assert [(row.status, row.problem, row.samples) for row in rows] == [("ok", "", 2)] * 3
    assert all(row.minimum_us is not None and row.minimum_us > 0 for row in rows)
    assert [row.ours for row in rows] == [True, False, True]


@pytest.mark.usefixtures("only_ours")
def test_sound_that_goes_missing_gets_no_number(monkeypatch):
    class Deaf(TalkingServer):
        def _reply(self, client, event, appends):
            del appends[:1]
            super()._reply(client, event, appends)

    monkeypatch.setattr(session, "TalkingServer", Deaf)
    rows = measure_sessions(rounds=1, count=5, turns=2)
    sent = next(row for row in rows if row.family == SEND)
    assert (sent.status, sent.samples) == ("wrong", 0)
    assert sent.problem == "the service did not receive what was sent"


def test_a_client_whose_package_is_missing_says_so_and_ends(monkeypatch, capsys):
    def connect(_port, _listener):
        raise Absent("picows is not installed")

    monkeypatch.setitem(session_clients.CLIENTS, "rtaudio", ("rtaudio", connect))
    assert session_clients.main(["rtaudio", "send", "0", "1", "1"]) == session.ABSENT_STATUS
    assert "picows is not installed" in capsys.readouterr().err


def test_a_client_that_fails_gets_no_number():
    row = session._row(RECEIVE, "rtaudio")
    row.contender = "no such client"
    with TalkingServer(1) as server:
        assert session._run(server, row, 1, 1) == []
    assert row.status == "wrong"
    assert "no such client" in row.problem
