"""Many files over a few lines: every input gets its row, whatever happens to it."""

from __future__ import annotations

import asyncio
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtaudio.errors import AudioError, ConnectionLost, TransportError
from rtaudio.transcribe.inputs import Input
from rtaudio.transcribe.prepare import Prepared
from rtaudio.transcribe.runner import FILES_PER_LINE, Line, Outcome, TurnFailed, run
from rtaudio.transcribe.segment import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from rtaudio.transcribe.rows import Row

RATE = 100


def an_input(name: str) -> Input:
    return Input(Path(name), name, PurePath(name))


def prepared(*marks: int, problem: str | None = None) -> Prepared:
    """A file of one second per mark, each second a turn filled with its mark."""
    samples = np.repeat(np.array(marks, np.int16), RATE)
    spans = [Span(float(i), float(i + 1)) for i in range(len(marks))]
    return Prepared(samples, RATE, float(len(marks)), spans, problem)


class FakeLine:
    """Answers each turn with the word for its mark, or raises what it was told to."""

    def __init__(self, failures: dict[int, list[Exception]] | None = None) -> None:
        self.failures = failures or {}
        self.turns: list[int] = []
        self.closed = False

    async def turn(self, pcm: NDArray[np.int16]) -> str:
        mark = int(pcm[0])
        assert (pcm == mark).all()
        assert len(pcm) == RATE
        self.turns.append(mark)
        await asyncio.sleep(0)
        if self.failures.get(mark):
            raise self.failures[mark].pop(0)
        return f" word{mark}"

    async def close(self) -> None:
        self.closed = True


async def transcribe(
    files: dict[str, Prepared | Exception],
    line: Line | None = None,
    *,
    concurrency: int = 1,
    advance: Callable[[float], None] = lambda _: None,
) -> dict[str, Row]:
    def load(path: Path, sample_rate: int) -> Prepared:
        assert sample_rate == RATE
        found = files[str(path)]
        if isinstance(found, Exception):
            raise found
        return found

    outcomes: list[Outcome] = []
    await run(
        [an_input(name) for name in files],
        lambda: line or FakeLine(),
        lambda outcome, _: outcomes.append(outcome),
        sample_rate=RATE,
        concurrency=concurrency,
        load=load,
        advance=advance,
    )
    assert len(outcomes) == len(files)
    return {outcome.row.path: outcome.row for outcome in outcomes}


async def test_texts_are_joined_in_order_and_segments_have_times() -> None:
    row = (await transcribe({"a.wav": prepared(1, 2)}))["a.wav"]
    assert (row.text, row.duration_s, row.error) == ("word1 word2", 2.0, None)
    assert [(s.start_s, s.end_s, s.text) for s in row.segments] == [
        (0, 1, "word1"),
        (1, 2, "word2"),
    ]


async def test_silence_is_an_empty_text_without_an_error() -> None:
    row = (await transcribe({"a.wav": prepared()}))["a.wav"]
    assert (row.text, row.segments, row.error) == ("", [], None)


async def test_a_file_that_cannot_be_read_fails_alone() -> None:
    rows = await transcribe(
        {
            "a.wav": AudioError("a.wav: the file is empty"),
            "b.wav": prepared(3),
            "c.wav": RuntimeError("odd"),
        }
    )
    assert rows["a.wav"].error == "the file is empty"
    assert rows["b.wav"].text == "word3"
    assert rows["c.wav"].error == "cannot be decoded: RuntimeError: odd"


async def test_a_truncated_file_has_both_its_text_and_its_error() -> None:
    row = (await transcribe({"a.wav": prepared(1, problem="ends at 1.0 s")}))["a.wav"]
    assert (row.text, row.error) == ("word1", "ends at 1.0 s")


async def test_a_refused_turn_leaves_the_other_turns_of_its_file() -> None:
    line = FakeLine({2: [TurnFailed("no such language")]})
    row = (await transcribe({"a.wav": prepared(1, 2, 3)}, line))["a.wav"]
    assert (row.text, row.error) == ("word1 word3", "no such language")
    assert [segment.start_s for segment in row.segments] == [0.0, 2.0]


async def test_after_a_lost_connection_only_missing_turns_are_sent_again() -> None:
    line = FakeLine({2: [ConnectionLost("gone")]})
    row = (await transcribe({"a.wav": prepared(1, 2, 3)}, line))["a.wav"]
    assert (row.text, row.error) == ("word1 word2 word3", None)
    assert line.turns == [1, 2, 3, 2]


async def test_a_connection_lost_twice_fails_the_file_and_the_next_goes_on() -> None:
    line = FakeLine({1: [ConnectionLost("gone"), ConnectionLost("gone again")]})
    rows = await transcribe({"a.wav": prepared(1), "b.wav": prepared(2)}, line)
    assert rows["a.wav"].error == "gone again"
    assert (rows["b.wav"].text, rows["b.wav"].error) == ("word2", None)


@pytest.mark.parametrize(
    "error", [TransportError("refused"), OSError("refused"), KeyError("refused")]
)
async def test_any_other_failure_is_in_the_row_at_once(error: Exception) -> None:
    line = FakeLine({1: [error]})
    row = (await transcribe({"a.wav": prepared(1)}, line))["a.wav"]
    assert "refused" in (row.error or "")
    assert line.turns == [1]


async def test_several_lines_do_all_files_once_and_are_closed() -> None:
    lines: list[FakeLine] = []

    def open_line() -> FakeLine:
        lines.append(FakeLine())
        return lines[-1]

    names = [f"{index}.wav" for index in range(20)]
    done: list[str] = []
    await run(
        [an_input(name) for name in names],
        open_line,
        lambda outcome, _: done.append(outcome.row.path),
        sample_rate=RATE,
        concurrency=3,
        load=lambda path, _: prepared(int(path.stem)),
    )
    assert sorted(done) == sorted(names)
    assert len(lines) == 3
    assert sorted(mark for line in lines for mark in line.turns) == list(range(20))
    assert all(line.closed for line in lines)


async def test_no_more_lines_are_opened_than_there_are_files() -> None:
    opened: list[FakeLine] = []

    def open_line() -> FakeLine:
        opened.append(FakeLine())
        return opened[-1]

    await run(
        [an_input("a.wav")],
        open_line,
        lambda *_: None,
        sample_rate=RATE,
        concurrency=8,
        load=lambda *_: prepared(1),
    )
    assert len(opened) == 1


async def test_only_a_few_files_are_in_memory_at_a_time() -> None:
    loaded: list[str] = []
    release = asyncio.Event()

    class Waiting(FakeLine):
        async def turn(self, pcm: NDArray[np.int16]) -> str:
            if len(loaded) == FILES_PER_LINE:
                release.set()
            await release.wait()
            assert len(loaded) - len(done) <= FILES_PER_LINE
            return await super().turn(pcm)

    def load(path: Path, _: int) -> Prepared:
        loaded.append(str(path))
        return prepared(1)

    done: list[str] = []
    await run(
        [an_input(f"{index}.wav") for index in range(9)],
        Waiting,
        lambda outcome, _: done.append(outcome.row.path),
        sample_rate=RATE,
        concurrency=1,
        load=load,
    )
    assert len(done) == 9


async def test_a_writer_that_fails_ends_the_run_and_closes_the_lines() -> None:
    line = FakeLine()

    def emit(*_: object) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await run(
            [an_input("a.wav"), an_input("b.wav")],
            lambda: line,
            emit,
            sample_rate=RATE,
            concurrency=1,
            load=lambda *_: prepared(1),
        )
    assert line.closed


async def test_progress_is_told_turn_by_turn_and_adds_up_to_one_per_file() -> None:
    told: list[float] = []
    files: dict[str, Prepared | Exception] = {
        "a.wav": prepared(1, 2, 3, 4),
        "b.wav": AudioError("gone"),
        "c.wav": prepared(),
    }
    await transcribe(files, FakeLine({3: [TurnFailed("refused")]}), advance=told.append)
    assert told.count(0.25) >= 3
    assert sum(told) == pytest.approx(3.0)
