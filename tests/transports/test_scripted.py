from __future__ import annotations

import asyncio

import pytest

from rtaudio import ConfigError, RealtimeSession, TransportError
from rtaudio.transports import ConnectOptions, ScriptedTransport
from rtaudio.transports.scripted import ScriptError


@pytest.fixture
async def transport() -> ScriptedTransport:
    transport = ScriptedTransport()
    await transport.open(ConnectOptions(api_key="sk-secret"), None)
    return transport


async def test_calls_are_expected_in_order(transport: ScriptedTransport) -> None:
    await transport.send_event({"type": "response.create"})
    assert (await transport.expect_call("connect")).index == 0
    call = await transport.expect_call("send_event", lambda call: call.event["type"] != "x")
    assert call.event == {"type": "response.create"}
    transport.assert_complete()


async def test_wrong_method_is_named(transport: ScriptedTransport) -> None:
    with pytest.raises(ScriptError, match=r"expected send_event, got call 0 \(connect\)"):
        await transport.expect_call("send_event")


async def test_matcher_refuses_by_false_and_passes_its_own_exceptions_through(
    transport: ScriptedTransport,
) -> None:
    with pytest.raises(ScriptError, match="not what was expected"):
        await transport.expect_call("connect", lambda _call: False)
    await transport.send_audio(b"\0\0")

    def broken(_call: object) -> bool:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await transport.expect_call("send_audio", broken)


async def test_expectation_waits_for_the_call(transport: ScriptedTransport) -> None:
    await transport.expect_call("connect")
    waiting = asyncio.ensure_future(transport.expect_call("send_audio"))
    await asyncio.sleep(0)
    await transport.send_audio(b"\1\2")
    assert (await waiting).audio == b"\1\2"


async def test_recorded_calls_are_copies_without_the_key(transport: ScriptedTransport) -> None:
    event = {"type": "session.update", "session": {"a": 1}}
    await transport.send_event(event)
    event["session"] = {}
    transport.calls[1].event["session"].clear()
    assert transport.calls[1].event == {"type": "session.update", "session": {"a": 1}}
    assert "sk-secret" not in repr(transport.calls) + str(transport.calls[0].payload)


async def test_failures_come_in_order_and_are_recorded(transport: ScriptedTransport) -> None:
    transport.fail_next_call("send_event", OSError("one"))
    transport.fail_next_call("send_event", OSError("two"))
    for text in ("one", "two"):
        with pytest.raises(OSError, match=text):
            await transport.send_event({"type": "x"})
    await transport.send_event({"type": "x"})
    assert len(transport.calls) == 4
    with pytest.raises(ConfigError, match="send_event"):
        transport.fail_next_call("sendevent", OSError())


async def test_leftovers_are_found(transport: ScriptedTransport) -> None:
    with pytest.raises(ScriptError, match=r"call 0 \(connect\)"):
        transport.assert_complete()
    await transport.expect_call("connect")
    transport.fail_next_call("close", OSError())
    with pytest.raises(ScriptError, match="close"):
        transport.assert_complete()
    with pytest.raises(ScriptError, match="connected"):
        transport.assert_closed()


async def test_sending_after_the_end_raises(transport: ScriptedTransport) -> None:
    transport.disconnect()
    transport.assert_closed()
    with pytest.raises(TransportError):
        await transport.send_event({"type": "x"})


async def test_scenario_fails_at_once_on_a_mismatch() -> None:
    transport = ScriptedTransport()

    async def exercise() -> None:
        async with RealtimeSession(None, transport=transport):
            await asyncio.get_running_loop().create_future()

    async def scenario(transport: ScriptedTransport) -> None:
        await transport.expect_call("connect")
        await transport.expect_call("send_audio")

    with pytest.raises(ScriptError, match="expected send_audio"):
        await transport.run_scenario(scenario, exercise)
    transport.assert_closed()


async def test_scenario_that_expects_more_than_happens_fails() -> None:
    transport = ScriptedTransport()

    async def exercise() -> None:
        async with RealtimeSession(None, transport=transport):
            pass

    async def scenario(transport: ScriptedTransport) -> None:
        for method in ("connect", "send_event", "close", "send_audio"):
            await transport.expect_call(method)

    with pytest.raises(ScriptError, match="expected send_audio, but nothing more"):
        await transport.run_scenario(scenario, exercise)


async def test_exercise_that_does_more_than_expected_fails() -> None:
    transport = ScriptedTransport()

    async def exercise() -> None:
        async with RealtimeSession(None, transport=transport):
            pass

    async def scenario(transport: ScriptedTransport) -> None:
        await transport.expect_call("connect")

    with pytest.raises(ScriptError, match=r"not expected: call 1 \(send_event: session.update\)"):
        await transport.run_scenario(scenario, exercise)


async def test_error_of_the_exercise_comes_through() -> None:
    transport = ScriptedTransport()

    async def exercise() -> None:
        raise KeyError("theirs")

    async def scenario(transport: ScriptedTransport) -> None:
        await transport.expect_call("connect")

    with pytest.raises(KeyError, match="theirs"):
        await transport.run_scenario(scenario, exercise)
