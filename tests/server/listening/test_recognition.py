"""The queue in front of the recogniser."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.server.engines.base import DraftSegment
from rtaudio.server.listening.recognition import RecognitionPool, Stretch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Gated:
    """Notes what it is given, by the first sample, and waits at the gate before it answers."""

    sample_rate = 16000

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self.gate = threading.Event()
        self.began = threading.Semaphore(0)
        self.seen: list[int] = []
        self.pieces = 0

    def load(self) -> None:
        raise RuntimeError("not this time")

    def transcribe(
        self, samples: np.ndarray[Any, Any], *, language: str | None, prompt: str | None
    ) -> Iterator[str]:
        del language, prompt
        self.seen.append(int(samples[0]))
        self.began.release()
        assert self.gate.wait(10)
        if samples[0] < 0:
            raise ValueError("negative")
        for _ in range(3):
            self.pieces += 1
            yield str(samples[0])


@asynccontextmanager
async def pool_of(recogniser: Gated) -> AsyncIterator[RecognitionPool]:
    pool = RecognitionPool(recogniser)
    pool.start()
    try:
        yield pool
    finally:
        recogniser.gate.set()
        await pool.close()


class Drafts(Gated):
    """Drafts as well, behind a gate of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.draft_gate = threading.Event()
        self.drafting = threading.Semaphore(0)

    def draft(
        self, samples: np.ndarray[Any, Any], *, language: str | None, prompt: str | None
    ) -> list[DraftSegment]:
        self.drafting.release()
        assert self.draft_gate.wait(10)
        if samples[0] < 0:
            raise ValueError("negative")
        return [DraftSegment(f"{samples[0]} {language} {prompt}", 1.0)]


def begin_draft(
    pool: RecognitionPool, number: int = 1
) -> asyncio.Future[list[DraftSegment]] | None:
    return pool.begin_draft(np.array([number], np.int16), language="en", prompt="p")


def begin_early(pool: RecognitionPool, number: int) -> Stretch | None:
    return pool.begin_early(np.array([number], np.int16), language=None, prompt=None)


async def text_of(pool: RecognitionPool, owner: str, number: int) -> str:
    samples = np.array([number], np.int16)
    return "".join([piece async for piece in pool.transcribe(owner, samples)])


async def test_owners_are_served_in_turn_however_much_one_has_queued() -> None:
    recogniser = Gated()
    async with pool_of(recogniser) as pool:
        jobs = [("greedy", n) for n in (1, 2, 3, 4)] + [("modest", 10), ("modest", 11)]
        tasks = [asyncio.create_task(text_of(pool, *job)) for job in jobs]
        await asyncio.to_thread(recogniser.began.acquire)
        recogniser.gate.set()
        assert await asyncio.gather(*tasks) == ["111", "222", "333", "444", "101010", "111111"]
    assert recogniser.seen[0] == 1
    assert recogniser.seen[1:5] in ([2, 10, 3, 11], [10, 2, 11, 3])


async def test_as_many_run_at_once_as_the_recogniser_has_workers() -> None:
    recogniser = Gated(workers=2)
    async with pool_of(recogniser) as pool:
        tasks = [asyncio.create_task(text_of(pool, "one", n)) for n in (1, 2)]
        for _ in tasks:
            await asyncio.to_thread(recogniser.began.acquire)
        recogniser.gate.set()
        assert await asyncio.gather(*tasks) == ["111", "222"]


async def test_what_the_recogniser_raises_reaches_its_owner_and_no_other() -> None:
    recogniser = Gated()
    recogniser.gate.set()
    async with pool_of(recogniser) as pool:
        with pytest.raises(ValueError, match="negative"):
            await text_of(pool, "one", -1)
        assert await text_of(pool, "one", 1) == "111"


async def test_abandoned_work_is_never_begun() -> None:
    recogniser = Gated()
    async with pool_of(recogniser) as pool:
        running = asyncio.create_task(text_of(pool, "one", 1))
        await asyncio.to_thread(recogniser.began.acquire)
        waiting = asyncio.create_task(text_of(pool, "one", 2))
        last = asyncio.create_task(text_of(pool, "one", 3))
        await asyncio.sleep(0)  # lets both queue
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        recogniser.gate.set()
        assert await asyncio.gather(running, last) == ["111", "333"]
    assert recogniser.seen == [1, 3]


async def test_work_whose_owner_left_ends_at_its_next_piece() -> None:
    recogniser = Gated()
    async with pool_of(recogniser) as pool:
        running = asyncio.create_task(text_of(pool, "one", 1))
        await asyncio.to_thread(recogniser.began.acquire)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        recogniser.gate.set()
        assert await text_of(pool, "two", 2) == "222"
    assert recogniser.pieces == 4  # one of the abandoned, three of the other


async def test_a_model_that_does_not_load_is_logged_by_kind_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recogniser = Gated()
    async with pool_of(recogniser) as pool:
        pool.warm()
    assert "RuntimeError" in caplog.text
    assert "not this time" not in caplog.text


async def test_a_draft_is_made_while_nothing_else_is_to_be_done() -> None:
    recogniser = Drafts()
    recogniser.draft_gate.set()
    async with pool_of(recogniser) as pool:
        draft = begin_draft(pool)
        assert draft is not None
        assert await draft == [DraftSegment("1 en p", 1.0)]


async def test_a_recogniser_that_makes_no_drafts_is_not_asked_for_any() -> None:
    async with pool_of(Gated()) as pool:
        assert not pool.idle
        assert begin_draft(pool) is None


async def test_no_draft_begins_while_something_is_recognised_or_waits() -> None:
    recogniser = Drafts()
    async with pool_of(recogniser) as pool:
        running = asyncio.create_task(text_of(pool, "one", 1))
        await asyncio.sleep(0)
        assert begin_draft(pool) is None  # it waits
        await asyncio.to_thread(recogniser.began.acquire)
        assert begin_draft(pool) is None  # it runs
        recogniser.gate.set()
        assert await running == "111"


async def test_what_is_whole_does_not_wait_for_a_draft_and_drafts_do_not_pile_up() -> None:
    recogniser = Drafts()
    recogniser.gate.set()
    async with pool_of(recogniser) as pool:
        draft = begin_draft(pool)
        assert draft is not None
        await asyncio.to_thread(recogniser.drafting.acquire)
        assert await text_of(pool, "one", 7) == "777"
        assert begin_draft(pool) is None
        recogniser.draft_gate.set()
        await draft


async def test_what_goes_wrong_in_a_draft_reaches_who_wanted_it() -> None:
    recogniser = Drafts()
    recogniser.draft_gate.set()
    async with pool_of(recogniser) as pool:
        failing = begin_draft(pool, -1)
        assert failing is not None
        with pytest.raises(ValueError, match="negative"):
            await failing


async def test_what_is_begun_early_comes_to_what_it_would_have_come_to_later() -> None:
    recogniser = Drafts()
    recogniser.gate.set()
    async with pool_of(recogniser) as pool:
        for number, pieces in ((5, ["5", "5", "5", None]), (6, ["6", "6", "6", None])):
            begun = begin_early(pool, number)
            assert begun is not None
            assert [await begun.next() for _ in range(4)] == pieces
        failing = begin_early(pool, -1)
        assert failing is not None
        with pytest.raises(ValueError, match="negative"):
            await failing.next()


async def test_it_begins_only_while_nothing_else_is_to_be_done_and_one_at_a_time() -> None:
    recogniser = Drafts()
    async with pool_of(recogniser) as pool:
        running = asyncio.create_task(text_of(pool, "one", 1))
        await asyncio.to_thread(recogniser.began.acquire)
        assert begin_early(pool, 2) is None
        recogniser.gate.set()
        await running
        draft = begin_draft(pool)
        assert draft is not None
        assert begin_early(pool, 2) is None
        recogniser.draft_gate.set()
        await draft
        recogniser.gate.clear()
        begun = begin_early(pool, 3)
        assert begun is not None
        assert begin_draft(pool) is None
        assert begin_early(pool, 4) is None
        recogniser.gate.set()
        assert await begun.next() == "3"


async def test_the_time_of_what_is_begun_early_counts_too() -> None:
    recogniser = Drafts()
    recogniser.gate.set()
    pool = RecognitionPool(recogniser)
    spent: list[float] = []
    pool.start(spent.append)
    begun = begin_early(pool, 5)
    assert begun is not None
    while await begun.next() is not None:
        pass
    await pool.close()
    assert len(spent) == 1


async def test_a_recogniser_that_makes_no_drafts_is_given_nothing_early() -> None:
    async with pool_of(Gated()) as pool:
        assert begin_early(pool, 1) is None
