from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rtaudio import TransportError
from rtaudio.session.outbox import MAX_WAITING, Outbox
from rtaudio.transports import RealtimeTransport
from rtaudio.transports.base import DONE


class Gate(RealtimeTransport):
    """A transport whose writes wait until the test lets them through."""

    def __init__(self) -> None:
        self.written: list[Any] = []
        self.open_gate = asyncio.Event()
        self.errors: dict[Any, Exception] = {}

    async def send_event(self, event: Any) -> None:
        await self._write(event["n"])

    async def send_audio(self, pcm: Any) -> None:
        await self._write(bytes(pcm))

    async def _write(self, what: Any) -> None:
        await self.open_gate.wait()
        if what in self.errors:
            raise self.errors[what]
        self.written.append(what)


def event(n: int, kind: str = "x") -> dict[str, Any]:
    return {"type": kind, "n": n}


async def idle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_everything_goes_out_in_the_order_it_was_decided() -> None:
    gate = Gate()
    outbox = Outbox(gate, lambda _event, _error: None)
    tasks = [asyncio.ensure_future(outbox.send(event(0), b"sound"))]
    await idle()
    outbox.post(event(1), event(2))
    tasks.append(asyncio.ensure_future(outbox.send(event(3))))
    await idle()
    assert gate.written == []
    gate.open_gate.set()
    await asyncio.gather(*tasks)
    assert gate.written == [0, b"sound", 1, 2, 3]


async def test_sender_is_held_back_until_its_own_is_written() -> None:
    gate = Gate()
    outbox = Outbox(gate, lambda _event, _error: None)
    sending = asyncio.ensure_future(outbox.send(b"sound"))
    await idle()
    assert not sending.done()
    gate.open_gate.set()
    await sending


async def test_failure_reaches_the_one_who_sent_it() -> None:
    gate = Gate()
    gate.open_gate.set()
    gate.errors = {1: OSError("one"), 2: OSError("two"), 3: OSError("three")}
    failed: list[Any] = []
    outbox = Outbox(gate, lambda each, error: failed.append((each["n"], str(error))))
    outbox.post(event(1))
    with pytest.raises(OSError, match="two"):
        await outbox.send(event(0), event(2))
    await outbox.send(event(3, "response.create"), event(4))
    assert failed == [(1, "one"), (3, "three")]
    assert gate.written == [0, 4]


async def test_cancelled_sender_does_not_hold_up_the_others() -> None:
    gate = Gate()
    outbox = Outbox(gate, lambda _event, _error: None)
    sending = asyncio.ensure_future(outbox.send(event(0)))
    await idle()
    outbox.post(event(1))
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    gate.open_gate.set()
    await idle()
    assert gate.written == [1]


async def test_cleared_outbox_writes_nothing_more() -> None:
    gate = Gate()
    outbox = Outbox(gate, lambda _event, _error: None)
    sending = asyncio.ensure_future(outbox.send(event(0), event(1)))
    await idle()
    outbox.clear()
    gate.open_gate.set()
    with pytest.raises(TransportError, match="before this was sent"):
        await sending
    assert gate.written == [0]


async def fill(outbox: Outbox) -> None:
    """One event is on its way, and as many wait as may be."""
    outbox.post(event(0))
    await idle()
    outbox.post(*map(event, range(1, MAX_WAITING + 1)))


async def test_a_full_line_refuses_what_is_posted_and_tells_why() -> None:
    gate = Gate()
    failed: list[Any] = []
    outbox = Outbox(gate, lambda each, error: failed.append((each["n"], error)))
    await fill(outbox)
    outbox.post(event(-1), event(-2))
    assert failed == []  # not while the one who posted is still busy
    await idle()
    assert [number for number, _error in failed] == [-1, -2]
    assert isinstance(failed[0][1], TransportError)
    queue = outbox.queue
    assert (queue.size, queue.bound, queue.lost) == (MAX_WAITING, MAX_WAITING, 2)
    gate.open_gate.set()
    while outbox.queue.size:
        await idle()
    await outbox.send(event(-3))
    assert gate.written == [*range(MAX_WAITING + 1), -3]


async def test_a_full_line_refuses_senders() -> None:
    gate = Gate()
    failed: list[Any] = []
    outbox = Outbox(gate, lambda each, _error: failed.append(each["n"]))
    await fill(outbox)
    with pytest.raises(TransportError, match=f"{MAX_WAITING} events"):
        await outbox.send(b"sound", event(-1), event(-2, "response.create"))
    await idle()
    assert failed == [-2]
    outbox.clear()
    assert outbox.queue.lost == 3 + MAX_WAITING


async def test_what_belongs_together_is_taken_as_a_whole_where_there_is_room() -> None:
    gate = Gate()
    outbox = Outbox(gate, lambda _event, _error: None)
    outbox.post(*map(event, range(2 * MAX_WAITING)))
    gate.open_gate.set()
    while outbox.queue.size:
        await idle()
    assert gate.written == list(range(2 * MAX_WAITING))


class Quick(Gate):
    """A transport that takes sound at once, and no event before it is let."""

    def send_audio(self, pcm: Any) -> Any:
        self.written.append(bytes(pcm))
        return DONE


async def test_sound_goes_at_once_where_nothing_is_in_line() -> None:
    gate = Quick()
    outbox = Outbox(gate, lambda _event, _error: None)
    heard: list[Any] = []
    outbox.sending = heard.append
    assert outbox.send_sound(b"one") is DONE
    assert outbox.send_sound(b"two") is DONE
    assert gate.written == heard == [b"one", b"two"]


async def test_sound_waits_behind_what_is_in_line() -> None:
    gate = Quick()
    outbox = Outbox(gate, lambda _event, _error: None)
    outbox.post(event(0))
    first = asyncio.ensure_future(outbox.send_sound(b"one"))
    await idle()
    second = asyncio.ensure_future(outbox.send_sound(b"two"))
    await idle()
    assert gate.written == []
    gate.open_gate.set()
    await asyncio.gather(first, second)
    assert gate.written == [0, b"one", b"two"]


async def test_what_comes_while_sound_is_written_goes_behind_it() -> None:
    gate = Gate()
    outbox = Outbox(gate, lambda _event, _error: None)
    tasks = [asyncio.ensure_future(outbox.send_sound(b"one"))]
    await idle()
    outbox.post(event(1))
    tasks.append(asyncio.ensure_future(outbox.send_sound(b"two")))
    await idle()
    gate.open_gate.set()
    await asyncio.gather(*tasks)
    assert gate.written == [b"one", 1, b"two"]


async def test_sound_whose_sender_is_cancelled_does_not_hold_up_the_rest() -> None:
    gate = Gate()
    outbox = Outbox(gate, lambda _event, _error: None)
    sending = asyncio.ensure_future(outbox.send_sound(b"one"))
    await idle()
    outbox.post(event(1))
    sending.cancel()
    gate.open_gate.set()
    await idle()
    assert gate.written == [1]


async def test_sound_that_cannot_be_written_raises() -> None:
    gate = Gate()
    gate.open_gate.set()
    gate.errors[b"sound"] = OSError("broken")
    outbox = Outbox(gate, lambda _event, _error: None)
    with pytest.raises(OSError, match="broken"):
        await outbox.send_sound(b"sound")
    await outbox.send_sound(b"more")
    assert gate.written == [b"more"]


async def test_what_is_dropped_is_given_back_in_order() -> None:
    gate = Gate()
    outbox = Outbox(gate, lambda _event, _error: None)
    sends = [asyncio.ensure_future(outbox.send(each)) for each in (event(0), b"one", event(2))]
    await idle()
    assert outbox.clear() == [b"one", event(2)]
    gate.open_gate.set()
    await asyncio.wait(sends)
