from __future__ import annotations

import asyncio

import pytest

from rtaudio.transports.shared_attempt import SharedAttempt


class Attempt:
    def __init__(self) -> None:
        self.shared = SharedAttempt()
        self.begun = 0
        self.cancelled = 0
        self.result: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        self.begun += 1
        try:
            await asyncio.shield(self.result)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def join(self) -> asyncio.Task[None]:
        task = asyncio.ensure_future(self.shared.join(self.run))
        for _ in range(3):
            await asyncio.sleep(0)
        return task


async def test_who_comes_later_joins() -> None:
    attempt = Attempt()
    first, second = await attempt.join(), await attempt.join()
    assert attempt.begun == 1
    attempt.result.set_result(None)
    await asyncio.gather(first, second)
    await attempt.join()
    assert attempt.begun == 2


async def test_all_learn_of_a_failure() -> None:
    attempt = Attempt()
    first, second = await attempt.join(), await attempt.join()
    attempt.result.set_exception(OSError("no"))
    for task in (first, second):
        with pytest.raises(OSError, match="no"):
            await task


async def test_an_attempt_goes_on_while_somebody_waits_for_it() -> None:
    attempt = Attempt()
    first, second = await attempt.join(), await attempt.join()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not attempt.cancelled
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert attempt.cancelled == 1
