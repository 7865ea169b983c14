"""The user's sound over connections that break."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from soak import soak

from rtaudio import ConnectionLost, RealtimeAgent, RealtimeSession, ReconnectPolicy
from rtaudio.conversation import unclaimed_sound
from rtaudio.transports import ScriptedTransport

AT_ONCE = ReconnectPolicy(initial_delay_s=0)
LOST = ConnectionLost("gone")
MANUAL = {"audio": {"input": {"turn_detection": None}}}


class Talk:
    """A session that speaks in turns of its own, and what each of its connections was told."""

    def __init__(self, policy: ReconnectPolicy | None = AT_ONCE, **options: Any) -> None:
        self.transport = options.pop("transport", None) or ScriptedTransport()
        self.errors: list[Any] = []
        self._again = asyncio.Event()
        self.session = RealtimeSession(
            RealtimeAgent("a"),
            transport=self.transport,
            config=MANUAL,
            tracing_disabled=True,
            reconnect=policy,
            **options,
        )
        self.session.on("reconnected", lambda _: self._again.set())
        self.session.on("error", self.errors.append)

    async def lose(self) -> None:
        """Break the connection, and wait for the next."""
        self._again.clear()
        self.transport.disconnect(LOST)
        await self.back()

    async def back(self) -> None:
        await self._again.wait()
        await settle()

    def committed(self, item_id: str) -> None:
        kind = "input_audio_buffer.committed"
        self.transport.emit({"type": kind, "event_id": "e", "item_id": item_id})

    def told(self) -> list[list[Any]]:
        """By connection: sound as bytes, joined, and the types of other events."""
        connections: list[list[Any]] = []
        for call in self.transport.calls:
            if call.method == "connect":
                connections.append([])
            elif call.method == "send_audio":
                said = connections[-1]
                before = said.pop() if said and isinstance(said[-1], bytes) else b""
                said.append(before + call.audio)
            elif call.method == "send_event" and call.event["type"] != "session.update":
                connections[-1].append(call.event["type"].rpartition(".")[2])
        return connections


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_sound_that_is_no_item_yet_is_sent_again_and_what_is_one_is_not() -> None:
    talk = Talk()
    async with talk.session as session:
        await session.send_audio(b"aa" * 100, commit=True)
        await session.send_audio(b"bb" * 100, commit=True)
        await session.send_audio(b"cc" * 100)
        talk.committed("item_a")
        await talk.lose()
        await session.send_audio(b"dd" * 100)
    assert talk.told() == [
        [b"aa" * 100, "commit", b"bb" * 100, "commit", b"cc" * 100],
        [b"bb" * 100, "commit", b"cc" * 100 + b"dd" * 100],
    ]
    assert talk.errors == []


async def test_it_is_sent_again_as_often_as_connections_break() -> None:
    talk = Talk()
    async with talk.session as session:
        await session.send_audio(b"aa" * 100)
        for _ in range(3):
            await talk.lose()
        await session.commit_audio()
    assert talk.told()[1:] == [[b"aa" * 100]] * 2 + [[b"aa" * 100, "commit"]]


async def test_sound_between_two_connections_is_told_the_next_in_order() -> None:
    talk = Talk(ReconnectPolicy(initial_delay_s=0, max_attempts=5))
    async with talk.session as session:
        await session.send_audio(b"aa" * 100)
        for _ in range(3):
            talk.transport.fail_next_call("connect", OSError("not yet"))
        talk.transport.disconnect(LOST)
        await session.send_audio(b"bb" * 100)
        await session.send_audio(b"cc" * 100, commit=True)
        await session.send_audio(b"dd" * 100)
        await talk.back()
        await session.send_audio(b"ee" * 100)
        assert session.stats.input_audio_bytes == 5 * 200
        assert session.stats.input_audio_dropped_ms == 0
        assert session.stats.queues["unclaimed"].size == 21
    assert talk.told()[-1] == [
        b"aa" * 100 + b"bb" * 100 + b"cc" * 100,
        "commit",
        b"dd" * 100 + b"ee" * 100,
    ]


async def test_a_response_is_asked_for_behind_the_turn_that_it_answers() -> None:
    talk = Talk()
    async with talk.session as session:
        await session.send_audio(b"aa" * 100, commit=True)
        await session.request_response()
        await talk.lose()
    assert talk.told() == [[b"aa" * 100, "commit", "create"]] * 2


async def test_whoever_waits_when_the_connection_breaks_is_told_nothing_of_it() -> None:
    class Stuck(ScriptedTransport):
        stuck: asyncio.Future[None] | None = None

        async def send_audio(self, pcm: Any) -> None:
            if self.stuck is not None:
                await self.stuck
                raise LOST
            await super().send_audio(pcm)

    transport = Stuck()
    talk = Talk(transport=transport)
    async with talk.session as session:
        transport.stuck = asyncio.get_running_loop().create_future()
        sends = [asyncio.ensure_future(session.send_audio(each * 200)) for each in (b"a", b"b")]
        commit = asyncio.ensure_future(session.commit_audio())
        await settle()
        assert not any(send.done() for send in (*sends, commit))
        stuck, transport.stuck = transport.stuck, None
        talk.transport.disconnect(LOST)
        stuck.set_result(None)
        await asyncio.gather(*sends, commit)
        await talk.back()
    assert talk.told()[-1] == [b"a" * 200 + b"b" * 200, "commit"]


async def test_sound_in_events_of_the_applications_own_counts_too() -> None:
    talk = Talk()
    async with talk.session as session:
        sound = base64.b64encode(b"aa" * 100).decode()
        await session.send_event({"type": "input_audio_buffer.append", "audio": sound})
        await session.send_event({"type": "input_audio_buffer.commit"})
        await talk.lose()
    assert talk.told()[-1] == [b"aa" * 100, "commit"]


async def test_what_was_cleared_is_not_sent_again() -> None:
    talk = Talk()
    async with talk.session as session:
        await session.send_audio(b"aa" * 100)
        await session.clear_audio()
        await session.send_audio(b"bb" * 100)
        await talk.lose()
    assert talk.told()[-1] == [b"bb" * 100]


async def test_too_much_between_two_connections_loses_its_oldest_and_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unclaimed_sound, "_MOST_S", 1)
    talk = Talk()
    async with talk.session as session:
        talk.transport.disconnect(LOST)
        for n in range(20):
            await session.send_audio(bytes([n, n]) * 2400)
        await talk.back()
        assert session.stats.queues["unclaimed"].lost == 1000
    assert talk.told()[-1] == [b"".join(bytes([n, n]) * 2400 for n in range(10, 20))]


async def test_without_a_policy_nothing_is_kept() -> None:
    talk = Talk(None)
    async with talk.session as session:
        await session.send_audio(b"aa" * 100)
        assert session.stats.queues["unclaimed"].size == 0
        talk.transport.disconnect(LOST)
        await session.send_audio(b"bb" * 100)
        assert session.stats.input_audio_dropped_ms == pytest.approx(200 / 48)
        with pytest.raises(Exception, match="not connected"):
            await session.commit_audio()


async def test_a_transport_with_a_track_is_not_sent_sound_again() -> None:
    class Track(ScriptedTransport):
        medium = "track"

    talk = Talk(transport=Track())
    async with talk.session as session:
        await session.send_audio(b"aa" * 100)
        await talk.lose()
        await session.send_audio(b"bb" * 100)
    assert talk.told()[-1] == [b"bb" * 100]


async def test_a_new_conversation_is_not_told_the_sound_of_the_one_before() -> None:
    talk = Talk()
    for _ in range(2):
        async with talk.session as session:
            await session.send_audio(b"aa" * 100)
    await talk.session.connect()
    await talk.lose()
    await talk.session.close()
    assert talk.told() == [[b"aa" * 100]] * 2 + [[], []]


@pytest.mark.parametrize("turns", ["committed", "detected"])
@pytest.mark.parametrize("engine", ["websockets", "picows"])
async def test_cuts_at_random_lose_nothing_and_repeat_nothing(engine: str, turns: Any) -> None:
    if engine == "picows":
        pytest.importorskip("picows")
    result = await soak(engine, turns, cuts=20, seed=7)
    assert result.cuts >= 20
    assert result.reconnections > 10
    assert result.sent_samples > 0
    assert (result.lost, result.twice) == (0, 0)
