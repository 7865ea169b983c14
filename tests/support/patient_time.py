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

# How long it waits, in real time, for datagrams on their way and for threads that work for the
# loop. Neither can be waited for without end: datagrams get lost, and threads wait for the loop.
_WORK_S = 1.0
# And for all that it knows nothing of, which the kernel hands on before the call returns that sends
# it, unless it has much else to do.
_ELSE_S = 0.001


class _Arrivals:
    """A protocol in front of another, for a port, that counts off what arrives there."""

    def __init__(self, protocol: Any, port: int, on_the_way: dict[int, int]) -> None:
        self._protocol = protocol
        self._port = port
        self._on_the_way = on_the_way

    def __getattr__(self, name: str) -> Any:
        return getattr(self._protocol, name)

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._on_the_way[self._port] = max(0, self._on_the_way[self._port] - 1)
        self._protocol.datagram_received(data, address)

    def connection_lost(self, error: Exception | None) -> None:
        del self._on_the_way[self._port]
        self._protocol.connection_lost(error)


@asynccontextmanager
async def patient_time() -> AsyncIterator[None]:
    """Have time wait, for the running event loop, which must be one of asyncio's own."""
    loop: Any = asyncio.get_running_loop()
    really_select, really_run = loop._selector.select, loop.run_in_executor
    really_open = loop.create_datagram_endpoint
    now, at_work = time.monotonic(), 0
    on_the_way: dict[int, int] = {}  # datagrams, by the port that they go to

    def select(timeout: float | None = None) -> Any:
        nonlocal now
        if timeout is None or timeout <= 0:
            return really_select(timeout)
        ready = really_select(_WORK_S if at_work or any(on_the_way.values()) else _ELSE_S)
        if not ready:
            now += timeout
            on_the_way.update(dict.fromkeys(on_the_way, 0))
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

    async def create_datagram_endpoint(*arguments: Any, **options: Any) -> tuple[Any, Any]:
        transport, protocol = await really_open(*arguments, **options)
        port = transport.get_extra_info("sockname")[1]
        really_send = transport.sendto

        def sendto(data: bytes, address: Any = None) -> None:
            if address is not None and address[1] in on_the_way:
                on_the_way[address[1]] += 1
            really_send(data, address)

        on_the_way[port] = 0
        transport.sendto = sendto
        transport.set_protocol(_Arrivals(protocol, port, on_the_way))
        return transport, protocol

    with (
        patch.object(loop._selector, "select", select),
        patch.object(loop, "run_in_executor", run_in_executor),
        patch.object(loop, "create_datagram_endpoint", create_datagram_endpoint),
        patch("time.monotonic", lambda: now),
    ):
        yield
