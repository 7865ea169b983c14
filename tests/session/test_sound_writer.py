"""Kept sound on its way to disk."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio.session.sound_writer import SoundWriter

if TYPE_CHECKING:
    from collections.abc import Callable


class Job:
    """A writing that waits until it is allowed to go on."""

    def __init__(self, ran: list[Any], name: str, allowed: threading.Event | None = None) -> None:
        self._ran, self._name, self._allowed = ran, name, allowed

    def run(self) -> None:
        if self._allowed is not None:
            assert self._allowed.wait(10)
        self._ran.append((self._name, threading.current_thread() is threading.main_thread()))


@pytest.fixture
def ran() -> list[Any]:
    return []


def writer(settle: Callable[[Any], None]) -> SoundWriter:
    return SoundWriter(settle)


async def test_writings_run_in_a_thread_one_after_the_other(ran: list[Any]) -> None:
    settled: list[Any] = []
    each = writer(settled.append)
    allowed = threading.Event()
    jobs: list[Any] = [Job(ran, "a", allowed), Job(ran, "b"), Job(ran, "c")]
    each.start(jobs[:2])
    each.start(jobs[2:])
    await asyncio.sleep(0)
    assert ran == settled == []  # the loop goes on meanwhile
    allowed.set()
    await each.done()
    assert ran == [("a", False), ("b", False), ("c", False)]
    assert settled == jobs


async def test_what_settling_starts_is_written_too(ran: list[Any]) -> None:
    again: list[Any] = [Job(ran, "again")]

    def settle(_: Any) -> None:
        each.start([again.pop()] if again else [])

    each = writer(settle)
    each.start([Job(ran, "first")])  # type: ignore[list-item]
    await each.done()
    assert [name for name, _ in ran] == ["first", "again"]


async def test_a_writer_without_work_is_done(ran: list[Any]) -> None:
    each = writer(ran.append)
    await each.done()
    each.start([])
    await each.done()
    assert ran == []
