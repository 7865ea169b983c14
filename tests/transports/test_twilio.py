"""Telephone calls: a Twilio that plays by a clock of ours, and one over a real socket."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections import deque
from typing import Any

import pytest
from websockets.asyncio.client import connect as open_websocket
from websockets.asyncio.server import ServerConnection, serve

from rtaudio import (
    ConfigError,
    GuardrailResult,
    OutputGuardrail,
    RealtimeAgent,
    RealtimeSession,
    ReconnectPolicy,
    TransportError,
)
from rtaudio.transports import (
    ConnectOptions,
    FakeClock,
    ScriptedModel,
    ScriptedTransport,
    SipTransport,
    TwilioTransport,
)

START = {
    "event": "start",
    "streamSid": "MZ1",
    "start": {"streamSid": "MZ1", "callSid": "CA1", "customParameters": {"who": "Ada"}},
}


class Twilio:
    """The other end of a call: plays at 8 kHz by the clock, and sends marks back."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.played = bytearray()
        self.received: list[dict[str, Any]] = []
        self.closed = False
        self._line: deque[dict[str, Any]] = deque()
        self._to_us: asyncio.Queue[Any] = asyncio.Queue()
        self._news = asyncio.Event()
        self._playing = asyncio.ensure_future(self._play())

    # What the transport calls.

    async def recv(self) -> str:
        message = await self._to_us.get()
        if message is None:
            raise ConnectionError("closed")
        return message if isinstance(message, str) else json.dumps(message)

    async def send(self, message: str) -> None:
        if self.closed:
            raise ConnectionError("closed")
        event = json.loads(message)
        assert event["streamSid"] == "MZ1"
        self.received.append(event)
        if event["event"] == "clear":
            for waiting in self._line:
                self._give_back(waiting)
            self._line.clear()
            self._playing.cancel()
            self._playing = asyncio.ensure_future(self._play())
        else:
            self._line.append(event)
            self._news.set()

    # What a test does.

    @property
    def unread(self) -> int:
        return self._to_us.qsize()

    def say(self, event: Any) -> None:
        self._to_us.put_nowait(event)

    def speak(self, sound: bytes, track: str = "inbound") -> None:
        payload = b64encode(sound).decode()
        self.say(
            {"event": "media", "streamSid": "MZ1", "media": {"track": track, "payload": payload}}
        )

    def hang_up(self) -> None:
        self.closed = True
        self.say(None)
        self._playing.cancel()

    async def _play(self) -> None:
        while True:
            while not self._line:
                self._news.clear()
                await self._news.wait()
            event = self._line[0]
            if event["event"] == "media":
                sound = b64decode(event["media"]["payload"])
                await self.clock.sleep(len(sound) / 8000)
                self.played += sound
            self._line.popleft()
            self._give_back(event)

    def _give_back(self, event: dict[str, Any]) -> None:
        if event["event"] == "mark":
            self.say({"event": "mark", "streamSid": "MZ1", "mark": event["mark"]})


class Call:
    """A session over a call, with a scripted service behind it."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock()
        self.twilio = Twilio(self.clock)
        self.service = ScriptedTransport()
        self.service.clock = self.clock
        self.model = ScriptedModel(self.service)
        self.transport = TwilioTransport(self.twilio, self.service)
        agent = RealtimeAgent("Clerk", "Answer the telephone.")
        self.session = RealtimeSession(agent, transport=self.transport, **options)

    async def __aenter__(self) -> Call:
        self.twilio.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        self.twilio.say(START)
        await self.session.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()
        self.twilio.hang_up()

    def sent(self, kind: str) -> list[dict[str, Any]]:
        return [call.event for call in self.service.calls if call.event.get("type") == kind]

    def heard(self) -> bytes:
        """What the service heard."""
        return b"".join(call.audio for call in self.service.calls)


async def test_a_call_is_joined_to_the_service_in_its_own_format() -> None:
    async with Call() as call:
        assert call.transport.start["customParameters"] == {"who": "Ada"}
        (update,) = call.sent("session.update")
        for side in ("input", "output"):
            assert update["session"]["audio"][side]["format"] == {"type": "audio/pcmu"}
        call.twilio.speak(b"\x01" * 160)
        call.twilio.speak(b"\x02" * 160)
        call.twilio.speak(b"\x03" * 160, track="outbound")
        await call.clock.advance(0.0)
        assert call.heard() == b"\x01" * 160 + b"\x02" * 160
        assert call.session.stats.input_audio_ms == 40.0
        call.model.says("Good morning.", audio=bytes(range(250)) * 8)
        await call.clock.advance(0.2)
        assert call.twilio.played == (bytes(range(250)) * 8)[:1600]
        await call.clock.advance(0.05)
        assert call.twilio.played == bytes(range(250)) * 8


async def test_an_interruption_cuts_where_the_marks_say_and_silences_the_line() -> None:
    async with Call() as call:
        call.model.says("one two three", audio=bytes(8000), end=False)
        await call.clock.advance(0.35)
        call.model.hears("Hello?")
        await call.clock.advance(0.0)
        (cut,) = call.sent("conversation.item.truncate")
        assert (cut["item_id"], cut["audio_end_ms"]) == ("item_1", 300)
        assert call.twilio.received[-1]["event"] == "clear"
        await call.clock.advance(5.0)
        assert len(call.twilio.played) == 2400
        # The marks of what was thrown away came back, and count for nothing.
        call.model.ends("cancelled")
        call.model.says("yes", audio=bytes(1600), end=False)
        await call.clock.advance(0.1)
        await call.session.interrupt()
        assert call.sent("conversation.item.truncate")[-1]["audio_end_ms"] == 100


async def test_marks_of_what_was_thrown_away_count_for_nothing() -> None:
    async with Call() as call:
        call.model.says("one two three", audio=bytes(8000), end=False)
        await call.clock.advance(0.0)
        await call.session.interrupt()
        call.model.ends("cancelled")
        # These marks are still on their way back when the next answer begins.
        call.model.says("yes", audio=bytes(3200), end=False)
        await call.clock.advance(0.1)
        await call.session.interrupt()
        cuts = [cut["audio_end_ms"] for cut in call.sent("conversation.item.truncate")]
        assert cuts == [0, 100]


async def test_an_interruption_before_the_first_mark_silences_the_line_too() -> None:
    async with Call() as call:
        call.model.says("one two three", audio=bytes(8000), end=False)
        await call.session.interrupt()
        assert call.sent("conversation.item.truncate")[0]["audio_end_ms"] == 0
        await call.clock.advance(1.0)
        assert call.twilio.played == b""


async def test_of_two_answers_the_one_that_plays_is_cut_and_the_one_behind_it_is_unheard() -> None:
    async with Call() as call:
        call.model.says("one", audio=bytes(1600))
        call.model.says("two", audio=bytes(1600))
        await call.clock.advance(0.1)
        await call.session.interrupt()
        cuts = [
            (cut["item_id"], cut["audio_end_ms"]) for cut in call.sent("conversation.item.truncate")
        ]
        assert cuts == [("item_1", 100), ("item_2", 0)]


async def test_what_was_heard_to_its_end_is_not_cut() -> None:
    async with Call() as call:
        call.model.says("one", audio=bytes(1600))
        waiting = asyncio.ensure_future(call.transport.wait_played())
        await call.clock.advance(0.15)
        assert not waiting.done()
        await call.clock.advance(0.05)
        assert waiting.done()
        await call.session.interrupt()
        assert call.sent("conversation.item.truncate") == []
        assert not any(event["event"] == "clear" for event in call.twilio.received)


async def test_sound_that_guardrails_refuse_is_not_played() -> None:
    def check(_ctx: Any, _agent: Any, text: str) -> GuardrailResult:
        return GuardrailResult(tripwire_triggered="secret" in text)

    settings = {"hold_audio": True, "debounce_text_length": 5}
    guardrail = OutputGuardrail("no secrets", check)
    async with Call(output_guardrails=[guardrail], output_guardrail_settings=settings) as call:
        call.model.says("the secret is out", audio=bytes(8000))
        await call.clock.advance(2.0)
        assert call.twilio.played == b""
        call.model.says("never mind", audio=bytes(800))
        await call.clock.advance(2.0)
        assert len(call.twilio.played) == 800


async def test_keys_arrive_as_events() -> None:
    async with Call() as call:
        seen: list[Any] = []
        call.session.on("transport_event", lambda event: seen.append(event.event))
        call.twilio.say({"event": "dtmf", "streamSid": "MZ1", "dtmf": {"track": "x", "digit": "5"}})
        await call.clock.advance(0.0)
    assert seen[0].pop("received_at") > 0
    assert seen == [{"type": "input_audio_buffer.dtmf_event_received", "event": "5"}]


@pytest.mark.parametrize("last", [{"event": "stop", "streamSid": "MZ1"}, None])
async def test_the_session_ends_in_good_order_when_the_caller_hangs_up(last: Any) -> None:
    async with Call() as call:
        call.model.says("one", audio=bytes(8000))
        call.twilio.say(last)
        events = [event.type async for event in call.session]
        assert events[-1] == "connection_change"
        await call.transport.wait_played()
        assert call.service.calls[-1].method == "close"
        with pytest.raises(ConfigError, match="call has ended"):
            await call.session.connect()


async def test_nonsense_of_twilios_is_passed_over() -> None:
    async with Call() as call:
        for nonsense in (
            "{",
            "[]",
            {"event": "media", "media": {"payload": "!"}},
            {"event": "new"},
        ):
            call.twilio.say(nonsense)
        call.twilio.say({"event": "mark", "mark": {"name": "nobody's"}})
        call.twilio.speak(b"\x01" * 160)
        await call.clock.advance(0.0)
        assert call.heard() == b"\x01" * 160


async def test_the_call_goes_on_while_the_connection_to_the_service_is_made_again() -> None:
    policy = ReconnectPolicy(initial_delay_s=1.0, jitter=0.0)
    async with Call(reconnect=policy) as call:
        call.model.says("one two", audio=bytes(32_000))
        call.service.disconnect(OSError("cable"))
        call.service.fail_next_call("connect", OSError("still down"))
        call.twilio.speak(bytes(160))
        await call.clock.advance(1.5)
        assert len(call.twilio.played) == 12_000 - 12_000 % 800
        assert call.session.stats.input_audio_dropped_ms == 0
        await call.clock.advance(1.5)
        assert call.session.connection_state == "connected"
        await call.session.interrupt()
        assert call.sent("conversation.item.truncate")[0]["audio_end_ms"] == 3000
        call.twilio.speak(b"\x01" * 160)
        await call.clock.advance(0.0)
        # What the caller said in between was kept for the new connection.
        assert call.heard() == bytes(160) + b"\x01" * 160


async def test_a_call_that_ends_meanwhile_ends_the_attempts() -> None:
    policy = ReconnectPolicy(initial_delay_s=1.0, jitter=0.0)
    async with Call(reconnect=policy) as call:
        attempts: list[int] = []
        call.session.on("reconnecting", lambda event: attempts.append(event.attempt))
        call.service.disconnect(OSError("cable"))
        call.twilio.say(None)
        await call.clock.advance(60.0)
        assert attempts == [1]


async def test_after_close_nothing_more_is_read_from_the_socket_or_written_to_it() -> None:
    async with Call() as call:
        call.model.says("goodbye", audio=bytes(800))
        await call.session.close()
        call.model.says("anybody there?", audio=bytes(800))
        assert [event["event"] for event in call.twilio.received] == ["media", "mark"]
        call.twilio.speak(bytes(160))
        await call.clock.advance(0.0)
        assert call.twilio.unread == 1
        assert call.heard() == b""


async def test_a_session_that_is_closed_between_two_connections_leaves_the_socket_too() -> None:
    async with Call(reconnect=ReconnectPolicy(initial_delay_s=60.0)) as call:
        call.service.disconnect(OSError("cable"))
        await call.session.close()
        call.twilio.speak(bytes(160))
        await call.clock.advance(0.0)
        assert call.twilio.unread == 1


async def test_a_twilio_that_takes_nothing_is_a_lost_connection() -> None:
    async with Call() as call:
        stuck: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        call.twilio.send = lambda _message: stuck  # type: ignore[assignment,method-assign]
        errors: list[Any] = []
        call.session.on("error", lambda event: errors.append(event.error))
        call.model.says("on and on", audio=bytes(800 * 6000))
        assert [type(error).__name__ for error in errors] == ["ConnectionLost"]
        assert call.session.connection_state == "disconnected"
        stuck.set_result(None)


async def test_formats_that_would_be_noise_are_refused() -> None:
    for config in (
        {"audio": {"output": {"format": "pcm16"}}},
        {"audio": {"input": {"format": "g711_alaw"}}},
        {"type": "transcription"},
    ):
        call = Call(config=config)
        with pytest.raises(ConfigError, match=r"format over a TwilioTransport must be 'g711_ulaw'"):
            await call.session.connect()
        call.twilio.hang_up()
    fine = {"type": "transcription", "audio": {"input": {"format": "g711_ulaw"}}}
    async with Call(config=fine) as call:
        session = {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}}
        with pytest.raises(ConfigError, match="got 'audio/pcm'"):
            await call.session.send_event({"type": "session.update", "session": session})


async def test_a_stream_that_does_not_begin_fails_the_attempt() -> None:
    twilio = Twilio(FakeClock())
    silent = TwilioTransport(twilio, ScriptedTransport(), start_timeout=0.001)
    with pytest.raises(TransportError, match="no start within"):
        await silent.open(ConnectOptions(), None)
    twilio.hang_up()
    with pytest.raises(TransportError, match="closed the stream before it began"):
        await TwilioTransport(twilio, ScriptedTransport()).open(ConnectOptions(), None)


async def test_what_cannot_be_joined_is_refused() -> None:
    twilio = Twilio(FakeClock())
    with pytest.raises(ConfigError, match="carry sound in events"):
        TwilioTransport(twilio, SipTransport())
    with pytest.raises(ConfigError, match="carry sound in events"):
        TwilioTransport(twilio, TwilioTransport(twilio, ScriptedTransport()))
    with pytest.raises(ConfigError, match=r"socket must have recv\(\), got str"):
        TwilioTransport("socket", ScriptedTransport())  # type: ignore[arg-type]
    twilio.hang_up()


async def test_a_call_over_a_real_socket() -> None:
    service = ScriptedTransport()
    model = ScriptedModel(service)
    over = asyncio.Event()

    async def handle(socket: ServerConnection) -> None:
        transport = TwilioTransport(socket, service)
        async with RealtimeSession(None, transport=transport) as session:
            model.says("Good morning.", audio=bytes(1600))
            async for _ in session:
                pass
        over.set()

    async with serve(handle, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        async with open_websocket(f"ws://127.0.0.1:{port}") as caller:
            await caller.send(json.dumps(START))
            kinds = []
            while len(kinds) < 4:
                event = json.loads(await caller.recv())
                kinds.append(event["event"])
                if event["event"] == "mark":
                    await caller.send(json.dumps(event))
            media = {"track": "inbound", "payload": b64encode(b"\x05" * 160).decode()}
            await caller.send(json.dumps({"event": "media", "media": media}))
            await caller.send(json.dumps({"event": "stop"}))
            await over.wait()
    assert kinds == ["media", "mark"] * 2
    assert b"\x05" * 160 in [call.audio for call in service.calls]
