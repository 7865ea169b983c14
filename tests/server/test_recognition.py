"""The queue in front of the recogniser."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.server.recognition import RecognitionPool

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
