"""Calls of tools over a whole session: outputs, events, repetitions, approvals, closing."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from rtaudio import (
    ConfigError,
    FunctionTool,
    ProtocolError,
    RealtimeAgent,
    RealtimeSession,
    RunContext,
    ToolError,
    ToolInputGuardrail,
    ToolOutputGuardrail,
    ToolTimeout,
    TransportError,
    background_result,
    function_tool,
    handoff,
)
from rtaudio.session.tool_calls import MAX_CALLS


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


async def test_tools_are_offered_in_the_first_session_update(make_tool, talk_with):
    hidden = make_tool("hidden", lambda: None, is_enabled=lambda _ctx, _agent: False)
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


async def test_a_tool_that_was_disabled_since_counts_as_unknown(make_tool, talk_with):
    enabled = [True]
    tool = make_tool("f", lambda: 1, is_enabled=lambda _ctx, _agent: enabled[0])
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


async def test_names_that_clash_are_listed_with_their_sources_before_anything_is_opened(
    make_tool, talk_with
):
    agent = RealtimeAgent("x")
    tools = [make_tool(name, lambda: None) for name in ("f", "b", "f", "transfer_to_x", "f", "b")]
    talk = talk_with(double, *tools, handoffs=[agent, agent])
    with pytest.raises(ConfigError) as refused:
        await talk.session.connect()
    assert str(refused.value) == (
        "agent 'a' offers a name more than once: b (function tool x2); f (function tool x3); "
        "transfer_to_x (function tool, handoff x2)"
    )
    assert talk.transport.calls == ()


async def test_whether_tools_are_enabled_is_found_out_for_all_at_once(make_tool, talk_with):
    asked, both = [], asyncio.Event()

    async def enabled(_ctx: RunContext, _agent: RealtimeAgent) -> bool:
        asked.append(1)
        if len(asked) == 2:
            both.set()
        await both.wait()
        return True

    tools = [make_tool(name, lambda: None, is_enabled=enabled) for name in ("f", "g")]
    async with talk_with(*tools) as talk:
        assert talk.session.connection_state == "connected"


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


async def test_the_end_of_a_call_is_told_when_its_output_is_written(monkeypatch, talk_with):
    async with talk_with(double) as talk:
        write, writable = talk.transport.send_event, asyncio.Event()

        async def send_event(event: Any) -> None:
            await writable.wait()
            await write(event)

        monkeypatch.setattr(talk.transport, "send_event", send_event)
        talk.response("created")
        talk.call("double", {"x": 4})
        await talk.settle()
        assert (talk.sent(), talk.kinds()) == ([], ["agent_tool_start"])
        assert talk.session.history[0].status == "in_progress"
        writable.set()
        await talk.settle()
        assert (talk.sent(), talk.kinds()) == (
            [("c1", "8")],
            ["agent_tool_start", "agent_tool_end"],
        )


async def test_arguments_that_are_no_json_are_answered_without_running_anything(talk_with):
    async with talk_with(double) as talk:
        talk.response("created")
        talk.call("double", '{"x": ')
        talk.response("done")
        await talk.settle()
        assert talk.sent() == [("c1", double.malformed_arguments), "create"]
        assert talk.kinds() == []


async def test_a_time_out_that_is_raised_leaves_the_model_without_an_answer(talk_with):
    @function_tool(timeout_s=0.01, timeout_behavior="raise")
    async def wait() -> None:
        await asyncio.Event().wait()

    async with talk_with(wait) as talk:
        failed = asyncio.Event()
        talk.session.on("error", lambda _event: failed.set())
        talk.response("created")
        talk.call("wait")
        talk.response("done")
        await failed.wait()
        await talk.settle()
        assert talk.sent() == []
        assert isinstance(talk.events[-1].error, ToolTimeout)


async def test_something_cancelled_in_a_rule_is_an_error_and_not_the_end_of_the_call(talk_with):
    def rule(*_: Any) -> asyncio.Future[bool]:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        return future

    @function_tool(needs_approval=rule)
    async def act() -> None:
        """Act."""

    async with talk_with(act) as talk:
        talk.response("created")
        for times in (1, 2):
            talk.call("act")
            await talk.settle()
            assert talk.kinds() == ["error"] * times
        assert isinstance(talk.events[0].error, ToolError)


async def test_no_log_line_tells_what_tools_are_given_or_return_or_why_they_fail(caplog, talk_with):
    """Nor what guardrails, rules, handlers and callbacks that raise have to say."""

    def leak(*_: Any) -> Any:
        raise LookupError("secret")

    def tool(name: str, **settings: Any) -> FunctionTool:
        async def f(x: str) -> Any:
            if x == "secret fails":
                raise LookupError(x)
            return {"output": x}

        return function_tool(name=name, **settings)(f)

    tools = [
        tool("fine"),
        tool("fails", on_error=None),
        tool("words", on_error=leak),
        tool("checked", input_guardrails=[ToolInputGuardrail("g", leak)]),
        tool("filtered", output_guardrails=[ToolOutputGuardrail("g", leak)]),
        tool("judged", needs_approval=leak),
        tool("refused", needs_approval=True),
        function_tool(name="given", parameters={"type": "object"})(leak),
    ]
    caplog.set_level(logging.DEBUG)
    to_b = handoff(RealtimeAgent("b"), on_handoff=leak)
    talk = talk_with(*tools, handoffs=[to_b], options={"tool_error_formatter": leak})
    talk.agent.on("agent_tool_start", leak)
    talk.session.on("agent_tool_end", leak)
    # So that errors are seen by nobody, and logged.
    talk.session.off("error", talk.events.append)
    async with talk:
        talk.response("created")
        for number, name in enumerate([*(each.name for each in tools), "transfer_to_b", "none"]):
            for again, x in enumerate(("secret", "secret fails", 5)):
                talk.call(name, {"x": x, "y": "secret"}, call_id=f"c{number}-{again}")
                talk.call(name, '{"x": "secret"', call_id=f"d{number}-{again}")
                talk.call(name, {"x": x}, call_id=f"e{number}-{again}")
        await talk.settle()
        approvals = [e.approval for e in talk.events if e.type == "tool_approval_requested"]
        for approval in approvals:
            await talk.session.reject(approval)
        await talk.settle()
    assert len(approvals) == 9
    assert "unhandled session error: LookupError" in caplog.text
    assert "secret" not in caplog.text
    assert "secret" not in repr([talk.session, *tools, *talk.events])


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

    async def test_one_that_comes_while_the_output_is_written_is_ignored(
        self, monkeypatch, talk_with
    ):
        async with talk_with(double) as talk:
            write = talk.transport.send_event

            async def send_event(event: Any) -> None:
                if event["type"] == "conversation.item.create":
                    talk.call("double", {"x": 1})
                await write(event)

            monkeypatch.setattr(talk.transport, "send_event", send_event)
            talk.response("created")
            talk.call("double", {"x": 1})
            await talk.settle()
            assert talk.sent() == [("c1", "2")]

    async def test_an_output_that_could_not_be_written_is_sent_again_without_running_again(
        self, talk_with
    ):
        runs = []

        @function_tool
        async def f() -> int:
            runs.append(1)
            return 7

        async with talk_with(f, options={"replay_outputs": False}) as talk:
            talk.response("created")
            talk.transport.fail_next_call("send_event", TransportError("full"))
            talk.call("f")
            talk.response("done")
            await talk.settle()
            assert talk.kinds() == ["agent_tool_start", "error"]
            assert str(talk.events[1].error) == "full"
            assert talk.session.history[0].status == "in_progress"
            # What the model was not told, it is not asked to speak about.
            assert talk.sent() == [("c1", "7")]
            talk.call("f")
            await talk.settle()
            assert talk.sent() == [("c1", "7"), ("c1", "7"), "create"]
            assert talk.session.history[0].output == "7"
            assert runs == [1]

    async def test_without_replay_one_of_an_output_that_was_written_sends_nothing(self, talk_with):
        go_on = asyncio.Event()

        @function_tool
        async def f() -> int:
            await go_on.wait()
            return 7

        async with talk_with(f, options={"replay_outputs": False}) as talk:
            talk.response("created")
            talk.call("f")
            await talk.settle()
            talk.call("f")
            go_on.set()
            await talk.settle()
            talk.call("f")
            await talk.settle()
            assert talk.sent() == [("c1", "7")]

    async def test_one_under_another_item_completes_that_item_too(self, talk_with):
        async with talk_with(double) as talk:
            talk.response("created")
            talk.call("double", {"x": 1}, item_id="i1")
            talk.call("double", {"x": 1}, item_id="i2")
            await talk.settle()
            talk.call("double", {"x": 1}, item_id="i3")
            await talk.settle()
            assert [item.output for item in talk.session.history] == ["2", "2", "2"]

    async def test_other_arguments_while_it_runs_are_an_error_and_it_goes_on(self, talk_with):
        go_on = asyncio.Event()

        @function_tool
        async def f(x: int) -> int:
            await go_on.wait()
            return x

        async with talk_with(f) as talk:
            talk.response("created")
            talk.call("f", {"x": 1})
            await talk.settle()
            talk.call("f", {"x": 2})
            assert isinstance(talk.events[-1].error, ProtocolError)
            go_on.set()
            await talk.settle()
            assert talk.sent() == [("c1", "1")]

    async def test_a_handoff_of_the_same_name_is_another_call(self, make_tool, talk_with):
        to_b = RealtimeAgent("b")
        enabled = [True]
        tool = make_tool("transfer_to_b", lambda: "tool", is_enabled=lambda *_: enabled[0])
        terms = handoff(to_b, is_enabled=lambda *_: not enabled[0])
        async with talk_with(tool, handoffs=[terms]) as talk:
            talk.response("created", "r1")
            talk.call("transfer_to_b", response_id="r1")
            await talk.settle()
            enabled[0] = False
            await talk.session.update_agent(talk.agent)
            talk.response("created", "r2")
            talk.call("transfer_to_b", response_id="r2")
            await talk.settle()
            assert talk.sent() == [("c1", "tool")]
            assert isinstance(talk.events[-1].error, ProtocolError)

    async def test_other_arguments_under_one_id_are_an_error(self, talk_with):
        async with talk_with(double) as talk:
            talk.response("created")
            talk.call("double", {"x": 0})
            talk.call("double", '{"x": -0}')
            await talk.settle()
            assert talk.sent() == [("c1", "0")]
            assert isinstance(talk.events[0].error, ProtocolError)


class TestClosing:
    async def test_a_call_that_comes_afterwards_is_ignored(self, talk_with):
        async with talk_with(double) as talk:
            talk.response("created")
            await talk.session.close()
            talk.call("double", {"x": 1})
            talk.call("double", {"x": 1}, response_id="")
            await talk.settle()
            assert (talk.sent(), talk.events) == ([], [])
            assert len(talk.session.history) == 1

    async def test_a_tool_that_does_not_stop_is_waited_for_no_longer_than_the_grace(
        self, monkeypatch, talk_with
    ):
        monkeypatch.setattr("rtaudio.session.lifecycle.GRACE_S", 0.01)
        go_on, ended = asyncio.Event(), asyncio.Event()

        @function_tool
        async def stubborn() -> str:
            while not go_on.is_set():
                try:
                    await go_on.wait()
                except asyncio.CancelledError:
                    continue
            ended.set()
            return "late"

        async with talk_with(stubborn) as talk:
            talk.response("created")
            talk.call("stubborn")
            await talk.settle()
            await talk.session.close()
            assert talk.session.connection_state == "disconnected"
            assert not ended.is_set()
            await talk.session.connect()
            go_on.set()
            await ended.wait()
            await talk.settle()
            assert (talk.sent(), talk.kinds()) == ([], ["agent_tool_start"])

    async def test_a_callback_that_does_not_stop_says_nothing_afterwards(
        self, monkeypatch, talk_with
    ):
        monkeypatch.setattr("rtaudio.session.lifecycle.GRACE_S", 0.01)
        go_on, ended = asyncio.Event(), asyncio.Event()

        async def stubborn(*_: Any) -> Any:
            while not go_on.is_set():
                try:
                    await go_on.wait()
                except asyncio.CancelledError:
                    continue
            ended.set()
            return True

        @function_tool(needs_approval=stubborn)
        async def act() -> None:
            """Act."""

        async with talk_with(act) as talk:
            talk.response("created")
            talk.call("act")
            await talk.settle()
            await talk.session.close()
            await talk.session.connect()
            go_on.set()
            await ended.wait()
            await talk.settle()
            assert talk.events == []

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
        self, make_tool, talk_with
    ):
        runs = []
        tool = make_tool("act", lambda: runs.append(1))
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

    async def test_decisions_about_single_calls_are_kept_up_to_a_bound(self, make_tool, talk_with):
        tool = make_tool("pay", lambda: "paid", needs_approval=True)
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
