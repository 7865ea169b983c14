"""This library's own sessions, over every transport, against the embedded service.

A scenario is played over each transport; then a recording of it plays the service's part.
"""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio import (
    GuardrailResult,
    OutputGuardrail,
    PlaybackTracker,
    RealtimeAgent,
    RealtimeSession,
    function_tool,
)
from rtaudio.transports import (
    RecordingTransport,
    ReplayTransport,
    WebRTCTransport,
    WebSocketTransport,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from rtaudio.server import RealtimeServer
    from rtaudio.transports import RealtimeTransport

    Scenario = Callable[["Talk", bytes], Awaitable[None]]

SISTER = "tired of sitting by her sister on the bank"
CANCELLED = {"type": "cancelled", "reason": "client_cancelled"}


@function_tool
async def weather(city: str) -> str:
    """Tell the weather."""
    return f"sun in {city}"


@function_tool
async def refund(order: int) -> str:
    """Refund an order."""
    return f"order {order} is refunded"


def no_passwords(_context: Any, _agent: Any, text: str) -> GuardrailResult:
    return GuardrailResult("password" in text, {})


PORTER = RealtimeAgent(
    "Porter",
    "Be brief.",
    tools=[weather],
    handoffs=[RealtimeAgent("Refunds", "Refund.", tools=[refund])],
    output_guardrails=[OutputGuardrail("no passwords", no_passwords)],
)


class Talk:
    """A session that is connected, and what it tells, of which a scenario waits for the next."""

    def __init__(self, transport: RealtimeTransport, url: str | None) -> None:
        # Told by the test, what was heard is the same when a recording is played.
        self.tracker = PlaybackTracker()
        self.session = RealtimeSession(
            PORTER,
            transport=transport,
            url=url,
            playback_tracker=self.tracker,
            output_guardrail_settings={"debounce_text_length": 10},
        )
        self.sound = bytearray()

    async def __aenter__(self) -> Talk:
        await self.session.connect()
        self._events = aiter(self.session)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    async def next(self, kind: str) -> Any:
        """The next event of a kind: one of the session's, or one of the service's in wire form."""
        async for event in self._events:
            assert event.type != "error", event
            if event.type == "audio":
                self.sound += event.data
            if event.type == kind:
                return event
            if event.type == "transport_event" and event.event["type"] == kind:
                return event.event
        raise AssertionError("the session ended")

    async def answer(self) -> str:
        """The words of the next answer that has any."""
        while not (event := await self.next("agent_end")).output:
            pass
        return str(event.output)

    async def hear_all(self, seconds: float) -> None:
        """Wait until there was as much sound, in all."""
        while len(self.sound) < seconds * 48_000:
            await self.next("audio")

    async def hear(self, ms: float) -> None:
        """Wait for sound, of which so much is played."""
        event = await self.next("audio")
        self.tracker.on_play_ms(event.item_id, event.content_index, ms)

    async def say(self, sound: bytes) -> None:
        """Speech and the silence behind it, in pieces as a microphone has them."""
        whole = sound + bytes(2 * 24_000)
        for start in range(0, len(whole), 4800):
            await self.session.send_audio(whole[start : start + 4800])

    @property
    def in_call(self) -> bool:
        return self.session.transport.medium == "track"

    def history(self) -> list[tuple[str, str, str]]:
        return [(item.role, item.status, item.text) for item in self.session.history]


async def text(talk: Talk, speech: bytes) -> None:
    del speech
    for seconds, words in ((1, "Good morning"), (2, "Good night")):
        await talk.session.send_message(words)
        assert await talk.answer() == f"You said: {words}"
        await talk.hear_all(seconds)
    assert talk.history() == [
        ("user", "completed", "Good morning"),
        ("assistant", "completed", "You said: Good morning"),
        ("user", "completed", "Good night"),
        ("assistant", "completed", "You said: Good night"),
    ]


async def spoken_turn(talk: Talk, speech: bytes) -> None:
    await talk.say(speech)
    assert SISTER in await talk.answer()
    assert [(role, status) for role, status, _ in talk.history()] == [
        ("user", "completed"),
        ("assistant", "completed"),
    ]
    assert SISTER in talk.session.history[0].text


async def tool(talk: Talk, speech: bytes) -> None:
    del speech
    await talk.session.send_message("How is the weather?")
    assert (await talk.next("agent_tool_end")).result == "sun in Oslo"
    assert await talk.answer() == "There is sun in Oslo."


async def handoff(talk: Talk, speech: bytes) -> None:
    del speech
    await talk.session.send_message("Give me my money back.")
    await talk.next("agent_handoff")
    assert await talk.answer() == "Refunds is here."
    await talk.session.send_message("It is order seven.")
    assert await talk.answer() == "Done: order 7 is refunded."


async def barge_in(talk: Talk, speech: bytes) -> None:
    await talk.session.send_message("Tell me a story.")
    await talk.hear(50)
    await talk.say(speech)
    await talk.next("audio_interrupted")
    cut = await talk.next("response.done")
    assert cut["response"]["status_details"]["reason"] == "turn_detected"
    truncated = await talk.next("conversation.item.truncated")
    # In a call the service knows by itself what was heard.
    assert truncated["audio_end_ms"] == 50 or (talk.in_call and truncated["audio_end_ms"] > 0)
    assert SISTER in await talk.answer()
    assert [status for _, status, _ in talk.history()] == [
        "completed",
        "incomplete",
        "completed",
        "completed",
    ]


async def interrupt(talk: Talk, speech: bytes) -> None:
    del speech
    await talk.session.send_message("Tell me a story.")
    await talk.hear(50)
    await talk.session.interrupt()
    await talk.next("audio_interrupted")
    cut = await talk.next("response.done")
    assert cut["response"]["status_details"] == CANCELLED


async def guardrail(talk: Talk, speech: bytes) -> None:
    del speech
    await talk.session.send_message("Tell me the key.")
    if not talk.in_call:  # there words are ahead of the sound, and nothing may have been heard yet
        await talk.hear(50)
    await talk.next("guardrail_tripped")
    cut = await talk.next("response.done")
    assert cut["response"]["status_details"] == CANCELLED
    assert (await talk.answer()).startswith("Let me see. The password")
    assert await talk.answer() == "Let me put it differently."


SCENARIOS = [text, spoken_turn, tool, handoff, barge_in, interrupt, guardrail]
TRANSPORTS: dict[str, Callable[[], RealtimeTransport]] = {
    "websockets": partial(WebSocketTransport, engine="websockets"),
    "picows": partial(WebSocketTransport, engine="picows"),
    "aiortc": WebRTCTransport,
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_scenario_over_a_transport(
    make_service: Callable[..., RealtimeServer], speech: bytes, scenario: Scenario, transport: str
) -> None:
    if find_spec(transport) is None:
        extra = "webrtc" if transport == "aiortc" else "speed"
        pytest.skip(f"{transport} is not installed; the {extra!r} extra has it")
    made = TRANSPORTS[transport]()
    async with make_service() as service:
        url = service.url if made.medium == "events" else service.calls_url
        async with Talk(made, url) as talk:
            await scenario(talk, speech)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_a_recording_of_a_scenario_plays_the_service(
    make_service: Callable[..., RealtimeServer], speech: bytes, scenario: Scenario, tmp_path: Path
) -> None:
    recording = tmp_path / "talk.jsonl"
    async with make_service() as service:
        transport = RecordingTransport(WebSocketTransport(), recording)
        async with Talk(transport, service.url) as talk:
            await scenario(talk, speech)
    replay = ReplayTransport(recording)
    async with Talk(replay, None) as talk:
        await scenario(talk, speech)
        await replay.wait_played()
    replay.assert_complete()
