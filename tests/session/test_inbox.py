"""One event after the other, where the application wants tools to finish first."""

from __future__ import annotations

import asyncio
from typing import Any

from rtaudio import ConnectionLost, ToolError, function_tool

ONE_BY_ONE = {"async_tool_calls": False}


class Gate:
    """A tool that finishes when the test lets it."""

    def __init__(self, **settings: Any) -> None:
        self.open = asyncio.Event()
        self.runs = 0

        async def wait() -> str:
            self.runs += 1
            await self.open.wait()
            self.open.clear()
            return "done"

        self.tool = function_tool(**settings)(wait)


async def test_the_next_event_is_taken_in_when_the_tool_has_finished(service, talk_with):
    gate = Gate()
    async with talk_with(gate.tool, options=ONE_BY_ONE) as talk:
        seen: list[Any] = []
        talk.session.on("transport_event", lambda event: seen.append(event.event["type"]))
        talk.response("created")
        talk.call("wait")
        talk.transport.emit(service.item("m1"), b"no event", service.item("m2"))
        talk.response("done")
        await talk.settle()
        assert seen == ["response.created", "response.output_item.done"]
        assert [item.item_id for item in talk.session.history] == ["i_c1"]
        gate.open.set()
        await talk.settle()
        assert seen[2:] == ["conversation.item.done", "conversation.item.done", "response.done"]
        assert [item.item_id for item in talk.session.history] == ["i_c1", "m1", "m2"]
        assert talk.kinds() == ["agent_tool_start", "agent_tool_end", "error"]
        assert talk.sent() == [("c1", "done"), "create"]


async def test_by_default_the_conversation_goes_on(service, talk_with):
    gate = Gate()
    async with talk_with(gate.tool) as talk:
        talk.response("created")
        talk.call("wait")
        talk.transport.emit(service.item("m1"))
        assert [item.item_id for item in talk.session.history] == ["i_c1", "m1"]


async def test_calls_run_one_at_a_time(talk_with):
    gate = Gate()
    async with talk_with(gate.tool, options=ONE_BY_ONE) as talk:
        talk.response("created")
        for call_id in ("c1", "c2", "c3"):
            talk.call("wait", call_id=call_id)
        for runs in (1, 2, 3):
            await talk.settle()
            assert gate.runs == runs
            gate.open.set()
        await talk.settle()
        assert talk.sent() == [("c1", "done"), ("c2", "done"), ("c3", "done")]


async def test_a_call_that_waits_for_a_person_holds_nothing_up(service, talk_with):
    gate = Gate(needs_approval=True)
    async with talk_with(gate.tool, options=ONE_BY_ONE) as talk:
        talk.response("created")
        talk.call("wait")
        await talk.settle()
        talk.transport.emit(service.item("m1"))
        assert [item.item_id for item in talk.session.history] == ["i_c1", "m1"]
        await talk.session.approve(talk.events[0].approval)
        talk.transport.emit(service.item("m2"))
        assert len(talk.session.history) == 2
        gate.open.set()
        await talk.settle()
        assert len(talk.session.history) == 3


async def test_more_than_the_limit_does_not_wait_and_is_told(service, talk_with):
    gate = Gate()
    options = {**ONE_BY_ONE, "max_queued_events": 2}
    async with talk_with(gate.tool, options=options) as talk:
        talk.response("created")
        talk.call("wait")
        talk.transport.emit(service.item("m1"), service.item("m2"))
        assert len(talk.session.history) == 1
        waiting = talk.session.stats.queues["inbox"]
        assert (waiting.size, waiting.bound, waiting.lost) == (2, 2, 0)
        talk.transport.emit(service.item("m3"))
        waiting = talk.session.stats.queues["inbox"]
        assert (waiting.size, waiting.policy, waiting.lost) == (0, "raise", 3)
        assert [item.item_id for item in talk.session.history] == ["i_c1", "m1", "m2", "m3"]
        assert isinstance(talk.events[-1].error, ToolError)
        gate.open.set()
        await talk.settle()
        assert talk.sent() == [("c1", "done")]


async def test_what_arrived_before_a_connection_was_lost_is_taken_in_but_not_answered(
    service, talk_with
):
    gate = Gate()
    async with talk_with(gate.tool, options=ONE_BY_ONE) as talk:
        talk.response("created")
        talk.call("wait", call_id="c1")
        talk.call("wait", call_id="c2")
        talk.transport.emit(service.item("m1"))
        await talk.settle()
        talk.transport.disconnect(ConnectionLost("gone"))
        assert [item.item_id for item in talk.session.history] == ["i_c1", "i_c2", "m1"]
        assert talk.kinds() == ["agent_tool_start", "error"]
        await talk.settle()
        assert (gate.runs, talk.sent()) == (1, [])


async def test_what_arrived_before_the_session_was_closed_is_taken_in_and_nothing_afterwards(
    service, talk_with
):
    gate = Gate()
    async with talk_with(gate.tool, options=ONE_BY_ONE) as talk:
        talk.response("created")
        talk.call("wait")
        talk.call("wait", call_id="c2")
        talk.transport.emit(service.item("m1"))
        await talk.session.close()
        assert [item.item_id for item in talk.session.history] == ["i_c1", "i_c2", "m1"]
        await talk.session.connect()
        talk.transport.emit(service.item("m2"))
        assert [item.item_id for item in talk.session.history] == ["m2"]
        await talk.settle()
        assert (gate.runs, talk.sent()) == (0, [])
