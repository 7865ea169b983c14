"""Contenders in processes of their own: what they print, and how they fail."""

from __future__ import annotations

import pytest

from rtaudio.bench import processes
from rtaudio.bench.processes import run_alone
from rtaudio.bench.session_idle import _row
from rtaudio.bench.session_idle_clients import SESSION_ALONE


@pytest.fixture
def row():
    return _row(SESSION_ALONE, 1)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Makes a module of these lines that a process can run."""

    def make(text):
        (tmp_path / "one_contender.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return "one_contender"

    return make


def test_the_last_line_that_is_printed_is_the_result(row, module):
    name = module("import sys, json; print('loading'); print(json.dumps({'said': sys.argv[1:]}))")
    assert run_alone(row, name, "a", 2) == {"said": [SESSION_ALONE, "a", "2"]}
    assert row.status == "ok"


@pytest.mark.parametrize(
    ("text", "status", "problem"),
    [
        ("import sys; print('no such package', file=sys.stderr); sys.exit(3)", "absent", "no such"),
        ("raise ValueError('of no use')", "wrong", "ValueError: of no use"),
        ("import os; os._exit(1)", "wrong", "no message"),
    ],
)
def test_a_failure_is_noted_in_the_row(row, module, text, status, problem):
    assert run_alone(row, module(text)) is None
    assert row.status == status
    assert row.problem.startswith(problem)


def test_a_process_that_does_not_end_is_given_up(row, module, monkeypatch):
    monkeypatch.setattr(processes, "TIMEOUT_S", 0.2)
    assert run_alone(row, module("import threading; threading.Event().wait()")) is None
    assert (row.status, row.problem) == ("wrong", "not done after 0.2 s")
