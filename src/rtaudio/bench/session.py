"""A whole client's processor time, over a WebSocket on loopback: sound received, and sound sent.

Each client runs in a process of its own against a scripted service here, several times, the clients
taking turns. What counts is the processor time that its process takes, in user and kernel mode; so
a service or a machine that is slow changes little. Sound flows as fast as the client takes it.
"""

from __future__ import annotations

import random

from rtaudio.bench.cases import installed_version
from rtaudio.bench.processes import run_alone
from rtaudio.bench.report import Row, fill_times
from rtaudio.bench.session_clients import BARE, CHUNK_BYTES, CLIENTS
from rtaudio.bench.session_server import TalkingServer, make_pcm

__all__ = ["RECEIVE", "SEND", "measure_sessions"]

RECEIVE = "client CPU, delta received"
SEND = "client CPU, chunk sent"
_UNITS = {RECEIVE: "100 ms delta", SEND: "20 ms chunk"}
_TASKS = {RECEIVE: "receive", SEND: "send"}

COUNT = 1000  # deltas or chunks per turn
TURNS = 8


def measure_sessions(*, rounds: int = 4, count: int = COUNT, turns: int = TURNS) -> list[Row]:
    """Measure every client that is installed, in both directions.

    Args:
        rounds: processes per client and direction.
        count: deltas or chunks per turn.
        turns: per process.

    Returns:
        A row per client and direction; times are per delta or chunk.
    """
    rows = []
    with TalkingServer(count) as server:
        for family in (RECEIVE, SEND):
            names = [*CLIENTS, BARE] if family == RECEIVE else list(CLIENTS)
            made = {name: _row(family, name) for name in names}
            samples: dict[str, list[float]] = {name: [] for name in names}
            order = random.Random(1)
            for _ in range(rounds):
                order.shuffle(names)
                for name in names:
                    if made[name].status == "ok":
                        server.received.clear()
                        samples[name] += _run(server, made[name], count, turns)
            rows += [
                fill_times(row, samples[name] if row.status == "ok" else [])
                for name, row in made.items()
            ]
    return rows


def _row(family: str, name: str) -> Row:
    package = CLIENTS[name][0] if name in CLIENTS else ""
    return Row(
        subject="session",
        family=family,
        variant="",
        unit=_UNITS[family],
        contender=name,
        package=package,
        version=installed_version(package),
        ours=package == "rtaudio",
        status="ok",
    )


def _run(server: TalkingServer, row: Row, count: int, turns: int) -> list[float]:
    """One process; a failure is noted in the row."""
    task = _TASKS[row.family]
    result = run_alone(row, "rtaudio.bench.session_clients", task, server.port, turns, count)
    if result is None:
        return []
    if not result["correct"]:
        row.status, row.problem = "wrong", "the sound is not what was sent"
    elif task == "send":
        wanted = make_pcm(count * CHUNK_BYTES)
        if server.received != [wanted] * (turns + 1):
            row.status, row.problem = "wrong", "the service did not receive what was sent"
    return list(map(float, result["us"]))
