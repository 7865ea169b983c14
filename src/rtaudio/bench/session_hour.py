"""What an event costs in the first minute of a long conversation, and in the last.

An hour of events (`hour_script`) goes through a session as fast as it takes them, on a clock that
shows the script's time. They are decoded beforehand: decoding costs the same at any time, and would
hide what grows. Contenders take turns, an hour each per round, and each turn of the conversation
counts by its least time over the rounds, as on a machine that is shared most are disturbed at some
time. A minute is 16 turns here (57.6 s), so that first and last have the same events in them; the
first begins after four turns, when caches are warm, which would flatter the last.
"""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import time
from statistics import fmean
from typing import TYPE_CHECKING, Any, TypeAlias
from unittest.mock import patch

from rtaudio.bench.cases import installed_version
from rtaudio.bench.hour_script import Turn, make_turn
from rtaudio.bench.list_history import ListHistory
from rtaudio.bench.report import GrowthRow
from rtaudio.bench.silent import SilentTransport
from rtaudio.session import RealtimeAgent, RealtimeSession

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtaudio.bench.hour_script import Timed
    from rtaudio.conversation import Item

__all__ = ["LISTENING", "LIST_SCAN", "READING", "measure_hour"]

LISTENING = "rtaudio"
READING = "rtaudio, history read at each change"
LIST_SCAN = "list of items, searched by id"

TURNS = 1000
WARM = 4  # turns before the first minute
MINUTE = 16  # turns
CHECKED = 8  # turns of the trial that precedes all timing


class _Listener:
    """What an application does with the events, which is as little as possible."""

    def __init__(self) -> None:
        self.sounds = 0
        self.changes = 0

    def heard(self, _sound: Any) -> None:
        self.sounds += 1

    def changed(self, _event: Any) -> None:
        self.changes += 1


class _Reader(_Listener):
    def changed(self, event: Any) -> None:
        self.last = event.history


class _InSession:
    """The conversation in a session."""

    def __init__(self, listener: _Listener) -> None:
        self._transport = SilentTransport()
        self._session = RealtimeSession(RealtimeAgent("a"), transport=self._transport)
        self._session.on("audio", listener.heard)
        self._session.on("history_updated", listener.changed)
        self._now = 0.0

    async def open(self) -> None:
        await self._session.connect()

    def receive(self, events: list[Timed]) -> None:
        take = self._transport.receive
        with patch("time.monotonic", lambda: self._now):
            for self._now, event in events:
                take(event)

    def history(self) -> tuple[Item, ...]:
        return self._session.history

    def problem(self, turns: Sequence[Turn]) -> str | None:
        cuts = sum(turn.cut for turn in turns[:-1])
        wanted = {"retrieve": len(turns) + cuts, "truncate": cuts}
        sent = {name: self._transport.sent[f"conversation.item.{name}"] for name in wanted}
        return None if sent == wanted else f"sent {sent}, not {wanted}"


class _InList:
    """The conversation in a list."""

    def __init__(self, listener: _Listener) -> None:
        self._list = ListHistory(listener.changed, listener.heard)

    async def open(self) -> None:
        pass

    def receive(self, events: list[Timed]) -> None:
        take = self._list.receive
        for _, event in events:
            take(event)

    def history(self) -> tuple[Item, ...]:
        return self._list.history

    def problem(self, _turns: Sequence[Turn]) -> str | None:
        return None


_Conversation: TypeAlias = _InSession | _InList
_CONTENDERS: dict[str, tuple[Callable[[_Listener], _Conversation], type[_Listener]]] = {
    LISTENING: (_InSession, _Listener),
    READING: (_InSession, _Reader),
    LIST_SCAN: (_InList, _Listener),
}


def measure_hour(*, rounds: int = 6, turns: int = TURNS) -> list[GrowthRow]:
    """Live through the hour with every contender.

    Args:
        rounds: hours per contender.
        turns: of the hour, at least 36.

    Returns:
        A row per contender.
    """
    script = [make_turn(number) for number in range(turns)]
    rows = {name: _row(name, script) for name in _CONTENDERS}
    taken: dict[str, list[list[float]]] = {name: [] for name in rows}
    for name in rows:
        _live(rows[name], script[:CHECKED])
    names = list(rows)
    order = random.Random(1)
    for _ in range(rounds):
        order.shuffle(names)
        for name in names:
            if rows[name].status == "ok":
                taken[name].append(_live(rows[name], script))
    return [_filled(rows[name], taken[name]) for name in rows]


def _row(name: str, script: Sequence[Turn]) -> GrowthRow:
    ours = name != LIST_SCAN
    return GrowthRow(
        contender=name,
        version=installed_version("rtaudio" if ours else None),
        ours=ours,
        status="ok",
        items=2 * len(script),
        events=sum(len(turn.events) for turn in script),
    )


def _live(row: GrowthRow, script: Sequence[Turn]) -> list[float]:
    """Microseconds per event of each turn; a problem goes into the row."""
    make, listen = _CONTENDERS[row.contender]
    listener = listen()
    collected = gc.isenabled()
    gc.collect()
    gc.disable()
    taken: list[float] = []
    try:
        conversation = make(listener)
        taken = asyncio.run(_take_in(conversation, script))
        problem = _problem(conversation, listener, script)
    except Exception as error:  # no number then, whatever it is
        problem = f"{type(error).__name__}: {error}"
    finally:
        if collected:
            gc.enable()
    if problem is not None:
        row.status, row.problem = "wrong", problem
    return taken


async def _take_in(conversation: _Conversation, script: Sequence[Turn]) -> list[float]:
    taken = []
    await conversation.open()
    for turn in script:
        begin = time.perf_counter_ns()
        conversation.receive(turn.events)
        await asyncio.sleep(0)  # what is to be sent goes out
        taken.append((time.perf_counter_ns() - begin) / len(turn.events) / 1000)
    return taken


def _problem(
    conversation: _Conversation, listener: _Listener, script: Sequence[Turn]
) -> str | None:
    told = [each for turn in script for each in turn.told]
    told[-1] = told[-1]._replace(audio_end_ms=None)  # nobody has cut it yet
    found = [(i.item_id, i.role, i.text, i.audio_end_ms) for i in conversation.history()]
    if found != told:
        wrong = sum(a != b for a, b in zip(found, told, strict=False))
        return f"history has {len(found)} items of {len(told)}, of which {wrong} are wrong"
    sounds = sum(turn.sounds for turn in script)
    if listener.sounds != sounds:
        return f"{listener.sounds} of {sounds} deltas were heard"
    return conversation.problem(script)


def _filled(row: GrowthRow, taken: list[list[float]]) -> GrowthRow:
    if row.status == "ok" and taken:
        row.samples = len(taken)
        turns = list(zip(*taken, strict=True))
        least, median = list(map(min, turns)), list(map(statistics.median, turns))
        first, last = slice(WARM, WARM + MINUTE), slice(-MINUTE, None)
        row.first_us, row.last_us = fmean(least[first]), fmean(least[last])
        row.first_median_us, row.last_median_us = fmean(median[first]), fmean(median[last])
    return row
