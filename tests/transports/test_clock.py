from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rtaudio import ConfigError, RealtimeSession, ReconnectPolicy
from rtaudio.transports import FakeClock, ScriptedModel, ScriptedTransport
from rtaudio.transports.clock import Clock


async def sleeper(clock: Clock, log: list[Any], *lengths: float) -> None:
    for length in lengths:
        await clock.sleep(length)
        log.append((length, clock.monotonic()))


async def test_who_waits_is_woken_in_order_each_at_its_moment() -> None:
    clock = FakeClock(100.0)
    log: list[Any] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper(clock, log, 2.0))
        group.create_task(sleeper(clock, log, 0.5, 1.0))
        await clock.advance(0.25)
        assert (log, clock.sleepers) == ([], 2)
        await clock.advance(1.75)
    assert log == [(0.5, 100.5), (1.0, 101.5), (2.0, 102.0)]
    assert clock.monotonic() == 102.0


async def test_steps_add_up_exactly_however_they_are_divided() -> None:
    clock = FakeClock()
    log: list[Any] = []
    waiting = asyncio.ensure_future(sleeper(clock, log, 0.1, 0.1, 0.1))
    await clock.advance(0.3)
    assert waiting.done()
    assert clock.monotonic() == 0.3


async def test_no_time_at_all_only_lets_others_have_their_turn() -> None:
    clock = FakeClock()
    log: list[Any] = []
    waiting = asyncio.ensure_future(sleeper(clock, log, 0.0, -1.0))
    await clock.advance(0.0)
    assert waiting.done()
    assert clock.monotonic() == 0.0


async def test_who_was_cancelled_is_not_woken() -> None:
    clock = FakeClock()
    waiting = asyncio.ensure_future(clock.sleep(1.0))
    await clock.advance(0.0)
    assert repr(clock) == "FakeClock(0 s, 1 waiting)"
    waiting.cancel()
    await clock.advance(2.0)
    assert waiting.cancelled()
    assert clock.sleepers == 0


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
async def test_a_clock_that_is_to_go_back_refuses(seconds: float) -> None:
    with pytest.raises(ConfigError, match="0 or more"):
        await FakeClock().advance(seconds)


async def test_real_time_passes_by_itself() -> None:
    clock = Clock()
    before = clock.monotonic()
    await clock.sleep(-1.0)
    assert clock.monotonic() >= before


async def test_a_session_cuts_an_answer_where_the_transports_clock_says() -> None:
    transport = ScriptedTransport()
    transport.clock = clock = FakeClock()
    model = ScriptedModel(transport)
    async with RealtimeSession(None, transport=transport) as session:
        model.says("one two three", audio=bytes(96_000), end=False)
        await clock.advance(0.75)
        await session.interrupt()
    cut = transport.calls[-2].event
    assert (cut["type"], cut["audio_end_ms"]) == ("conversation.item.truncate", 750)


async def test_a_session_waits_for_its_next_attempt_by_the_transports_clock() -> None:
    transport = ScriptedTransport()
    transport.clock = clock = FakeClock()
    policy = ReconnectPolicy(initial_delay_s=30.0, jitter=0.0)
    async with RealtimeSession(None, transport=transport, reconnect=policy) as session:
        downtimes: list[float] = []
        session.on("reconnected", lambda event: downtimes.append(event.downtime_s))
        transport.disconnect(OSError("cable"))
        await clock.advance(29.0)
        assert session.connection_state == "disconnected"
        await clock.advance(1.0)
        assert session.connection_state == "connected"
        assert downtimes == [30.0]
