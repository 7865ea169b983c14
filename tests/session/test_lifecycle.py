"""Attempts that fail, overlap, or are given up; and what is current on each connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio import ConfigError, RealtimeAgent, RealtimeSession, TransportError
from rtaudio.transports import ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Held:
    """Instructions that a test lets go on when it likes."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers: list[asyncio.Future[str]] = []

    async def __call__(self, _context: Any, _agent: Any) -> str:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.answers.append(answer)
        self.asked.set()
        return await answer


def statuses(session: RealtimeSession) -> list[str]:
    told: list[str] = []
    session.on("connection_change", lambda event: told.append(event.status))
    return told


def methods(transport: ScriptedTransport) -> list[str]:
    return [call.method for call in transport.calls]


def when(session: RealtimeSession, status: str, act: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Act once, as an async handler, when the connection gets this status; returns outcomes."""
    outcomes: list[Any] = []

    async def handle(event: Any) -> None:
        if event.status == status and not outcomes:
            outcomes.append(None)
            outcomes[0] = await act()

    session.on("connection_change", handle)
    return outcomes


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_model_of_connect_counts_for_that_connection_only(
    make_session: Any, transport: Any
) -> None:
    session = make_session(model="option")
    for model in ("argument", None):
        await session.connect(model=model)
        await session.update_agent(RealtimeAgent("b"))
        await session.close()
    updates = [call.event for call in transport.calls if call.method == "send_event"]
    models = [update["session"]["model"] for update in updates]
    assert models == ["argument", "argument", "option", "option"]
    connects = [call.options["model"] for call in transport.calls if call.method == "connect"]
    assert connects == ["argument", "option"]


@pytest.mark.parametrize("name", ["url", "model", "call_id"])
async def test_wrong_argument_of_connect_is_refused_by_name(
    session: Any, transport: Any, name: str
) -> None:
    with pytest.raises(ConfigError, match=rf"{name} of connect\(\) must be a str or None, got int"):
        await session.connect(**{name: 5})
    assert transport.calls == ()


async def test_an_attempt_that_was_superseded_raises_and_leaves_the_next_one_alone(
    transport: Any, service: Any
) -> None:
    held = Held()
    session = RealtimeSession(RealtimeAgent("a", held), transport=transport)
    first = asyncio.ensure_future(session.connect())
    await held.asked.wait()
    await session.close()
    held.asked.clear()
    second = asyncio.ensure_future(session.connect())
    await held.asked.wait()
    held.answers[1].set_result("second")
    await second
    transport.emit(service.item("u"))
    held.answers[0].set_result("first")
    with pytest.raises(TransportError, match="superseded"):
        await first
    assert session.connection_state == "connected"
    assert len(session.history) == 1
    assert methods(transport) == ["connect", "send_event"]
    assert transport.calls[1].event["session"]["instructions"] == "second"
    await session.close()


async def test_an_attempt_that_fails_after_it_was_superseded_leaves_the_next_one_alone(
    transport: Any, service: Any
) -> None:
    held = Held()
    session = RealtimeSession(RealtimeAgent("a", held), transport=transport)
    first = asyncio.ensure_future(session.connect())
    await held.asked.wait()
    await session.close()
    second = asyncio.ensure_future(session.connect())
    await settle()
    held.answers[1].set_result("second")
    await second
    transport.emit(service.response("created"))
    await session.request_response()
    held.answers[0].set_exception(LookupError("first"))
    with pytest.raises(LookupError, match="first"):
        await first
    transport.emit(service.response("done"))
    await settle()
    assert transport.calls[-1].event["type"] == "response.create"
    await session.close()


async def test_a_connect_during_a_close_waits_for_its_end(service: Any) -> None:
    released = asyncio.Event()

    class Slow(ScriptedTransport):
        async def close(self) -> None:
            await super().close()
            await released.wait()

    transport = Slow()
    session = RealtimeSession(None, transport=transport)
    told = statuses(session)
    await session.connect()
    stream = aiter(session)
    closing = asyncio.ensure_future(session.close())
    await settle()
    again = asyncio.ensure_future(session.connect())
    await settle()
    assert methods(transport).count("connect") == 1
    with pytest.raises(ConfigError, match="called already"):
        await session.connect()
    released.set()
    await closing
    assert [event.type async for event in stream] == ["connection_change"]
    await again
    transport.emit(service.item("u"))
    assert len(session.history) == 1
    assert told == ["connecting", "connected", "disconnected", "connecting", "connected"]
    await session.close()


async def test_a_second_close_also_gives_up_the_connect_that_waited_for_the_first() -> None:
    released = asyncio.Event()

    class Slow(ScriptedTransport):
        async def close(self) -> None:
            await super().close()
            await released.wait()

    session = RealtimeSession(None, transport=Slow())
    await session.connect()
    first = asyncio.ensure_future(session.close())
    await settle()
    again = asyncio.ensure_future(session.connect())
    await settle()
    second = asyncio.ensure_future(session.close())
    await settle()
    released.set()
    await asyncio.gather(first, second)
    with pytest.raises(TransportError, match="superseded"):
        await again
    assert session.connection_state == "disconnected"


async def test_a_handler_that_closes_on_connected_makes_connect_fail(
    session: Any, transport: Any
) -> None:
    told = statuses(session)
    when(session, "connected", session.close)
    with pytest.raises(TransportError, match="superseded"):
        await session.connect()
    await session.close()
    assert told == ["connecting", "connected", "disconnected"]
    transport.assert_closed()


async def test_a_handler_that_reconnects_after_a_close_is_not_disturbed(
    session: Any, transport: Any, service: Any
) -> None:
    outcomes = when(session, "disconnected", session.connect)
    await session.connect()
    await session.close()
    await settle()
    assert outcomes == [None]
    assert session.connection_state == "connected"
    transport.emit(service.created())
    await settle()
    assert transport.calls[-1].event["session"]["tracing"] == "auto"
    await session.close()


async def test_a_handler_that_reconnects_after_a_failed_attempt_is_not_disturbed(
    session: Any, transport: Any, service: Any
) -> None:
    failed: list[Any] = []
    session.on("error", lambda event: failed.append(event.error))
    when(session, "disconnected", session.connect)
    transport.fail_next_call("send_event", OSError("the first"))
    with pytest.raises(OSError, match="the first"):
        await session.connect()
    await settle()
    assert failed == []
    assert session.connection_state == "connected"
    with pytest.raises(ConfigError, match="called already"):
        await session.connect()
    transport.emit(service.created())
    await settle()
    assert transport.calls[-1].event["session"]["tracing"] == "auto"
    await session.close()
    transport.assert_closed()


async def test_a_handler_that_reconnects_after_an_attempt_was_given_up_is_not_disturbed(
    service: Any,
) -> None:
    class SlowOnce(ScriptedTransport):
        async def confirm(self) -> None:
            if len(self.calls) == 2:
                await asyncio.get_running_loop().create_future()

    transport = SlowOnce()
    session = RealtimeSession(None, transport=transport)
    when(session, "disconnected", session.connect)
    attempt = asyncio.ensure_future(session.connect())
    await settle()
    await session.close()
    with pytest.raises(TransportError, match="superseded"):
        await attempt
    await settle()
    assert session.connection_state == "connected"
    transport.emit(service.created())
    await settle()
    assert transport.calls[-1].event["session"]["tracing"] == "auto"
    await session.close()


async def test_a_block_that_never_began_gives_the_transport_back(
    session: Any, transport: Any
) -> None:
    transport.fail_next_call("connect", OSError("no"))
    with pytest.raises(OSError, match="no"):
        async with session:
            pass
    async with RealtimeSession(None, transport=transport) as other:
        with pytest.raises(ConfigError, match="called already"):
            async with other:
                pass
        stream = aiter(other)
        transport.emit({"type": "unheard.of"})
        assert (await anext(stream)).type == "transport_event"


async def test_a_cancelled_connect_leaves_nothing_open(transport: Any) -> None:
    waiting = asyncio.Event()

    async def confirm() -> None:
        waiting.set()
        await asyncio.get_running_loop().create_future()

    session = RealtimeSession(None, transport=transport)
    confirm_at_once, transport.confirm = transport.confirm, confirm
    attempt = asyncio.ensure_future(session.connect())
    await waiting.wait()
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    transport.assert_closed()
    transport.confirm = confirm_at_once
    await session.connect()
    await session.close()


async def test_asking_for_the_configuration_makes_the_first_agent_current_again(
    session: Any, transport: Any
) -> None:
    first = session.current_agent
    async with session:
        await session.update_agent(RealtimeAgent("b", "other"))
    assert session.current_agent.name == "b"
    config = await session.get_initial_session_config()
    assert session.current_agent is first
    assert config["instructions"] == "be brief"
    async with session:
        pass
    assert transport.calls[-2].event["session"] == config
    assert transport.calls[-3].options["initial_session_config"] == config


@pytest.mark.parametrize("is_async", [False, True])
async def test_instructions_are_computed_at_connect_and_at_each_handoff(
    transport: Any, is_async: bool
) -> None:
    counts = {"a": 0, "b": 0}

    def compute(_context: Any, agent: RealtimeAgent) -> str:
        counts[agent.name] += 1
        return f"{agent.name} {counts[agent.name]}"

    async def compute_later(context: Any, agent: RealtimeAgent) -> str:
        return compute(context, agent)

    instructions: Any = compute_later if is_async else compute
    first, second = RealtimeAgent("a", instructions), RealtimeAgent("b", instructions)
    session = RealtimeSession(first, transport=transport, workflow_name="w")
    assert counts == {"a": 0, "b": 0}
    async with session:
        for agent in (second, first, second):
            await session.update_agent(agent)
    updates = [call.event for call in transport.calls if call.method == "send_event"]
    texts = [update["session"]["instructions"] for update in updates]
    assert texts == ["a 1", "b 1", "a 2", "b 2"]
    assert not any("tracing" in update["session"] for update in updates)
