from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from rtaudio import AudioError
from rtaudio.audio import AudioFormat
from rtaudio.session import QueueStats, SessionStats

BOUNDS = Path(__file__).parents[2] / "docs" / "architecture.md"


def test_a_new_session_has_nothing_to_show(session: Any) -> None:
    stats = session.stats
    numbers = {name: getattr(stats, name) for name in SessionStats.__struct_fields__}
    queues = numbers.pop("queues")
    assert not any(numbers.values())
    assert all((queue.size, queue.lost) == (0, 0) for queue in queues.values())
    assert all(queue.bound > 0 for queue in queues.values())


async def test_a_snapshot_stays_as_it_was(session: Any, transport: Any, service: Any) -> None:
    async with session:
        before = session.stats
        transport.emit(service.item("u"))
        assert before.events_received == 0
        assert session.stats.events_received == 1
    with pytest.raises(AttributeError):
        before.events_received = 5


async def test_events_of_the_service_are_counted_by_how_they_fared(
    session: Any, transport: Any, service: Any
) -> None:
    async with session:
        transport.emit(service.item("u"), {"type": "brand.new", "event_id": "e"})
        transport.emit("not json", {"type": "response.done", "response": 5})
        stats = session.stats
    assert (stats.events_received, stats.events_unknown, stats.events_malformed) == (2, 1, 2)


async def test_sound_is_counted_in_both_directions(
    make_session: Any, transport: Any, service: Any
) -> None:
    config = {"audio": {"input": {"format": "g711_ulaw"}}}
    async with make_session(config=config) as session:
        await session.send_audio(bytes(80))
        await session.send_audio(bytes(80), commit=True)
        transport.emit(service.response("created"), service.audio(bytes(4800)))
        await session.interrupt()
        transport.emit(service.audio(bytes(4800)))
        stats = session.stats
    assert (stats.input_audio_bytes, stats.input_audio_ms) == (160, 20)
    assert (stats.output_audio_bytes, stats.output_audio_ms) == (4800, 100)
    assert (stats.output_audio_suppressed, stats.interruptions) == (1, 1)


async def test_sound_that_is_converted_counts_as_what_is_sent(
    make_session: Any, transport: Any
) -> None:
    async with make_session(input_audio=AudioFormat("pcm16", 8000)) as session:
        await session.send_audio(bytes(1600), commit=True)
        sent = sum(len(call.audio) for call in transport.calls)
        assert session.stats.input_audio_bytes == sent
        assert session.stats.input_audio_ms == pytest.approx(100, abs=5)


async def test_sound_that_could_not_be_written_does_not_count(session: Any, transport: Any) -> None:
    async with session:
        transport.fail_next_call("send_audio", OSError("broken"))
        with pytest.raises(OSError, match="broken"):
            await session.send_audio(bytes(480))
        assert session.stats.input_audio_bytes == 0


@pytest.mark.parametrize("audio", [bytes(1600), bytearray(1600), np.zeros(800, np.int16)])
async def test_sound_without_a_connection_is_dropped_and_counted(
    make_session: Any, audio: Any
) -> None:
    session = make_session(input_audio=AudioFormat("pcm16", 8000))
    await session.send_audio(audio)
    assert session.stats.input_audio_dropped_ms == 100
    assert session.stats.input_audio_ms == 0
    with pytest.raises(AudioError, match="got str"):
        await session.send_audio("words")


async def test_numbers_are_those_of_all_connections(
    session: Any, transport: Any, service: Any
) -> None:
    for _ in range(2):
        async with session:
            await session.send_audio(bytes(480))
            transport.emit(service.response("created"), service.audio(bytes(480)))
    assert session.stats.events_received == 4
    assert session.stats.input_audio_ms == session.stats.output_audio_ms == 20


async def test_an_iterator_that_falls_behind_shows_and_then_counts_as_lost(
    make_session: Any, transport: Any, service: Any
) -> None:
    async with make_session(max_queued_events=5) as session:
        stream = aiter(session)
        transport.emit(service.error())
        events = session.stats.queues["events"]
        assert events == QueueStats(size=2, bound=5, policy="raise", lost=0)
        for _ in range(2):
            transport.emit(service.error())
        assert session.stats.queues["events"].lost == 6
        del stream


async def test_the_option_bounds_async_handlers_too(
    make_session: Any, transport: Any, service: Any
) -> None:
    begun: list[str] = []

    async def handle(event: Any) -> None:
        begun.append(event.type)

    async with make_session(max_queued_events=2) as session:
        session.on("error", handle)
        for _ in range(5):
            transport.emit(service.error())
        handlers = session.stats.queues["handlers"]
        assert (handlers.size, handlers.bound) == (2, 2)
        assert handlers.lost == 4  # three, and the error that tells of them


async def test_requests_that_wait_show(session: Any, transport: Any, service: Any) -> None:
    async with session:
        transport.emit(service.response("created"))
        await session.request_response()
        await session.request_response({})
        assert session.stats.queues["requests"].size == 2


def test_stats_can_be_written_as_json(session: Any) -> None:
    written = msgspec.json.decode(msgspec.json.encode(session.stats))
    assert written["queues"]["outbox"]["policy"] == "raise"


def test_every_queue_is_explained_where_the_bounds_are(session: Any) -> None:
    table = BOUNDS.read_text("utf-8").partition("## Bounds")[2]
    for name, queue in session.stats.queues.items():
        assert f"| `{name}` |" in table
        assert f"`{queue.policy}`" in table
