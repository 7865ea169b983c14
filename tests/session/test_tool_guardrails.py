"""Checks on what tools are given and on what they return."""

from __future__ import annotations

from typing import Any

import pytest

from rtaudio import (
    ConfigError,
    RunContext,
    ToolGuardrailResult,
    ToolInputGuardrail,
    ToolInputGuardrailTripped,
    ToolOutputGuardrail,
    ToolOutputGuardrailTripped,
    background_result,
    function_tool,
)
from rtaudio.session import FunctionApproval, FunctionCall

ALLOW = ToolGuardrailResult.allow()
PRE_APPROVAL = {"tool_execution": {"pre_approval_input_guardrails": True}}


def before(result: Any, seen: list[Any] | None = None, name: str = "g") -> ToolInputGuardrail:
    """A guardrail of calls that decides like this, and notes what it saw."""

    async def execute(ctx: RunContext, agent: Any, call: Any) -> Any:
        if seen is not None:
            seen.append((name, ctx.context, agent.name, call.arguments))
        return result

    return ToolInputGuardrail(name, execute)


def after(result: Any, seen: list[Any] | None = None, name: str = "g") -> ToolOutputGuardrail:
    """A guardrail of results that decides like this, and notes what it saw."""

    def execute(_ctx: RunContext, _agent: Any, _call: Any, value: Any) -> Any:
        if seen is not None:
            seen.append((name, value))
        return result

    return ToolOutputGuardrail(name, execute)


async def test_words_of_an_input_guardrail_stand_in_for_the_result(make_tool, talk_with):
    runs: list[int] = []
    seen: list[Any] = []
    checks = [
        before(ALLOW, seen, "first"),
        before(ToolGuardrailResult.reject_content("not that"), seen, "second"),
        before(ALLOW, seen, "third"),
    ]
    results: list[Any] = []
    tool = make_tool(
        "act",
        lambda: runs.append(1),
        input_guardrails=checks,
        output_guardrails=[after(ALLOW, results)],
    )
    async with talk_with(tool, options={"context": "mine"}) as talk:
        talk.response("created")
        talk.call("act", '{ "x": 1 }')
        talk.response("done")
        await talk.settle()
        assert talk.sent() == [("c1", "not that"), "create"]
        assert talk.kinds() == ["agent_tool_start", "agent_tool_end"]
        assert seen == [
            ("first", "mine", "a", '{ "x": 1 }'),
            ("second", "mine", "a", '{ "x": 1 }'),
        ]
        assert (runs, results) == ([], [])


async def test_an_input_guardrail_that_raises_leaves_the_model_without_an_answer(
    make_tool, talk_with
):
    runs: list[int] = []
    check = before(ToolGuardrailResult.raise_exception({"why": "iban"}), name="no iban")
    tool = make_tool("act", lambda: runs.append(1), input_guardrails=[check])
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act")
        talk.response("done")
        await talk.settle()
        assert (talk.sent(), talk.kinds(), runs) == ([], ["error"], [])
        error = talk.events[0].error
        assert isinstance(error, ToolInputGuardrailTripped)
        assert (error.guardrail, error.info) == ("no iban", {"why": "iban"})
        assert str(error) == "input guardrail 'no iban' of tool 'act' tripped"


async def test_output_guardrails_see_the_original_and_the_first_objection_counts(
    make_tool, talk_with
):
    seen: list[Any] = []
    checks = [
        after(ALLOW, seen, "first"),
        after(ToolGuardrailResult.reject_content("withheld"), seen, "second"),
        after(ToolGuardrailResult.reject_content("never"), seen, "third"),
    ]
    tool = make_tool("act", lambda: {"secret": 1}, output_guardrails=checks)
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act")
        await talk.settle()
        assert talk.sent() == [("c1", "withheld")]
        assert seen == [("first", {"secret": 1}), ("second", {"secret": 1})]
        assert (talk.events[1].result, talk.events[1].value) == ("withheld", "withheld")


async def test_an_output_guardrail_that_raises_leaves_the_model_without_an_answer(
    make_tool, talk_with
):
    tool = make_tool(
        "act",
        lambda: "secret",
        output_guardrails=[after(ToolGuardrailResult.raise_exception("s"))],
    )
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act")
        talk.response("done")
        await talk.settle()
        assert talk.sent() == []
        assert talk.kinds() == ["agent_tool_start", "error"]
        assert isinstance(talk.events[1].error, ToolOutputGuardrailTripped)
        assert talk.events[1].error.info == "s"


@pytest.mark.parametrize(
    ("verdict", "sent"),
    [
        (ALLOW, [("c1", "kept")]),
        (ToolGuardrailResult.reject_content("no"), [("c1", "no"), "create"]),
    ],
)
async def test_a_background_result_that_is_replaced_is_an_ordinary_one(
    verdict, sent, make_tool, talk_with
):
    seen: list[Any] = []
    tool = make_tool(
        "note", lambda: background_result("kept"), output_guardrails=[after(verdict, seen)]
    )
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("note")
        talk.response("done")
        await talk.settle()
        assert seen == [("g", "kept")]
        assert talk.sent() == sent


async def test_what_a_tool_says_of_its_failure_is_checked_too(talk_with):
    seen: list[Any] = []

    @function_tool(output_guardrails=[after(ToolGuardrailResult.reject_content("broken"), seen)])
    async def fail() -> None:
        raise LookupError("password")

    async with talk_with(fail) as talk:
        talk.response("created")
        talk.call("fail")
        await talk.settle()
        assert "password" in seen[0][1]
        assert talk.sent() == [("c1", "broken")]


@pytest.mark.parametrize("answer", [None, True, "no"])
async def test_a_guardrail_without_a_verdict_has_allowed_nothing(answer, make_tool, talk_with):
    runs: list[int] = []
    tool = make_tool("act", lambda: runs.append(1), input_guardrails=[before(answer)])
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act")
        await talk.settle()
        assert (talk.sent(), runs) == ([], [])
        assert isinstance(talk.events[0].error, ConfigError)


async def test_a_guardrail_that_fails_has_allowed_nothing(make_tool, talk_with):
    def execute(*_: Any) -> Any:
        raise LookupError("x")

    runs: list[int] = []
    check = ToolInputGuardrail("g", execute)
    tool = make_tool("act", lambda: runs.append(1), input_guardrails=[check])
    async with talk_with(tool) as talk:
        talk.response("created")
        talk.call("act")
        await talk.settle()
        assert (talk.sent(), runs) == ([], [])
        assert isinstance(talk.events[0].error, LookupError)


class TestBeforeApproval:
    async def test_without_the_option_they_look_only_before_the_tool_runs(
        self, make_tool, talk_with
    ):
        seen: list[Any] = []
        tool = make_tool(
            "act", lambda: "done", needs_approval=True, input_guardrails=[before(ALLOW, seen)]
        )
        async with talk_with(tool) as talk:
            talk.response("created")
            talk.call("act")
            await talk.settle()
            assert talk.kinds() == ["tool_approval_requested"]
            assert seen == []
            await talk.session.approve(talk.events[0].approval)
            await talk.settle()
            assert len(seen) == 1
            assert talk.sent() == [("c1", "done")]

    async def test_an_objection_spares_the_person_the_question(self, make_tool, talk_with):
        check = before(ToolGuardrailResult.reject_content("never"))
        tool = make_tool("act", lambda: "done", needs_approval=True, input_guardrails=[check])
        async with talk_with(tool, options=PRE_APPROVAL) as talk:
            talk.response("created")
            talk.call("act")
            talk.response("done")
            await talk.settle()
            assert talk.sent() == [("c1", "never"), "create"]
            assert talk.kinds() == []

    async def test_one_that_raises_is_an_error_and_nobody_is_asked(self, make_tool, talk_with):
        check = before(ToolGuardrailResult.raise_exception())
        tool = make_tool("act", lambda: "done", needs_approval=True, input_guardrails=[check])
        async with talk_with(tool, options=PRE_APPROVAL) as talk:
            talk.response("created")
            talk.call("act")
            await talk.settle()
            assert talk.sent() == []
            assert talk.kinds() == ["error"]
            assert isinstance(talk.events[0].error, ToolInputGuardrailTripped)

    async def test_where_they_allow_they_look_again_before_the_tool_runs(
        self, make_tool, talk_with
    ):
        seen: list[Any] = []
        tool = make_tool(
            "act", lambda: "done", needs_approval=True, input_guardrails=[before(ALLOW, seen)]
        )
        async with talk_with(tool, options=PRE_APPROVAL) as talk:
            talk.response("created")
            talk.call("act")
            await talk.settle()
            assert talk.kinds() == ["tool_approval_requested"]
            assert len(seen) == 1
            await talk.session.approve(talk.events[0].approval)
            await talk.settle()
            assert len(seen) == 2
            assert talk.sent() == [("c1", "done")]

    @pytest.mark.parametrize(
        "verdict",
        [ToolGuardrailResult.reject_content("never"), ToolGuardrailResult.raise_exception()],
    )
    @pytest.mark.parametrize(("call_id", "always"), [("c0", True), ("c1", False)])
    async def test_a_decision_that_comes_meanwhile_counts_for_more(
        self, verdict, call_id, always, make_tool, talk_with
    ):
        verdicts = [verdict, ALLOW]

        async def execute(ctx: RunContext, agent: Any, _call: Any) -> Any:
            if len(verdicts) == 2:
                call = FunctionCall(call_id=call_id, name="act", arguments="{}")
                ctx.approve_tool(FunctionApproval(agent, tool, call), always=always)
            return verdicts.pop(0)

        check = ToolInputGuardrail("g", execute)
        tool = make_tool("act", lambda: "done", needs_approval=True, input_guardrails=[check])
        async with talk_with(tool, options=PRE_APPROVAL) as talk:
            talk.response("created")
            talk.call("act", call_id="c1")
            await talk.settle()
            assert talk.sent() == [("c1", "done")]
            assert talk.kinds() == ["agent_tool_start", "agent_tool_end"]

    async def test_arguments_that_are_no_json_are_not_shown_to_them(self, make_tool, talk_with):
        seen: list[Any] = []
        tool = make_tool(
            "act",
            lambda: "done",
            needs_approval=lambda *_: False,
            input_guardrails=[before(ALLOW, seen)],
        )
        async with talk_with(tool, options=PRE_APPROVAL) as talk:
            talk.response("created")
            talk.call("act", "{")
            await talk.settle()
            assert talk.kinds() == ["tool_approval_requested"]
            assert seen == []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ToolInputGuardrail("", print), "needs a name, a non-empty str; got ''"),
        (lambda: ToolOutputGuardrail("g", 5), "execute of guardrail 'g' must be callable, got int"),
        (lambda: ToolGuardrailResult.reject_content(None), "message must be a str, got NoneType"),
        (
            lambda: function_tool(name="f", input_guardrails=[after(ALLOW)])(lambda: None),
            "tool 'f': input_guardrails must be ToolInputGuardrail objects",
        ),
        (
            lambda: function_tool(name="f", output_guardrails=[print])(lambda: None),
            "tool 'f': output_guardrails must be ToolOutputGuardrail objects, got builtin",
        ),
    ],
)
def test_wrong_guardrails_are_refused_when_they_are_made(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


def test_a_verdict_shows_nothing_of_what_it_is_about():
    assert "secret" not in repr(ToolGuardrailResult.reject_content("secret", "secret"))
