from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio import (
    AuthenticationError,
    ConfigError,
    ConnectionLost,
    RealtimeAgent,
    RealtimeSession,
    ReconnectPolicy,
    TransportError,
    function_tool,
)
from rtaudio.transports import ScriptedTransport

AT_ONCE = ReconnectPolicy(initial_delay_s=0, max_attempts=3)
LOST = ConnectionLost("gone")


def make(*, policy: ReconnectPolicy = AT_ONCE, **options: Any) -> tuple[Any, ScriptedTransport]:
    transport = ScriptedTransport()
    agent = RealtimeAgent("a", "be brief", tools=options.pop("tools", ()))
    session = RealtimeSession(agent, transport=transport, reconnect=policy, **options)
    return session, transport


class Told:
    """Events of a session, and a way to wait for one."""

    def __init__(self, session: RealtimeSession, *kinds: str) -> None:
        self.events: list[Any] = []
        self._arrived = asyncio.Event()
        for kind in kinds or ("reconnecting", "reconnected", "error"):
            session.on(kind, self._take)

    def _take(self, event: Any) -> None:
        self.events.append(event)
        self._arrived.set()

    @property
    def kinds(self) -> list[str]:
        return [event.type for event in self.events]

    async def until(self, kind: str) -> Any:
        while kind not in self.kinds:
            self._arrived.clear()
            await self._arrived.wait()
        return next(event for event in self.events if event.type == kind)


async def lose(session: Any, transport: ScriptedTransport) -> list[dict[str, Any]]:
    """Break the connection and wait for the next; returns what that was sent at first."""
    told = Told(session)
    known = len(transport.calls)
    transport.disconnect(LOST)
    await told.until("reconnected")
    await settle()
    return [call.event for call in transport.calls[known:] if call.method == "send_event"]


async def read_all(events: Any) -> list[str]:
    return [event.type async for event in events]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class TestPolicy:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("max_attempts", 0),
            ("max_attempts", 2.5),
            ("max_attempts", True),
            ("initial_delay_s", -1),
            ("initial_delay_s", float("nan")),
            ("factor", 0.5),
            ("max_delay_s", float("inf")),
            ("jitter", 1.5),
            ("replay", 1),
            ("resume_response", None),
            ("retry_if", "always"),
        ],
    )
    def test_a_wrong_field_is_named_with_its_value(self, field: str, value: Any) -> None:
        with pytest.raises(ConfigError) as refusal:
            ReconnectPolicy(**{field: value})
        assert field in str(refusal.value)
        assert repr(value) in str(refusal.value)

    def test_delays_grow_up_to_the_longest(self) -> None:
        policy = ReconnectPolicy(initial_delay_s=1, factor=3, max_delay_s=10, jitter=0)
        assert [policy.delay_s(n, 0.7) for n in (1, 2, 3, 4, 10_000)] == [1, 3, 9, 10, 10]

    @given(st.integers(1, 50), st.floats(0, 1), st.floats(0, 1))
    def test_chance_takes_away_no_more_than_its_share(
        self, attempt: int, jitter: float, chance: float
    ) -> None:
        whole = ReconnectPolicy(jitter=0).delay_s(attempt, chance)
        delay = ReconnectPolicy(jitter=jitter).delay_s(attempt, chance)
        assert whole * (1 - jitter) * (1 - 1e-9) <= delay <= whole


class TestAttempts:
    async def test_a_lost_connection_is_made_again_without_an_exception(self) -> None:
        session, transport = make()
        told = Told(session, "reconnecting", "reconnected", "error", "connection_change")
        async with session:
            transport.disconnect(LOST)
            reconnected = await told.until("reconnected")
            assert session.connection_state == "connected"
        assert reconnected.downtime_s >= 0
        first = told.events[3]
        assert (first.attempt, first.delay_s, first.error) == (1, 0, LOST)
        assert told.kinds[2:7] == [
            "connection_change",
            "reconnecting",
            "connection_change",
            "connection_change",
            "reconnected",
        ]

    async def test_without_a_policy_a_loss_is_final(self) -> None:
        transport = ScriptedTransport()
        session = RealtimeSession(None, transport=transport)
        await session.connect()
        events = aiter(session)
        transport.disconnect(LOST)
        with pytest.raises(ConnectionLost):
            await read_all(events)
        assert [call.method for call in transport.calls].count("connect") == 1

    async def test_every_attempt_has_a_fresh_key_and_the_same_address(self) -> None:
        keys = iter(("k1", "k2", "k3"))
        asked: list[str] = []

        def key() -> str:
            asked.append(next(keys))
            return asked[-1]

        class Keyed(ScriptedTransport):
            async def connect(self, options: Any) -> None:
                options.api_key()
                await super().connect(options)

        transport = Keyed()
        session = RealtimeSession(None, transport=transport, reconnect=AT_ONCE, api_key=key)
        await session.connect(url="ws://there/", model="m")
        await lose(session, transport)
        await session.close()
        connects = [call.options for call in transport.calls if call.method == "connect"]
        assert [(c["url"], c["model"]) for c in connects] == [("ws://there/", "m")] * 2
        assert asked == ["k1", "k2"]

    async def test_failed_attempts_are_repeated_until_one_succeeds(self) -> None:
        session, transport = make()
        told = Told(session)
        async with session:
            for word in ("no route", "still none"):
                transport.fail_next_call("connect", TransportError(word))
            transport.disconnect(LOST)
            await told.until("reconnected")
        attempts = [(e.attempt, str(e.error)) for e in told.events[:-1]]
        assert attempts == [(1, "gone"), (2, "no route"), (3, "still none")]

    async def test_when_attempts_run_out_the_session_ends_with_the_loss(self) -> None:
        session, transport = make()
        told = Told(session)
        await session.connect()
        events = aiter(session)
        for _ in range(3):
            transport.fail_next_call("connect", OSError("no route"))
        transport.disconnect(LOST)
        with pytest.raises(ConnectionLost):
            await read_all(events)
        assert told.kinds == ["reconnecting"] * 3 + ["error"]
        assert isinstance(told.events[-1].error, ConnectionLost)
        with pytest.raises(TransportError, match="not connected"):
            await session.send_message("hello?")

    async def test_a_refused_key_is_not_tried_again(self) -> None:
        session, transport = make()
        told = Told(session)
        async with session:
            transport.fail_next_call("connect", AuthenticationError("refused"))
            transport.disconnect(LOST)
            error = await told.until("error")
        assert told.kinds == ["reconnecting", "error"]
        assert isinstance(error.error, AuthenticationError)

    async def test_a_connection_that_the_service_closed_in_good_order_stays_closed(self) -> None:
        session, transport = make()
        await session.connect()
        events = aiter(session)
        transport.disconnect()
        kinds = await read_all(events)
        assert kinds == ["connection_change"]
        assert [call.method for call in transport.calls].count("connect") == 1

    async def test_close_ends_the_attempts(self) -> None:
        session, transport = make(policy=ReconnectPolicy(initial_delay_s=3600))
        await session.connect()
        events = aiter(session)
        transport.disconnect(LOST)
        await session.close()
        assert await read_all(events) == ["connection_change", "reconnecting"]
        assert [call.method for call in transport.calls].count("connect") == 1
        transport.assert_closed()

    async def test_connect_is_refused_while_attempts_go_on(self) -> None:
        session, transport = make(policy=ReconnectPolicy(initial_delay_s=3600))
        await session.connect()
        transport.disconnect(LOST)
        with pytest.raises(ConfigError, match="already"):
            await session.connect()
        await session.close()


class TestSameConversation:
    async def test_what_was_said_is_told_again_in_order(self, service: Any) -> None:
        session, transport = make()
        async with session:
            transport.emit(
                service.item("u1", "one"),
                service.item("a1", "two", role="assistant"),
                service.item("s1", "three", role="system"),
            )
            before = session.history
            first, *restored = await lose(session, transport)
            assert first["type"] == "session.update"
            assert [event["item"]["id"] for event in restored] == ["u1", "a1", "s1"]
            assert restored[1] == {
                "type": "conversation.item.create",
                "item": {
                    "type": "message",
                    "id": "a1",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "two"}],
                },
            }
            assert session.history == before

    async def test_without_replay_nothing_is_told_again(self, service: Any) -> None:
        session, transport = make(policy=ReconnectPolicy(initial_delay_s=0, replay=False))
        async with session:
            transport.emit(service.item("u1"))
            assert [event["type"] for event in await lose(session, transport)] == ["session.update"]
            assert [item.item_id for item in session.history] == ["u1"]

    async def test_the_echo_of_what_is_told_again_changes_nothing(self, service: Any) -> None:
        session, transport = make()
        async with session:
            spoken = service.item("a1", role="assistant")
            spoken["item"]["content"] = [{"type": "output_audio", "transcript": "said"}]
            transport.emit(spoken)
            before = session.history
            _, restored = await lose(session, transport)
            assert restored["item"]["content"] == [{"type": "output_text", "text": "said"}]
            told = Told(session, "history_added", "history_updated")
            transport.emit(
                {
                    "type": "conversation.item.added",
                    "event_id": "e",
                    "previous_item_id": None,
                    "item": restored["item"],
                }
            )
            assert session.history == before
            assert told.kinds == []

    async def test_a_message_that_was_not_confirmed_is_sent_again(self, service: Any) -> None:
        session, transport = make()
        async with session:
            await session.send_message("first")
            transport.emit(service.item("u1", "first"))
            await session.send_message("second")
            events = await lose(session, transport)
        texts = [
            event["item"]["content"][0]["text"]
            for event in events
            if event["type"] == "conversation.item.create"
        ]
        assert texts == ["first", "second"]

    async def test_requests_that_waited_are_made_on_the_new_connection(self) -> None:
        session, transport = make()
        async with session:
            await session.send_message("hello")
            events = await lose(session, transport)
            assert [event["type"] for event in events] == [
                "session.update",
                "conversation.item.create",
                "response.create",
            ]

    async def test_the_answer_that_was_broken_off_is_incomplete(self, service: Any) -> None:
        session, transport = make()
        told = Told(session, "agent_end")
        async with session:
            transport.emit(
                service.response("created"),
                {
                    "type": "response.output_text.delta",
                    "event_id": "e",
                    "response_id": "r1",
                    "item_id": "a1",
                    "output_index": 0,
                    "content_index": 0,
                    "delta": "half a sen",
                },
            )
            events = await lose(session, transport)
            (item,) = session.history
        assert (item.status, item.text) == ("incomplete", "half a sen")
        assert [(e.output, e.response_id) for e in told.events] == [("half a sen", "r1")]
        assert "response.create" not in [event["type"] for event in events]

    async def test_a_policy_can_ask_for_the_broken_answer_again(self, service: Any) -> None:
        session, transport = make(policy=ReconnectPolicy(initial_delay_s=0, resume_response=True))
        async with session:
            transport.emit(service.response("created"))
            events = await lose(session, transport)
            assert [event["type"] for event in events] == ["session.update", "response.create"]

    async def test_usage_agent_and_tracing_go_on(self, service: Any) -> None:
        session, transport = make(workflow_name="w")
        other = RealtimeAgent("b", "be long")
        async with session:
            transport.emit(service.created())
            transport.emit(service.response("done", usage={"input_tokens": 3, "output_tokens": 4}))
            await session.update_agent(other)
            told = Told(session)
            transport.disconnect(LOST)
            await told.until("reconnecting")
            await told.until("reconnected")
            transport.emit(service.created())
            await settle()
            assert session.usage.total_tokens == 7
            assert session.current_agent is other
            updates = [
                call.event["session"]
                for call in transport.calls
                if call.method == "send_event" and call.event["type"] == "session.update"
            ]
        assert updates[-2]["instructions"] == "be long"
        assert updates[-1]["tracing"] == {"workflow_name": "w"}

    async def test_what_is_said_meanwhile_waits_for_the_new_connection(self) -> None:
        session, transport = make(policy=ReconnectPolicy(initial_delay_s=0.001))
        async with session:
            transport.disconnect(LOST)
            await session.send_message("still there?")
            await settle()
            kinds = [call.event["type"] for call in transport.calls if call.method == "send_event"]
            assert kinds == [
                "session.update",
                "session.update",
                "conversation.item.create",
                "response.create",
            ]

    async def test_a_message_whose_writing_the_loss_cut_short_is_sent_once_more(self) -> None:
        session, transport = make()
        told = Told(session)
        async with session:
            transport.fail_next_call("send_event", LOST)
            await session.send_message("hello")
            known = len(transport.calls)
            transport.disconnect(LOST)
            await told.until("reconnected")
            await settle()
            events = [call.event for call in transport.calls[known:]]
            assert [event.get("type") for event in events] == [
                None,
                "session.update",
                "conversation.item.create",
                "response.create",
            ]
        assert told.kinds == ["reconnecting", "reconnected"]


class TestTools:
    async def test_calls_come_again_with_their_outputs(self, talk_with: Any) -> None:
        @function_tool
        async def add(a: int, b: int) -> int:
            return a + b

        async with talk_with(add, options={"reconnect": AT_ONCE}) as talk:
            talk.response("created")
            talk.call("add", {"a": 1, "b": 2})
            talk.response("done")
            await talk.settle()
            events = await lose(talk.session, talk.transport)
            call, output = (event["item"] for event in events[1:3])
        assert call == {
            "type": "function_call",
            "id": "i_c1",
            "call_id": "c1",
            "name": "add",
            "arguments": '{"a": 1, "b": 2}',
        }
        assert output == {"type": "function_call_output", "call_id": "c1", "output": "3"}

    async def test_a_tool_that_runs_on_answers_on_the_new_connection(self, talk_with: Any) -> None:
        go_on = asyncio.Event()

        @function_tool
        async def slow() -> str:
            await go_on.wait()
            return "done"

        async with talk_with(slow, options={"reconnect": AT_ONCE}) as talk:
            talk.response("created")
            talk.call("slow")
            talk.response("done")
            await talk.settle()
            events = await lose(talk.session, talk.transport)
            assert [event["item"]["type"] for event in events[1:]] == ["function_call"]
            assert talk.sent() == []
            go_on.set()
            await talk.settle()
            assert talk.sent() == [("c1", "done"), "create"]

    async def test_an_output_that_came_meanwhile_is_not_lost(self, talk_with: Any) -> None:
        go_on = asyncio.Event()

        @function_tool
        async def slow() -> str:
            await go_on.wait()
            return "done"

        policy = ReconnectPolicy(initial_delay_s=0.001)
        async with talk_with(slow, options={"reconnect": policy}) as talk:
            talk.response("created")
            talk.call("slow")
            talk.response("done")
            await talk.settle()
            told = Told(talk.session)
            talk.transport.disconnect(LOST)
            go_on.set()
            await talk.settle()
            await told.until("reconnected")
            await talk.settle()
            assert talk.sent() == [("c1", "done"), "create"]

    async def test_an_output_whose_writing_the_loss_cut_short_is_sent_once_more(
        self, talk_with: Any
    ) -> None:
        @function_tool
        async def add(a: int, b: int) -> int:
            return a + b

        async with talk_with(add, options={"reconnect": AT_ONCE}) as talk:
            talk.response("created")
            talk.transport.fail_next_call("send_event", LOST)
            talk.call("add", {"a": 1, "b": 2})
            await talk.settle()
            events = await lose(talk.session, talk.transport)
            assert [event.get("item", {}).get("type") for event in events[1:]] == [
                "function_call",
                "function_call_output",
                None,
            ]
            assert talk.kinds() == ["agent_tool_start", "agent_tool_end"]

    async def test_an_output_whose_writing_fails_only_after_the_new_connection_stands_follows_there(
        self, talk_with: Any, monkeypatch: Any
    ) -> None:
        @function_tool
        async def add(a: int, b: int) -> int:
            return a + b

        async with talk_with(add, options={"reconnect": AT_ONCE}) as talk:
            write, stuck = talk.transport.send_event, asyncio.Event()

            async def send_event(event: Any) -> None:
                if event["type"] == "conversation.item.create" and not stuck.is_set():
                    await stuck.wait()
                    raise LOST
                await write(event)

            monkeypatch.setattr(talk.transport, "send_event", send_event)
            talk.response("created")
            talk.call("add", {"a": 1, "b": 2})
            await talk.settle()
            known = len(talk.transport.calls)
            await lose(talk.session, talk.transport)
            stuck.set()
            await talk.settle()
            events = [call.event for call in talk.transport.calls[known:]]
            items = [event["item"]["type"] for event in events if "item" in event]
            assert items == ["function_call", "function_call_output"]
            assert talk.kinds() == ["agent_tool_start", "agent_tool_end"]
            assert talk.sent()[-1] == "create"

    async def test_what_waited_for_a_tool_is_taken_in_when_the_connection_is_lost(
        self, service: Any, talk_with: Any
    ) -> None:
        go_on = asyncio.Event()

        @function_tool
        async def slow() -> str:
            await go_on.wait()
            return "done"

        options = {"reconnect": AT_ONCE, "async_tool_calls": False}
        async with talk_with(slow, options=options) as talk:
            talk.response("created")
            talk.call("slow")
            talk.transport.emit(service.item("m1"))
            talk.response("done")
            await talk.settle()
            events = await lose(talk.session, talk.transport)
            assert [event["item"]["type"] for event in events[1:]] == ["function_call", "message"]
            talk.transport.emit(service.item("m2"))
            assert [item.item_id for item in talk.session.history] == ["i_c1", "m1"]
            go_on.set()
            await talk.settle()
            assert [item.item_id for item in talk.session.history] == ["i_c1", "m1", "m2"]
            assert talk.sent() == [("c1", "done"), "create"]

    async def test_a_decision_about_a_call_counts_on_the_new_connection(
        self, talk_with: Any
    ) -> None:
        @function_tool(needs_approval=True)
        async def launch() -> str:
            return "launched"

        async with talk_with(launch, options={"reconnect": AT_ONCE}) as talk:
            talk.response("created")
            talk.call("launch")
            talk.response("done")
            await talk.settle()
            await lose(talk.session, talk.transport)
            asked = next(e for e in talk.events if e.type == "tool_approval_requested")
            await talk.session.approve(asked.approval)
            await talk.settle()
            assert talk.sent() == [("c1", "launched"), "create"]
