"""The embedded service and this library's own sessions, over loopback."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtaudio import RealtimeAgent, RealtimeSession, function_tool
from rtaudio.audio import AudioFormat, load
from rtaudio.server import RealtimeServer
from rtaudio.server.engines.script import ScriptResponder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SAMPLES = Path(__file__).parent.parent.parent / "samples"
VAD = {"type": "server_vad", "prefix_padding_ms": 0, "silence_duration_ms": 96}
SPOKEN_TURN = {"audio": {"input": {"turn_detection": VAD}}}


def level(seconds: float, value: int) -> np.ndarray[Any, Any]:
    return np.full(int(seconds * 16000), value, np.int16)


async def answer(events: Any) -> str:
    """The text of the next answer, spoken or written."""
    async for event in events:
        if event.type == "agent_end":
            return str(event.output)
        assert event.type != "error", event
    raise AssertionError("the session ended")


async def test_a_written_message_is_answered(engines: dict[str, Any]) -> None:
    agent = RealtimeAgent("Porter", "Be brief.")
    async with (
        RealtimeServer(**engines) as server,
        RealtimeSession(agent, url=server.url) as session,
    ):
        events = aiter(session)
        await session.send_message("Good morning")
        assert await answer(events) == "Good morning"
        assert [item.role for item in session.history] == ["user", "assistant"]
        assert session.usage.output_tokens == 2


async def test_speech_is_answered_aloud_and_its_words_are_in_the_history(
    engines: dict[str, Any], tone_voice: Any
) -> None:
    agent = RealtimeAgent("Porter", "Be brief.")
    async with (
        RealtimeServer(**engines, voice=tone_voice()) as server,
        RealtimeSession(
            agent, url=server.url, config=SPOKEN_TURN, input_audio=AudioFormat("pcm16", 16000)
        ) as session,
    ):
        heard = bytearray()
        session.on("audio", lambda event: heard.extend(event.data))
        events = aiter(session)
        await session.send_audio(level(0.512, 5000))
        await session.send_audio(level(0.512, 0))
        assert await answer(events) == "hello there"
        assert len(heard) >= 2 * 4800


async def test_speech_cuts_the_answer_in_the_history_too(
    engines: dict[str, Any], tone_voice: Any
) -> None:
    voice = tone_voice(asyncio.Event())
    agent = RealtimeAgent("Porter", "Be brief.")
    async with (
        RealtimeServer(**engines, voice=voice) as server,
        RealtimeSession(
            agent, url=server.url, config=SPOKEN_TURN, input_audio=AudioFormat("pcm16", 16000)
        ) as session,
    ):
        events = aiter(session)
        await session.send_audio(level(0.512, 5000))
        await session.send_audio(level(0.512, 0))
        async for event in events:
            if event.type == "audio":
                break
        await session.send_audio(level(0.512, 5000))
        async for event in events:
            assert event.type != "error", event
            if event.type == "audio_interrupted":
                break
        voice.gate.set()
        await session.send_audio(level(0.512, 0))
        for _ in range(2):  # the one that was cut ends as well
            assert await answer(events) == "hello there"
        assert [item.status for item in session.history if item.role == "assistant"] == [
            "incomplete",
            "completed",
        ]


async def test_a_tool_is_called_and_its_output_answered(engines: dict[str, Any]) -> None:
    asked: list[str] = []

    @function_tool
    async def weather(city: str) -> str:
        """Tell the weather."""
        asked.append(city)
        return "sun"

    rule = {
        "when": ["weather"],
        "say": "Let me see.",
        "call": "weather",
        "arguments": {"city": "Oslo"},
        "then": "There is {output}.",
    }
    agent = RealtimeAgent("Porter", "Be brief.", tools=[weather])
    async with (
        RealtimeServer(**engines, responder=ScriptResponder({"rules": [rule]})) as server,
        RealtimeSession(agent, url=server.url) as session,
    ):
        events = aiter(session)
        await session.send_message("What is the weather?")
        answers = [await answer(events)]
        while answers[-1] != "There is sun.":
            answers.append(await answer(events))
        assert asked == ["Oslo"]


async def test_an_answer_is_interrupted_by_the_application(engines: dict[str, Any]) -> None:
    class Endless:
        async def respond(self, items: Any, settings: Any, tools: Any) -> AsyncIterator[str]:
            del items, settings, tools
            yield "once"
            await asyncio.get_running_loop().create_future()

    agent = RealtimeAgent("Porter", "Be brief.")
    async with (
        RealtimeServer(**engines, responder=Endless()) as server,
        RealtimeSession(agent, url=server.url) as session,
    ):
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def look(event: Any) -> None:
            raw = event.event
            if raw["type"] == "response.output_text.delta":
                await session.interrupt()
            elif raw["type"] == "response.done":
                ended.set_result(raw["response"]["status_details"]["reason"])

        session.on("transport_event", look)
        await session.send_message("Tell a story.")
        assert await ended == "client_cancelled"


async def test_real_speech_is_answered_with_its_words(tone_voice: Any) -> None:
    clip = load(SAMPLES / "alice.flac")
    sound = AudioFormat("pcm16", clip.sample_rate, channels=clip.channels)
    agent = RealtimeAgent("Porter", "Be brief.")
    async with (
        RealtimeServer(voice=tone_voice()) as server,
        RealtimeSession(agent, url=server.url, input_audio=sound) as session,
    ):
        events = aiter(session)
        await session.send_audio(clip.samples)
        await session.send_audio(np.zeros_like(clip.samples))
        assert "sitting by her sister" in await answer(events)
