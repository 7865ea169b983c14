"""The WebRTC transport against a small service made of aiortc's own parts, over loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio import (
    AuthenticationError,
    ConfigError,
    ConnectionLost,
    RealtimeAgent,
    RealtimeSession,
    ReconnectPolicy,
    TransportError,
    __version__,
)
from rtaudio.audio import AudioFormat
from rtaudio.conversation.alignment import heard_words
from rtaudio.transports import ConnectOptions, FaultyTransport, WebRTCTransport, webrtc
from rtaudio.transports.base import TransportSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.transports.conftest import CallService

KEY = "ek_secret_key_1"
GREETING = {"type": "session.update", "session": {"type": "realtime"}}
WHERE = {"response_id": "r1", "item_id": "a", "output_index": 0, "content_index": 0}


class Call:
    """A transport that works alone, and what it reports."""

    def __init__(self, service: CallService, **options: Any) -> None:
        self.service = service
        self.transport = WebRTCTransport(service.url, **options)
        self.events: list[str] = []
        self.states: list[str] = []
        self.garbage: list[Exception] = []
        self.troubles: list[Exception] = []
        self.sound: list[bytes] = []
        self.ends: list[Exception | None] = []
        self.ended = asyncio.Event()
        self.news = asyncio.Event()
        self.transport.attach(
            TransportSink(
                event=lambda event, _raw: self._note(self.events, event.type),  # type: ignore[union-attr]
                garbage=lambda error, _raw: self._note(self.garbage, error),
                status=lambda status: self._note(self.states, status),
                lost=self._lost,
                sound=lambda pcm: self._note(self.sound, pcm),
                trouble=lambda error: self._note(self.troubles, error),
            )
        )

    def _note(self, kept: list[Any], news: Any) -> None:
        kept.append(news)
        self.news.set()

    def _lost(self, error: Exception | None) -> None:
        self.ends.append(error)
        self.ended.set()

    async def until(self, found: Callable[[], Any]) -> None:
        while not found():
            self.news.clear()
            await self.news.wait()

    async def open(self, **options: Any) -> None:
        await self.transport.open(ConnectOptions(**options), GREETING)

    async def __aenter__(self) -> Call:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.transport.shut()


def tone(hertz: float, rate: int, seconds: float) -> Any:
    ramp = 2 * np.pi * hertz / rate * np.arange(round(rate * seconds))
    return (8000 * np.sin(ramp)).astype(np.int16)


def frequency(sound: Any, rate: int) -> float:
    """The strongest frequency, to about a hertz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 18))
    return float(spectrum.argmax() * rate / (1 << 18))


def audible(sound: Any, rate: int, *, least: int = 2000) -> Any:
    """From the first to the last 10 ms that are loud."""
    step = rate // 100
    blocks = np.abs(sound[: len(sound) // step * step].reshape(-1, step).astype(int)).max(axis=1)
    (loud,) = np.nonzero(blocks > least)
    return sound[loud[0] * step : (loud[-1] + 1) * step] if len(loud) else sound[:0]


def snr_db(heard: Any, said: Any, rate: int = 24000) -> float:
    """Of pieces of 100 ms, each at the best place and level, the median.

    A jitter buffer leaves out or repeats a few milliseconds here and there.
    """
    step = rate // 10
    found = []
    for start in range(0, len(said) - step, step):
        piece = said[start : start + step].astype(float)
        scores = np.correlate(heard.astype(float), piece, "valid")
        at = int(np.abs(scores).argmax())
        played = heard[at : at + step].astype(float)
        level = (played @ piece) / (piece @ piece)
        error = ((played - level * piece) ** 2).sum()
        found.append(10 * float(np.log10(((level * piece) ** 2).sum() / error)))
    return float(np.median(found))


def voice(rate: int, seconds: float = 1.5) -> Any:
    """Something that is unlike itself a little later, so that it can be found again."""
    time = np.arange(round(rate * seconds)) / rate
    sweep = np.sin(2 * np.pi * (300 * time + 400 * time**2))
    return (9000 * sweep * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))).astype(np.int16)


# Making a call.


async def test_a_call_is_offered_by_http_and_named_by_its_location(calls: CallService) -> None:
    call = Call(calls, headers={"X-Ours": "yes"})
    await call.open(api_key=KEY)
    (request,) = calls.requests
    assert (request.method, request.path) == ("POST", "/v1/realtime/calls")
    assert request.headers["content-type"] == "application/sdp"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["user-agent"] == f"rtaudio/{__version__}"
    assert request.headers["x-rtaudio-sdk"] == f"rtaudio.{__version__}"
    assert request.headers["x-ours"] == "yes"
    offer = request.body.decode()
    assert offer.startswith("v=0")
    assert "opus/48000/2" in offer
    assert "useinbandfec=1" in offer
    assert "PCMU" not in offer
    assert calls.channel_label == "oai-events"
    assert call.transport.call_id == "rtc_abc123"
    assert call.transport.status == "connected"
    assert call.states == ["connecting", "connected"]
    await call.transport.shut()
    assert call.states == ["connecting", "connected", "disconnected"]


async def test_without_a_location_there_is_no_call_id(calls: CallService) -> None:
    calls.location = None
    async with Call(calls) as call:
        assert call.transport.call_id is None
        assert "authorization" not in calls.requests[0].headers


async def test_the_session_can_go_with_the_offer(calls: CallService) -> None:
    call = Call(calls, offer_with_session=True)
    await call.open(api_key=KEY, model="m", initial_session_config={"instructions": "be brief"})
    (request,) = calls.requests
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'{"type":"realtime","instructions":"be brief","model":"m"}' in request.body
    await call.transport.shut()


async def test_a_url_given_to_connect_takes_the_place_of_the_other(calls: CallService) -> None:
    call = Call(calls)
    call.transport = transport = WebRTCTransport("http://127.0.0.1:1/nowhere")
    await call.open(url=calls.url)
    await transport.shut()
    await transport.open(ConnectOptions(), GREETING)
    assert len(calls.requests) == 2
    await transport.shut()


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, b'{"error": {"message": "no such model", "code": "bad"}}', TransportError, "model"),
        (401, b'{"error": {"message": "wrong key"}}', AuthenticationError, "wrong key"),
        (500, b"broken", TransportError, "broken"),
    ],
)
async def test_a_refusal_carries_what_the_service_says_and_leaves_nothing_open(
    calls: CallService, status: int, body: bytes, kind: type[Exception], said: str
) -> None:
    calls.refusal = status, "No", body
    peers: list[Any] = []
    call = Call(calls, change_peer_connection=peers.append)
    with pytest.raises(kind, match=f"{status}.*{said}"):
        await call.open(api_key=KEY)
    (peer,) = peers
    assert peer.connectionState == "closed"
    assert call.transport.status == "disconnected"
    assert call.transport.peer_connection is None
    calls.refusal = None
    await call.open()
    await call.transport.shut()


async def test_an_answer_that_is_none_is_said_so(calls: CallService) -> None:
    calls.refusal = 201, "Created", b"<html>"
    call = Call(calls)
    with pytest.raises(TransportError, match="answer to the offer cannot be used"):
        await call.open()
    assert call.transport.status == "disconnected"


async def test_a_service_that_never_connects_is_given_up(calls: CallService) -> None:
    call = Call(calls, handshake_timeout=0.3)

    async def answer_and_leave(offer: bytes) -> str:
        sdp = await type(calls)._answer(calls, offer)
        await calls.connection.close()
        return sdp

    calls._answer = answer_and_leave  # type: ignore[method-assign]
    with pytest.raises(TransportError):
        await call.open()
    assert call.transport.status == "disconnected"


async def test_nothing_listens_where_the_offer_goes() -> None:
    pytest.importorskip("aiortc", reason="WEBRTC IS NOT TESTED: aiortc is missing")
    transport = WebRTCTransport("http://127.0.0.1:9/calls")
    with pytest.raises(TransportError, match=r"127\.0\.0\.1"):
        await transport.open(ConnectOptions(), None)
    assert transport.status == "disconnected"


# Waiting for the configuration to be taken.


async def test_connecting_waits_until_the_configuration_is_taken(calls: CallService) -> None:
    calls.confirms = False
    call = Call(calls)
    opening = asyncio.ensure_future(call.open())
    await calls.event("session.update")
    calls.channel.send("this is no json")
    calls.channel.send("[1]")
    calls.send({"type": "rate_limits.updated", "rate_limits": []})
    await call.until(lambda: "rate_limits.updated" in call.events)
    assert not opening.done()
    assert call.transport.status == "connecting"
    assert len(call.garbage) == 2
    seen: list[str] = []
    call._note = lambda kept, news: (kept.append(news), seen.append(news))  # type: ignore[method-assign,func-returns-value]
    # Not all that such an event should have; it counts all the same.
    calls.channel.send('{"type": "session.updated"}')
    calls.send({"type": "session.updated", "session": {}}, {"type": "another.event"})
    await opening
    assert seen[0] == "connected"
    await calls.until(lambda: "session.updated" in seen)
    await call.transport.shut()


async def test_without_an_answer_it_goes_on_with_a_warning(
    calls: CallService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls.confirms = False
    monkeypatch.setattr(webrtc, "UPDATE_WAIT_S", 0.05)
    with caplog.at_level(logging.WARNING, "rtaudio.transports"):
        async with Call(calls) as call:
            assert call.transport.status == "connected"
    assert [record.message for record in caplog.records] == [
        "no session.updated came within 0.05 s; going on without"
    ]


async def test_closing_meanwhile_makes_connecting_fail(calls: CallService) -> None:
    calls.confirms = False
    session = RealtimeSession(RealtimeAgent("a"), transport=WebRTCTransport(calls.url))
    opening = asyncio.ensure_future(session.connect())
    await calls.event("session.update")
    await session.close()
    with pytest.raises(TransportError):
        await opening
    assert session.transport.status == "disconnected"


async def test_a_call_that_ends_meanwhile_makes_connecting_fail(calls: CallService) -> None:
    calls.confirms = False
    call = Call(calls)
    opening = asyncio.ensure_future(call.open())
    await calls.event("session.update")
    await calls.connection.close()
    with pytest.raises(TransportError, match="before the session began"):
        await opening
    assert call.transport.status == "disconnected"
    assert call.ends == []


# One attempt.


async def test_two_that_connect_at_once_share_one_attempt(calls: CallService) -> None:
    asked = 0

    async def key() -> str:
        nonlocal asked
        asked += 1
        return KEY

    session = RealtimeSession(RealtimeAgent("a"), transport=WebRTCTransport(calls.url), api_key=key)
    await asyncio.gather(session.connect(), session.connect())
    await session.connect()
    assert (asked, len(calls.requests)) == (1, 1)
    await session.close()
    call = Call(calls)
    await asyncio.gather(call.open(), call.open())
    await call.open()
    assert len(calls.requests) == 2
    await call.transport.shut()


async def test_connecting_while_closing_makes_another_call(calls: CallService) -> None:
    session = RealtimeSession(RealtimeAgent("a"), transport=WebRTCTransport(calls.url))
    await session.connect()
    closing = asyncio.ensure_future(session.close())
    await asyncio.sleep(0)
    await session.connect()
    await closing
    assert session.connection_state == "connected"
    assert len(calls.requests) == 2
    await session.close()


async def test_a_session_can_connect_again_after_it_was_closed(calls: CallService) -> None:
    session = RealtimeSession(RealtimeAgent("a"), transport=WebRTCTransport(calls.url))
    for _ in range(2):
        await session.connect()
        await session.close()
    assert len(calls.requests) == 2


# How it ends.


class Fickle:
    """Puts a peer connection in the place of the one it is given, whose state tests decide."""

    def __init__(self) -> None:
        self.connection: Any = None
        self.replaced: Any = None

    def __call__(self, replaced: Any) -> Any:
        from aiortc import RTCConfiguration, RTCPeerConnection

        class Connection(RTCPeerConnection):
            state: str | None = None

            @property
            def connectionState(self) -> str:  # noqa: N802
                return self.state or super().connectionState

        self.replaced = replaced
        self.connection = Connection(RTCConfiguration(iceServers=[]))
        return self.connection

    def becomes(self, state: str | None) -> None:
        self.connection.state = state
        self.connection.emit("connectionstatechange")


async def test_a_peer_may_take_the_place_of_ours_before_the_offer(calls: CallService) -> None:
    fickle = Fickle()
    async with Call(calls, change_peer_connection=fickle) as call:
        assert call.transport.peer_connection is fickle.connection
        assert fickle.replaced.connectionState == "closed"
        fickle.replaced.emit("connectionstatechange")
        assert call.transport.status == "connected"
        await call.transport.send_event({"type": "response.create"})
        await calls.event("response.create")


async def test_a_short_disconnection_is_survived(
    calls: CallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtaudio.transports.peer.GRACE_S", 0.02)
    fickle = Fickle()
    async with Call(calls, change_peer_connection=fickle) as call:
        fickle.becomes("disconnected")
        fickle.becomes("connected")
        over = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.06, over.set_result, None)
        await over
        assert call.transport.status == "connected"


async def test_a_long_disconnection_is_a_loss(
    calls: CallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtaudio.transports.peer.GRACE_S", 0.02)
    fickle = Fickle()
    async with Call(calls, change_peer_connection=fickle) as call:
        fickle.becomes("disconnected")
        assert call.transport.status == "connected"
        await call.ended.wait()
        assert isinstance(call.ends[0], ConnectionLost)
        assert call.states[-1] == "disconnected"


async def test_a_failed_peer_is_a_loss_at_once(calls: CallService) -> None:
    fickle = Fickle()
    async with Call(calls, change_peer_connection=fickle) as call:
        fickle.becomes("failed")
        assert isinstance(call.ends[0], ConnectionLost)
        assert call.transport.status == "disconnected"
        fickle.becomes("closed")
        assert len(call.ends) == 1


async def test_a_service_that_hangs_up_ends_the_call_in_good_order(calls: CallService) -> None:
    async with Call(calls) as call:
        await calls.connection.close()
        await call.ended.wait()
        assert call.ends == [None]
        assert call.transport.status == "disconnected"
        with pytest.raises(TransportError, match="cannot send"):
            await call.transport.send_event({"type": "response.create"})
        with pytest.raises(TransportError, match="cannot send"):
            await call.transport.send_audio(bytes(960))


async def test_a_failure_while_closing_is_told_and_the_rest_is_closed(
    calls: CallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Call(calls)
    await call.open()
    peer = call.transport.peer_connection
    assert call.transport._peer is not None

    async def fail() -> None:
        raise OSError("no")

    monkeypatch.setattr(call.transport._peer, "_close_channel", fail)
    await call.transport.shut()
    assert [type(error) for error in call.troubles] == [OSError]
    assert peer.connectionState == "closed"


async def test_a_closed_call_leaves_no_task_behind(calls: CallService) -> None:
    before = asyncio.all_tasks()
    async with Call(calls):
        pass
    await calls.connection.close()
    for _ in range(50):
        await asyncio.sleep(0)
    assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()


# Events.


async def test_events_go_both_ways_in_order(calls: CallService) -> None:
    async with Call(calls) as call:
        for number in range(20):
            await call.transport.send_event({"type": "session.update", "n": number})
        await calls.until(lambda: len(calls.events) == 21)
        assert [event.get("n") for event in calls.events[1:]] == list(range(20))


async def test_a_large_event_arrives_and_a_larger_one_than_the_service_takes_is_refused(
    calls: CallService,
) -> None:
    async with Call(calls) as call:
        await call.transport.send_event({"type": "conversation.item.create", "x": "y" * 200_000})
        await calls.event("conversation.item.create")
        with pytest.raises(TransportError, match=r"an event of 3000\d\d bytes is too large"):
            await call.transport.send_event({"type": "large", "x": "y" * 300_000})
        text = "ä" * 40_000
        calls.send({"type": "response.output_text.delta", "delta": text, **WHERE})
        await call.until(lambda: "response.output_text.delta" in call.events)


# Sound.


async def test_what_is_sent_is_heard_by_the_service(calls: CallService) -> None:
    session = RealtimeSession(RealtimeAgent("a"), transport=WebRTCTransport(calls.url))
    async with session:
        said = voice(24000)
        sending = asyncio.ensure_future(session.send_audio(said, commit=True))
        await calls.event("input_audio_buffer.commit")
        await sending
        await calls.until(lambda: len(audible(calls.heard(), 48000)) > 1.45 * 48000)
        heard = calls.heard()[::2]
        assert abs(len(audible(calls.heard(), 48000)) / 48000 - 1.5) < 0.1
        assert snr_db(heard, said[2400:-2400]) > 10
        assert not [event for event in calls.events if "append" in event["type"]]


@pytest.mark.parametrize(
    ("sound", "pcm"),
    [
        (AudioFormat("pcm16", 16000), lambda: tone(440, 16000, 1.0).tobytes()),
        (AudioFormat("pcm16", 44100, channels=2), lambda: np.repeat(tone(440, 44100, 1.0), 2)),
        (AudioFormat("pcm16", 8000), lambda: tone(440, 8000, 1.0)),
    ],
)
async def test_the_application_feeds_and_gets_any_format(
    calls: CallService, sound: AudioFormat, pcm: Callable[[], Any]
) -> None:
    session = RealtimeSession(
        RealtimeAgent("a"),
        transport=WebRTCTransport(calls.url),
        input_audio=sound,
        output_audio=sound,
    )
    got: list[bytes] = []
    enough = asyncio.Event()

    def hear(event: Any) -> None:
        got.append(event.data)
        if len(b"".join(got)) > 0.95 * sound.bytes_per_second:
            enough.set()

    session.on("audio", hear)
    async with session:
        calls.say(tone(880, 48000, 1.2))
        await session.send_audio(pcm())
        await enough.wait()
        await calls.until(lambda: len(audible(calls.heard(), 48000)) > 0.9 * 48000)
    assert abs(frequency(audible(calls.heard(), 48000), 48000) - 440) < 2
    samples = np.frombuffer(b"".join(got), np.int16)[:: sound.channels]
    heard = audible(samples, sound.sample_rate)
    assert abs(frequency(heard, sound.sample_rate) - 880) < 2


async def test_the_sound_of_the_track_is_told_as_audio_events(calls: CallService) -> None:
    session = RealtimeSession(RealtimeAgent("a"), transport=WebRTCTransport(calls.url))
    events: list[Any] = []
    half = asyncio.Event()
    stopped = asyncio.Event()
    for kind in ("audio_start", "audio", "audio_stopped", "audio_interrupted"):
        session.on(kind, events.append)
    session.on("audio", lambda _: half.set() if len(events) > 40 else None)
    session.on("audio_stopped", lambda _: stopped.set())
    async with session:
        said = voice(48000)
        response = {"id": "r1", "status": "in_progress", "output": []}
        calls.send(
            {"type": "response.created", "response": response},
            {"type": "response.content_part.added", "part": {"type": "audio"}, **WHERE},
            {"type": "output_audio_buffer.started", "response_id": "r1"},
        )
        calls.say(said)
        await half.wait()
        calls.send(
            {"type": "response.output_audio.done", **WHERE},
            {"type": "response.done", "response": {**response, "status": "completed"}},
        )
        await calls.until(calls.sound.empty)
        calls.send({"type": "output_audio_buffer.stopped", "response_id": "r1"})
        await stopped.wait()
    kinds = [event.type for event in events]
    assert kinds[0] == "audio_start"
    assert kinds[-1] == "audio_stopped"
    assert kinds.count("audio") == len(kinds) - 2
    sound = [event for event in events if event.type == "audio"]
    assert {(event.response_id, event.item_id) for event in sound} == {("r1", "a")}
    pcm = np.frombuffer(b"".join(event.data for event in sound), np.int16)
    assert abs(len(audible(pcm, 24000, least=1000)) / 24000 - 1.5) < 0.1
    assert snr_db(pcm, said[::2][2400:-2400]) > 10


async def test_of_an_answer_that_was_cut_history_has_what_was_heard(calls: CallService) -> None:
    session = RealtimeSession(RealtimeAgent("a"), transport=WebRTCTransport(calls.url))
    second, cut = asyncio.Event(), asyncio.Event()
    heard = 0.0

    def hear(event: Any) -> None:
        nonlocal heard
        heard += len(event.data) / 48
        if heard >= 1000:
            second.set()

    session.on("audio", hear)
    session.on("audio_interrupted", lambda _: cut.set())
    async with session:
        response = {"id": "r1", "status": "in_progress", "output": []}
        words = "one two three four five six seven eight nine ten eleven twelve"
        content = [{"type": "output_audio", "transcript": words}]
        item = {"id": "a", "type": "message", "role": "assistant", "content": content}
        usage = {"output_token_details": {"audio_tokens": 60}}
        calls.send(
            {"type": "response.created", "response": response},
            {"type": "conversation.item.added", "item": item},
            {"type": "response.content_part.added", "part": {"type": "audio"}, **WHERE},
            {"type": "output_audio_buffer.started", "response_id": "r1"},
            {"type": "response.output_audio.done", **WHERE},
            {"type": "response.done", "response": {**response, "output": [item], "usage": usage}},
        )
        calls.say(voice(48000, 3.0))
        await second.wait()
        await session.interrupt()
        await calls.event("output_audio_buffer.clear")
        await cut.wait()
        (message,) = session.history
        assert message.audio_end_ms == int(heard)
        assert message.audio_ms == 3000
        assert message.heard == heard_words(words, message.audio_end_ms, 3000, ())
        assert message.heard.startswith("one two three four")
        assert len(message.heard) < len(words)


class Lossy:
    """Loses and swaps packets that the service sends.

    Attributes:
        count: packets so far.
        lost: of those, never sent.
        swapped: sent behind the one after them.
    """

    def __init__(self, service: CallService, lose: Callable[[int], bool]) -> None:
        from aiortc.rtp import is_rtcp

        (transport,) = {each.transport for each in service.connection.getSenders()}
        send = transport._send_rtp
        self.count = self.lost = self.swapped = 0
        kept: list[bytes] = []

        async def send_some(data: bytes) -> None:
            if is_rtcp(data):
                await send(data)
                return
            self.count += 1
            if lose(self.count):
                self.lost += 1
                return
            kept.append(data)
            # Every tenth packet goes behind the one after it.
            if self.count % 10 == 0:
                self.swapped += 1
                return
            for each in reversed(kept):
                await send(each)
            kept.clear()

        transport._send_rtp = send_some


async def test_lost_and_swapped_packets_are_hardly_heard(calls: CallService) -> None:
    async with Call(calls) as call:
        lossy = Lossy(calls, lambda number: number % 15 == 0)
        calls.say(tone(440, 48000, 3.0))
        await call.until(lambda: lossy.count > 160)
        await call.until(lambda: not np.frombuffer(b"".join(call.sound[-20:]), np.int16).any())
        heard = np.frombuffer(b"".join(call.sound), np.int16)
        stats = call.transport.jitter_stats
        assert stats is not None
        # But for the latest, which were not due yet.
        assert lossy.lost - 2 <= stats.lost <= lossy.lost
        assert lossy.swapped - 2 <= stats.reordered <= lossy.swapped
        assert stats.late == 0
    assert call.transport.jitter_stats is None
    loud = audible(heard, 24000)
    assert abs(len(loud) / 24000 - 3.0) < 0.05
    assert abs(frequency(loud, 24000) - 440) < 1
    # No hole: what is lost is made up.
    blocks = np.abs(loud[: len(loud) // 240 * 240].reshape(-1, 240).astype(int)).max(axis=1)
    assert blocks[5:-5].min() > 4000


async def test_reports_of_loss_make_us_send_copies(calls: CallService) -> None:
    from aiortc import rtp

    async with Call(calls) as call:
        peer = call.transport._peer
        assert peer is not None
        assert peer._line is not None
        line = peer._line
        report = rtp.RtcpReceiverInfo(
            ssrc=line._ssrc,
            fraction_lost=64,
            packets_lost=10,
            highest_sequence=1,
            jitter=0,
            lsr=0,
            dlsr=0,
        )
        await line._handle_rtcp_packet(rtp.RtcpRrPacket(ssrc=1, reports=[report]))
        assert peer.outgoing._encoder.packet_loss_percent == 25
        await call.transport.send_audio(voice(24000, 0.2).tobytes())
        await calls.until(lambda: len(audible(calls.heard(), 48000)))


async def test_both_sides_get_reports_of_what_arrived(calls: CallService) -> None:
    async with Call(calls) as call:
        (sender,) = calls.connection.getSenders()

        async def reports() -> dict[str, Any]:
            while True:
                found = {each.type: each for each in (await sender.getStats()).values()}
                if "remote-inbound-rtp" in found and line._last_report is not None:
                    return found
                await asyncio.sleep(0.05)

        line: Any = call.transport._peer._line  # type: ignore[union-attr]
        found = await asyncio.wait_for(reports(), 10)
        assert found["remote-inbound-rtp"].packetsLost == 0


async def test_packets_go_aiortcs_way_where_there_is_no_shorter_one(
    calls: CallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtaudio.transports.audio_line.open_path", lambda *_: None)
    async with Call(calls) as call:
        await call.transport.send_audio(tone(440, 24000, 0.3).tobytes())
        await calls.until(lambda: len(audible(calls.heard(), 48000)))
        calls.say(tone(440, 48000, 0.5))
        await call.until(lambda: len(call.sound) > 35)
        heard = audible(np.frombuffer(b"".join(call.sound), np.int16), 24000)
    assert abs(frequency(heard, 24000) - 440) < 3


async def test_what_the_user_said_is_kept_with_the_item_it_became(calls: CallService) -> None:
    session = RealtimeSession(
        RealtimeAgent("a"),
        transport=WebRTCTransport(calls.url),
        history_store_audio=True,
        config={"audio": {"input": {"turn_detection": None}}},
    )
    kept = asyncio.Event()
    session.on("history_added", lambda _: kept.set())
    async with session:
        said = tone(440, 24000, 0.5)
        await session.send_audio(said, commit=True)
        content = [{"type": "input_audio", "transcript": None}]
        item = {"id": "u", "type": "message", "role": "user", "content": content}
        calls.send(
            {"type": "input_audio_buffer.committed", "item_id": "u", "previous_item_id": None},
            {"type": "conversation.item.added", "item": item, "previous_item_id": None},
        )
        await kept.wait()
        (message,) = session.history
        clip = message.content[0].audio
    assert clip is not None
    # What was sent before, silence, belongs to the same turn.
    assert np.array_equal(np.trim_zeros(clip.samples), np.trim_zeros(said))


async def test_a_lost_call_is_made_again_and_the_session_goes_on(calls: CallService) -> None:
    fickle = Fickle()
    session = RealtimeSession(
        RealtimeAgent("a"),
        transport=WebRTCTransport(calls.url, change_peer_connection=fickle),
        reconnect=ReconnectPolicy(initial_delay_s=0.01),
    )
    again = asyncio.Event()
    session.on("reconnected", lambda _: again.set())
    async with session:
        fickle.becomes("failed")
        await again.wait()
        assert len(calls.requests) == 2
        await session.send_message("hello")
        await calls.event("conversation.item.create")
        await session.send_audio(tone(440, 24000, 0.2))
        await calls.until(lambda: len(audible(calls.heard(), 48000)))


async def test_another_transport_may_be_around_it(calls: CallService) -> None:
    session = RealtimeSession(
        RealtimeAgent("a"), transport=FaultyTransport(WebRTCTransport(calls.url))
    )
    heard = asyncio.Event()
    session.on("audio", lambda _: heard.set())
    async with session:
        calls.say(tone(440, 48000, 0.3))
        await heard.wait()
        await session.send_audio(tone(440, 24000, 0.3), commit=True)
        await calls.event("input_audio_buffer.commit")
        await calls.until(lambda: len(audible(calls.heard(), 48000)))


# Mute.


async def test_muting_silences_what_is_sent_also_when_done_before_connecting(
    calls: CallService,
) -> None:
    transport = WebRTCTransport(calls.url)
    session = RealtimeSession(RealtimeAgent("a"), transport=transport)
    assert session.muted is False
    session.mute(True)
    assert session.muted is True
    async with session:
        await session.send_audio(tone(440, 24000, 0.3), commit=True)
        count = len(calls.frames)
        await calls.until(lambda: len(calls.frames) > count + 15)
        assert not len(audible(calls.heard(), 48000, least=50))
        session.mute(False)
        await session.send_audio(tone(440, 24000, 0.3))
        await calls.until(lambda: len(audible(calls.heard(), 48000)))
    assert session.muted is False


# Interrupting.


async def test_interrupting_cancels_and_clears_and_tells_once(calls: CallService) -> None:
    session = RealtimeSession(RealtimeAgent("a"), transport=WebRTCTransport(calls.url))
    told: list[str] = []
    for kind in ("audio_start", "audio_interrupted", "audio_stopped", "agent_start"):
        session.on(kind, lambda event: told.append(event.type))
    started = asyncio.Event()
    stopped = asyncio.Event()
    session.on("audio_start", lambda _: started.set())
    session.on("audio_stopped", lambda _: stopped.set())
    async with session:
        response = {"id": "r1", "status": "in_progress", "output": []}
        calls.send(
            {"type": "response.created", "response": response},
            {"type": "output_audio_buffer.started", "response_id": "r1"},
        )
        await started.wait()
        await session.interrupt()
        await calls.event("output_audio_buffer.clear")
        calls.send({"type": "output_audio_buffer.cleared", "response_id": "r1"})
        await stopped.wait()
        sent = [event["type"] for event in calls.events]
        assert sent[-2:] == ["response.cancel", "output_audio_buffer.clear"]
        assert told == ["agent_start", "audio_start", "audio_interrupted", "audio_stopped"]
    await session.interrupt()


# A microphone.


async def test_a_microphone_is_listened_to_and_send_audio_refused(calls: CallService) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in tone(440, 24000, 1.0).reshape(-1, 480):
            yield piece.tobytes()

    session = RealtimeSession(
        RealtimeAgent("a"), transport=WebRTCTransport(calls.url, microphone=pieces)
    )
    async with session:
        await calls.until(lambda: len(audible(calls.heard(), 48000)) > 0.9 * 48000)
        with pytest.raises(ConfigError, match="listens to its microphone"):
            await session.send_audio(bytes(960))
    assert abs(frequency(audible(calls.heard(), 48000), 48000) - 440) < 2


async def test_a_microphone_that_fails_is_an_error_event_and_the_call_goes_on(
    calls: CallService,
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        raise OSError("unplugged")
        yield b""

    session = RealtimeSession(
        RealtimeAgent("a"), transport=WebRTCTransport(calls.url, microphone=broken)
    )
    errors: list[Any] = []
    failed = asyncio.Event()
    session.on("error", lambda event: (errors.append(event.error), failed.set()))
    async with session:
        await failed.wait()
        assert isinstance(errors[0], OSError)
        assert session.connection_state == "connected"


async def test_a_track_added_to_the_peer_is_sent_and_stays_its_owners(calls: CallService) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    for piece in tone(440, 48000, 1.0).reshape(-1, 960):
        queue.put_nowait(piece)
    track = calls.make_track(queue)
    call = Call(calls, change_peer_connection=lambda peer: peer.addTrack(track) and peer)
    async with call:
        await calls.until(lambda: len(audible(calls.heard(), 48000)) > 0.9 * 48000)
    assert track.readyState == "live"
    assert abs(frequency(audible(calls.heard(), 48000), 48000) - 440) < 2


async def test_our_microphone_is_closed_with_the_call_and_a_given_one_is_not(
    calls: CallService,
) -> None:
    class Source:
        closed = False

        async def __aiter__(self) -> AsyncIterator[bytes]:
            await asyncio.Event().wait()
            yield b""

        async def aclose(self) -> None:
            self.closed = True

    given, made = Source(), Source()
    for source in (given, lambda: made):
        call = Call(calls, microphone=source)
        async with call:
            await calls.until(lambda: len(calls.frames))
    assert not given.closed
    assert made.closed


# Options.


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "ws://host"}, "http"),
        ({"url": 5}, "url must be a str"),
        ({"api_key": 5}, "api_key must be a str or callable, got int"),
        ({"microphone": 5}, "microphone must be a path"),
        ({"microphone_format": 16000}, "microphone_format must be an AudioFormat"),
        ({"ice_servers": "stun:host"}, "ice_servers must be a sequence"),
        ({"ice_servers": ["http://host"]}, "one of them is not"),
        ({"ice_servers": [{"username": "me", "credential": "secret"}]}, "one of them is not"),
        ({"change_peer_connection": 5}, "change_peer_connection must be callable"),
        ({"handshake_timeout": 0}, "handshake_timeout must be a number of seconds above 0"),
        ({"close_timeout": "5"}, "close_timeout must be a number of seconds above 0"),
        ({"bitrate": 10}, "bitrate"),
        ({"complexity": 11}, "complexity"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], said: str) -> None:
    pytest.importorskip("aiortc", reason="WEBRTC IS NOT TESTED: aiortc is missing")
    with pytest.raises(ConfigError, match=said) as caught:
        WebRTCTransport(**options)
    assert "secret" not in str(caught.value)


async def test_ice_servers_are_handed_on_and_none_are_used_unasked(calls: CallService) -> None:
    from rtaudio.transports.peer import ice_configuration

    assert ice_configuration(()).iceServers == []
    secret = {"urls": ["turn:host:3478"], "username": "me", "credential": "pw"}
    first, second = ice_configuration(["stun:host:3478", secret]).iceServers or []
    assert first.urls == "stun:host:3478"
    assert (second.urls, second.username, second.credential) == (secret["urls"], "me", "pw")
    async with Call(calls, ice_servers=[]):
        offer = calls.requests[0].body.decode()
        assert "127.0.0.1" in offer
        assert "srflx" not in offer


def test_the_cloud_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiortc", reason="WEBRTC IS NOT TESTED: aiortc is missing")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    transport = WebRTCTransport()
    with pytest.raises(ConfigError, match="needs an API key"):
        asyncio.run(transport.open(ConnectOptions(), None))


@pytest.mark.parametrize(("key", "with_session"), [("ek_1", False), ("sk-1", True)])
async def test_the_cloud_gets_the_session_with_the_offer_unless_the_key_has_one(
    key: str, with_session: bool, calls: CallService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webrtc, "_CLOUD_URL", calls.url)
    transport = WebRTCTransport(api_key=key)
    await transport.open(ConnectOptions(), GREETING)
    body = calls.requests[0].body
    assert (b"form-data" in body) == with_session
    if with_session:
        assert json.dumps("gpt-realtime-2.1").encode() in body
    await transport.shut()


async def test_a_running_call_cannot_be_joined_this_way(calls: CallService) -> None:
    call = Call(calls)
    with pytest.raises(ConfigError, match="WebRTC makes calls"):
        await call.open(call_id="rtc_1")


def test_no_secret_is_in_its_representation() -> None:
    pytest.importorskip("aiortc", reason="WEBRTC IS NOT TESTED: aiortc is missing")
    transport = WebRTCTransport("https://user:pw@host/calls?key=secret", api_key="sk-secret")
    assert repr(transport) == "WebRTCTransport('https://host/calls', status='disconnected')"


def test_without_aiortc_it_can_be_imported_and_says_what_is_missing() -> None:
    code = """
import sys
class Without:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "aiortc":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Without())
sys.modules["aiortc"] = None
from rtaudio import RealtimeSession
from rtaudio.transports import WebRTCTransport
for make in (WebRTCTransport, lambda: RealtimeSession(None, transport="webrtc")):
    try:
        make()
    except ValueError as error:
        assert "pip install 'rtaudio[webrtc]'" in str(error), error
    else:
        raise AssertionError("it was made")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_session_makes_one_by_name() -> None:
    pytest.importorskip("aiortc", reason="WEBRTC IS NOT TESTED: aiortc is missing")
    session = RealtimeSession(RealtimeAgent("a"), transport="webrtc")
    assert isinstance(session.transport, WebRTCTransport)


async def test_sound_without_a_connection_is_refused() -> None:
    pytest.importorskip("aiortc", reason="WEBRTC IS NOT TESTED: aiortc is missing")
    session = RealtimeSession(RealtimeAgent("a"), transport="webrtc")
    with pytest.raises(TransportError, match="not connected"):
        await session.send_audio(bytes(960))
    await session.interrupt()
