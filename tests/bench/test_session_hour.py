"""The hour, shortened to two minutes; and conversations from which something is missing."""

from __future__ import annotations

import pytest

from rtaudio.bench import session_hour
from rtaudio.bench.list_history import ListHistory
from rtaudio.bench.session_hour import LIST_SCAN, LISTENING, READING, measure_hour
from rtaudio.transports import RealtimeTransport

TURNS = 36


def test_every_contender_comes_to_the_history_that_the_script_tells():
    rows = measure_hour(rounds=2, turns=TURNS)
    assert [row.contender for row in rows] == [LISTENING, READING, LIST_SCAN]
    assert [(row.status, row.problem, row.samples) for row in rows] == [("ok", "", 2)] * 3
    assert [row.ours for row in rows] == [True, True, False]
    for row in rows:
        assert row.items == 2 * TURNS
        assert row.first_us
        assert row.last_us


def problems(names):
    rows = {row.contender: row for row in measure_hour(rounds=1, turns=TURNS)}
    for name in names:
        assert rows[name].status == "wrong"
        assert rows[name].first_us is None
    return [rows[name].problem for name in names]


def test_a_list_that_loses_an_item_gets_no_number(monkeypatch):
    put = ListHistory._put

    def lossy(self, wire, status):
        if wire.id != "item_a00003":
            put(self, wire, status)

    monkeypatch.setattr(ListHistory, "_put", lossy)
    (problem,) = problems([LIST_SCAN])
    assert problem.startswith("history has 15 items of 16")


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("conversation.item.input_audio_transcription.completed", "sent {'retrieve': 2,"),
        ("response.output_audio.delta", "0 of 192 deltas were heard"),
    ],
)
def test_a_session_that_misses_events_gets_no_number(monkeypatch, kind, problem):
    receive = RealtimeTransport.receive

    def deaf(self, message):
        return None if message.type == kind else receive(self, message)

    monkeypatch.setattr(RealtimeTransport, "receive", deaf)
    assert all(said.startswith(problem) for said in problems([LISTENING, READING]))


def test_a_contender_that_fails_gets_no_number(monkeypatch):
    def broken(_listener):
        raise ValueError("no such thing")

    monkeypatch.setitem(session_hour._CONTENDERS, LIST_SCAN, (broken, session_hour._Listener))
    assert problems([LIST_SCAN]) == ["ValueError: no such thing"]
