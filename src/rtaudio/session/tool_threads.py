"""Threads for tools that are plain functions.

They are apart from those of the event loop, which looks up host names in them: tools that block do
not keep anybody from connecting. A thread is made when it is needed and there are none idle; when
`THREADS` of them are taken, further calls wait for one, and their time limits run meanwhile.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["THREADS", "in_thread"]

# For all sessions of the process. Plain functions mostly wait, for a database or another service.
THREADS = 64

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="rtaudio-tool")


async def in_thread(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function in a thread, with the context variables of the caller.

    Where the caller is cancelled, a call that still waits for a thread is dropped; one that runs
    goes on, and nobody learns what it returns.
    """
    context = contextvars.copy_context()
    call = functools.partial(context.run, _call, function, args, kwargs)
    return await asyncio.get_running_loop().run_in_executor(_threads, call)


def _call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return function(*args, **kwargs)
    except StopIteration as error:
        # A future refuses to carry this one, and whoever waits for it would wait for ever.
        raise RuntimeError("the function raised StopIteration") from error
