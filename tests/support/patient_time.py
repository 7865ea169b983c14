"""Time that waits for the work: it stands still while anything is to be done.

Where sound is compared with what was said, a machine that is busy elsewhere must not come into it.
Within `patient_time` the event loop's time and `time.monotonic` move only when everything in the
process waits, and then at once to the next moment for which somebody does. Both ends of a
connection have to be in this process.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["patient_time"]

# How long, in real time, a datagram may take from one socket to the other; the kernel hands it on
# before the call returns that sends it.
_ON_THE_WAY_S = 0.001
# And a thread to do what the loop asked it for. A request over HTTP may itself wait for the loop.
_IN_A_THREAD_S = 1.0


@asynccontextmanager
async def patient_time() -> AsyncIterator[None]:
    """Have time wait, for the running event loop, which must be one of asyncio's own."""
    loop: Any = asyncio.get_running_loop()
    really_select, really_run = loop._selector.select, loop.run_in_executor
    now, at_work = time.monotonic(), 0

    def select(timeout: float | None = None) -> Any:
        nonlocal now
        if timeout is None or timeout <= 0:
            return really_select(timeout)
        ready = really_select(_IN_A_THREAD_S if at_work else _ON_THE_WAY_S)
        if not ready:
            now += timeout
        return ready

    def done(_future: Any) -> None:
        nonlocal at_work
        at_work -= 1

    def run_in_executor(*arguments: Any) -> Any:
        nonlocal at_work
        future = really_run(*arguments)
        at_work += 1
        future.add_done_callback(done)
        return future

    with (
        patch.object(loop._selector, "select", select),
        patch.object(loop, "run_in_executor", run_in_executor),
        patch("time.monotonic", lambda: now),
    ):
        yield
