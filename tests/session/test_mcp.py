"""MCP tools that the service calls by itself, over a whole session."""

from __future__ import annotations

from typing import Any

import pytest

from rtaudio import ConfigError, HostedMcpTool, RealtimeAgent, function_tool
from rtaudio.session.events import McpToolCallCompleted

CALL = {
    "id": "m",
    "type": "mcp_call",
    "server_label": "tickets",
    "name": "open",
    "arguments": '{"title":"printer"}',
    "output": "42",
}


@function_tool
async def local() -> str:
    return "here"


def tickets(**settings: Any) -> HostedMcpTool:
    return HostedMcpTool("tickets", server_url="https://example.com", **settings)


def listed(talk: Any, *names: str, label: str = "tickets") -> None:
    tools = [{"name": name, "input_schema": {}, "description": None} for name in names]
    done(talk, {"id": "l", "type": "mcp_list_tools", "server_label": label, "tools": tools})


def done(talk: Any, item: dict[str, Any]) -> None:
    talk.transport.emit({"type": "conversation.item.done", "event_id": "e", "item": item})


def available(talk: Any) -> list[str]:
    return [tool.name for tool in talk.session.available_mcp_tools]


def collect(talk: Any, *kinds: str) -> list[Any]:
    events: list[Any] = []
    for kind in kinds:
        talk.session.on(kind, events.append)
    return events


async def test_hosted_tools_stand_beside_functions_in_the_first_session_update(talk_with):
    tool = tickets(authorization="token", require_approval={"never": {"readOnly": True}})
    async with talk_with(tool, local) as talk:
        update = talk.transport.calls[1].event
        assert update["session"]["tools"] == [
            local.wire(),
            {
                "type": "mcp",
                "server_label": "tickets",
                "server_url": "https://example.com",
                "authorization": "token",
                "require_approval": {"never": {"read_only": True}},
            },
        ]


async def test_tools_of_another_kind_are_refused():
    with pytest.raises(ConfigError, match="or a HostedMcpTool; got dict"):
        RealtimeAgent("a", tools=[{"type": "mcp"}])  # type: ignore[list-item]


async def test_what_a_server_lists_is_available_and_told_once(talk_with):
    async with talk_with(tickets(allowed_tools=["open", "close"])) as talk:
        events = collect(talk, "mcp_tools_changed")
        assert talk.session.available_mcp_tools == ()
        listed(talk, "open", "close", "delete")
        listed(talk, "open", "close", "delete")
        assert available(talk) == ["open", "close"]
        (event,) = events
        assert (event.tools, event.agent) == (talk.session.available_mcp_tools, talk.agent)


async def test_a_change_of_agent_changes_what_is_available(talk_with):
    async with talk_with(tickets()) as talk:
        events = collect(talk, "agent_handoff", "mcp_tools_changed")
        listed(talk, "open", "close")
        other = RealtimeAgent("b", tools=[tickets(allowed_tools={"tool_names": ["close"]})])
        await talk.session.update_agent(other)
        assert available(talk) == ["close"]
        await talk.session.update_agent(RealtimeAgent("c"))
        assert available(talk) == []
        await talk.session.update_agent(other)
        kinds = [event.type for event in events]
        assert kinds == ["mcp_tools_changed", *(["agent_handoff", "mcp_tools_changed"] * 3)]
        assert [event.agent.name for event in events[2::2]] == ["b", "c", "b"]


async def test_a_handoff_by_the_model_changes_it_too(talk_with):
    async with talk_with(tickets(), handoffs=[RealtimeAgent("b")]) as talk:
        listed(talk, "open")
        talk.response("created")
        talk.call("transfer_to_b")
        await talk.settle()
        assert available(talk) == []


async def test_each_connection_begins_without_lists(talk_with):
    talk = talk_with(tickets())
    async with talk:
        listed(talk, "open")
    assert available(talk) == []
    await talk.session.connect()
    assert available(talk) == []
    listed(talk, "open")
    assert available(talk) == ["open"]
    await talk.session.close()


async def test_a_finished_call_is_told_and_the_model_goes_on(talk_with):
    async with talk_with(tickets()) as talk:
        events = collect(talk, "history_added", "mcp_tool_call_completed")
        talk.response("created")
        done(talk, CALL)
        await talk.settle()
        assert talk.sent() == []
        talk.response("done")
        await talk.settle()
        assert talk.sent() == ["create"]
        added, completed = events
        assert isinstance(completed, McpToolCallCompleted)
        assert completed.agent is talk.agent
        assert completed.tool_call == added.item == talk.session.history[-1]
        assert completed.tool_call.output == "42"
        assert "printer" not in f"{completed!r}"


async def test_with_the_option_off_the_model_waits(talk_with):
    options = {"automatically_trigger_response_for_mcp_tool_calls": False}
    async with talk_with(tickets(), options=options) as talk:
        events = collect(talk, "mcp_tool_call_completed")
        done(talk, CALL)
        await talk.settle()
        assert len(events) == 1
        assert talk.sent() == []


async def test_a_call_that_begins_is_asked_for_again(talk_with):
    async with talk_with(tickets()) as talk:
        for kind, item_id in (("response.mcp_call", "m"), ("mcp_list_tools", "l")):
            progress = {"type": f"{kind}.in_progress", "item_id": item_id, "output_index": 0}
            talk.transport.emit({**progress, "event_id": "e"})
        await talk.settle()
        events = [call.event for call in talk.transport.calls[-2:]]
        assert events == [
            {"type": "conversation.item.retrieve", "item_id": "m"},
            {"type": "conversation.item.retrieve", "item_id": "l"},
        ]
