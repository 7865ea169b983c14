"""Engines from the service's start to its end: opened, loaded, closed."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

__all__ = ["running"]

_log = logging.getLogger(__name__)


@asynccontextmanager
async def running(*engines: object) -> AsyncGenerator[None, None]:
    """Open engines that are async context managers, and load in threads those that have a `load`.

    Loading goes on in the background. Where it fails, the log says so by kind, and the engine says
    it itself when it is used.

    Args:
        engines: None is passed over.
    """
    async with AsyncExitStack() as stack:
        for engine in engines:
            if isinstance(engine, AbstractAsyncContextManager):
                await stack.enter_async_context(engine)
        loads = [getattr(engine, "load", None) for engine in engines]
        tasks = [asyncio.create_task(_load(load)) for load in loads if callable(load)]
        try:
            yield
        finally:
            await asyncio.gather(*tasks)


async def _load(load: Callable[[], None]) -> None:
    try:
        await asyncio.to_thread(load)
    except Exception as error:
        _log.warning("an engine does not load: %s", type(error).__name__)
