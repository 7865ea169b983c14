"""How a call's events reach all who take part, and what becomes of those who do not keep up."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from rtaudio.errors import TransportError
from rtaudio.server.calls import call_line
from rtaudio.server.calls.call_line import CallLine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rtaudio.transports.peer import Peer


class Channel:
    """Stands for a peer: keeps what is sent."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent: list[bytes] = []
        self.max_message = 1000
        self.is_full = False
        self.drained = asyncio.Event()

    def post(self, message: bytes) -> None:
        if not self.opened.done() or self.opened.exception() is not None:
            raise TransportError("not open")
        self.sent.append(message)

    async def drain(self) -> None:
        await self.drained.wait()


class Side:
    """A line that is attached: says what is put into `said`, reads only when it may."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[str | None] = asyncio.Queue()
        self.got: asyncio.Queue[bytes] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.closed: tuple[int, str] | None = None

    async def send(self, text: bytes) -> None:
        await self.reads.wait()
        self.got.put_nowait(text)

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while (message := await self.said.get()) is not None:
            yield message

    async def close(self, code: int, reason: str) -> None:
        self.closed = code, reason
        self.said.put_nowait(None)


@pytest.fixture
async def channel() -> Channel:
    channel = Channel()
    channel.opened.set_result(None)
    return channel


def line_over(channel: Channel, max_bytes: int = 10_000) -> CallLine:
    line = CallLine(max_bytes)
    line.carry(cast("Peer", channel))
    return line


def attach(line: CallLine, side: Side) -> asyncio.Task[None]:
    return asyncio.ensure_future(line.attach(side))


async def test_what_is_sent_reaches_the_channel_and_all_who_are_attached(channel: Channel) -> None:
    line, sides = line_over(channel), [Side(), Side()]
    tasks = [attach(line, side) for side in sides]
    await asyncio.sleep(0)
    await line.send(b"one")
    line.post(b"two")
    assert channel.sent == [b"one", b"two"]
    for side in sides:
        assert [await side.got.get(), await side.got.get()] == [b"one", b"two"]
    await line.close(1000, "enough")
    await asyncio.gather(*tasks)
    assert [side.closed for side in sides] == [(1000, "enough")] * 2


async def test_what_arrives_is_handled_in_its_order(channel: Channel) -> None:
    line, side = line_over(channel), Side()
    task = attach(line, side)
    events = aiter(line)
    assert line.take("one")
    assert await anext(events) == "one"
    side.said.put_nowait("two")
    assert await anext(events) == "two"
    assert line.take(b"three")
    assert await anext(events) == b"three"
    side.said.put_nowait(None)
    await task  # it leaves, and the call goes on
    assert line.take("four")
    assert await anext(events) == "four"
    await line.close()
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_the_first_event_waits_for_the_channel_to_open() -> None:
    channel = Channel()
    line = line_over(channel)
    sending = asyncio.ensure_future(line.send(b"hello"))
    await asyncio.sleep(0)
    assert channel.sent == []
    channel.opened.set_result(None)
    await sending
    assert channel.sent == [b"hello"]


async def test_a_channel_that_does_not_open_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_line, "OPENING_S", 0.01)
    with pytest.raises(ConnectionResetError):
        await line_over(Channel()).send(b"hello")
    failed = Channel()
    failed.opened.set_exception(TransportError("no"))
    with pytest.raises(ConnectionResetError):
        await line_over(failed).send(b"hello")


async def test_who_waits_is_let_go_when_the_call_ends(channel: Channel) -> None:
    pending = Channel()
    channel.is_full = True
    for line in (line_over(pending), line_over(channel)):
        sending = asyncio.ensure_future(line.send(b"hello"))
        await asyncio.sleep(0)
        await line.close()
        with pytest.raises(ConnectionResetError):
            await sending
        line.post(b"too late")
        with pytest.raises(ConnectionResetError):
            await line.send(b"too late")


async def test_who_sends_waits_while_much_waits_in_the_channel(channel: Channel) -> None:
    line = line_over(channel)
    channel.is_full = True
    sending = asyncio.ensure_future(line.send(b"hello"))
    await asyncio.sleep(0)
    assert channel.sent == [b"hello"]
    assert not sending.done()
    channel.drained.set()
    await sending


async def test_a_channel_that_sends_faster_than_it_is_handled_finds_no_room(
    channel: Channel,
) -> None:
    line = line_over(channel)
    assert line.take("x" * 20_000)  # a single one is handled, however large
    assert not line.take("y")
    events = aiter(line)
    await anext(events)
    count = 0
    while line.take("small"):
        count += 1
    assert count < 11


async def test_who_is_attached_is_not_read_from_while_much_waits(channel: Channel) -> None:
    line, side = line_over(channel), Side()
    task = attach(line, side)
    assert line.take("x" * 20_000)
    side.said.put_nowait("patient")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    events = aiter(line)
    await anext(events)
    assert await anext(events) == "patient"
    side.said.put_nowait(None)
    await task


async def test_who_is_attached_and_does_not_read_is_cut_off(channel: Channel) -> None:
    line, slow, quick = line_over(channel), Side(), Side()
    slow.reads.clear()
    tasks = [attach(line, each) for each in (slow, quick)]
    await asyncio.sleep(0)
    for _ in range(20):
        await line.send(b"x" * 500)
        await asyncio.sleep(0)
    await tasks[0]
    assert slow.got.empty()
    assert len(channel.sent) == 20
    assert [await quick.got.get() for _ in range(20)] == channel.sent
    await line.close()
    await tasks[1]


async def test_who_attaches_to_a_call_that_has_ended_is_sent_away(channel: Channel) -> None:
    line, side = line_over(channel), Side()
    await line.close()
    await line.attach(side)
    assert side.closed == (1000, "The call is over.")


async def test_who_does_not_read_the_end_is_left(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_line, "_FLUSH_S", 0.01)
    line, side = line_over(channel), Side()
    side.reads.clear()
    task = attach(line, side)
    await asyncio.sleep(0)
    await line.send(b"hello")
    await line.close()
    await task
    assert side.closed is None


async def test_an_item_that_is_too_large_comes_without_its_sound(channel: Channel) -> None:
    line, side = line_over(channel, 10_000), Side()
    task = attach(line, side)
    await asyncio.sleep(0)
    part = {"type": "input_audio", "transcript": "hello", "audio": "A" * 2000}
    event: dict[str, Any] = {"type": "conversation.item.retrieved", "item": {"content": [part]}}
    whole = json.dumps(event).encode()
    await line.send(whole)
    del part["audio"]
    assert json.loads(channel.sent[0]) == event
    assert await side.got.get() == whole
    event["type"] = "conversation.item.done"
    part["transcript"] = "A" * 2000
    await line.send(json.dumps(event).encode())
    error = json.loads(channel.sent[1])["error"]
    assert (error["type"], error["code"]) == ("server_error", "event_too_large")
    side.said.put_nowait(None)
    await task
