"""Requests of the service for approval of MCP calls, and what it is told."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import msgspec
import pytest

from rtaudio import (
    ConnectionLost,
    HostedMcpTool,
    ProtocolError,
    RealtimeAgent,
    ReconnectPolicy,
    TransportError,
)
from rtaudio.session.approvals import Decision
from rtaudio.session.mcp_approvals import McpApproval

TOOL = HostedMcpTool("tickets", server_url="https://example.com")
ASKED = {
    "id": "q",
    "type": "mcp_approval_request",
    "server_label": "tickets",
    "name": "open",
    "arguments": '{"title": "printer", "n": 1}',
}


def ask(talk: Any, **fields: Any) -> None:
    item = {**ASKED, **fields}
    talk.transport.emit({"type": "conversation.item.done", "event_id": "e", "item": item})


def requests(talk: Any) -> list[McpApproval]:
    return [each.approval for each in talk.events if each.type == "tool_approval_requested"]


def errors(talk: Any) -> list[Any]:
    return [each.error for each in talk.events if each.type == "error"]


def answers(talk: Any) -> list[dict[str, Any]]:
    """What the session sent since its first settings."""
    events = [call.event for call in talk.transport.calls if call.method == "send_event"]
    return [event for event in events if event["type"] != "session.update"]


def answer(approve: bool, **reason: Any) -> dict[str, Any]:
    response = {"type": "mcp_approval_response", "approval_request_id": "q", "approve": approve}
    return {
        "type": "conversation.item.create",
        "previous_item_id": "q",
        "item": {**response, **reason},
    }


async def test_a_request_is_told_with_what_it_is_about(talk_with):
    async with talk_with(TOOL) as talk:
        ask(talk)
        (event,) = talk.events
        approval = event.approval
        assert (approval.type, approval.agent, event.agent) == (
            "mcp_approval_request",
            talk.agent,
            talk.agent,
        )
        assert (approval.server_label, approval.name) == ("tickets", "open")
        assert approval.arguments == {"title": "printer", "n": 1}
        assert approval.approval_item == talk.session.history[-1]
        assert "printer" not in f"{event!r} {approval!r}"
        assert answers(talk) == []


async def test_an_exact_repetition_is_ignored(talk_with):
    async with talk_with(TOOL) as talk:
        ask(talk)
        ask(talk)
        ask(talk, arguments='{"n":1.0,"title":"printer"}')
        assert len(talk.events) == 1


@pytest.mark.parametrize(
    "changed", [{"name": "shut"}, {"server_label": "s"}, {"arguments": "{}"}, {"arguments": "{"}]
)
async def test_other_content_under_one_id_is_an_error_and_the_first_stays(changed, talk_with):
    async with talk_with(TOOL) as talk:
        ask(talk)
        ask(talk, **changed)
        assert talk.kinds() == ["tool_approval_requested", "error"]
        assert isinstance(errors(talk)[0], ProtocolError)
        assert "printer" not in str(errors(talk)[0])
        assert talk.session.history[-1].name == "open"
        await talk.session.approve(requests(talk)[0])
        assert answers(talk) == [answer(True)]


@pytest.mark.parametrize("approved", [True, False])
async def test_the_context_decides_about_requests_too(approved, talk_with):
    async with talk_with(TOOL) as talk:
        ask(talk)
        decide = "approve_tool" if approved else "reject_tool"
        getattr(talk.session.context, decide)(requests(talk)[0])
        await talk.settle()
        assert answers(talk) == [answer(approved)]


async def test_one_id_under_another_agent_is_a_request_of_its_own(talk_with):
    async with talk_with(TOOL) as talk:
        ask(talk)
        await talk.session.update_agent(RealtimeAgent("b"))
        ask(talk)
        first, second = requests(talk)
        assert [each.agent.name for each in (first, second)] == ["a", "b"]
        await talk.session.approve(second)
        await talk.session.reject(first)
        assert answers(talk) == [answer(True), answer(False)]


async def test_malformed_arguments_are_an_error_and_can_be_decided_about(talk_with):
    async with talk_with(TOOL) as talk:
        ask(talk, arguments='{"title"')
        assert talk.kinds() == ["error", "tool_approval_requested"]
        (approval,) = requests(talk)
        assert approval.arguments == '{"title"'
        await talk.session.reject(approval)
        assert answers(talk) == [answer(False)]


async def test_approving_tells_the_service_and_asks_for_no_response(talk_with):
    async with talk_with(TOOL) as talk:
        ask(talk)
        await talk.session.approve(requests(talk)[0])
        await talk.settle()
        assert answers(talk) == [answer(True)]
        assert talk.session.history[-1].approved is True


@pytest.mark.parametrize(
    ("message", "reason"), [(None, {}), ("not now", {"reason": "not now"}), ("", {"reason": ""})]
)
async def test_a_refusal_has_a_reason_where_a_message_was_given(message, reason, talk_with):
    asked_for_words: list[Any] = []
    options = {"tool_error_formatter": asked_for_words.append}
    async with talk_with(TOOL, options=options) as talk:
        ask(talk)
        await talk.session.reject(requests(talk)[0], message=message)
        await talk.settle()
        assert answers(talk) == [answer(False, **reason)]
        assert talk.session.history[-1].approved is False
        assert asked_for_words == []


async def test_a_decision_for_always_warns_and_holds_once(talk_with, caplog):
    async with talk_with(TOOL) as talk:
        ask(talk)
        await talk.session.approve(requests(talk)[0], always=True)
        assert "a decision holds for one call only" in caplog.text
        assert "printer" not in caplog.text
        ask(talk, id="q2")
        assert len(requests(talk)) == 2
        assert answers(talk) == [answer(True)]


async def test_the_words_of_a_refusal_for_always_are_used_again(talk_with):
    async with talk_with(TOOL) as talk:
        ask(talk, id="q0")
        ask(talk)
        ask(talk, id="q2", name="shut")
        first, second, other = requests(talk)
        await talk.session.reject(first, always=True, message="never")
        await talk.session.reject(second)
        await talk.session.reject(other)
        reasons = [event["item"].get("reason") for event in answers(talk)]
        assert reasons == ["never", "never", None]


async def test_a_failing_write_reaches_the_caller_who_can_decide_again(talk_with):
    async with talk_with(TOOL) as talk:
        ask(talk)
        (approval,) = requests(talk)
        talk.transport.fail_next_call("send_event", TransportError("full"))
        with pytest.raises(TransportError, match="full"):
            await talk.session.approve(approval)
        assert talk.session.history[-1].approved is None
        await talk.session.reject(approval)
        await talk.session.approve(approval)
        assert answers(talk)[1:] == [answer(False)]
        assert talk.session.history[-1].approved is False


async def test_a_second_decision_meanwhile_sends_nothing(talk_with):
    async with talk_with(TOOL) as talk:
        ask(talk)
        (approval,) = requests(talk)
        await asyncio.gather(talk.session.approve(approval), talk.session.reject(approval))
        assert answers(talk) == [answer(True)]


async def test_of_too_many_requests_the_oldest_can_no_longer_be_decided(talk_with):
    async with talk_with(TOOL) as talk:
        for number in range(1001):
            ask(talk, id=f"q{number}")
        kept = talk.session.stats.queues["mcp_requests"]
        assert (kept.size, kept.lost) == (1000, 1)
        with pytest.raises(ProtocolError):
            await talk.session.approve(requests(talk)[0])
        await talk.session.approve(requests(talk)[1])


async def test_a_handler_may_decide_at_once(talk_with):
    async with talk_with(TOOL) as talk:

        async def approve(event: Any) -> None:
            await talk.session.approve(event.approval)

        talk.session.on("tool_approval_requested", approve)
        ask(talk)
        await talk.settle()
        assert answers(talk) == [answer(True)]


class TestIdentity:
    async def test_one_made_from_the_same_facts_is_accepted(self, talk_with):
        async with talk_with(TOOL) as talk:
            ask(talk)
            item = msgspec.structs.replace(requests(talk)[0].approval_item)
            await talk.session.approve(McpApproval(talk.agent, item))
            assert answers(talk) == [answer(True)]

    @pytest.mark.parametrize(
        "altered",
        [
            {"name": "shut"},
            {"server_label": "s"},
            {"item_id": "other"},
            {"arguments": {"title": "printer"}},
            {"arguments": {"title": object(), "n": 1}},
        ],
    )
    async def test_an_altered_one_is_refused(self, altered, talk_with):
        async with talk_with(TOOL) as talk:
            ask(talk)
            (approval,) = requests(talk)
            item = msgspec.structs.replace(approval.approval_item, **altered)
            with pytest.raises(ProtocolError):
                await talk.session.approve(dataclasses.replace(approval, approval_item=item))
            assert answers(talk) == []
            await talk.session.approve(approval)

    async def test_one_of_another_agent_is_refused(self, talk_with):
        async with talk_with(TOOL) as talk:
            ask(talk)
            other = dataclasses.replace(requests(talk)[0], agent=RealtimeAgent("a"))
            with pytest.raises(ProtocolError):
                await talk.session.reject(other)

    async def test_one_of_an_earlier_connection_is_refused(self, talk_with):
        talk = talk_with(TOOL)
        async with talk:
            ask(talk)
        (old,) = requests(talk)
        with pytest.raises(ProtocolError):
            await talk.session.approve(old)
        async with talk:
            ask(talk)
            with pytest.raises(ProtocolError):
                await talk.session.approve(old)
            await talk.session.approve(requests(talk)[1])
            assert answers(talk) == [answer(True)]

    async def test_a_lost_connection_takes_its_requests_along(self, talk_with):
        policy = ReconnectPolicy(initial_delay_s=0)
        async with talk_with(TOOL, options={"reconnect": policy}) as talk:
            ask(talk)
            again = asyncio.Event()
            talk.session.on("reconnected", lambda _: again.set())
            talk.transport.disconnect(ConnectionLost("gone"))
            await again.wait()
            with pytest.raises(ProtocolError):
                await talk.session.approve(requests(talk)[0])


class TestWithoutWaiting:
    async def test_the_decision_is_sent(self, talk_with):
        async with talk_with(TOOL) as talk:
            ask(talk)
            approvals = talk.session._link.mcp_approvals
            decision = Decision(approved=False, message="no")
            assert approvals.decide(requests(talk)[0], decision, False, ahead=True) is None
            await talk.settle()
            assert answers(talk) == [answer(False, reason="no")]

    async def test_a_failure_is_an_error_event(self, talk_with):
        async with talk_with(TOOL) as talk:
            ask(talk)
            talk.transport.fail_next_call("send_event", TransportError("full"))
            approvals = talk.session._link.mcp_approvals
            approvals.decide(requests(talk)[0], Decision(approved=True), False, ahead=True)
            await talk.settle()
            assert isinstance(errors(talk)[0], TransportError)
            await talk.session.approve(requests(talk)[0])
            assert answers(talk)[-1] == answer(True)
