"""The threads in which plain functions run."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rtaudio.session.tool_threads import THREADS, in_thread


async def test_functions_that_block_leave_the_threads_of_the_loop_alone():
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    blocked = threading.Event()
    tools = [asyncio.ensure_future(in_thread(blocked.wait)) for _ in range(4)]
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(10):
            assert await asyncio.to_thread(int, "7") == 7
        assert not any(tool.done() for tool in tools)
    finally:
        blocked.set()
        await asyncio.gather(*tools)


async def test_a_call_that_still_waits_for_a_thread_is_dropped_when_it_is_cancelled():
    blocked, ran = threading.Event(), []
    busy = [asyncio.ensure_future(in_thread(blocked.wait)) for _ in range(THREADS)]
    waiting = asyncio.ensure_future(in_thread(ran.append, 1))
    await asyncio.sleep(0)
    waiting.cancel()
    for _ in range(3):  # until the executor has heard of it
        await asyncio.sleep(0)
    blocked.set()
    await asyncio.gather(*busy)
    await in_thread(ran.append, 2)
    assert ran == [2]


async def test_context_variables_reach_the_function():
    trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace")
    trace.set("t1")
    assert await in_thread(trace.get) == "t1"


async def test_what_a_function_raises_is_raised():
    def fail(*_: Any) -> None:
        raise LookupError("x")

    with pytest.raises(LookupError):
        await in_thread(fail, 1)


async def test_the_end_of_an_iterator_is_an_error_and_not_a_call_without_end():
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        await in_thread(next, iter(()))
