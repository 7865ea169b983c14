"""Calls of tools over a whole session: outputs, events, repetitions, approvals, closing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio import (
    ConfigError,
    FunctionTool,
    ProtocolError,
    RealtimeAgent,
    RealtimeSession,
    RunContext,
    ToolError,
    background_result,
    function_tool,
)
from rtaudio.session.approvals import DEFAULT_REJECTION
from rtaudio.session.tool_calls import MAX_CALLS

if TYPE_CHECKING:
    from collections.abc import Callable


def plain(name: str, run: Callable[[], Any], **settings: Any) -> FunctionTool:
    """A tool without arguments that runs in the loop, not in a thread."""

    async def body() -> Any:
        return run()

    return function_tool(name=name, **settings)(body)


@function_tool
async def double(x: int) -> int:
    """Double a number."""
    return 2 * x


async def test_a_call_is_answered_with_the_output_and_a_request_for_a_response(talk_with):
    async with talk_with(double) as talk:
        talk.response("created")
        talk.call("double", {"x": 4})
        await talk.settle()
        assert talk.sent() == [("c1", "8")]
        talk.response("done")
        await talk.settle()
        assert talk.sent() == [("c1", "8"), "create"]
        assert talk.kinds() == ["agent_tool_start", "agent_tool_end"]
        end = talk.events[1]
        assert (end.tool, end.result, end.value, end.agent) == (double, "8", 8, talk.agent)
        assert end.tool_call.name == "double"


async def test_tools_are_offered_in_the_first_session_update(talk_with):
    hidden = plain("hidden", lambda: None, is_enabled=lambda _ctx, _agent: False)
    async with talk_with(double, hidden) as talk:
        (update,) = [c.event for c in talk.transport.calls if c.method == "send_event"][:1]
        assert update["session"]["tools"] == [double.wire()]


async def test_the_call_is_an_item_of_history_that_its_output_completes(talk_with):
    async with talk_with(double) as talk:
        talk.response("created")
        talk.call("double", {"x": 4}, kind="added", status="in_progress")
        assert talk.session.history == ()
        talk.call("double", {"x": 4})
        (item,) = talk.session.history
        assert (item.type, item.status, item.name, item.output) == (
            "function_call",
            "in_progress",
            "double",
            None,
        )
        await talk.settle()
        (item,) = talk.session.history
        assert (item.item_id, item.status, item.output) == ("i_c1", "completed", "8")


async def test_two_calls_of_one_response_run_at_once_and_ask_for_one_response(talk_with):
    running, both = [], asyncio.Event()

    @function_tool
    async def meet(x: int) -> int:
        running.append(x)
        if len(running) == 2:
            both.set()
        await both.wait()
        return x

    async with talk_with(meet) as talk:
        talk.response("created")
        talk.call("meet", {"x": 1}, "c1")
        talk.call("meet", {"x": 2}, "c2")
        await talk.settle()
        talk.response("done")
        await talk.settle()
        assert sorted(talk.sent()[:2]) == [("c1", "1"), ("c2", "2")]
        assert talk.sent()[2:] == ["create"]


async def test_a_background_result_asks_for_no_response(talk_with):
    @function_tool
    async def note() -> Any:
        return background_result({"kept": True})

    async with talk_with(note) as talk:
        talk.response("created")
        talk.call("note")
        talk.response("done")
        await talk.settle()
        assert talk.sent() == [("c1", '{"kept":true}')]


async def test_an_unknown_tool_is_answered_and_reported_and_asks_for_no_response(talk_with):
    async with talk_with(double) as talk:
        talk.response("created")
        talk.call("treble")
        talk.response("done")
        await talk.settle()
        assert talk.sent() == [("c1", "There is no tool 'treble'.")]
        assert talk.kinds() == ["error"]
        assert isinstance(talk.events[0].error, ProtocolError)


async def test_a_tool_that_was_disabled_since_counts_as_unknown(talk_with):
    enabled = [True]
    tool = plain("f", lambda: 1, is_enabled=lambda _ctx, _agent: enabled[0])
    async with talk_with(tool) as talk:
        talk.response("created")
        enabled[0] = False
        talk.call("f")
        await talk.settle()
        assert talk.sent() == [("c1", "There is no tool 'f'.")]


@pytest.mark.parametrize("call", [{"response_id": ""}, {"call_id": "", "item_id": ""}])
async def test_a_call_that_belongs_nowhere_is_reported_and_not_run(call, talk_with):
    async with talk_with(double) as talk:
        talk.response("created")
        talk.call("double", {"x": 1}, **call)
        await talk.settle()
        assert talk.sent() == []
        assert isinstance(talk.events[0].error, ProtocolError)


async def test_without_a_call_id_the_item_stands_in(talk_with):
    async with talk_with(double) as talk:
        talk.response("created")
        talk.call("double", {"x": 1}, call_id="", item_id="i1")
        talk.call("double", {"x": 2}, call_id="", item_id="i2")
        await talk.settle()
        assert talk.sent() == [("i1", "2"), ("i2", "4")]


async def test_two_tools_of_one_name_are_refused_before_anything_is_opened(talk_with):
    other = plain("double", lambda: None)
    talk = talk_with(double, other)
    with pytest.raises(ConfigError, match=r"one name twice: double \(FunctionTool, FunctionTool\)"):
        await talk.session.connect()
    assert talk.transport.calls == ()


async def test_a_failure_that_the_tool_lets_through_is_an_error_event_and_may_be_tried_again(
    talk_with,
):
    attempts = []

    @function_tool(on_error=None)
    async def fail() -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise LookupError("x")
        return "now"

    async with talk_with(fail) as talk:
        talk.response("created")
        talk.call("fail")
        await talk.settle()
        assert talk.sent() == []
        assert isinstance(talk.events[-1].error, LookupError)
        talk.call("fail")
        await talk.settle()
        assert talk.sent() == [("c1", "now")]


async def test_a_tool_sees_history_as_it_was_when_it_began(talk_with):
    seen, go_on = [], asyncio.Event()

    @function_tool
    async def look(ctx: RunContext) -> None:
        before = ctx.history
        await go_on.wait()
        seen.append(ctx.history is before or ctx.history == before)

    async with talk_with(look) as talk:
        talk.response("created")
        talk.call("look")
        await talk.settle()
        content = [{"type": "input_text", "text": "hi"}]
        item = {"id": "m", "type": "message", "role": "user", "content": content}
        talk.transport.emit({"type": "conversation.item.done", "event_id": "e", "item": item})
        assert len(talk.session.history) == 2
        go_on.set()
        await talk.settle()
        assert seen == [True]


class TestRepetition:
    async def test_an_exact_one_sends_the_output_again_without_running_again(self, talk_with):
        runs = []

        @function_tool
        async def f(x: float, y: int = 0) -> int:
            runs.append((x, y))
            return 1

        async with talk_with(f) as talk:
            talk.response("created")
            talk.call("f", '{"x": 1, "y": 2}')
            await talk.settle()
            talk.call("f", '{ "y":2.0, "x":1e0 }')
            await talk.settle()
            assert len(runs) == 1
            assert talk.sent() == [("c1", "1"), ("c1", "1")]

    async def test_one_that_comes_while_the_call_runs_gets_the_output_too(self, talk_with):
        done = asyncio.Event()

        @function_tool
        async def f() -> int:
            await done.wait()
            return 1

        async with talk_with(f) as talk:
            talk.response("created")
            talk.call("f")
            await talk.settle()
            talk.call("f")
            done.set()
            await talk.settle()
            assert talk.sent() == [("c1", "1"), ("c1", "1")]

    async def test_other_arguments_under_one_id_are_an_error(self, talk_with):
        async with talk_with(double) as talk:
            talk.response("created")
            talk.call("double", {"x": 0})
            talk.call("double", '{"x": -0}')
            await talk.settle()
            assert talk.sent() == [("c1", "0")]
            assert isinstance(talk.events[0].error, ProtocolError)


class TestApproval:
    async def test_nothing_runs_or_is_sent_before_the_decision(self, talk_with):
        tool = plain("act", lambda: "done", needs_approval=True)
        async with talk_with(tool) as talk:
            talk.response("created")
            talk.call("act")
            await talk.settle()
            assert talk.sent() == []
            assert talk.kinds() == ["tool_approval_requested"]
            approval = talk.events[0].approval
            assert approval.type == "function_approval"
            assert (approval.tool, approval.agent, approval.call.arguments) == (
                tool,
                talk.agent,
                "{}",
            )
            await talk.session.approve(approval)
            await talk.settle()
            assert talk.sent() == [("c1", "done")]
            await talk.session.approve(approval)
            await talk.session.reject(approval)
            await talk.settle()
            assert talk.sent() == [("c1", "done")]

    @pytest.mark.parametrize(
        ("message", "text"), [(None, DEFAULT_REJECTION), ("not now", "not now"), ("", "")]
    )
    async def test_a_refusal_is_told_to_the_model(self, message, text, talk_with):
        runs = []
        tool = plain("act", lambda: runs.append(1), needs_approval=True)
        async with talk_with(tool) as talk:
            talk.response("created")
            talk.call("act")
            talk.response("done")
            await talk.settle()
            await talk.session.reject(talk.events[0].approval, message=message)
            await talk.settle()
            assert talk.sent() == [("c1", text), "create"]
            assert talk.kinds()[1:] == ["agent_tool_start", "agent_tool_end"]
            assert runs == []

    @pytest.mark.parametrize(
        ("formatter", "text", "warning"),
        [
            (lambda facts: f"no {facts['tool_name']} {facts['call_id']}", "no act c1", ""),
            (lambda _facts: None, DEFAULT_REJECTION, ""),
            (lambda _facts: 5, DEFAULT_REJECTION, "returned int, not a str"),
            (lambda _facts: {}["personal"], DEFAULT_REJECTION, "raised KeyError"),
        ],
    )
    async def test_refusals_are_worded_by_the_formatter(
        self, talk_with, caplog, formatter, text, warning
    ):
        tool = plain("act", lambda: None, needs_approval=True)
        async with talk_with(tool, options={"tool_error_formatter": formatter}) as talk:
            talk.response("created")
            talk.call("act")
            await talk.settle()
            await talk.session.reject(talk.events[0].approval)
            await talk.settle()
            assert talk.sent() == [("c1", text)]
        assert warning in caplog.text
        assert bool(warning) == bool(caplog.records)
        assert "personal" not in caplog.text

    async def test_a_standing_decision_holds_for_later_calls_of_that_tool(self, talk_with):
        tool = plain("act", lambda: "done", needs_approval=True)
        async with talk_with(tool) as talk:
            talk.response("created")
            talk.call("act", call_id="c1")
            await talk.settle()
            await talk.session.reject(talk.events[0].approval, always=True, message="never")
            talk.call("act", call_id="c2")
            await talk.settle()
            assert talk.sent() == [("c1", "never"), ("c2", "never")]

    async def test_a_rule_decides_by_the_arguments(self, talk_with):
        asked = []

        async def rule(ctx: RunContext, arguments: dict[str, Any], call_id: str) -> bool:
            asked.append((ctx.context, arguments, call_id))
            return bool(arguments["x"] > 10)

        @function_tool(needs_approval=rule)
        async def spend(x: int) -> int:
            return x

        async with talk_with(spend) as talk:
            talk.response("created")
            talk.call("spend", {"x": 5}, "c1")
            talk.call("spend", {"x": 50}, "c2")
            await talk.settle()
            assert talk.sent() == [("c1", "5")]
            assert asked == [(None, {"x": 5}, "c1"), (None, {"x": 50}, "c2")]
            (approval,) = [e.approval for e in talk.events if e.type == "tool_approval_requested"]
            await talk.session.approve(approval)
            await talk.settle()
            assert len(asked) == 2
            assert talk.sent() == [("c1", "5"), ("c2", "50")]

    @pytest.mark.parametrize("arguments", ["{", "[]", "null", "42", '"x"', "true"])
    async def test_what_the_rule_cannot_judge_a_person_has_to(self, arguments, talk_with):
        def rule(*_: Any) -> bool:
            raise AssertionError("asked about arguments that are no object")

        tool = plain("act", lambda: "done", needs_approval=rule)
        async with talk_with(tool) as talk:
            talk.response("created")
            talk.call("act", arguments)
            await talk.settle()
            assert talk.kinds() == ["tool_approval_requested"]
            await talk.session.approve(talk.events[0].approval)
            await talk.settle()
            ((call_id, text),) = talk.sent()
            assert call_id == "c1"
            assert "arguments" in text

    async def test_an_approval_of_an_earlier_connection_is_refused(self, talk_with):
        tool = plain("act", lambda: "done", needs_approval=True)
        async with talk_with(tool) as talk:
            talk.response("created")
            talk.call("act")
            await talk.settle()
            approval = talk.events[0].approval
            await talk.session.close()
            await talk.session.connect()
            with pytest.raises(ProtocolError, match="was not asked about on this connection"):
                await talk.session.approve(approval)
            talk.response("created")
            talk.call("act")
            await talk.settle()
            with pytest.raises(ProtocolError):
                await talk.session.approve(approval)
            await talk.session.approve(talk.events[1].approval)
            await talk.settle()
            assert talk.sent() == [("c1", "done")]

    async def test_a_handler_may_decide_at_once(self, talk_with):
        tool = plain("act", lambda: "done", needs_approval=True)
        async with talk_with(tool) as talk:

            async def decide(event: Any) -> None:
                await talk.session.approve(event.approval)

            talk.session.on("tool_approval_requested", decide)
            talk.response("created")
            talk.call("act")
            await talk.settle()
            assert talk.sent() == [("c1", "done")]


class TestClosing:
    async def test_a_running_tool_is_cancelled_and_says_nothing_more(self, talk_with):
        cancelled = asyncio.Event()

        @function_tool
        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        async with talk_with(wait) as talk:
            talk.response("created")
            talk.call("wait")
            await talk.settle()
            await talk.session.close()
            assert cancelled.is_set()
            assert talk.sent() == []
            assert talk.kinds() == ["agent_tool_start"]

    async def test_a_tool_may_close_its_own_session(self, talk_with):
        closed = asyncio.Event()
        sessions: list[RealtimeSession] = []

        @function_tool
        async def hang_up() -> str:
            await sessions[0].close()
            closed.set()
            return "bye"

        async with talk_with(hang_up) as talk:
            sessions.append(talk.session)
            talk.response("created")
            talk.call("hang_up")
            async with asyncio.timeout(5):
                await closed.wait()
            await talk.settle()
            assert talk.sent() == []
            assert talk.session.connection_state == "disconnected"

    async def test_a_start_handler_that_closes_the_session_keeps_the_tool_from_running(
        self, talk_with
    ):
        runs = []
        tool = plain("act", lambda: runs.append(1))
        async with talk_with(tool) as talk:

            async def close(_event: Any) -> None:
                await talk.session.close()

            talk.session.on("agent_tool_start", close)
            talk.response("created")
            talk.call("act")
            await talk.settle()
            assert runs == []
            assert talk.sent() == []

    async def test_one_call_id_may_come_again_on_the_next_connection(self, talk_with):
        async with talk_with(double) as talk:
            for x in (1, 2):
                talk.response("created")
                talk.call("double", {"x": x})
                await talk.settle()
                await talk.session.close()
                await talk.session.connect()
            assert talk.sent() == [("c1", "2"), ("c1", "4")]


def test_an_agent_takes_only_tools():
    with pytest.raises(ConfigError, match="tools of agent 'a' must be made by function_tool"):
        RealtimeAgent("a", tools=[lambda: None])  # type: ignore[list-item]


class TestBounds:
    async def test_calls_beyond_the_bound_are_answered_and_reported_and_not_run(self, talk_with):
        ran: list[int] = []

        @function_tool
        async def hang(x: int) -> None:
            """Wait for ever."""
            ran.append(x)
            await asyncio.get_running_loop().create_future()

        async with talk_with(hang) as talk:
            talk.response("created")
            for number in range(MAX_CALLS + 1):
                talk.call("hang", {"x": number}, call_id=f"c{number}")
            await talk.settle()
            assert len(ran) == MAX_CALLS
            assert talk.sent() == [
                (f"c{MAX_CALLS}", "Too many calls are unfinished. Try again later.")
            ]
            (error,) = [event.error for event in talk.events if event.type == "error"]
            assert isinstance(error, ToolError)
            calls = talk.session.stats.queues["calls"]
            assert (calls.size, calls.bound, calls.lost) == (MAX_CALLS, MAX_CALLS, 1)

    async def test_answered_calls_make_room_and_only_the_oldest_is_forgotten(self, talk_with):
        async with talk_with(double) as talk:
            talk.response("created")
            for number in range(MAX_CALLS + 1):
                talk.call("double", {"x": number}, call_id=f"c{number}")
                if number % 100 == 0:
                    await talk.settle()
            await talk.settle()
            assert len(talk.sent()) == MAX_CALLS + 1
            assert talk.session.stats.queues["calls"].lost == 0
            talk.events.clear()
            talk.call("double", {"x": 1}, call_id="c1")
            await talk.settle()
            assert talk.kinds() == []  # known still: the output is only sent again
            talk.call("double", {"x": 0}, call_id="c0")
            await talk.settle()
            assert talk.kinds() == ["agent_tool_start", "agent_tool_end"]

    async def test_decisions_about_single_calls_are_kept_up_to_a_bound(self, talk_with):
        tool = plain("pay", lambda: "paid", needs_approval=True)
        async with talk_with(tool) as talk:
            session = talk.session
            session.on("tool_approval_requested", lambda asked: session.approve(asked.approval))
            talk.response("created")
            for number in range(1003):
                talk.call("pay", call_id=f"c{number}")
                if number % 100 == 0:
                    await talk.settle()
            await talk.settle()
            approvals = talk.session.stats.queues["approvals"]
            assert (approvals.size, approvals.bound, approvals.lost) == (1000, 1000, 3)
