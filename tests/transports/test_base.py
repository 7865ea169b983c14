"""The contract of transports: what every one of them does by itself."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from rtaudio import ConfigError, ProtocolError, TransportError
from rtaudio.transports import ConnectOptions, RealtimeTransport
from rtaudio.transports.base import TransportSink


class Recorder(RealtimeTransport):
    """A transport whose steps are told, and fail where a test says so."""

    def __init__(self, **failures: Exception) -> None:
        self.failures = failures
        self.done: list[str] = []
        self.told: list[Any] = []

    def listen(self, **observers: Any) -> None:
        def tell(kind: str) -> Any:
            return lambda *news: self.told.append((kind, *news))

        kinds = {name: tell(name) for name in ("event", "garbage", "status", "lost")}
        self.attach(TransportSink(**{**kinds, **observers}))

    def _step(self, name: str) -> None:
        self.done.append(name)
        if name in self.failures:
            raise self.failures[name]

    async def connect(self, options: ConnectOptions) -> None:  # noqa: ARG002
        self._step("connect")

    async def send_event(self, event: Any) -> None:
        self._step(event["type"])

    async def confirm(self) -> None:
        self._step("confirm")

    async def close(self) -> None:
        self._step("close")

    async def start(self) -> None:
        await self.open(ConnectOptions(), {"type": "session.update"})


async def test_opening_connects_then_greets_then_waits_for_the_other_side() -> None:
    transport = Recorder()
    transport.listen()
    await transport.start()
    assert transport.done == ["connect", "session.update", "confirm"]
    await transport.shut()
    await transport.shut()
    assert transport.told == [("status", each) for each in ("connecting", "connected")] + [
        ("status", "disconnected")
    ]


async def test_a_transport_that_is_open_cannot_be_opened_again() -> None:
    transport = Recorder()
    first, second = await asyncio.gather(
        transport.start(), transport.start(), return_exceptions=True
    )
    assert first is None
    assert isinstance(second, ConfigError)
    with pytest.raises(ConfigError, match="this is connected"):
        await transport.start()
    assert transport.done.count("connect") == 1


@pytest.mark.parametrize("step", ["connect", "session.update", "confirm"])
async def test_the_first_failure_is_raised_even_where_closing_fails_too(
    step: str, caplog: Any
) -> None:
    failure = OSError("the first")
    transport = Recorder(**{step: failure, "close": KeyError("a secret")})
    with caplog.at_level(logging.DEBUG), pytest.raises(OSError, match="the first") as caught:
        await transport.start()
    assert caught.value is failure
    assert transport.status == "disconnected"
    assert "raised KeyError" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("status", ["connecting", "connected"])
async def test_an_observer_that_raises_makes_the_attempt_fail(status: str) -> None:
    transport = Recorder()

    def observe(new: str) -> None:
        if new == status:
            raise LookupError("observer")

    transport.listen(status=observe)
    with pytest.raises(LookupError, match="observer"):
        await transport.start()
    assert transport.status == "disconnected"
    assert transport.done[-1] == "close"


async def test_an_observer_that_raises_at_every_change_hides_neither_failure_nor_loss() -> None:
    transport = Recorder(connect=OSError("the first"))

    def observe(new: str) -> None:
        if new == "disconnected":
            raise LookupError("observer")

    transport.listen(status=observe)
    with pytest.raises(OSError, match="the first"):
        await transport.start()
    transport.failures.clear()
    await transport.start()
    with pytest.raises(LookupError):
        transport.lost(OSError("cable"))
    assert [kind for kind, *_ in transport.told] == ["lost"]


async def test_a_transport_that_is_shut_while_it_opens_does_not_come_up() -> None:
    transport = Recorder()
    waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def confirm() -> None:
        await waiting

    transport.confirm = confirm  # type: ignore[method-assign]
    attempt = asyncio.ensure_future(transport.start())
    await asyncio.sleep(0)
    await transport.shut()
    waiting.set_result(None)
    with pytest.raises(TransportError, match="was shut"):
        await attempt
    assert transport.status == "disconnected"


async def test_a_connection_that_ends_before_it_stands_is_a_failed_attempt_and_no_loss() -> None:
    transport = Recorder()
    transport.listen()

    async def confirm() -> None:
        transport.lost(None)

    transport.confirm = confirm  # type: ignore[method-assign]
    with pytest.raises(TransportError, match="before the session began"):
        await transport.start()
    transport.lost(None)
    assert [kind for kind, *_ in transport.told] == ["status", "status"]


async def test_what_arrives_is_read_in_any_form_and_garbage_is_told_apart() -> None:
    transport = Recorder()
    transport.listen()
    text = '{"type": "unheard.of", "x": 1}'
    for form in (text, text.encode(), {"type": "unheard.of", "x": 1}):
        event = transport.receive(form)
        assert event is not None
        assert event.raw == {"type": "unheard.of", "x": 1}  # type: ignore[union-attr]
        assert transport.receive(event) is event
        assert transport.told[-1] == ("event", event, event)
    assert transport.receive("[]") is None
    kind, error, raw = transport.told[-1]
    assert (kind, raw) == ("garbage", "[]")
    assert isinstance(error, ProtocolError)


async def test_a_transport_says_by_default_that_it_cannot_mute() -> None:
    assert Recorder().muted is None
    with pytest.raises(ConfigError, match="Recorder cannot mute"):
        Recorder().mute(True)


@pytest.mark.parametrize("name", ["connect", "send_event", "close"])
def test_what_a_transport_has_to_implement_is_named(name: str) -> None:
    arguments = () if name == "close" else ({},)
    with pytest.raises(NotImplementedError, match=name):
        getattr(RealtimeTransport(), name)(*arguments)
