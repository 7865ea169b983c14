"""Calls over WebRTC: by a client of nothing but aiortc, and by this library's own transport."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from rtaudio import RealtimeAgent, RealtimeSession, function_tool
from rtaudio.audio import AudioFormat
from rtaudio.server import Limits, RealtimeServer
from rtaudio.server.engines.script import ScriptResponder
from rtaudio.transports import WebRTCTransport

pytest.importorskip("aiortc", reason="CALLS ARE NOT TESTED: pip install 'rtaudio[webrtc]'")
from call_client import CallClient, in_call, kinds, tone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SAMPLES = Path(__file__).parents[3] / "samples"
VAD = {"type": "server_vad", "prefix_padding_ms": 0, "silence_duration_ms": 400}
LISTENS = {"type": "realtime", "audio": {"input": {"turn_detection": VAD}}}
TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]
ENDING = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]
BEGINNING = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
]


@asynccontextmanager
async def call(
    server: RealtimeServer, session: dict[str, Any] | None = None
) -> AsyncIterator[CallClient]:
    """A client in a call, past `session.created`."""
    async with in_call(server.calls_url, session) as (client, _):
        yield client


async def test_an_answer_is_heard_and_told_of_in_the_protocols_order(
    engines: dict[str, Any], tone_voice: Any
) -> None:
    async with RealtimeServer(**engines, voice=tone_voice()) as server, call(server) as client:
        assert server.sessions == 1
        await client.write("one two three four")
        events = await client.until("output_audio_buffer.stopped")
        order = kinds(events)
        assert "response.output_audio.delta" not in [event["type"] for event in events]
        started = order.index("output_audio_buffer.started")
        assert started > order.index("response.content_part.added")
        order.pop(started)
        assert order == [
            "conversation.item.added",
            "conversation.item.done",
            *BEGINNING,
            *ENDING,
            "rate_limits.updated",
            "output_audio_buffer.stopped",
        ]
        await client.hears(20)  # four words of 100 ms


async def test_what_is_said_is_answered(engines: dict[str, Any], tone_voice: Any) -> None:
    async with (
        RealtimeServer(**engines, voice=tone_voice()) as server,
        call(server, LISTENS) as client,
    ):
        client.microphone.say(tone(0.4))
        events = await client.until("output_audio_buffer.stopped")
        order = [kind for kind in kinds(events) if kind != "output_audio_buffer.started"]
        assert order[: len(TURN) + 1] == [*TURN, "response.created"]
        said = "".join(event.get("delta", "") for event in events)
        assert said == "hello there"


async def test_speech_interrupts_what_is_heard_and_truncates_it_there(
    engines: dict[str, Any], tone_voice: Any
) -> None:
    async with (
        RealtimeServer(**engines, voice=tone_voice()) as server,
        call(server, LISTENS) as client,
    ):
        # All of it is made long before it is heard.
        await client.write(" ".join(["word"] * 60))
        *_, started = await client.until("output_audio_buffer.started")
        before = await client.until("rate_limits.updated")
        item = next(event["item"] for event in before if event["type"].endswith("item.done"))
        client.microphone.say(tone(0.3))
        events = await client.until("conversation.item.truncated")
        assert kinds(events) == [
            "input_audio_buffer.speech_started",
            "output_audio_buffer.cleared",
            "conversation.item.truncated",
        ]
        assert events[1]["response_id"] == started["response_id"]
        cut = events[-1]
        assert (cut["item_id"], cut["content_index"]) == (item["id"], 0)
        assert 0 < cut["audio_end_ms"] < 6000  # all of it
        client.send("conversation.item.retrieve", item_id=item["id"])
        *_, event = await client.until("conversation.item.retrieved")
        (part,) = event["item"]["content"]
        assert "transcript" not in part
        *_, done = await client.until("response.done")
        assert done["response"]["status"] == "completed"  # that to the interruption


async def test_speech_interrupts_what_is_still_being_made(
    engines: dict[str, Any], tone_voice: Any
) -> None:
    voice = tone_voice(asyncio.Event())
    async with RealtimeServer(**engines, voice=voice) as server, call(server, LISTENS) as client:
        await client.write("one two three four")
        await client.until("output_audio_buffer.started")
        client.microphone.say(tone(0.3))
        events = await client.until("conversation.item.truncated")
        assert [kind for kind in kinds(events) if kind != "rate_limits.updated"] == [
            "input_audio_buffer.speech_started",
            "output_audio_buffer.cleared",
            *ENDING,
            "conversation.item.truncated",
        ]
        done = next(event for event in events if event["type"] == "response.done")
        assert done["response"]["status_details"]["reason"] == "turn_detected"
        assert events[-1]["audio_end_ms"] == 100  # the only word that was said


async def test_a_client_can_cancel_and_clear_by_itself(
    engines: dict[str, Any], tone_voice: Any
) -> None:
    async with RealtimeServer(**engines, voice=tone_voice()) as server, call(server) as client:
        client.send("output_audio_buffer.clear", event_id="nothing to clear")
        await client.write(" ".join(["word"] * 150))
        await client.until("output_audio_buffer.started")
        client.send("response.cancel")
        client.send("output_audio_buffer.clear")
        events = await client.until("conversation.item.truncated")
        order = [kind for kind in kinds(events) if kind != "rate_limits.updated"]
        assert order == [*ENDING, "output_audio_buffer.cleared", "conversation.item.truncated"]
        await client.write("again")
        *_, stopped = await client.until("output_audio_buffer.stopped")
        assert stopped["response_id"] != events[0]["response_id"]


async def test_sound_in_events_is_for_other_transports(
    engines: dict[str, Any],
) -> None:
    async with RealtimeServer(**engines) as server, call(server) as client:
        client.send("input_audio_buffer.append", audio="AAAA", event_id="mine")
        event = await client.next()
        assert event["error"]["code"] == "invalid_event_for_transport"
        assert event["error"]["event_id"] == "mine"


async def test_a_turn_ends_though_the_client_sends_nothing_any_more(
    engines: dict[str, Any],
) -> None:
    session = {
        "type": "realtime",
        "audio": {"input": {"turn_detection": {**VAD, "silence_duration_ms": 1500}}},
    }
    async with RealtimeServer(**engines) as server, call(server, session) as client:
        client.microphone.say(tone(0.3))
        await client.until("input_audio_buffer.speech_started")
        client.microphone.stop()
        await client.until("input_audio_buffer.speech_stopped")


async def test_push_to_talk_takes_what_was_said_since_the_buffer_was_cleared(
    engines: dict[str, Any],
) -> None:
    session = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    async with RealtimeServer(**engines) as server, call(server, session) as client:
        client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        client.send("input_audio_buffer.commit")
        assert (await client.next())["error"]["code"] == "input_audio_buffer_commit_empty"
        while True:
            client.send("input_audio_buffer.commit")
            if (await client.next())["type"] == "input_audio_buffer.committed":
                break
        client.send("response.create")
        await client.until("response.done")


# Attaching, hanging up, going away.


async def test_another_client_attaches_to_a_call_sees_its_events_and_sends_its_own(
    engines: dict[str, Any], tone_voice: Any
) -> None:
    async with (
        RealtimeServer(**engines, voice=tone_voice()) as server,
        call(server) as client,
        connect(f"{server.url}?call_id={client.call_id}") as side,
    ):
        await side.send(json.dumps({"type": "session.update", "session": LISTENS}))
        seen = json.loads(await side.recv())
        assert seen["type"] == "session.updated"
        assert await client.next() == seen
        await client.write("one two")
        events = await client.until("output_audio_buffer.stopped")
        assert [json.loads(await side.recv()) for _ in events] == events
        await side.send(json.dumps({"type": "input_audio_buffer.append", "audio": "AAAA"}))
        assert json.loads(await side.recv())["error"]["code"] == "invalid_event_for_transport"
        await client.close()
        with pytest.raises(ConnectionClosed) as closed:
            await side.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
        assert server.sessions == 0


async def test_a_call_goes_on_when_who_was_attached_leaves(engines: dict[str, Any]) -> None:
    async with RealtimeServer(**engines) as server, call(server) as client:
        async with connect(f"{server.url}?call_id={client.call_id}"):
            pass
        await client.write("hello")
        await client.until("response.done")


async def test_attaching_to_a_call_that_does_not_exist_is_refused(engines: dict[str, Any]) -> None:
    async with (
        RealtimeServer(**engines) as server,
        connect(f"{server.url}?call_id=rtc_unknown") as side,
    ):
        assert json.loads(await side.recv())["error"]["code"] == "call_id_not_found"
        with pytest.raises(ConnectionClosed) as closed:
            await side.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.reason == "invalid_request_error.call_id_not_found"


async def test_the_service_ends_calls_when_it_ends(engines: dict[str, Any]) -> None:
    server = RealtimeServer(**engines)
    await server.__aenter__()
    async with call(server) as client:
        await server.__aexit__(None, None, None)
        await client.closed.wait()
    assert server.sessions == 0


async def test_a_client_that_hangs_up_makes_room_for_another(engines: dict[str, Any]) -> None:
    async with RealtimeServer(**engines, limits=Limits(sessions=1)) as server:
        async with (
            call(server) as client,
            connect(f"{server.url}?call_id={client.call_id}") as side,
        ):
            await client.close()
            await side.wait_closed()
        async with call(server):
            assert server.sessions == 1


async def test_a_client_that_vanishes_is_noticed(
    engines: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Sooner than in ten seconds.
    monkeypatch.setattr("rtaudio.transports.peer.WATCH_S", 0.2)
    monkeypatch.setattr("rtaudio.transports.peer.GRACE_S", 0.3)
    monkeypatch.setattr("aioice.stun.RETRY_RTO", 0.1)
    async with (
        RealtimeServer(**engines) as server,
        call(server) as client,
        connect(f"{server.url}?call_id={client.call_id}") as side,
    ):
        client.cut()
        await side.wait_closed()
        assert server.sessions == 0


async def test_a_client_that_never_connects_is_given_up(
    engines: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtaudio.server.calls.call_line.OPENING_S", 0.1)
    client = CallClient()
    async with RealtimeServer(**engines) as server:
        import aiohttp

        offer = await client.offer()
        async with (
            aiohttp.ClientSession() as http,
            http.post(
                server.calls_url, data=offer, headers={"Content-Type": "application/sdp"}
            ) as response,
        ):
            call_id = response.headers["Location"].rpartition("/")[2]
            assert server.sessions == 1
        async with connect(f"{server.url}?call_id={call_id}") as side:
            await side.wait_closed()
        assert server.sessions == 0
    await client.close()


async def test_a_session_whose_time_is_over_says_so_before_the_call_ends(
    engines: dict[str, Any],
) -> None:
    limits = Limits(session_s=0.5)
    async with RealtimeServer(**engines, limits=limits) as server, call(server) as client:
        event = await client.next()
        assert event["error"]["code"] == "session_expired"
        await client.closed.wait()


async def test_who_says_nothing_after_an_answer_was_heard_is_asked_again(
    engines: dict[str, Any], tone_voice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtaudio.server.config.SessionConfig.idle_timeout_ms", 300)
    async with (
        RealtimeServer(**engines, voice=tone_voice()) as server,
        call(server, LISTENS) as client,
    ):
        await client.write("one two three four five six seven eight")
        events = await client.until("input_audio_buffer.timeout_triggered")
        assert "output_audio_buffer.stopped" in kinds(events)


# This library's own transport.


async def test_a_session_of_this_library_talks_over_a_call(
    engines: dict[str, Any], tone_voice: Any
) -> None:
    agent = RealtimeAgent("Porter", "Be brief.")
    async with RealtimeServer(**engines, voice=tone_voice()) as server:
        transport = WebRTCTransport(server.calls_url)
        async with RealtimeSession(agent, transport=transport) as session:
            assert (transport.call_id or "").startswith("rtc_")
            heard = bytearray()
            session.on("audio", lambda event: heard.extend(event.data))
            events = aiter(session)
            await session.send_message("Good morning")
            async for event in events:
                assert event.type != "error"
                if event.type == "audio_stopped":
                    break
            assert len(heard) >= 2 * 24000 // 5
            assert [item.role for item in session.history] == ["user", "assistant"]


async def test_functions_are_called_over_a_call(engines: dict[str, Any], tone_voice: Any) -> None:
    asked: list[str] = []

    @function_tool
    async def weather(city: str) -> str:
        """Tell the weather."""
        asked.append(city)
        return "sun"

    rule = {"when": ["weather"], "call": "weather", "arguments": {"city": "Rome"}}
    responder = ScriptResponder({"rules": [rule]})
    agent = RealtimeAgent("Porter", "Be brief.", tools=[weather])
    async with (
        RealtimeServer(**engines, voice=tone_voice(), responder=responder) as server,
        RealtimeSession(agent, transport=WebRTCTransport(server.calls_url)) as session,
    ):
        events = aiter(session)
        await session.send_message("What is the weather in Rome?")
        async for event in events:
            assert event.type != "error", event.error
            if event.type == "agent_end" and asked:
                break
        assert asked == ["Rome"]


async def test_real_speech_is_answered_with_its_words(tone_voice: Any) -> None:
    agent = RealtimeAgent("Porter", "Be brief.")
    async with RealtimeServer(voice=tone_voice()) as server:
        transport = WebRTCTransport(server.calls_url, microphone=str(SAMPLES / "alice.flac"))
        async with RealtimeSession(agent, transport=transport) as session:
            async for event in session:
                assert event.type != "error"
                if event.type == "agent_end":
                    break
            assert "sitting by her sister" in str(event.output)


async def test_a_session_learns_how_much_was_heard_of_an_interrupted_answer(
    engines: dict[str, Any], tone_voice: Any
) -> None:
    agent = RealtimeAgent("Porter", "Be brief.")
    sound = AudioFormat("pcm16", 48_000)
    async with (
        RealtimeServer(**engines, voice=tone_voice()) as server,
        RealtimeSession(
            agent,
            transport=WebRTCTransport(server.calls_url),
            config={"audio": LISTENS["audio"]},
            input_audio=sound,
        ) as session,
    ):
        events = aiter(session)
        await session.send_message(" ".join(["word"] * 60))
        async for event in events:
            if event.type == "audio":
                break
        await session.send_audio(tone(0.3))
        async for event in events:
            assert event.type != "error"
            if event.type == "audio_interrupted":
                break
        async for event in events:
            if event.type == "transport_event" and event.event["type"] == (
                "conversation.item.truncated"
            ):
                break
        cut = session.history[1]
        assert 0 < cut.audio_end_ms < 6000  # all of it


async def test_a_fault_of_the_service_ends_the_call_and_no_more(
    engines: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("what somebody said")

    async with RealtimeServer(**engines) as server, call(server) as client:
        monkeypatch.setattr("rtaudio.server.connection.Connection._receive", fail)
        client.send("response.create")
        await client.closed.wait()
        monkeypatch.undo()
        async with call(server) as another:
            await another.write("hello")
            await another.until("response.done")
    assert "a call failed: RuntimeError" in caplog.text
    assert "somebody" not in caplog.text
