"""Another connection before the service ends the session."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from recording_service import RecordingService

from rtaudio import RealtimeAgent, RealtimeSession, ReconnectPolicy
from rtaudio.transports import FakeClock, ScriptedTransport, WebSocketTransport

AT_ONCE = ReconnectPolicy(initial_delay_s=0)
HOUR_S = 3600.0


class Talk:
    """A session with a service that ends it after an hour, by a clock that is moved by hand."""

    def __init__(self, policy: ReconnectPolicy | None = AT_ONCE) -> None:
        self.clock = FakeClock()
        self.transport = ScriptedTransport()
        self.transport.clock = self.clock
        self.told: list[Any] = []
        self.session = RealtimeSession(
            RealtimeAgent("a"), transport=self.transport, tracing_disabled=True, reconnect=policy
        )
        for kind in ("reconnecting", "reconnected", "error"):
            self.session.on(kind, self.told.append)

    async def __aenter__(self) -> Talk:
        attempt = asyncio.ensure_future(self.session.connect())
        await self.transport.expect_call("connect")
        self.emit("session.created", session={"expires_at": time.time() + HOUR_S})
        await attempt
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()

    def emit(self, kind: str, **fields: Any) -> None:
        self.transport.emit({"type": kind, "event_id": "e", **fields})

    @property
    def kinds(self) -> list[str]:
        return [event.type for event in self.told]

    @property
    def connections(self) -> int:
        return sum(call.method == "connect" for call in self.transport.calls)


async def test_a_session_that_is_quiet_goes_on_over_another_connection_before_the_end() -> None:
    async with Talk() as talk:
        await talk.session.send_message("remember me")
        content = [{"type": "input_text", "text": "remember me"}]
        item = {"id": "i", "type": "message", "role": "user", "content": content}
        talk.emit("conversation.item.added", item=item)
        talk.emit("response.created", response={"id": "r", "output": []})
        talk.emit("response.done", response={"id": "r", "output": []})
        await talk.clock.advance(HOUR_S - 200)
        assert talk.connections == 1
        await talk.clock.advance(30)
        assert talk.connections == 2
        assert talk.kinds == ["reconnecting", "reconnected"]
        assert talk.told[0].error.code == "session_expired"
        assert talk.told[0].delay_s == 0
        created = [
            call.event["item"].get("id")
            for call in talk.transport.calls
            if call.method == "send_event" and call.event["type"] == "conversation.item.create"
        ]
        assert created[-1] == "i"
        assert [item.text for item in talk.session.history] == ["remember me"]


async def test_an_answer_and_a_turn_of_the_user_are_waited_for() -> None:
    async with Talk() as talk:
        talk.emit("response.created", response={"id": "r", "output": []})
        await talk.clock.advance(HOUR_S - 100)
        talk.emit("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
        talk.emit("response.done", response={"id": "r", "output": []})
        await talk.clock.advance(1)
        assert talk.connections == 1
        talk.emit("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=500)
        await talk.clock.advance(1)
        assert talk.connections == 1
        talk.emit("input_audio_buffer.committed", item_id="u")
        await talk.clock.advance(1)
        assert talk.connections == 2
        assert talk.kinds == ["reconnecting", "reconnected"]


async def test_where_no_moment_is_quiet_the_last_one_is_taken() -> None:
    async with Talk() as talk:
        talk.emit("response.created", response={"id": "r", "output": []})
        await talk.clock.advance(HOUR_S - 20)
        assert talk.connections == 1
        await talk.clock.advance(10)
        assert talk.connections == 2


async def test_a_session_that_has_expired_is_replaced_at_once_and_no_error_is_told() -> None:
    async with Talk() as talk:
        error = {"type": "invalid_request_error", "code": "session_expired", "message": "60 min"}
        talk.emit("error", error=error)
        await talk.clock.advance(0)
        assert talk.connections == 2
        assert talk.kinds == ["reconnecting", "reconnected"]


async def test_without_a_policy_the_error_is_told_and_nothing_is_replaced() -> None:
    async with Talk(None) as talk:
        error = {"type": "invalid_request_error", "code": "session_expired", "message": "60 min"}
        talk.emit("error", error=error)
        await talk.clock.advance(HOUR_S)
        assert talk.connections == 1
        assert talk.kinds == ["error"]


async def test_a_new_connection_counts_from_its_own_beginning() -> None:
    async with Talk() as talk:
        await talk.clock.advance(HOUR_S - 170)
        assert talk.connections == 2
        # It has not told when it ends.
        await talk.clock.advance(2 * HOUR_S)
        assert talk.connections == 2


async def test_a_limit_may_be_told_after_the_connection_stands() -> None:
    talk = Talk()
    await talk.session.connect()
    talk.emit("session.created", session={"expires_at": time.time() + HOUR_S})
    await talk.clock.advance(HOUR_S)
    assert talk.connections == 2
    await talk.session.close()


async def test_a_session_that_was_closed_is_left_alone() -> None:
    async with Talk() as talk:
        await talk.session.close()
        await talk.clock.advance(2 * HOUR_S)
        assert talk.connections == 1
        assert talk.clock.sleepers == 0


@pytest.mark.parametrize("expires_at", [None, "soon", 0, time.time() - 5])
async def test_a_limit_that_is_none_or_past_is_not_heeded(expires_at: Any) -> None:
    talk = Talk()
    attempt = asyncio.ensure_future(talk.session.connect())
    await talk.transport.expect_call("connect")
    talk.emit("session.created", session={"expires_at": expires_at})
    await attempt
    assert talk.clock.sleepers == 0
    await talk.session.close()


@pytest.mark.parametrize("engine", ["websockets", "picows"])
async def test_over_real_sockets_the_users_sound_goes_on(engine: Any) -> None:
    if engine == "picows":
        pytest.importorskip("picows")
    async with RecordingService(expires_in_s=0.1) as service:
        again, told = asyncio.Event(), asyncio.Event()
        items: list[str] = []
        session = RealtimeSession(
            RealtimeAgent("a"),
            transport=WebSocketTransport(service.url, engine=engine),
            config={"audio": {"input": {"turn_detection": None}}},
            reconnect=AT_ONCE,
        )
        session.on("reconnected", lambda _: again.set())
        session.on("input_audio_committed", lambda e: (items.append(e.item_id), told.set()))
        await session.connect()
        service.expires_in_s = None
        await session.send_audio(b"ab" * 480)
        await again.wait()
        await session.send_audio(b"cd" * 480, commit=True)
        await told.wait()
        assert service.items[items[0]] == b"ab" * 480 + b"cd" * 480
        assert len(service.sessions) == 2
        await session.close()
