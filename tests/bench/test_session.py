"""The measure of whole clients, with few deltas, and with sound that goes missing."""

from __future__ import annotations

import pytest

from rtaudio.bench import session, session_clients
from rtaudio.bench.cases import Absent
from rtaudio.bench.processes import ABSENT_STATUS
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


def first_lost(sound):
    del sound[:1]


@pytest.mark.parametrize("lose", [first_lost, list.reverse], ids=["a chunk", "the order"])
@pytest.mark.usefixtures("only_ours")
def test_sound_whose_chunks_or_order_get_lost_gets_no_number(monkeypatch, lose):
    class Deaf(TalkingServer):
        def _reply(self, client, event, appends):
            lose(appends)
            super()._reply(client, event, appends)

    monkeypatch.setattr(session, "TalkingServer", Deaf)
    rows = measure_sessions(rounds=1, count=5, turns=2)
    sent = next(row for row in rows if row.family == SEND)
    assert (sent.status, sent.samples) == ("wrong", 0)
    assert sent.problem == "the service did not receive what was sent"


@pytest.mark.usefixtures("only_ours")
def test_deltas_that_come_in_another_order_get_no_number(monkeypatch):
    class Confused(TalkingServer):
        def __init__(self, deltas):
            super().__init__(deltas)
            at = [n for n, frame in enumerate(self._answer) if b"output_audio.delta" in frame]
            first, last = at[0], at[-1]
            self._answer[first], self._answer[last] = self._answer[last], self._answer[first]

    monkeypatch.setattr(session, "TalkingServer", Confused)
    rows = measure_sessions(rounds=1, count=5, turns=2)
    heard = next(row for row in rows if row.family == RECEIVE and row.ours)
    assert (heard.status, heard.problem) == ("wrong", "the sound is not what was sent")


def test_a_client_whose_package_is_missing_says_so_and_ends(monkeypatch, capsys):
    def connect(_port, _listener):
        raise Absent("picows is not installed")

    monkeypatch.setitem(session_clients.CLIENTS, "rtaudio", ("rtaudio", connect))
    assert session_clients.main(["rtaudio", "send", "0", "1", "1"]) == ABSENT_STATUS
    assert "picows is not installed" in capsys.readouterr().err


def test_a_client_that_fails_gets_no_number():
    row = session._row(RECEIVE, "rtaudio")
    row.contender = "no such client"
    with TalkingServer(1) as server:
        assert session._run(server, row, 1, 1) == []
    assert row.status == "wrong"
    assert "no such client" in row.problem
