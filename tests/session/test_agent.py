"""What an agent tells those who listen to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rtaudio import ConfigError, RealtimeAgent, function_tool

LIFE = ["agent_start", "agent_end", "agent_handoff", "agent_tool_start", "agent_tool_end"]


@function_tool
async def f() -> int:
    return 1


def listen(talk: Any, *agents: RealtimeAgent) -> list[tuple[str, str]]:
    """Who heard of what, in order; sessions are called "session"."""
    heard: list[tuple[str, str]] = []
    for kind in LIFE:
        talk.session.on(kind, lambda event: heard.append(("session", event.type)))
        for agent in agents:
            agent.on(kind, lambda event, name=agent.name: heard.append((name, event.type)))
    return heard


async def test_its_responses_and_tools_are_told_behind_the_session(talk_with):
    async with talk_with(f) as talk:
        heard = listen(talk, talk.agent)
        talk.response("created")
        talk.call("f")
        await talk.settle()
        talk.response("done")
        kinds = ["agent_start", "agent_tool_start", "agent_tool_end", "agent_end"]
        assert heard == [(who, kind) for kind in kinds for who in ("session", "a")]


async def test_a_handoff_is_told_first_by_the_agent_that_is_left(talk_with):
    second = RealtimeAgent("b")
    async with talk_with(handoffs=[second]) as talk:
        heard = listen(talk, talk.agent, second)
        agents: list[Any] = []
        talk.agent.on("agent_handoff", lambda event: agents.append(event))
        talk.response("created")
        talk.call("transfer_to_b")
        await talk.settle()
        assert heard[2:] == [("a", "agent_handoff"), ("session", "agent_handoff")]
        (event,) = agents
        assert (event.agent, event.from_agent, event.to_agent) == (talk.agent, talk.agent, second)
        talk.response("done")
        assert heard[4:] == [("session", "agent_end"), ("b", "agent_end")]


async def test_a_handoff_is_told_by_the_agent_whose_call_it_was(talk_with):
    second, third = RealtimeAgent("b"), RealtimeAgent("c")
    async with talk_with(handoffs=[second]) as talk:
        talk.response("created")
        await talk.session.update_agent(third)
        heard = listen(talk, talk.agent, second, third)
        talk.call("transfer_to_b")
        await talk.settle()
        assert heard == [("a", "agent_handoff"), ("session", "agent_handoff")]
        assert talk.session.current_agent is second


async def test_a_handler_that_raises_is_an_error_of_the_session(talk_with):
    def fail(_event: Any) -> None:
        raise LookupError("x")

    async def fail_later(_event: Any) -> None:
        raise LookupError("y")

    async with talk_with(f) as talk:
        talk.agent.on("agent_tool_start", fail)
        talk.agent.on("agent_tool_start", fail_later)
        talk.response("created")
        talk.call("f")
        await talk.settle()
        assert sorted(str(e.error) for e in talk.events if e.type == "error") == ["x", "y"]
        assert talk.sent() == [("c1", "1")]


async def test_each_session_tells_it_of_its_own(talk_with):
    async with talk_with(f) as one, talk_with(f) as two:
        shared = RealtimeAgent("shared", tools=[f])
        await one.session.update_agent(shared)
        await two.session.update_agent(shared)
        contexts: list[Any] = []
        shared.on("agent_start", lambda event: contexts.append(event.context))
        two.response("created")
        one.response("created")
        assert contexts == [two.session.context, one.session.context]


async def test_a_handler_taken_off_is_not_called(talk_with):
    async with talk_with() as talk:
        heard: list[Any] = []
        talk.agent.on("agent_start", heard.append)
        talk.agent.off("agent_start", heard.append)
        talk.response("created")
        assert heard == []


async def test_a_start_handler_of_the_agent_that_closes_the_session_keeps_the_tool_from_running(
    make_tool, talk_with
):
    runs: list[int] = []
    async with talk_with(make_tool("act", lambda: runs.append(1))) as talk:
        closing: list[Any] = []

        def close(_event: Any) -> None:
            closing.append(asyncio.ensure_future(talk.session.close()))

        talk.agent.on("agent_tool_start", close)
        talk.response("created")
        talk.call("act")
        await talk.settle()
        assert (runs, talk.sent()) == ([], [])


def test_agents_have_no_other_events():
    with pytest.raises(ConfigError, match="no event 'audio' here; there are agent_end, "):
        RealtimeAgent("a").on("audio", print)
    with pytest.raises(ConfigError, match="a handler must be callable, got int"):
        RealtimeAgent("a").on("agent_start", 5)
