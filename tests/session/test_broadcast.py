from __future__ import annotations

import gc

import pytest

from rtaudio import ConsumerTooSlow
from rtaudio.conversation import Conversation
from rtaudio.conversation.events import AudioStart
from rtaudio.session.broadcast import Broadcast
from rtaudio.session.context import RunContext


@pytest.fixture
def broadcast() -> Broadcast:
    return Broadcast(RunContext(None, Conversation()), None)


async def test_a_loop_that_was_left_leaves_nothing_behind(broadcast: Broadcast) -> None:
    for _ in range(3):
        stream = broadcast.stream(10)
        broadcast.deliver(AudioStart())
        async for _event in stream:
            break
        del stream
    gc.collect()
    assert not broadcast.wants("audio_start")
    broadcast.deliver(AudioStart())
    assert broadcast.queue(10).size == 0
    assert broadcast.queue(10).lost == 0


async def test_the_consumer_that_is_furthest_behind_shows(broadcast: Broadcast) -> None:
    slow, quick = broadcast.stream(10), broadcast.stream(10)
    for _ in range(3):
        broadcast.deliver(AudioStart())
        await anext(quick)
    queue = broadcast.queue(10)
    assert (queue.size, queue.bound, queue.policy, queue.lost) == (3, 10, "raise", 0)
    await slow.aclose()
    assert broadcast.queue(10).size == 0


async def test_what_slow_consumers_lost_is_counted_after_they_are_gone(
    broadcast: Broadcast,
) -> None:
    for _ in range(2):
        stream = broadcast.stream(2)
        for _ in range(5):
            broadcast.deliver(AudioStart())
        with pytest.raises(ConsumerTooSlow):
            await anext(stream)
        del stream
    assert broadcast.queue(2).lost == 6
