"""The short way of sound through a session: from messages of a socket to those who listen."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio import AudioRetention, PlaybackTracker, RealtimeAgent, RealtimeSession
from rtaudio.audio import AudioFormat
from rtaudio.transports import ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PLACE = {"response_id": "r1", "item_id": "i1", "output_index": 0, "content_index": 0}
ITEM = {"id": "i1", "type": "message", "role": "assistant", "content": []}
PIECES = [bytes([n]) * 480 for n in range(1, 6)]


def wire(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, "event_id": "e", **fields}).encode()


def delta(pcm: bytes) -> bytes:
    sound = base64.b64encode(pcm).decode()
    return wire("response.output_audio.delta", **PLACE, delta=sound)


@asynccontextmanager
async def talking(**options: Any) -> AsyncIterator[RealtimeSession]:
    """A session in which an answer has begun."""
    transport = ScriptedTransport()
    async with RealtimeSession(RealtimeAgent("a"), transport=transport, **options) as session:
        transport.receive(wire("response.created", response={"id": "r1"}))
        transport.receive(wire("conversation.item.added", item=ITEM))
        yield session


def speak(session: RealtimeSession) -> int:
    """Let all pieces arrive; returns how many of them took the short way."""
    # Only those give no typed event.
    taken = [session.transport.receive(memoryview(delta(pcm))) for pcm in PIECES]
    return taken.count(None)


async def test_all_pieces_behind_the_first_take_the_short_way_and_are_told_and_counted() -> None:
    async with talking() as session:
        before = session.stats
        heard: list[Any] = []
        session.on("audio", heard.append)
        assert speak(session) == len(PIECES) - 1
        assert [event.data for event in heard] == PIECES
        assert {(event.response_id, event.item_id) for event in heard} == {("r1", "i1")}
        assert all(event.agent is session.current_agent for event in heard)
        assert all(event.context is session.context for event in heard)
        stats = session.stats
        assert stats.events_received - before.events_received == len(PIECES)
        assert stats.output_audio_bytes == sum(map(len, PIECES))
        assert stats.output_audio_ms == pytest.approx(50.0)
        assert session.history[0].audio_ms == pytest.approx(50.0)


async def test_a_handler_that_raises_or_waits_disturbs_nobody() -> None:
    async with talking() as session:
        heard: list[bytes] = []
        errors: list[Any] = []
        later: list[bytes] = []

        def fails(_event: Any) -> None:
            raise LookupError("lost")

        async def waits(event: Any) -> None:
            await asyncio.sleep(0)
            later.append(event.data)

        session.on("audio", fails)
        session.on("audio", waits)
        session.on("audio", lambda event: heard.append(event.data))
        session.on("error", lambda event: errors.append(event.error))
        assert speak(session) == len(PIECES) - 1
        assert heard == PIECES
        assert [type(error) for error in errors] == [LookupError] * len(PIECES)
        for _ in range(5):
            await asyncio.sleep(0)
        assert later == PIECES


async def test_an_iteration_sees_each_message_and_then_its_sound() -> None:
    async with talking() as session:
        stream = aiter(session)
        assert speak(session) == len(PIECES) - 1
        seen = [await anext(stream) for _ in range(2 * len(PIECES) + 1)]
    kinds = ["transport_event", "audio_start", "audio", *["transport_event", "audio"] * 4]
    assert [event.type for event in seen] == kinds
    raw = [event.raw for event in seen if event.type == "transport_event"]
    assert raw == [delta(pcm) for pcm in PIECES]
    assert [event.data for event in seen if event.type == "audio"] == PIECES


async def test_sound_is_cut_where_it_was_heard_up_to() -> None:
    tracker = PlaybackTracker()
    async with talking(playback_tracker=tracker) as session:
        assert speak(session) == len(PIECES) - 1
        tracker.on_play_ms("i1", 0, 1000.0)
        await session.interrupt()
        cut = [
            call.event["audio_end_ms"]
            for call in session.transport.calls  # type: ignore[attr-defined]
            if call.method == "send_event" and call.event["type"] == "conversation.item.truncate"
        ]
        assert cut == [50]
        heard: list[Any] = []
        session.on("audio", heard.append)
        assert speak(session) == 0
        assert heard == []
        assert session.stats.output_audio_suppressed == len(PIECES)


async def test_sound_that_is_kept_is_all_of_it() -> None:
    async with talking(history_store_audio=AudioRetention()) as session:
        assert speak(session) == len(PIECES) - 1
        clip = session.history[0].content[0].audio
        assert clip is not None
        assert clip.samples.tobytes() == b"".join(PIECES)


async def test_whoever_wants_more_of_a_message_gets_it_the_ordinary_way() -> None:
    raw: list[Any] = []
    heard: list[bytes] = []
    async with talking() as session:
        session.on("transport_event", lambda event: raw.append(event.raw))
        session.on("audio", lambda event: heard.append(event.data))
        assert speak(session) == 0
    assert raw == [delta(pcm) for pcm in PIECES]
    assert heard == PIECES


@pytest.mark.parametrize(
    "options",
    [{"output_audio": AudioFormat("pcm16", 48000)}, {"async_tool_calls": False}],
    ids=["converted", "one by one"],
)
async def test_sound_that_something_happens_to_takes_the_ordinary_way(
    options: dict[str, Any],
) -> None:
    async with talking(**options) as session:
        heard: list[bytes] = []
        session.on("audio", lambda event: heard.append(event.data))
        assert speak(session) == 0
        expected = sum(map(len, PIECES)) * (2 if "output_audio" in options else 1)
        assert sum(map(len, heard)) == pytest.approx(expected, abs=400)
