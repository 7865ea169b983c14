from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import numpy as np
import pytest

from rtaudio import (
    AudioError,
    ConfigError,
    ConnectionLost,
    PlaybackTracker,
    ProtocolError,
    RealtimeAgent,
    RealtimeSession,
    TransportError,
)
from rtaudio.audio import AudioFormat, OpusEncoder, opus_packet_info
from rtaudio.transports import RealtimeTransport, ScriptedModel, ScriptedTransport


def sent(transport: ScriptedTransport, *, config: bool = False) -> list[dict[str, Any]]:
    """Events that were sent, without session updates."""
    events = [call.event for call in transport.calls if call.method == "send_event"]
    return [event for event in events if config or event["type"] != "session.update"]


def sent_kinds(transport: ScriptedTransport) -> list[str]:
    return [event["type"] for event in sent(transport)]


class TestConnecting:
    def test_constructor_sends_nothing(self, session: Any, transport: Any) -> None:
        assert transport.calls == ()
        assert session.history == ()
        assert session.transport is transport

    async def test_bare_session_sends_the_default_configuration(
        self, session: Any, transport: Any
    ) -> None:
        async with session:
            (update,) = sent(transport, config=True)
        assert update == {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "model": "gpt-realtime-2.1",
                "instructions": "be brief",
                "output_modalities": ["audio"],
                "tools": [],
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcm", "rate": 24000},
                        "transcription": {"model": "gpt-4o-mini-transcribe"},
                        "turn_detection": {"type": "semantic_vad"},
                        "noise_reduction": None,
                    },
                    "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": 1},
                },
            },
        }

    async def test_status_changes_are_each_told_once(self, session: Any) -> None:
        seen: list[str] = []
        session.on("connection_change", lambda event: seen.append(event.status))
        async with session:
            pass
        await session.close()
        assert seen == ["connecting", "connected", "disconnected"]

    async def test_history_is_told_empty_after_connecting(self, session: Any) -> None:
        seen: list[Any] = []
        session.on("history_updated", lambda event: seen.append(event.history))
        async with session:
            assert seen == [()]

    async def test_closes_when_the_body_raises(self, session: Any, transport: Any) -> None:
        with pytest.raises(KeyError):
            async with session:
                raise KeyError
        transport.assert_closed()

    async def test_second_connect_is_refused_and_the_first_goes_on(
        self, session: Any, transport: Any
    ) -> None:
        first, second = await asyncio.gather(
            session.connect(), session.connect(), return_exceptions=True
        )
        assert first is None
        assert isinstance(second, ConfigError)
        assert [call.method for call in transport.calls].count("connect") == 1
        await session.close()

    async def test_close_during_connect_makes_connect_fail(self) -> None:
        started = asyncio.Event()

        class Slow(ScriptedTransport):
            async def connect(self, options: Any) -> None:  # noqa: ARG002
                started.set()
                await asyncio.get_running_loop().create_future()

        session = RealtimeSession(None, transport=Slow())
        attempt = asyncio.ensure_future(session.connect())
        await started.wait()
        await session.close()
        with pytest.raises(TransportError, match="superseded"):
            await attempt
        assert session.connection_state == "disconnected"

    @pytest.mark.parametrize("method", ["connect", "send_event"])
    async def test_failed_attempt_raises_its_error_and_can_be_repeated(
        self, session: Any, transport: Any, method: str
    ) -> None:
        error = OSError("broken")
        transport.fail_next_call(method, error)
        with pytest.raises(OSError, match="broken") as caught:
            await session.connect()
        assert caught.value is error
        transport.assert_closed()
        await session.connect()
        assert session.connection_state == "connected"
        await session.close()

    async def test_reconnecting_begins_a_new_conversation_with_the_same_handlers(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        seen: list[str] = []
        session.on("history_added", lambda event: seen.append(event.item.item_id))
        async with session:
            transport.emit(service.item("one"), service.response("created"))
            transport.emit(service.response("done", usage={"input_tokens": 5}))
        assert len(session.history) == 1
        async with session:
            assert session.history == ()
            assert session.context.history == ()
            transport.emit(service.item("two"))
        assert seen == ["one", "two"]
        assert session.usage.input_tokens == 5

    async def test_items_that_arrive_while_connecting_are_kept(self, service: Any) -> None:
        class Eager(ScriptedTransport):
            async def connect(self, options: Any) -> None:
                await super().connect(options)
                self.emit(service.item("early"))

        async with RealtimeSession(None, transport=Eager()) as session:
            assert [item.item_id for item in session.history] == ["early"]

    async def test_options_are_read_again_at_every_connect(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        for name in ("one", "two"):
            session.options.workflow_name = name
            async with session:
                transport.emit(service.created())
                await transport_idle()
        tracing = [event["session"].get("tracing") for event in sent(transport, config=True)]
        assert tracing == [None, {"workflow_name": "one"}, None, {"workflow_name": "two"}]

    async def test_transport_belongs_to_one_session(self, session: Any, transport: Any) -> None:
        async with session:
            pass
        with pytest.raises(ConfigError, match="belongs to another"):
            await RealtimeSession(None, transport=transport).connect()

    async def test_call_id_and_model_exclude_each_other(self, session: Any) -> None:
        with pytest.raises(ConfigError):
            await session.connect(call_id="rtc_1", model="m")

    async def test_plain_methods_are_enough_for_a_transport(self, service: Any) -> None:
        class Plain(RealtimeTransport):
            def __init__(self) -> None:
                self.events: list[Any] = []

            def connect(self, options: Any) -> None:
                pass

            def send_event(self, event: Any) -> None:
                self.events.append(event)

            def close(self) -> None:
                pass

        transport = Plain()
        async with RealtimeSession(None, transport=transport) as session:
            transport.receive(json.dumps(service.item("u")))
            await session.send_audio(b"\x01\x02")
            assert len(session.history) == 1
        assert transport.events[-1] == {"type": "input_audio_buffer.append", "audio": "AQI="}


class TestTextTurn:
    async def test_question_and_answer(self, session: Any, transport: Any, service: Any) -> None:
        async def exercise() -> None:
            async with session:
                ended = asyncio.Event()
                session.on("agent_end", lambda _event: ended.set())
                await session.send_message("Name a prime above 90.")
                await ended.wait()

        async def scenario(transport: ScriptedTransport) -> None:
            await transport.expect_call("connect")
            await transport.expect_call("send_event", kind("session.update"))
            await transport.expect_call("send_event", kind("conversation.item.create"))
            await transport.expect_call("send_event", kind("response.create"))
            transport.emit(service.item("u", "Name a prime above 90."))
            transport.emit(service.response("created"))
            transport.emit(service.item("a", "97", role="assistant"))
            transport.emit(service.response("done"))
            await transport.expect_call("close")

        await transport.run_scenario(scenario, exercise)
        assert [(item.role, item.text) for item in session.history] == [
            ("user", "Name a prime above 90."),
            ("assistant", "97"),
        ]

    async def test_requests_in_line_go_out_as_responses_end(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        async with session:
            transport.emit(service.response("created"))
            await session.send_message("a")
            await session.send_event({"type": "response.create", "event_id": "mine"})
            assert sent_kinds(transport) == ["conversation.item.create"]
            transport.emit(service.response("done"))
            await transport_idle()
            transport.emit(service.response("created", "r2"), service.response("done", "r2"))
            await transport_idle()
        assert sent_kinds(transport)[1:] == ["response.create", "response.create"]
        assert sent(transport)[-1]["event_id"] == "mine"

    async def test_request_that_cannot_be_written_is_an_error_event(
        self, session: Any, transport: Any
    ) -> None:
        errors: list[Any] = []
        session.on("error", lambda event: errors.append(event.error))
        async with session:
            transport.fail_next_call("send_event", TransportError("full"))
            await session.request_response()
        assert [str(error) for error in errors] == ["full"]

    @pytest.mark.parametrize(
        "call",
        [
            lambda session: session.send_message("hi"),
            lambda session: session.send_event({"type": "input_audio_buffer.clear"}),
            lambda session: session.request_response(),
            lambda session: session.interrupt(),
            lambda session: session.commit_audio(),
            lambda session: session.clear_audio(),
        ],
    )
    async def test_sending_while_disconnected_raises(self, session: Any, call: Any) -> None:
        with pytest.raises(TransportError, match="not connected"):
            await call(session)

    async def test_event_without_type_is_refused(self, session: Any) -> None:
        async with session:
            with pytest.raises(ConfigError):
                await session.send_event({"item": {}})


class TestAudioTurn:
    async def test_sound_and_commit_go_out_in_order(self, session: Any, transport: Any) -> None:
        async with session:
            await session.send_audio(b"\x01\x02")
            await session.send_audio(np.array([3, 4], np.int16))
            await session.send_audio(bytearray(b"\x05\x06"), commit=True)
        calls = [call for call in transport.calls if call.method in ("send_audio", "send_event")]
        assert [call.audio for call in calls[1:4]] == [
            b"\x01\x02",
            b"\x03\x00\x04\x00",
            b"\x05\x06",
        ]
        assert [call.summary for call in calls[4:]] == ["send_event: input_audio_buffer.commit"]

    async def test_sound_while_disconnected_is_dropped(self, session: Any, transport: Any) -> None:
        await session.send_audio(b"\x01\x02")
        assert transport.calls == ()

    @pytest.mark.parametrize("audio", [np.zeros(4, np.float32), np.zeros(8, np.int16)[::2], "x"])
    async def test_other_buffers_are_refused(self, session: Any, audio: Any) -> None:
        async with session:
            with pytest.raises(AudioError):
                await session.send_audio(audio)

    async def test_input_is_converted_and_the_tail_goes_before_the_commit(
        self, make_session: Any, transport: Any
    ) -> None:
        session = make_session(input_audio=AudioFormat("pcm16", 16000))
        async with session:
            for _ in range(5):
                await session.send_audio(bytes(640))
            await session.commit_audio()
            await session.send_audio(bytes(640), commit=True)
        kinds = [call.summary for call in transport.calls]
        assert kinds[-2] == "send_event: input_audio_buffer.commit"
        first = kinds.index("send_event: input_audio_buffer.commit")
        turns = transport.calls[:first], transport.calls[first:]
        lengths = [sum(len(call.audio) for call in turn) for turn in turns]
        # The resampler's delay comes on top of each turn: under 3 ms, 144 bytes at 24 kHz.
        assert 4800 <= lengths[0] < 4800 + 145
        assert 960 <= lengths[1] < 960 + 145

    async def test_answer_is_converted_with_its_tail(
        self, make_session: Any, transport: Any, service: Any
    ) -> None:
        session = make_session(output_audio=AudioFormat("pcm16", 16000))
        seen: list[Any] = []
        async with session:
            for name in ("audio", "audio_stopped"):
                session.on(name, seen.append)
            transport.emit(service.response("created"))
            for _ in range(5):
                transport.emit(service.audio(bytes(960)))
            transport.emit(service.audio_done())
        assert seen[-1].type == "audio_stopped"
        assert 3200 <= sum(len(event.data) for event in seen[:-1]) < 3200 + 97
        assert {event.item_id for event in seen} == {"a"}

    async def test_interrupt_stops_the_answer(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        interrupted: list[Any] = []
        session.on("audio_interrupted", interrupted.append)
        async with session:
            transport.emit(service.response("created"), service.audio(bytes(480_000)))
            await session.interrupt()
        assert sent_kinds(transport) == ["response.cancel", "conversation.item.truncate"]
        assert interrupted[0].item_id == "a"

    async def test_websocket_like_transports_cannot_mute(self, session: Any) -> None:
        assert session.muted is None
        with pytest.raises(ConfigError, match="microphone"):
            session.mute(True)


class TestTranscription:
    async def test_configuration_carries_only_what_was_given(self, transport: Any) -> None:
        detection = {"input": {"transcription": {"model": "whisper-1"}, "turn_detection": None}}
        config = {"type": "transcription", "audio": detection}
        async with RealtimeSession(None, transport=transport, config=config) as session:
            transport.emit({"type": "session.created", "event_id": "e", "session": config})
            assert session.current_agent is None
        (update,) = sent(transport, config=True)
        assert update["session"] == config
        assert transport.calls[0].options["intent"] == "transcription"
        assert transport.calls[0].options["model"] is None

    async def test_turn_gives_a_transcript(self, transport: Any) -> None:
        seen: list[Any] = []
        config = {"type": "transcription"}
        async with RealtimeSession(None, transport=transport, config=config) as session:
            for name in ("input_audio_committed", "input_transcript_delta", "transcript_completed"):
                session.on(name, seen.append)
            await session.send_audio(bytes(4800), commit=True)
            transport.emit(
                {"type": "input_audio_buffer.committed", "event_id": "e", "item_id": "u"},
                {
                    "type": "conversation.item.input_audio_transcription.delta",
                    "event_id": "e",
                    "item_id": "u",
                    "content_index": 0,
                    "delta": "Hel",
                },
                {
                    "type": "conversation.item.input_audio_transcription.completed",
                    "event_id": "e",
                    "item_id": "u",
                    "content_index": 0,
                    "transcript": "Hello.",
                    "usage": {"type": "duration", "seconds": 1},
                },
            )
        assert [event.type for event in seen] == [
            "input_audio_committed",
            "input_transcript_delta",
            "transcript_completed",
        ]
        assert seen[-1].transcript == "Hello."
        assert sent_kinds(transport) == ["input_audio_buffer.commit"]


class TestEvents:
    async def test_transport_event_keeps_unknown_fields_and_is_a_copy(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        seen: list[Any] = []

        def spoil(event: Any) -> None:
            event.event["item"].clear()

        session.on("transport_event", spoil)
        session.on("transport_event", lambda event: seen.append(event.event))
        async with session:
            raw = {**service.item("u"), "new_field": {"x": 1}}
            transport.emit(raw)
            transport.emit({"type": "unheard.of", "y": 2})
            assert len(session.history) == 1
        assert seen == [raw, {"type": "unheard.of", "y": 2}]

    async def test_events_carry_context_and_agent(
        self, make_session: Any, transport: Any, service: Any
    ) -> None:
        mine = object()
        session = make_session(context=mine)
        seen: list[Any] = []
        session.on("history_updated", seen.append)
        async with session:
            transport.emit(service.item("u"))
            assert seen[-1].context.context is mine
            assert seen[-1].context is session.context
            assert seen[-1].context.history == session.history == seen[-1].history
            assert seen[-1].agent is session.current_agent

    async def test_known_event_that_does_not_validate_is_passed_on_and_garbage_reported(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        seen: list[Any] = []
        errors: list[Any] = []
        session.on("transport_event", lambda event: seen.append(event.event))
        session.on("error", lambda event: errors.append(event.error))
        broken = {"type": "conversation.item.deleted", "item_id": 7}
        async with session:
            transport.emit(broken, b"not json", "[]", service.item("u"))
            assert [item.item_id for item in session.history] == ["u"]
        assert seen == [broken, service.item("u")]
        assert len(errors) == 2
        assert all(isinstance(error, ProtocolError) for error in errors)

    async def test_raising_handler_stops_nobody(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        seen: list[str] = []
        errors: list[Any] = []

        def bad(_event: Any) -> None:
            raise KeyError("sync")

        async def worse(_event: Any) -> None:
            raise KeyError("async")

        for handler in (bad, worse, lambda event: seen.append(event.item.item_id)):
            session.on("history_added", handler)
        session.on("error", lambda event: errors.append(event.error.args[0]))
        async with session:
            transport.emit(service.item("one"), service.item("two"))
            await transport_idle()
        assert seen == ["one", "two"]
        assert sorted(errors) == ["async", "async", "sync", "sync"]

    async def test_raising_error_handler_does_not_call_itself(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        calls: list[Any] = []

        def bad(event: Any) -> None:
            calls.append(event)
            raise KeyError

        session.on("error", bad)
        async with session:
            transport.emit(service.error())
        assert len(calls) == 1

    async def test_error_without_handler_is_logged_by_kind_only(
        self, session: Any, transport: Any, service: Any, caplog: Any
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            async with session:
                transport.emit(service.error(code="invalid_value", message="a secret"))
        assert "invalid_value" in caplog.text
        assert "secret" not in caplog.text

    async def test_handler_taken_off_is_not_called(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        seen: list[Any] = []
        session.on("history_added", seen.append)
        session.off("history_added", seen.append)
        async with session:
            transport.emit(service.item("u"))
        assert seen == []

    def test_unknown_event_name_is_refused(self, session: Any) -> None:
        with pytest.raises(ConfigError, match="history_updated"):
            session.on("history_changed", print)
        with pytest.raises(ConfigError, match="callable"):
            session.on("audio", 5)


class TestIteration:
    async def test_same_events_as_handlers_until_close(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        names = ["history_added", "history_updated", "agent_start", "agent_end", "error"]
        handled: list[Any] = []
        async with session:
            for name in names:
                session.on(name, handled.append)
            stream = aiter(session)
            transport.emit(service.item("u"), service.response("created"))
            transport.emit(service.error(), service.response("done"))
        iterated = [event async for event in stream]
        assert [event for event in iterated if event.type in names] == handled
        assert iterated[-1].type == "connection_change"

    async def test_events_queued_before_a_change_keep_their_history(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        async with session:
            stream = aiter(session)
            transport.emit(service.item("one"), service.item("two"))
        lengths = [len(e.history) async for e in stream if e.type == "history_updated"]
        assert lengths == [1, 2]

    async def test_iteration_ends_when_the_service_closes_in_good_order(
        self, session: Any, transport: Any
    ) -> None:
        await session.connect()
        stream = aiter(session)
        transport.disconnect()
        assert [event.type async for event in stream] == ["connection_change"]

    async def test_lost_connection_raises_behind_what_is_queued(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        await session.connect()
        stream = aiter(session)
        transport.emit(service.item("u"))
        transport.disconnect(ConnectionLost("gone"))
        seen = []

        async def consume() -> None:
            async for event in stream:
                seen.append(event.type)  # noqa: PERF401 - kept although the loop raises

        with pytest.raises(ConnectionLost, match="gone"):
            await consume()
        assert seen[-2:] == ["connection_change", "error"]
        with pytest.raises(ConnectionLost):
            await anext(aiter(session))
        with pytest.raises(TransportError):
            await session.send_message("hi")

    async def test_other_errors_of_a_transport_become_lost_connections(
        self, session: Any, transport: Any
    ) -> None:
        await session.connect()
        stream = aiter(session)
        transport.disconnect(OSError("cable"))
        with pytest.raises(ConnectionLost) as caught:
            [event async for event in stream]
        assert isinstance(caught.value.__cause__, OSError)

    async def test_waiting_consumer_wakes_up_at_close(self, session: Any) -> None:
        await session.connect()
        stream = aiter(session)

        async def consume() -> list[str]:
            return [event.type async for event in stream]

        consumer = asyncio.ensure_future(consume())
        await transport_idle()
        await session.close()
        assert await consumer == ["connection_change"]

    async def test_concurrent_closes_share_one_clean_up(self, session: Any, transport: Any) -> None:
        await session.connect()
        await asyncio.gather(session.close(), session.close(), session.close())
        assert [call.method for call in transport.calls].count("close") == 1


async def test_key_appears_nowhere(transport: Any, service: Any, caplog: Any) -> None:
    key = "sk-very-secret"
    with caplog.at_level(logging.DEBUG):
        session = RealtimeSession(RealtimeAgent("a"), transport=transport, api_key=key)
        stream = aiter(session)
        async with session:
            transport.emit(service.error())
        events = [event async for event in stream]
    everything = [session, session.options, events, transport, transport.calls, caplog.text]
    assert key not in repr(everything)
    assert transport.calls[0].options["api_key_given"] is True
    assert key not in str([call.payload for call in transport.calls])


def kind(name: str) -> Any:
    return lambda call: call.event["type"] == name


async def transport_idle() -> None:
    """Let everything that is ready run: a scripted transport never waits for anything."""
    for _ in range(10):
        await asyncio.sleep(0)


class TestUpdatingHistory:
    async def test_a_function_gets_the_history_and_its_result_is_sent(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        async with session:
            transport.emit(service.item("a"), service.item("b"))
            before = session.history
            session.update_history(lambda history: history[1:])
            await asyncio.sleep(0)
            assert sent(transport) == [{"type": "conversation.item.delete", "item_id": "a"}]
            assert session.history is before
            transport.emit({"type": "conversation.item.deleted", "event_id": "e", "item_id": "a"})
            assert [item.item_id for item in session.history] == ["b"]

    async def test_what_the_service_cannot_take_is_refused_before_anything_is_sent(
        self, session: Any, transport: Any, service: Any
    ) -> None:
        async with session:
            transport.emit(service.item("a"))
            with pytest.raises(ConfigError, match="a history holds items"):
                session.update_history(["hello"])
            await asyncio.sleep(0)
            assert sent(transport) == []
        with pytest.raises(TransportError, match="not connected"):
            session.update_history(())


class TestImages:
    @pytest.mark.parametrize("respond", [True, False])
    async def test_an_image_is_sent_as_the_user(
        self, session: Any, transport: Any, respond: bool
    ) -> None:
        async with session:
            await session.add_image("data:image/png;base64,AA==", trigger_response=respond)
            item, *rest = sent(transport)
        assert item["item"]["content"] == [
            {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
        ]
        assert [event["type"] for event in rest] == ["response.create"] * respond

    async def test_what_is_no_address_is_refused(self, session: Any) -> None:
        async with session:
            with pytest.raises(ConfigError, match="a URL or a data URI, got bytes"):
                await session.add_image(b"png")


class TestInitialConfig:
    async def test_it_is_what_connecting_sends(self, session: Any, transport: Any) -> None:
        config = await session.get_initial_session_config()
        assert transport.calls == ()
        async with session:
            (update,) = sent(transport, config=True)
        assert update["session"] == config

    async def test_overrides_win(self) -> None:
        agent = RealtimeAgent("a", "be brief")
        config = await RealtimeSession.compute_initial_session_config(
            agent, None, {"voice": "ash", "input_audio_format": "g711_ulaw"}
        )
        assert config["instructions"] == "be brief"
        assert config["audio"]["output"]["voice"] == "ash"
        assert config["audio"]["input"]["format"] == {"type": "audio/pcmu"}


class TestPlaybackTracker:
    async def test_an_interruption_cuts_where_the_application_says_playback_is(
        self, make_session: Any, transport: Any, service: Any
    ) -> None:
        tracker = PlaybackTracker()
        audio = {"output": {"format": {"type": "audio/pcmu"}}}
        async with make_session(playback_tracker=tracker) as session:
            transport.emit(service.updated(audio=audio), service.response("created"))
            transport.emit(service.audio(bytes(8000)))
            tracker.on_play_bytes("a", 0, bytes(4000))
            await session.interrupt()
            truncate = sent(transport)[-1]
        assert truncate == {
            "type": "conversation.item.truncate",
            "item_id": "a",
            "content_index": 0,
            "audio_end_ms": 500,
        }
        assert tracker.state().item_id is None

    async def test_bytes_count_in_the_format_that_the_application_gets(
        self, make_session: Any, transport: Any, service: Any
    ) -> None:
        tracker = PlaybackTracker()
        wanted = AudioFormat("pcm16", 8000)
        async with make_session(playback_tracker=tracker, output_audio=wanted):
            transport.emit(service.updated(), service.response("created"))
            tracker.on_play_bytes("a", 0, bytes(16))
            assert tracker.state().elapsed_ms == 1.0


class TestOpusPackets:
    async def test_packets_that_are_fed_go_out_as_the_wires_pcm(self, make_session, transport):
        encoder = OpusEncoder(48000)
        tone = (8000 * np.sin(np.arange(9600) / 20)).astype(np.int16)
        async with make_session(input_audio=AudioFormat("opus", 48000)) as session:
            for start in range(0, 9600, 960):
                await session.send_audio(encoder.encode(tone[start : start + 960]))
            await session.commit_audio()
        sent = b"".join(call.audio for call in transport.calls if call.method == "send_audio")
        samples = np.frombuffer(sent, np.int16)
        assert abs(len(samples) - 4800) < 200  # 200 ms at 24 kHz, and the resampler's tail
        assert np.abs(samples).max() > 6000

    async def test_what_is_no_packet_is_refused(self, make_session):
        async with make_session(input_audio=AudioFormat("opus", 48000)) as session:
            with pytest.raises(AudioError):
                await session.send_audio(b"\xff" * 7)

    async def test_each_event_has_one_packet_of_20_ms(self, make_session, transport, service):
        heard: list[Any] = []
        async with make_session(output_audio=AudioFormat("opus", 24000)) as session:
            session.on("audio", heard.append)
            session.on("audio_stopped", heard.append)
            transport.emit(service.response("created"))
            transport.emit(service.audio(bytes(2400)), service.audio(bytes(2400)))
            transport.emit(service.audio_done())
        *packets, stopped = heard
        assert stopped.type == "audio_stopped"
        assert [opus_packet_info(event.data).samples_per_channel for event in packets] == [960] * 5
        assert {(event.item_id, event.response_id) for event in packets} == {("a", "r1")}

    async def test_a_tracker_counts_packets_by_their_length(self, make_session, transport, service):
        tracker = PlaybackTracker()
        options = {"output_audio": AudioFormat("opus", 24000), "playback_tracker": tracker}
        async with make_session(**options) as session:
            played: list[Any] = []
            session.on("audio", played.append)
            transport.emit(service.response("created"), service.audio(bytes(48_000)))
            for event in played[:15]:
                tracker.on_play_bytes(event.item_id, event.content_index, event.data)
            await session.interrupt()
        (cut,) = [event for event in sent(transport) if event["type"].endswith("truncate")]
        assert cut["audio_end_ms"] == 300

    async def test_an_interruption_forgets_the_beginning_of_a_packet(
        self, make_session, transport, service
    ):
        heard: list[Any] = []
        async with make_session(output_audio=AudioFormat("opus", 24000)) as session:
            session.on("audio", heard.append)
            transport.emit(service.response("created"), service.audio(bytes(1440)))
            await session.interrupt()
            transport.emit(service.response("done"), service.response("created", "r2"))
            transport.emit(service.audio(bytes(480), "b", "r2"))
            assert [event.item_id for event in heard] == ["a"]
            transport.emit(service.audio(bytes(480), "b", "r2"))
        assert [event.item_id for event in heard] == ["a", "b"]


async def test_live_transcripts_are_updates_of_history(make_session, transport):
    async with make_session(live_transcripts=True) as session:
        seen: list[str] = []
        session.on("history_updated", lambda event: seen.append(event.history[-1].text))
        model = ScriptedModel(transport)
        model.says("a long way", end=False)
    assert [text for text in seen if text] == ["a", "a long", "a long way"]
