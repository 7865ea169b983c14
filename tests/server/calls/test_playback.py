"""What is told of the answers that a call's client hears. The clock is the test's own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtaudio.server.calls.playback import Cut, Playback
from rtaudio.transports.outgoing_sound import OutgoingSound

if TYPE_CHECKING:
    from rtaudio.protocol import ServerEvent

RATE = 16_000


class Listener:
    """A playback, and what a client would be told."""

    def __init__(self, room_s: float = 1.0) -> None:
        self.outgoing = OutgoingSound(RATE, bitrate=32_000, complexity=0, dtx=False, room_s=room_s)
        self.told: list[str] = []
        self.playback = Playback(self.outgoing, RATE, self._tell)
        self.outgoing.left = lambda _pcm: self.playback.advance()

    def _tell(self, event: ServerEvent) -> None:
        what = event.type.removeprefix("output_audio_buffer.")
        self.told.append(f"{what} {event.response_id}")  # type: ignore[attr-defined]

    async def say(self, response: str, ms: int) -> None:
        pcm = np.full(RATE * ms // 1000, 5000, np.int16).tobytes()
        await self.playback.room(response, len(pcm))
        await self.playback.feed(response, pcm)

    def pass_ms(self, ms: int) -> None:
        for _ in range(ms // 20):
            self.outgoing.tick()
            self.outgoing.take()


async def test_an_answer_starts_with_its_first_sound_and_stops_once_all_of_it_was_heard() -> None:
    listener = Listener()
    listener.playback.begin("r", "item")
    listener.pass_ms(100)
    await listener.say("r", 200)
    assert listener.told == []
    listener.pass_ms(20)
    assert listener.told == ["started r"]
    listener.pass_ms(400)
    assert listener.told == ["started r"]  # more may come
    assert listener.playback.speaking
    listener.playback.finish("r")
    assert listener.told == ["started r", "stopped r"]
    assert not listener.playback.speaking


async def test_an_answer_that_was_made_goes_on_until_it_was_heard() -> None:
    listener = Listener()
    listener.playback.begin("r", "item")
    await listener.say("r", 210)  # no whole number of packets
    listener.playback.finish("r")
    listener.pass_ms(200)
    assert listener.told == ["started r"]
    listener.pass_ms(100)
    assert listener.told == ["started r", "stopped r"]


async def test_an_answer_without_sound_is_not_told_of() -> None:
    listener = Listener()
    listener.playback.finish("calls a function")
    listener.playback.begin("says nothing", "item")
    listener.playback.finish("says nothing")
    listener.pass_ms(100)
    assert listener.told == []
    assert not listener.playback.speaking


async def test_answers_are_heard_one_after_the_other() -> None:
    listener = Listener()
    for response in ("a", "b"):
        listener.playback.begin(response, response)
    await listener.say("a", 100)
    second = asyncio.ensure_future(listener.say("b", 100))
    listener.pass_ms(200)
    await asyncio.sleep(0)
    assert not second.done()
    await listener.say("a", 100)
    listener.playback.finish("a")
    await second
    listener.playback.finish("b")
    listener.pass_ms(300)
    assert listener.told == ["started a", "stopped a", "started b", "stopped b"]


async def test_who_is_too_far_ahead_waits() -> None:
    listener = Listener(room_s=0.3)
    listener.playback.begin("r", "item")
    await listener.say("r", 200)
    ahead = asyncio.ensure_future(listener.say("r", 200))
    listener.pass_ms(80)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not ahead.done()
    listener.pass_ms(20)
    await ahead


async def test_what_was_heard_is_known_when_the_rest_is_dropped() -> None:
    listener = Listener()
    listener.playback.begin("r", "first")
    await listener.say("r", 200)
    listener.playback.begin("r", "second")
    await listener.say("r", 200)
    listener.playback.finish("r")
    listener.pass_ms(300)
    assert listener.playback.clear() == [Cut("second", 100)]
    listener.pass_ms(300)
    assert listener.told == ["started r", "cleared r"]
    assert listener.playback.clear() == []
    assert listener.told == ["started r", "cleared r"]


async def test_an_item_that_is_still_being_made_is_cut_however_much_was_heard() -> None:
    listener = Listener()
    listener.playback.begin("r", "item")
    assert listener.playback.clear() == [Cut("item", 0)]
    assert listener.told == []  # nothing was to be heard yet
    listener = Listener()
    listener.playback.begin("r", "item")
    await listener.say("r", 100)
    listener.pass_ms(300)
    assert listener.playback.clear() == [Cut("item", 100)]


async def test_what_comes_after_a_clear_is_not_heard_but_the_next_answer_is() -> None:
    listener = Listener()
    listener.playback.begin("r", "item")
    await listener.say("r", 200)
    listener.pass_ms(100)
    listener.playback.clear()
    for _ in range(10):
        await listener.say("r", 900)  # without having to wait
    listener.playback.begin("s", "next")
    await listener.say("s", 100)
    listener.playback.finish("r")
    listener.playback.finish("s")
    listener.pass_ms(200)
    assert listener.told == ["started r", "cleared r", "started s", "stopped s"]


async def test_an_item_behind_a_cut_counts_from_its_own_beginning() -> None:
    listener = Listener()
    listener.playback.begin("r", "item")
    await listener.say("r", 500)
    listener.pass_ms(100)
    listener.playback.clear()
    listener.playback.finish("r")
    listener.playback.begin("s", "next")
    await listener.say("s", 500)
    listener.pass_ms(200)
    assert listener.playback.clear() == [Cut("next", 200)]


async def test_who_waits_is_let_go_when_the_client_is_gone() -> None:
    listener = Listener(room_s=0.2)
    listener.playback.begin("r", "item")
    await listener.say("r", 200)
    waiting = asyncio.ensure_future(listener.say("r", 100))
    await asyncio.sleep(0)
    listener.playback.close()
    with pytest.raises(ConnectionResetError):
        await waiting
