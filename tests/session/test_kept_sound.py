"""`history_store_audio`: sessions whose items have their sound, and sessions whose items do not."""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio import AudioRetention, ConnectionLost, RealtimeSession, ReconnectPolicy
from rtaudio.audio import AudioClip, AudioFormat
from rtaudio.transports import ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Service

RAMP = np.arange(-12_000, 12_000, dtype=np.int16)  # a second at 24 kHz
SOUND = {"type": "output_audio", "transcript": "hi"}
SPOKEN = {"type": "input_audio", "transcript": None}


def item(item_id: str, part: dict[str, Any], role: str, event: str = "added") -> dict[str, Any]:
    body = {"id": item_id, "type": "message", "role": role, "content": [part]}
    return {"type": f"conversation.item.{event}", "event_id": "e", "item": body}


def marks(item_id: str, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
    kinds = ("speech_started", "speech_stopped", "committed")
    times = {"audio_start_ms": start_ms, "audio_end_ms": end_ms}
    return [
        {"type": f"input_audio_buffer.{kind}", "event_id": "e", "item_id": item_id, **times}
        for kind in kinds
    ]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


class Forgetful(ScriptedTransport):
    """A transport that does not record the sound that it is given."""

    async def send_audio(self, pcm: Any) -> None:
        del pcm


class TestOff:
    @pytest.mark.parametrize("wanted", [None, AudioFormat("pcm16", 24000)])
    async def test_nobody_holds_sound_that_was_delivered(
        self,
        make_session: Callable[..., RealtimeSession],
        transport: ScriptedTransport,
        service: Service,
        wanted: AudioFormat | None,
    ) -> None:
        session = make_session(output_audio=wanted)
        delivered: list[bytes] = []
        session.on("audio", lambda event: delivered.append(event.data))
        async with session:
            transport.emit(service.response("created"), item("a", SOUND, "assistant"))
            for _ in range(5):
                transport.emit(service.audio(RAMP.tobytes()))
            gc.collect()
            nobody_elses = [object()]
            holders = [sys.getrefcount(delivered[index]) for index in range(len(delivered))]
            assert holders == [sys.getrefcount(nobody_elses[0])] * 5
            assert session.history[0].content[0].audio is None

    @pytest.mark.parametrize("wanted", [None, AudioFormat("pcm16", 16000)])
    async def test_memory_does_not_grow_with_sound_in_either_direction(
        self, service: Service, wanted: AudioFormat | None
    ) -> None:
        transport = Forgetful()
        session = RealtimeSession(
            None, transport=transport, output_audio=wanted, input_audio=wanted
        )
        heard = 0

        def count(event: Any) -> None:
            nonlocal heard
            heard += len(event.data)

        session.on("audio", count)
        async with session:

            async def turn(number: int) -> None:
                transport.emit(service.response("created"), *marks(f"u{number % 2}", 0, 1000))
                for _ in range(20):
                    transport.emit(service.audio(RAMP.tobytes(), item_id="a"))
                    await session.send_audio(RAMP.tobytes())
                transport.emit(service.audio_done("a"), service.response("done"))

            for number in range(3):
                await turn(number)
            gc.collect()
            tracemalloc.start()
            try:
                before, _ = tracemalloc.get_traced_memory()
                for number in range(10):
                    await turn(number)
                gc.collect()
                after, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert heard > 4_000_000
        assert after - before < 48_000  # not even one of 400 pieces


class TestOn:
    @pytest.mark.parametrize("keep", [True, AudioRetention("pcm16")])
    async def test_both_sides_are_in_history(
        self,
        make_session: Callable[..., RealtimeSession],
        transport: ScriptedTransport,
        service: Service,
        keep: Any,
    ) -> None:
        async with make_session(history_store_audio=keep) as session:
            await session.send_audio(RAMP)
            transport.emit(*marks("u", 100, 900), item("u", SPOKEN, "user"))
            transport.emit(service.response("created"), item("a", SOUND, "assistant"))
            transport.emit(service.audio(RAMP.tobytes()), service.audio_done("a"))
            user, assistant = session.history
            assert user.content[0].audio == AudioClip(RAMP[2400:21_600], 24000)
            assert assistant.content[0].audio == AudioClip(RAMP, 24000)
        assert session.history[0].content[0].audio == AudioClip(RAMP[2400:21_600], 24000)

    async def test_what_was_sent_in_another_format_is_kept_as_it_was_sent(
        self, make_session: Callable[..., RealtimeSession], transport: ScriptedTransport
    ) -> None:
        config = {"audio": {"input": {"turn_detection": None}}}
        source = AudioFormat("pcm16", 48000)
        async with make_session(
            history_store_audio=True, config=config, input_audio=source
        ) as session:
            await session.send_audio(np.repeat(RAMP, 2), commit=True)
            sent = b"".join(call.audio for call in transport.calls if call.method == "send_audio")
            transport.emit(marks("u", 0, 0)[2], item("u", SPOKEN, "user"))
            clip = session.history[0].content[0].audio
            assert clip is not None
            assert clip.samples.tobytes() == sent

    async def test_commits_and_clears_go_by_the_order_of_the_wire(
        self, make_session: Callable[..., RealtimeSession], transport: ScriptedTransport
    ) -> None:
        config = {"audio": {"input": {"turn_detection": None}}}
        async with make_session(history_store_audio=True, config=config) as session:
            await session.send_audio(RAMP)
            await session.clear_audio()
            await session.send_audio(RAMP[:500])
            await session.commit_audio()
            await session.send_audio(RAMP[500:900], commit=True)
            for each in ("u", "v"):
                transport.emit(marks(each, 0, 0)[2], item(each, SPOKEN, "user"))
            clips = [each.content[0].audio for each in session.history]
            assert clips == [AudioClip(RAMP[:500], 24000), AudioClip(RAMP[500:900], 24000)]

    async def test_the_services_own_stays_when_other_items_change(
        self,
        make_session: Callable[..., RealtimeSession],
        transport: ScriptedTransport,
        service: Service,
    ) -> None:
        own = {**SOUND, "audio": service.audio(RAMP.tobytes())["delta"]}
        async with make_session(history_store_audio=True) as session:
            transport.emit(item("a", own, "assistant", "retrieved"))
            transport.emit(service.item("u"), service.item("u", "changed"))
            transport.emit(item("a", SOUND, "assistant", "done"))
            assert session.history[0].content[0].audio == AudioClip(RAMP, 24000)

    async def test_the_option_is_read_again_at_every_connect(
        self,
        make_session: Callable[..., RealtimeSession],
        transport: ScriptedTransport,
        service: Service,
    ) -> None:
        session = make_session()
        for keep in (True, False):
            session.options.history_store_audio = keep
            async with session:
                transport.emit(item("a", SOUND, "assistant"), service.audio(RAMP.tobytes()))
                assert (session.history[0].content[0].audio is not None) is keep

    async def test_sound_that_cannot_be_kept_is_sent_all_the_same(
        self,
        make_session: Callable[..., RealtimeSession],
        transport: ScriptedTransport,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def broken(*_: Any) -> None:
            raise RuntimeError

        monkeypatch.setattr("rtaudio.conversation.sent_sound.SentSound.append", broken)
        async with make_session(history_store_audio=True) as session:
            errors: list[Any] = []
            session.on("error", lambda event: errors.append(event.error))
            await session.send_audio(RAMP)
            assert [call.method for call in transport.calls].count("send_audio") == 1
            assert [type(error) for error in errors] == [RuntimeError]


async def test_stats_tell_what_is_kept_and_what_became_of_the_rest(
    make_session: Callable[..., RealtimeSession],
    transport: ScriptedTransport,
    service: Service,
) -> None:
    session = make_session(history_store_audio=AudioRetention(max_seconds=2.5))
    for _ in range(2):
        async with session:
            for each in ("a", "b", "c"):
                transport.emit(item(each, SOUND, "assistant"), service.audio(RAMP.tobytes(), each))
                transport.emit(service.audio_done(each))
            stats = session.stats
            assert (stats.kept_audio_bytes, stats.kept_audio_ms) == (96_000, 2000)
    assert (session.stats.kept_audio_dropped, session.stats.kept_audio_spilled) == (2, 0)


class TestWhereTheConnectionIsMadeAgain:
    async def test_history_keeps_its_sound_and_the_input_is_counted_from_the_beginning(
        self, service: Service
    ) -> None:
        transport = ScriptedTransport()
        session = RealtimeSession(
            None,
            transport=transport,
            history_store_audio=True,
            reconnect=ReconnectPolicy(initial_delay_s=0),
        )
        again = asyncio.Event()
        session.on("reconnected", lambda _: again.set())
        async with session:
            await session.send_audio(RAMP)
            transport.emit(item("a", SOUND, "assistant"), service.audio(RAMP.tobytes()))
            transport.emit(*marks("u", 0, 500)[:1], item("u", SPOKEN, "user"))
            transport.disconnect(ConnectionLost("gone"))
            await again.wait()
            await session.send_audio(RAMP)
            transport.emit(*marks("v", 100, 200), item("v", SPOKEN, "user"))
            clips = [each.content[0].audio for each in session.history]
        assert clips == [
            AudioClip(RAMP, 24000),
            AudioClip(RAMP, 24000),
            AudioClip(RAMP[2400:4800], 24000),
        ]


class TestOnDisk:
    async def test_closing_waits_until_all_is_written_and_files_go_with_the_session(
        self, service: Service, tmp_path: Path
    ) -> None:
        transport = ScriptedTransport()
        keep = AudioRetention("opus", spill_dir=tmp_path)
        async with RealtimeSession(None, transport=transport, history_store_audio=keep) as session:
            transport.emit(item("a", SOUND, "assistant"), service.audio(RAMP.tobytes()))
        assert names(tmp_path) == ["a.0.opus"]
        (kept,) = session.history
        del session, transport
        gc.collect()
        clip = kept.content[0].audio
        assert clip is not None
        assert len(clip.samples) == 24_000
        del kept
        gc.collect()
        assert names(tmp_path) == []

    async def test_a_lost_connection_writes_what_there_is(
        self,
        make_session: Callable[..., RealtimeSession],
        transport: ScriptedTransport,
        service: Service,
        tmp_path: Path,
    ) -> None:
        session = make_session(history_store_audio=AudioRetention(spill_dir=tmp_path))
        await session.connect()
        transport.emit(item("a", SOUND, "assistant"), service.audio(RAMP.tobytes()))
        transport.disconnect()
        await session.close()
        assert names(tmp_path) == ["a.0.wav"]

    async def test_a_folder_that_cannot_be_written_is_an_error_and_the_session_lives(
        self,
        make_session: Callable[..., RealtimeSession],
        transport: ScriptedTransport,
        service: Service,
        tmp_path: Path,
    ) -> None:
        session = make_session(history_store_audio=AudioRetention(spill_dir=tmp_path / "spill"))
        errors: list[Any] = []
        session.on("error", lambda event: errors.append(event.error))
        async with session:
            (tmp_path / "spill").write_bytes(b"")
            transport.emit(item("a", SOUND, "assistant"), service.audio(RAMP.tobytes()))
            transport.emit(service.audio_done("a"))
            assert session.history[0].content[0].audio is not None
            await session._link.sound_writer.done()
            assert session.history[0].content[0].audio is None
            await session.send_message("still here?")
        assert len(errors) == 1
        assert "spill" in str(errors[0])
        assert session.history[0].text == "hi"
