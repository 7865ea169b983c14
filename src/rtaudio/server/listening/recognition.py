"""A fair queue in front of the recogniser, the threads behind it, and what they do while idle."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from rtaudio.server.engines.base import Drafter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from rtaudio.server.engines.base import DraftSegment, Recogniser

__all__ = ["RecognitionPool", "Stretch", "prompt_of"]

_log = logging.getLogger(__name__)


class Stretch:
    """One stretch of speech on its way through the recogniser.

    `pieces` carries the text as it becomes known; then None at the end, or the error.

    Attributes:
        abandoned: nobody wants the text any more: recognition ends at the next piece.
    """

    def __init__(
        self, samples: NDArray[np.int16], language: str | None, prompt: str | None
    ) -> None:
        self.samples = samples
        self.language = language
        self.prompt = prompt
        self.pieces: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        self.abandoned = False

    async def next(self) -> str | None:
        """Wait for the next piece of the text; None is its end.

        Raises:
            Exception: whatever the recogniser raised.
        """
        piece = await self.pieces.get()
        if isinstance(piece, Exception):
            raise piece
        return piece


class RecognitionPool:
    """Runs a recogniser in threads of its own, serving its owners in turn.

    Owners (connections) that wait are served round robin, one stretch of speech each time, so that
    one with much to transcribe does not hold up the others. How much one owner may queue is for
    that owner to bound.

    What is perhaps not finished may be drafted, or recognised early, in a thread apart: one thing
    at a time, begun only while a worker has nothing to do. What is whole never waits for it.

    Args:
        recogniser: `recogniser.workers` stretches are recognised at the same time. The
            thread apart is there if it is a `Drafter` too.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._waiting: dict[object, deque[Stretch]] = {}  # in the order in which owners are served
        self._available = asyncio.Semaphore(0)
        self._threads = ThreadPoolExecutor(recogniser.workers, thread_name_prefix="rtaudio-asr")
        self._drafter = recogniser if isinstance(recogniser, Drafter) else None
        self._apart = ThreadPoolExecutor(1, thread_name_prefix="rtaudio-asr-apart")
        self._busy_apart = False
        self._tasks: list[asyncio.Task[None]] = []
        self._busy: Callable[[float], None] = lambda _: None
        self._running = 0
        self._loaded = False

    @property
    def sample_rate(self) -> int:
        """The rate in Hz that `transcribe` wants."""
        return self._recogniser.sample_rate

    @property
    def waiting(self) -> int:
        """How many stretches of speech wait for their turn."""
        return sum(map(len, self._waiting.values()))

    @property
    def running(self) -> int:
        """How many are being recognised."""
        return self._running

    @property
    def loaded(self) -> bool:
        """Whether the recogniser's model is in memory."""
        return self._loaded

    def start(self, busy: Callable[[float], None] | None = None) -> None:
        """Begin to serve; call once, in the event loop.

        Args:
            busy: is told the seconds that each stretch took.
        """
        if busy is not None:
            self._busy = busy
        workers = range(self._recogniser.workers)
        self._tasks = [asyncio.create_task(self._work()) for _ in workers]

    def warm(self) -> None:
        """Load the recogniser's model in the background, once; a failure shows when it is used."""
        self._threads.submit(self._load)

    async def close(self) -> None:
        """Stop; waits for the stretches that are being recognised, and drops those that wait."""
        for jobs in self._waiting.values():
            for job in jobs:
                job.abandoned = True
        self._waiting.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for threads in (self._apart, self._threads):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)

    async def transcribe(
        self,
        owner: object,
        samples: NDArray[np.int16],
        *,
        language: str | None = None,
        prompt: str | None = None,
    ) -> AsyncGenerator[str, None]:
        """Queue a stretch of speech and yield its text piece by piece.

        Whoever stops iterating early abandons it: recognition ends at the next piece.

        Raises:
            Exception: whatever the recogniser raised.
        """
        job = Stretch(samples, language, prompt)
        self._waiting.setdefault(owner, deque()).append(job)
        self._available.release()
        try:
            while (piece := await job.next()) is not None:
                yield piece
        finally:
            job.abandoned = True

    @property
    def idle(self) -> bool:
        """Whether the thread apart could begin something now."""
        return (
            self._drafter is not None
            and not self._busy_apart
            and not self._waiting
            and self._running < self._recogniser.workers
        )

    def begin_draft(
        self, samples: NDArray[np.int16], *, language: str | None, prompt: str | None
    ) -> asyncio.Future[list[DraftSegment]] | None:
        """Draft the text of speech that goes on; see `Drafter.draft`.

        Returns:
            What will have the draft, or the recogniser's error; None while it is not `idle`.
        """
        if self._drafter is None or not self.idle:
            return None
        self._busy_apart = True
        draft = self._apart.submit(self._drafter.draft, samples, language=language, prompt=prompt)
        # Whoever waits for it may give up; it is over when its thread is free.
        draft.add_done_callback(partial(self._drafted, asyncio.get_running_loop()))
        return asyncio.wrap_future(draft)

    def begin_early(
        self, samples: NDArray[np.int16], *, language: str | None, prompt: str | None
    ) -> Stretch | None:
        """Recognise a stretch as `transcribe` would, before it is known to be whole.

        Returns:
            What its text comes from, if it is still wanted then; None while not `idle`.
        """
        if not self.idle:
            return None
        self._busy_apart = True
        job = Stretch(samples, language, prompt)
        loop = asyncio.get_running_loop()
        run = loop.run_in_executor(self._apart, self._run, job, loop)
        run.add_done_callback(partial(self._ended_early, job, time.monotonic()))
        return job

    def _ended_early(
        self, job: Stretch, begun: float, run: asyncio.Future[Exception | None]
    ) -> None:
        self._busy_apart = False
        self._busy(time.monotonic() - begun)
        if not run.cancelled():
            job.pieces.put_nowait(run.result())

    def _drafted(self, loop: asyncio.AbstractEventLoop, _: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed
            loop.call_soon_threadsafe(setattr, self, "_busy_apart", False)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._available.acquire()
            job = self._next()
            if job.abandoned:
                continue
            begun = time.monotonic()
            self._running += 1
            try:
                last = await loop.run_in_executor(self._threads, self._run, job, loop)
            finally:
                self._running -= 1
                self._busy(time.monotonic() - begun)
            # Whoever learns that the text is complete finds the worker free.
            job.pieces.put_nowait(last)

    def _next(self) -> Stretch:
        owner, jobs = next(iter(self._waiting.items()))
        del self._waiting[owner]
        job = jobs.popleft()
        if jobs:
            self._waiting[owner] = jobs  # behind all others
        return job

    def _run(self, job: Stretch, loop: asyncio.AbstractEventLoop) -> Exception | None:
        """Recognise; runs in a thread. Returns what went wrong."""
        try:
            for text in self._recogniser.transcribe(
                job.samples, language=job.language, prompt=job.prompt
            ):
                if job.abandoned:
                    break
                loop.call_soon_threadsafe(job.pieces.put_nowait, text)
        except Exception as error:
            return error
        return None

    def _load(self) -> None:
        try:
            self._recogniser.load()
        except Exception as error:
            _log.warning("the recogniser does not load: %s", type(error).__name__)
        else:
            self._loaded = True


def prompt_of(settings: Mapping[str, Any]) -> str | None:
    """What the speech is likely to contain: the settings' prompt, and behind it their keywords."""
    parts = [settings.get("prompt"), ", ".join(settings.get("keywords") or ())]
    return " ".join(part for part in parts if part) or None
