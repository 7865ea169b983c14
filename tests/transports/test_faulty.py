from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtaudio import ConfigError, ConnectionLost, RealtimeSession, ReconnectPolicy, TransportError
from rtaudio.transports import (
    ConnectOptions,
    FakeClock,
    Fault,
    FaultyTransport,
    Injected,
    ScriptedTransport,
)
from rtaudio.transports.base import TransportSink


class Line:
    """A faulty transport over a scripted one, and what comes out at both ends."""

    def __init__(self, *faults: Fault, seed: object = 0) -> None:
        self.inner = ScriptedTransport()
        self.clock = FakeClock()
        self.transport = FaultyTransport(self.inner, *faults, seed=seed, clock=self.clock)
        self.told: list[Any] = []
        self.transport.attach(
            TransportSink(
                event=lambda event, _raw: self.told.append(event.type),
                garbage=lambda _error, _raw: self.told.append("garbage"),
                status=lambda _status: None,
                lost=lambda error: self.told.append(error),
            )
        )

    async def open(self) -> Line:
        await self.transport.open(ConnectOptions(), None)
        return self

    async def send(self, *names: str) -> None:
        for name in names:
            await self.transport.send_event({"type": name})

    def emit(self, *names: str) -> None:
        self.inner.emit(*({"type": name} for name in names))

    @property
    def sent(self) -> list[str]:
        return [call.event["type"] for call in self.inner.calls if call.method == "send_event"]


async def test_without_faults_everything_passes_at_once_and_in_order() -> None:
    line = await Line().open()
    await line.send("a", "b")
    line.emit("x")
    line.inner.emit(b"garbage")
    line.emit("y")
    await line.transport.send_audio(b"\1\2")
    assert line.sent == ["a", "b"]
    assert line.inner.calls[-1].audio == b"\1\2"
    assert line.told == ["x", "garbage", "y"]
    assert line.transport.injected == ()


async def test_the_nth_event_of_a_type_is_lost_in_its_direction_only() -> None:
    line = await Line(Fault("loss", nth=2, direction="out", event_type="a")).open()
    await line.send("a", "b", "a", "a")
    line.emit("a", "a")
    assert line.sent == ["a", "b", "a"]
    assert line.told == ["a", "a"]
    assert line.transport.injected == (Injected("loss", "out", 2, "a"),)


async def test_events_are_repeated_and_swapped_both_ways() -> None:
    line = await Line(Fault("duplicate", nth=1), Fault("reorder", nth=(2, 4))).open()
    await line.send(*"abcde")
    line.emit(*"abcd")
    assert line.sent == list("aacbed")
    assert line.told == list("aacb")
    line.inner.disconnect()
    assert line.told[4:] == ["d", None]


async def test_chance_treats_each_direction_and_each_seed_differently() -> None:
    names = [str(number) for number in range(64)]
    left = set()
    for seed in (1, 2):
        line = await Line(Fault("loss", rate=0.5), seed=seed).open()
        await line.send(*names)
        line.emit(*names)
        left |= {tuple(line.sent), tuple(line.told)}
    assert len(left) == 4
    assert all(10 < len(each) < 54 for each in left)


async def test_late_events_hold_up_those_behind_them_in_the_order_of_their_arrival() -> None:
    line = await Line(Fault("delay", nth=2, direction="in", delay_s=0.5)).open()
    line.emit("a", "b", "c")
    assert line.told == ["a"]
    await line.clock.advance(0.4)
    line.emit("d")
    line.inner.disconnect(OSError("cable"))
    assert line.told == ["a"]
    await line.clock.advance(0.1)
    assert line.told[:4] == list("abcd")
    assert isinstance(line.told[4], OSError)
    assert line.transport.injected == (Injected("delay", "in", 1, "b", 0.5),)


async def test_a_slow_connection_holds_back_who_sends() -> None:
    line = await Line(Fault("delay", nth=1, direction="out", delay_s=1.0)).open()
    sending = [asyncio.ensure_future(line.send(name)) for name in "ab"]
    await line.clock.advance(0.9)
    assert line.sent == []
    await line.clock.advance(0.1)
    await asyncio.gather(*sending)
    assert line.sent == ["a", "b"]


async def test_what_is_late_when_the_transport_closes_is_gone() -> None:
    line = await Line(Fault("delay", rate=1.0, delay_s=1.0)).open()
    line.emit("a")
    sending = asyncio.ensure_future(line.send("b"))
    await line.clock.advance(0.5)
    await line.transport.shut()
    await line.clock.advance(1.0)
    with pytest.raises(ConnectionLost):
        await sending
    assert (line.told, line.sent) == ([], [])
    with pytest.raises(TransportError, match="disconnected"):
        await line.send("c")


async def test_a_cut_is_a_lost_connection_and_another_one_can_follow() -> None:
    line = await Line(
        Fault("cut", nth=2, direction="in"), Fault("cut", nth=1, direction="out")
    ).open()
    line.emit("a", "b", "c")
    assert line.told[0] == "a"
    assert isinstance(line.told[1], ConnectionLost)
    assert line.transport.status == "disconnected"
    await line.open()
    with pytest.raises(ConnectionLost, match="cut by a FaultyTransport"):
        await line.send("x")
    await line.open()
    await line.send("y")
    assert line.sent == ["y"]
    assert [each.kind for each in line.transport.injected] == ["cut", "cut"]
    await line.transport.shut()
    line.inner.assert_closed()


async def test_a_cut_while_connecting_fails_the_attempt() -> None:
    line = Line(Fault("cut", nth=1, direction="in"))
    unconfirmed = asyncio.get_running_loop().create_future()

    async def confirm() -> None:
        line.emit("session.created")
        await unconfirmed

    line.inner.confirm = confirm  # type: ignore[method-assign]
    with pytest.raises(ConnectionLost, match="cut by"):
        await line.open()
    assert line.transport.status == line.inner.status == "disconnected"


async def test_a_session_with_a_policy_outlives_cuts_without_waiting() -> None:
    inner, clock = ScriptedTransport(), FakeClock()
    transport = FaultyTransport(
        inner, Fault("cut", nth=(2, 4), direction="out"), seed=1, clock=clock
    )
    policy = ReconnectPolicy(initial_delay_s=60.0)
    async with RealtimeSession(None, transport=transport, reconnect=policy) as session:
        for text in ("one", "two", "three"):
            await session.send_message(text)
            await clock.advance(60.0)
        texts = [
            call.event["item"]["content"][0]["text"]
            for call in inner.calls
            if call.event.get("type") == "conversation.item.create"
        ]
        assert session.connection_state == "connected"
    assert set(texts) == {"one", "two", "three"}
    assert len(transport.injected) == 2


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(), names=st.lists(st.sampled_from("abc"), max_size=30), turn=st.booleans())
def test_the_same_seed_strikes_the_same_events_however_the_directions_interleave(
    seed: int, names: list[str], turn: bool
) -> None:
    faults = (
        Fault("loss", rate=0.3),
        Fault("duplicate", rate=0.3, event_type="a"),
        Fault("delay", rate=0.3, direction="out", delay_s=(1.0, 2.0)),
    )

    async def run(*directions: str) -> tuple[Any, ...]:
        line = await Line(*faults, seed=seed).open()
        for direction in directions:
            if direction == "in":
                line.emit(*names)
            else:
                sending = asyncio.ensure_future(line.send(*names))
                await line.clock.advance(100.0)
                await sending
        await line.transport.shut()
        injected = sorted(line.transport.injected, key=lambda each: each.direction)
        return line.told, line.sent, injected

    assert asyncio.run(run("in", "out")) == asyncio.run(run(*(("in", "out")[:: 1 - 2 * turn])))


@pytest.mark.parametrize(
    ("given_fields", "message"),
    [
        ({"kind": "lose", "rate": 0.1}, "kind of a Fault must be one of delay"),
        ({"kind": "loss"}, "either rate or nth"),
        ({"kind": "loss", "rate": 0.1, "nth": 1}, "either rate or nth"),
        ({"kind": "loss", "rate": 0.0}, "rate .* got 0.0"),
        ({"kind": "loss", "rate": 1.1}, "rate .* got 1.1"),
        ({"kind": "cut", "nth": 0}, "nth .* got 0"),
        ({"kind": "cut", "nth": ()}, "nth"),
        ({"kind": "cut", "nth": 1, "direction": "up"}, "direction"),
        ({"kind": "cut", "nth": 1, "event_type": 5}, "event_type"),
        ({"kind": "delay", "nth": 1, "delay_s": (2.0, 1.0)}, "delay_s"),
        ({"kind": "delay", "nth": 1, "delay_s": -1.0}, "delay_s"),
    ],
)
def test_wrong_faults_are_refused(given_fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Fault(**given_fields)


def test_only_faults_and_transports_are_taken() -> None:
    with pytest.raises(ConfigError, match="got str"):
        FaultyTransport(ScriptedTransport(), "loss")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="got str"):
        FaultyTransport("websocket")  # type: ignore[arg-type]
