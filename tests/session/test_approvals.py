"""Calls of tools that a person has to allow."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import msgspec
import pytest

from rtaudio import ConfigError, ProtocolError, RealtimeAgent, RunContext, function_tool
from rtaudio.conversation import Conversation
from rtaudio.session import DEFAULT_REJECTION, FunctionApproval, FunctionCall


async def test_nothing_runs_or_is_sent_before_the_decision(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
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
async def test_a_refusal_is_told_to_the_model(make_tool, message, text, talk_with):
    runs = []
    tool = make_tool("act", lambda: runs.append(1), needs_approval=True)
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
    make_tool, talk_with, caplog, formatter, text, warning
):
    tool = make_tool("act", lambda: None, needs_approval=True)
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


async def test_a_standing_decision_holds_for_later_calls_of_that_tool(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act", call_id="c1")
        await talk.settle()
        await talk.session.reject(talk.events[0].approval, always=True, message="never")
        talk.call("act", call_id="c2")
        await talk.settle()
        assert talk.sent() == [("c1", "never"), ("c2", "never")]


async def test_a_rule_decides_by_the_arguments(talk_with):
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
async def test_what_the_rule_cannot_judge_a_person_has_to(make_tool, arguments, talk_with):
    def rule(*_: Any) -> bool:
        raise AssertionError("asked about arguments that are no object")

    tool = make_tool("act", lambda: "done", needs_approval=rule)
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


async def test_an_approval_of_an_earlier_connection_is_refused(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
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


async def test_a_handler_may_decide_at_once(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    async with talk_with(tool) as talk:

        async def decide(event: Any) -> None:
            await talk.session.approve(event.approval)

        talk.session.on("tool_approval_requested", decide)
        talk.response("created")
        talk.call("act")
        await talk.settle()
        assert talk.sent() == [("c1", "done")]


def by_hand(
    agent: RealtimeAgent, call_id: str = "c1", arguments: str = "{}", name: str = "act"
) -> FunctionApproval:
    """What one may decide about before the model calls."""
    call = FunctionCall(call_id=call_id, name=name, arguments=arguments, response_id="r1")
    return FunctionApproval(agent=agent, tool=agent.tools[0], call=call)


async def test_a_standing_approval_lets_later_calls_run_unasked(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act", call_id="c1")
        await talk.settle()
        await talk.session.approve(talk.events[0].approval, always=True)
        talk.call("act", call_id="c2")
        await talk.settle()
        assert talk.sent() == [("c1", "done"), ("c2", "done")]
        assert talk.kinds().count("tool_approval_requested") == 1


async def test_a_standing_decision_of_one_agent_is_none_of_anothers(make_tool, talk_with):
    other = RealtimeAgent("b", tools=[make_tool("act", lambda: "b", needs_approval=True)])
    async with talk_with(make_tool("act", lambda: "a", needs_approval=True)) as talk:
        talk.response("created", "r1")
        talk.call("act", call_id="c1", response_id="r1")
        await talk.settle()
        await talk.session.approve(talk.events[0].approval, always=True)
        talk.response("done", "r1")
        await talk.session.update_agent(other)
        talk.response("created", "r2")
        talk.call("act", call_id="c2", response_id="r2")
        await talk.settle()
        assert [each for each in talk.sent() if each != "create"] == [("c1", "a")]
        assert talk.events[-1].type == "tool_approval_requested"
        assert talk.events[-1].agent is other


async def test_one_call_id_of_two_agents_is_decided_twice(make_tool, talk_with):
    other = RealtimeAgent("b", tools=[make_tool("act", lambda: "b", needs_approval=True)])
    async with talk_with(make_tool("act", lambda: "a", needs_approval=True)) as talk:
        talk.response("created", "r1")
        talk.call("act", call_id="c1", response_id="r1")
        await talk.session.update_agent(other)
        talk.response("created", "r2")
        talk.call("act", call_id="c1", response_id="r2")
        await talk.settle()
        first, second = (event.approval for event in talk.events)
        assert (first.agent, second.agent) == (talk.agent, other)
        await talk.session.reject(second, message="no")
        await talk.session.approve(first)
        await talk.settle()
        assert sorted(each for each in talk.sent() if each != "create") == [
            ("c1", "a"),
            ("c1", "no"),
        ]


async def test_a_call_approved_after_a_handoff_runs_for_the_agent_that_was_asked(
    make_tool, talk_with
):
    other = RealtimeAgent("b", tools=[make_tool("act", lambda: "b")])
    asked = []
    tool = make_tool(
        "act", lambda: "a", needs_approval=True, is_enabled=lambda *_: not asked.append(1)
    )
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act")
        await talk.settle()
        await talk.session.update_agent(other)
        before = len(asked)
        await talk.session.approve(talk.events[0].approval)
        await talk.settle()
        assert talk.sent() == [("c1", "a")]
        assert [(event.agent, event.tool) for event in talk.events[1:]] == [(talk.agent, tool)] * 2
        assert len(asked) == before


async def test_an_altered_approval_decides_nothing(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    twin = make_tool("other", lambda: "other", needs_approval=True)
    async with talk_with(tool, twin) as talk:
        talk.response("created")
        talk.call("act")
        await talk.settle()
        approval = talk.events[0].approval
        call = approval.call

        def altered(**fields: Any) -> FunctionApproval:
            changed = msgspec.structs.replace(call, **fields)
            return dataclasses.replace(approval, call=changed)

        for wrong in (
            dataclasses.replace(approval, agent=RealtimeAgent("a", tools=[tool])),
            dataclasses.replace(approval, tool=twin),
            altered(name="other"),
            altered(call_id="c2"),
            altered(arguments='{"x": 1}'),
        ):
            for decide in (talk.session.approve, talk.session.reject):
                with pytest.raises(ProtocolError, match="was not asked about"):
                    await decide(wrong)
            with pytest.raises(ProtocolError):
                talk.session.context.approve_tool(wrong)
        await talk.settle()
        assert talk.sent() == []
        await talk.session.approve(altered(arguments=" { } "))
        await talk.settle()
        assert talk.sent() == [("c1", "done")]


async def test_an_approval_made_from_the_same_facts_counts(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act")
        await talk.settle()
        await talk.session.approve(by_hand(talk.agent))
        await talk.settle()
        assert talk.sent() == [("c1", "done")]


async def test_a_repetition_with_other_arguments_leaves_the_question_as_it_was(talk_with):
    @function_tool(needs_approval=True)
    async def spend(x: int) -> int:
        return x

    async with talk_with(spend) as talk:
        talk.response("created")
        talk.call("spend", {"x": 1})
        await talk.settle()
        talk.call("spend", {"x": 1})
        talk.call("spend", {"x": 1000})
        await talk.settle()
        assert talk.kinds() == ["tool_approval_requested", "error"]
        assert isinstance(talk.events[1].error, ProtocolError)
        await talk.session.approve(talk.events[0].approval)
        await talk.settle()
        assert talk.sent() == [("c1", "1")]


async def test_a_decision_made_before_the_call_came_is_honoured(talk_with):
    @function_tool(needs_approval=True)
    async def act(x: int = 0) -> str:
        return f"done {x}"

    async with talk_with(act) as talk:
        ctx = talk.session.context
        ctx.approve_tool(by_hand(talk.agent, "c1", '{"x": 1}'))
        ctx.reject_tool(by_hand(talk.agent, "c2"), message="not today")
        talk.response("created")
        talk.call("act", ' { "x" : 1 }', call_id="c1")
        talk.call("act", call_id="c2")
        await talk.settle()
        assert talk.sent() == [("c1", "done 1"), ("c2", "not today")]
        assert "tool_approval_requested" not in talk.kinds()


async def test_a_decision_about_other_arguments_is_none_about_these(make_tool, talk_with):
    runs: list[int] = []
    tool = make_tool("act", lambda: runs.append(1), needs_approval=True)
    async with talk_with(tool) as talk:
        talk.session.context.approve_tool(by_hand(talk.agent, arguments='{"x": 1}'))
        talk.response("created")
        talk.call("act", {"x": 1000})
        await talk.settle()
        assert talk.kinds() == ["error"]
        assert isinstance(talk.events[0].error, ProtocolError)
        assert (talk.sent(), runs) == ([], [])


async def test_nobody_decides_ahead_about_a_tool_that_the_agent_lacks(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    stranger = RealtimeAgent("b", tools=[make_tool("act", lambda: None, needs_approval=True)])
    async with talk_with(tool) as talk:
        ctx = talk.session.context
        foreign = dataclasses.replace(by_hand(talk.agent), tool=stranger.tools[0])
        for wrong in (by_hand(talk.agent, name="other"), foreign):
            with pytest.raises(ProtocolError):
                ctx.approve_tool(wrong)
        with pytest.raises(ProtocolError):
            await talk.session.approve(by_hand(talk.agent))


async def test_a_plain_handler_decides_through_the_context(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    async with talk_with(tool) as talk:
        talk.session.on(
            "tool_approval_requested", lambda event: event.context.approve_tool(event.approval)
        )
        talk.response("created")
        talk.call("act")
        await talk.settle()
        assert talk.sent() == [("c1", "done")]


async def test_a_tool_may_decide_about_later_calls(make_tool, talk_with):
    act = make_tool("act", lambda: "done", needs_approval=True)

    @function_tool
    async def trust(ctx: RunContext) -> str:
        agent = talk.agent
        call = FunctionCall(call_id="c1", name="act", arguments="{}")
        ctx.approve_tool(FunctionApproval(agent, act, call), always=True)
        return "trusted"

    async with talk_with(act, trust) as talk:
        talk.response("created")
        talk.call("trust", call_id="c0")
        await talk.settle()
        talk.call("act", call_id="c9")
        await talk.settle()
        assert talk.sent() == [("c0", "trusted"), ("c9", "done")]


async def test_calls_are_decided_by_their_id(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    async with talk_with(tool) as talk:
        talk.response("created")
        for call_id in ("c1", "c2"):
            talk.call("act", call_id=call_id)
        await talk.settle()
        await talk.session.approve_tool_call("c0")
        await talk.session.reject_tool_call("c0")
        await talk.session.approve_tool_call("c1")
        await talk.session.reject_tool_call("c2", message="no")
        await talk.settle()
        assert sorted(talk.sent()) == [("c1", "done"), ("c2", "no")]


async def test_a_tool_that_needs_no_approval_runs_whatever_was_decided(make_tool, talk_with):
    tool = make_tool("act", lambda: "done")
    async with talk_with(tool) as talk:
        talk.session.context.reject_tool(by_hand(talk.agent), always=True)
        talk.response("created")
        talk.call("act")
        await talk.settle()
        assert talk.sent() == [("c1", "done")]


async def test_a_rule_is_not_asked_where_there_is_a_decision(make_tool, talk_with):
    asked: list[int] = []
    tool = make_tool("act", lambda: "done", needs_approval=lambda *_: not asked.append(1))
    async with talk_with(tool) as talk:
        talk.session.context.approve_tool(by_hand(talk.agent, "c0"), always=True)
        talk.response("created")
        talk.call("act")
        await talk.settle()
        assert (talk.sent(), asked) == ([("c1", "done")], [])


async def test_a_decision_made_while_a_rule_is_asked_counts(make_tool, talk_with):
    async def rule(ctx: RunContext, _arguments: dict[str, Any], call_id: str) -> bool:
        ctx.reject_tool(by_hand(talk.agent, call_id), message="no")
        return True

    async with talk_with(make_tool("act", lambda: "done", needs_approval=rule)) as talk:
        talk.response("created")
        talk.call("act")
        await talk.settle()
        assert talk.sent() == [("c1", "no")]
        assert "tool_approval_requested" not in talk.kinds()


async def test_a_decision_about_a_call_that_runs_is_not_kept(talk_with):
    go_on = asyncio.Event()

    @function_tool(needs_approval=True)
    async def act() -> str:
        await go_on.wait()
        return "done"

    async with talk_with(act) as talk:
        talk.response("created")
        talk.call("act", call_id="c1")
        await talk.settle()
        await talk.session.approve(talk.events[0].approval)
        await talk.settle()
        await talk.session.reject(talk.events[0].approval, always=True)
        talk.call("act", call_id="c2")
        go_on.set()
        await talk.settle()
        assert talk.sent() == [("c1", "done")]
        assert talk.kinds()[2:] == ["tool_approval_requested", "agent_tool_end"]


async def test_a_rule_that_fails_has_allowed_nothing(make_tool, talk_with):
    def rule(*_: Any) -> bool:
        raise LookupError("x")

    tool = make_tool("act", lambda: "done", needs_approval=rule)
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act")
        await talk.settle()
        assert (talk.sent(), talk.kinds()) == ([], ["error"])
        assert isinstance(talk.events[0].error, LookupError)


@pytest.mark.parametrize("arguments", ["[]", "null", "42"])
async def test_a_tool_that_always_needs_approval_asks_whatever_the_arguments(
    arguments, make_tool, talk_with
):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act", arguments)
        await talk.settle()
        assert talk.kinds() == ["tool_approval_requested"]


async def test_nobody_is_asked_about_what_is_no_json_unless_a_rule_wants_it(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act", "{")
        talk.response("done")
        await talk.settle()
        assert talk.sent() == [("c1", tool.malformed_arguments), "create"]
        assert talk.kinds() == []


async def test_what_is_no_json_may_be_refused_like_anything(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=lambda *_: False)
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act", "{")
        await talk.settle()
        await talk.session.reject(talk.events[0].approval, message="no")
        await talk.settle()
        assert talk.sent() == [("c1", "no")]
        assert talk.kinds()[1:] == ["agent_tool_start", "agent_tool_end"]


async def test_a_refusal_without_words_takes_those_of_the_standing_one(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    async with talk_with(tool) as talk:
        talk.response("created")
        for call_id in ("c1", "c2", "c3"):
            talk.call("act", call_id=call_id)
        await talk.settle()
        first, second, third = (event.approval for event in talk.events)
        await talk.session.reject(first, always=True, message="never")
        await talk.session.reject(second)
        await talk.session.reject(third, message="")
        await talk.settle()
        assert sorted(talk.sent()) == [("c1", "never"), ("c2", "never"), ("c3", "")]


async def test_a_standing_refusal_keeps_its_words_when_it_is_repeated_without(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    async with talk_with(tool) as talk:
        ctx = talk.session.context
        ctx.reject_tool(by_hand(talk.agent, "c8"), always=True, message="never")
        ctx.reject_tool(by_hand(talk.agent, "c9"), always=True)
        talk.response("created")
        talk.call("act")
        await talk.settle()
        assert talk.sent() == [("c1", "never")]


async def test_of_two_standing_decisions_the_approval_counts(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    async with talk_with(tool) as talk:
        ctx = talk.session.context
        ctx.approve_tool(by_hand(talk.agent, "c8"), always=True)
        ctx.reject_tool(by_hand(talk.agent, "c9"), always=True, message="never")
        talk.response("created")
        talk.call("act", call_id="c1")
        talk.call("act", call_id="c9")
        await talk.settle()
        assert sorted(talk.sent()) == [("c1", "done"), ("c9", "never")]


async def test_decisions_outlive_a_connection(make_tool, talk_with):
    tool = make_tool("act", lambda: "done", needs_approval=True)
    async with talk_with(tool) as talk:
        talk.session.context.approve_tool(by_hand(talk.agent, "c0"), always=True)
        await talk.session.close()
        await talk.session.connect()
        talk.response("created")
        talk.call("act")
        await talk.settle()
        assert talk.sent() == [("c1", "done")]


async def test_what_is_no_approval_is_refused_by_name(session):
    with pytest.raises(ConfigError, match="got str"):
        await session.approve("c1")
    with pytest.raises(ConfigError, match="got NoneType"):
        RunContext(None, Conversation()).reject_tool(None)
