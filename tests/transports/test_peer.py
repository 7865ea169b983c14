"""A peer that makes offers and one that takes them, with each other over loopback."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.errors import TransportError
from rtaudio.transports.outgoing_sound import OutgoingSound

pytest.importorskip("aiortc", reason="WEBRTC IS NOT TESTED: aiortc is missing")
from aiortc import RTCConfiguration, RTCPeerConnection

from rtaudio.transports.peer import Peer, ice_configuration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RATE = 24_000
HERE = ["127.0.0.1"]


class Side:
    """A peer, and what it got."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[str | bytes] = asyncio.Queue()
        self.loud = asyncio.Event()
        self.ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.outgoing = OutgoingSound(RATE, bitrate=32_000, complexity=0, dtx=False)
        self.peer = Peer(
            ice_configuration(()),
            self.outgoing,
            RATE,
            received=self.messages.put_nowait,
            heard=self._heard,
            ended=self.ended.set_result,
        )

    def _heard(self, pcm: bytes) -> None:
        if np.abs(np.frombuffer(pcm, np.int16)).max() > 4000:
            self.loud.set()


@pytest.fixture
async def sides() -> AsyncIterator[tuple[Side, Side]]:
    """One that calls and one that is called."""
    caller, called = Side(), Side()
    yield caller, called
    for side in (caller, called):
        await side.peer.close()


async def connect(caller: Side, called: Side) -> None:
    await caller.peer.answer(await called.peer.accept(await caller.peer.offer(None), HERE))
    await asyncio.gather(caller.peer.opened, called.peer.opened)


async def test_events_and_sound_go_both_ways(sides: tuple[Side, Side]) -> None:
    caller, called = sides
    await connect(caller, called)
    tone = (8000 * np.sin(np.arange(RATE) / 10)).astype(np.int16)
    for one, other in (sides, sides[::-1]):
        await one.peer.send(b"hello")
        assert await other.messages.get() == "hello"
        await one.outgoing.feed(tone[: RATE // 4])
        await other.loud.wait()


async def test_it_is_reached_at_the_chosen_addresses_only(sides: tuple[Side, Side]) -> None:
    caller, called = sides
    answer = await called.peer.accept(await caller.peer.offer(None), HERE)
    candidates = [line for line in answer.splitlines() if line.startswith("a=candidate")]
    assert candidates
    assert all(" 127.0.0.1 " in line for line in candidates)


async def test_what_was_said_last_is_read_before_the_channel_closes(
    sides: tuple[Side, Side],
) -> None:
    caller, called = sides
    await connect(caller, called)
    called.peer.post(b"x" * 60_000)
    called.peer.post(b"good-bye")
    await called.peer.take_leave(10.0)
    await called.peer.close()
    assert len(await caller.messages.get()) == 60_000
    assert await caller.messages.get() == "good-bye"
    assert await caller.ended is None


async def test_an_event_that_the_other_side_does_not_take_is_not_sent(
    sides: tuple[Side, Side],
) -> None:
    caller, called = sides
    offer = (await caller.peer.offer(None)).replace("max-message-size:262144", "max-message-size:9")
    await caller.peer.answer(await called.peer.accept(offer, HERE))
    await called.peer.opened
    assert called.peer.max_message == 9
    called.peer.post(b"123456789")
    with pytest.raises(TransportError, match="10 bytes"):
        called.peer.post(b"1234567890")


async def test_a_channel_by_another_name_is_left_alone(sides: tuple[Side, Side]) -> None:
    _, called = sides
    caller: Any = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    caller.addTransceiver("audio")
    other = caller.createDataChannel("chat")
    opened = asyncio.Event()
    other.on("open", opened.set)
    await caller.setLocalDescription(await caller.createOffer())
    offer = caller.localDescription
    answer = await called.peer.accept(offer.sdp, HERE)
    await caller.setRemoteDescription(type(offer)(answer, "answer"))
    await opened.wait()
    other.send("hello")
    right = caller.createDataChannel("oai-events")
    right.on("open", lambda: right.send("right"))
    await called.peer.opened
    assert await called.messages.get() == "right"
    await caller.close()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda sdp: sdp.replace("a=rtcp-mux\r\n", ""), "RTCP mux"),
        (lambda sdp: sdp.replace("a=setup:actpass\r\n", ""), "incomplete"),
        (lambda sdp: sdp.replace("opus/48000/2", "EVS/16000"), "audio"),
        (lambda sdp: sdp.replace("a=rtpmap:", "a=rtpmap:x"), "cannot be read"),
        (lambda _: "nonsense", "cannot be used"),
    ],
)
async def test_what_is_wrong_with_an_offer_is_said(
    sides: tuple[Side, Side], damage: Any, said: str
) -> None:
    caller, called = sides
    with pytest.raises(TransportError, match=said):
        await called.peer.accept(damage(await caller.peer.offer(None)), HERE)
