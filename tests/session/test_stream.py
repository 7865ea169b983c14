from __future__ import annotations

import asyncio

import pytest

from rtaudio import ConsumerTooSlow
from rtaudio.conversation.events import AudioStart, SessionEvent
from rtaudio.session.stream import EventStream


def stream(limit: int = 10) -> EventStream:
    return EventStream(limit, lambda _stream: None)


async def test_events_come_in_order_and_then_the_end() -> None:
    events = [AudioStart() for _ in range(3)]
    queue = stream()
    for event in events:
        queue.put(event)
    queue.end()
    queue.put(AudioStart())
    received = [event async for event in queue]
    assert [id(event) for event in received] == [id(event) for event in events]
    with pytest.raises(StopAsyncIteration):
        await anext(queue)


async def test_consumer_that_falls_behind_is_told_and_holds_nothing() -> None:
    forgotten: list[EventStream] = []
    queue = EventStream(2, forgotten.append)
    for _ in range(3):
        queue.put(AudioStart())
    with pytest.raises(ConsumerTooSlow, match="2 events"):
        await anext(queue)
    assert forgotten == [queue]


async def test_waiting_consumer_gets_the_next_event() -> None:
    queue = stream()
    waiting = asyncio.ensure_future(anext(queue))
    await asyncio.sleep(0)
    event = AudioStart()
    queue.put(event)
    assert await waiting is event


async def test_cancelled_consumer_may_go_on() -> None:
    queue = stream()
    waiting = asyncio.ensure_future(anext(queue))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    queue.put(AudioStart())
    assert isinstance(await anext(queue), SessionEvent)


async def test_two_tasks_cannot_share_one_stream() -> None:
    queue = stream()
    waiting = asyncio.ensure_future(anext(queue))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="two tasks"):
        await anext(queue)
    queue.end()
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_closing_stops_listening() -> None:
    forgotten: list[EventStream] = []
    queue = EventStream(2, forgotten.append)
    queue.put(AudioStart())
    await queue.aclose()
    assert forgotten == [queue]
    assert [event async for event in queue] == []
