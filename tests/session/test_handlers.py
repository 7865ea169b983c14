from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rtaudio import ConsumerTooSlow
from rtaudio.conversation.events import AudioStart, Error
from rtaudio.session.handlers import Handlers


class Slow:
    """An async handler that goes on when it is told to."""

    def __init__(self) -> None:
        self.begun: list[Any] = []
        self.go_on = asyncio.Event()

    async def __call__(self, event: Any) -> None:
        self.begun.append(event)
        await self.go_on.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def reported() -> list[Exception]:
    return []


@pytest.fixture
def handlers() -> Handlers:
    made = Handlers()
    made.limit = 4
    return made


async def test_calls_beyond_the_bound_are_left_out_counted_and_told_of_once(
    handlers: Handlers, reported: list[Exception]
) -> None:
    slow, plain = Slow(), []
    handlers.add("audio_start", slow)
    handlers.add("audio_start", plain.append)
    for _ in range(7):
        handlers.call(AudioStart(), reported.append)
    await settle()
    assert (len(slow.begun), len(plain)) == (4, 7)
    queue = handlers.queue
    assert (queue.size, queue.bound, queue.policy, queue.lost) == (4, 4, "drop_newest", 3)
    (error,) = reported
    assert isinstance(error, ConsumerTooSlow)
    assert "4 calls" in str(error)


async def test_handlers_that_have_caught_up_are_called_again_and_told_of_again(
    handlers: Handlers, reported: list[Exception]
) -> None:
    slow = Slow()
    handlers.add("audio_start", slow)
    for _ in range(5):
        handlers.call(AudioStart(), reported.append)
    slow.go_on.set()
    await settle()
    assert handlers.queue.size == 0
    slow.go_on.clear()
    for _ in range(5):
        handlers.call(AudioStart(), reported.append)
    await settle()
    assert len(slow.begun) == 8
    assert (handlers.queue.lost, len(reported)) == (2, 2)
    slow.go_on.set()
    await settle()


async def test_a_slow_handler_of_errors_is_not_told_of_itself_without_end() -> None:
    def report(error: Exception) -> None:
        handlers.call(Error(error=error), report)

    slow = Slow()
    handlers = Handlers()
    handlers.limit = 1
    handlers.add("error", slow)
    for _ in range(3):
        handlers.call(Error(error=ValueError()), report)
    await settle()
    assert len(slow.begun) == 1
    assert handlers.queue.lost == 3  # two, and the one that told of them
    slow.go_on.set()
    await settle()


async def test_a_task_that_the_handler_started_itself_is_waited_for_all_the_same(
    handlers: Handlers, reported: list[Exception]
) -> None:
    async def fail() -> None:
        raise ValueError("late")

    handlers.limit = 0
    handlers.add("audio_start", lambda _event: asyncio.ensure_future(fail()))
    handlers.call(AudioStart(), reported.append)
    await settle()
    assert [str(error) for error in reported] == ["late"]
