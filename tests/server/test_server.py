"""The embedded service, spoken to over a plain WebSocket as any client would."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from rtaudio.audio import alaw_encode, load, resample, ulaw_encode
from rtaudio.errors import ConfigError
from rtaudio.server import Limits, RealtimeServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SAMPLES = Path(__file__).parent.parent.parent / "samples"


class CountingRecogniser:
    """Says how many seconds it heard, in two pieces; fails on a DC level of 1000."""

    sample_rate = 16000
    workers = 1

    def load(self) -> None:
        pass

    def transcribe(
        self, samples: np.ndarray[Any, Any], *, language: str | None, prompt: str | None
    ) -> Iterator[str]:
        if samples.size and np.median(samples) == 1000:
            raise RuntimeError("what was said must not get out")
        yield f"{samples.size / 16000:.1f} seconds"
        yield f" in {language} about {prompt}"


class LoudnessDetector:
    """Takes everything above a quarter of full scale for speech."""

    sample_rate = 16000
    window = 512

    def stream(self) -> LoudnessDetector:
        return self

    def probabilities(self, samples: np.ndarray[Any, Any]) -> list[float]:
        return [float(np.abs(w.astype(int)).max() > 8192) for w in samples.reshape(-1, 512)]


@asynccontextmanager
async def session(
    query: str = "?intent=transcription", **options: Any
) -> AsyncIterator[ClientConnection]:
    options = {"recogniser": CountingRecogniser(), "detector": LoudnessDetector()} | options
    async with (
        RealtimeServer(**options) as server,
        connect(server.url + query, max_size=None) as client,
    ):
        yield client


async def send(client: ClientConnection, type_: str, **fields: Any) -> None:
    await client.send(json.dumps({"type": type_, **fields}))


async def receive(client: ClientConnection, *types: str) -> list[dict[str, Any]]:
    """Receive exactly these types of events, in this order."""
    events = [json.loads(await client.recv()) for _ in types]
    assert [event["type"] for event in events] == list(types)
    return events


async def configure(client: ClientConnection, **listening: Any) -> dict[str, Any]:
    session = {"type": "transcription", "audio": {"input": listening}}
    await send(client, "session.update", session=session)
    (event,) = await receive(client, "session.updated")
    return event["session"]["audio"]["input"]


def base64_of(sound: bytes | np.ndarray[Any, Any]) -> str:
    return base64.b64encode(bytes(sound)).decode()


def tone(seconds: float, sample_rate: int, level: int = 12000) -> np.ndarray[Any, Any]:
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    return (level * np.sign(np.sin(2 * np.pi * 300 * t))).astype(np.int16)


MANUAL = {"turn_detection": None, "transcription": {"language": "en", "prompt": "ducks"}}
ADDED = ("conversation.item.added", "conversation.item.done")
TRANSCRIPTION = "conversation.item.input_audio_transcription."


async def test_the_first_event_tells_the_session_with_all_its_defaults() -> None:
    async with session() as client:
        (created,) = await receive(client, "session.created")
        assert created["session"]["type"] == "transcription"
        assert created["session"]["id"].startswith("sess_")
        assert created["session"]["audio"]["input"]["format"] == {
            "type": "audio/pcm",
            "rate": 24000,
        }


@pytest.mark.parametrize(
    ("wire", "encode", "sample_rate"),
    [
        ({"type": "audio/pcm", "rate": 24000}, bytes, 24000),
        ({"type": "audio/pcm", "rate": 16000}, bytes, 16000),
        ({"type": "audio/pcm", "rate": 44100}, bytes, 44100),
        ({"type": "audio/pcmu"}, ulaw_encode, 8000),
        ({"type": "audio/pcma"}, alaw_encode, 8000),
    ],
)
async def test_a_commit_becomes_an_item_and_its_transcript(
    wire: dict[str, Any], encode: Any, sample_rate: int
) -> None:
    async with session() as client:
        await receive(client, "session.created")
        await configure(client, format=wire, **MANUAL)
        sound = encode(tone(1.5, sample_rate))
        await send(client, "input_audio_buffer.append", audio=base64_of(sound))
        await send(client, "input_audio_buffer.commit")
        committed, added, _, first, second, completed = await receive(
            client,
            "input_audio_buffer.committed",
            *ADDED,
            TRANSCRIPTION + "delta",
            TRANSCRIPTION + "delta",
            TRANSCRIPTION + "completed",
        )
        assert added["item"]["role"] == "user"
        assert {e.get("item_id") or e["item"]["id"] for e in (committed, added, completed)} == {
            committed["item_id"]
        }
        assert completed["transcript"] == "1.5 seconds in en about ducks"
        assert first["delta"] + second["delta"] == completed["transcript"]
        assert completed["usage"]["seconds"] == pytest.approx(1.5, abs=0.01)


async def test_speech_is_found_by_voice_activity_and_committed() -> None:
    async with session() as client:
        await receive(client, "session.created")
        await configure(
            client,
            format={"type": "audio/pcm", "rate": 16000},
            transcription={},
            turn_detection={
                "type": "server_vad",
                "prefix_padding_ms": 100,
                "silence_duration_ms": 300,
            },
        )
        silence = np.zeros(16000, np.int16)
        sound = np.concatenate([silence, tone(2.0, 16000), silence])
        for start in range(0, len(sound), 1600):
            piece = base64_of(sound[start : start + 1600])
            await send(client, "input_audio_buffer.append", audio=piece)
        started, stopped, *_, completed = await receive(
            client,
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            *ADDED,
            TRANSCRIPTION + "delta",
            TRANSCRIPTION + "delta",
            TRANSCRIPTION + "completed",
        )
        assert started["audio_start_ms"] == pytest.approx(900, abs=35)
        assert stopped["audio_end_ms"] == pytest.approx(3300, abs=65)
        assert started["item_id"] == stopped["item_id"] == completed["item_id"]
        assert completed["transcript"].startswith("2.4 seconds")


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("{", "invalid_json", None),
        (b"\x00\x01", "invalid_event", None),
        ('{"type": "dance"}', "invalid_value", "type"),
        ('{"type": "input_audio_buffer.commit", "x": 1}', "unknown_parameter", "x"),
        ('{"type": "input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        ('{"type": "input_audio_buffer.commit"}', "input_audio_buffer_commit_empty", None),
        (
            '{"type": "conversation.item.delete", "item_id": "item_x"}',
            "item_delete_invalid_item_id",
            "item_id",
        ),
        ('{"type": "response.create"}', "response_not_supported", None),
        (
            '{"type": "session.update", "session": {"type": "transcription", "audio": '
            '{"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}}}',
            "decimal_above_max_value",
            "session.audio.input.turn_detection.threshold",
        ),
    ],
)
async def test_a_mistake_is_answered_and_the_session_goes_on(
    message: str | bytes, code: str, param: str | None
) -> None:
    async with session() as client:
        await receive(client, "session.created")
        await client.send(message)
        (event,) = await receive(client, "error")
        assert (event["error"]["code"], event["error"]["param"]) == (code, param)
        await send(client, "input_audio_buffer.clear")
        await receive(client, "input_audio_buffer.cleared")


async def test_an_error_names_the_clients_event() -> None:
    async with session() as client:
        await receive(client, "session.created")
        await send(client, "input_audio_buffer.commit", event_id="mine")
        (event,) = await receive(client, "error")
        assert event["error"]["event_id"] == "mine"


async def test_a_refused_update_changes_nothing() -> None:
    async with session() as client:
        await receive(client, "session.created")
        before = await configure(client, **MANUAL)
        wrong = {"format": {"type": "audio/pcmu"}, "transcription": {"language": 7}}
        update = {"type": "transcription", "audio": {"input": wrong}}
        await send(client, "session.update", session=update)
        await receive(client, "error")
        assert await configure(client) == before


async def test_a_failing_recogniser_fails_the_item_and_not_the_session() -> None:
    async with session() as client:
        await receive(client, "session.created")
        await configure(client, format={"type": "audio/pcm", "rate": 16000}, **MANUAL)
        sound = np.full(16000, 1000, np.int16)
        await send(client, "input_audio_buffer.append", audio=base64_of(sound))
        await send(client, "input_audio_buffer.commit")
        *_, failed = await receive(
            client, "input_audio_buffer.committed", *ADDED, TRANSCRIPTION + "failed"
        )
        assert "what was said" not in json.dumps(failed)
        await send(client, "input_audio_buffer.clear")
        await receive(client, "input_audio_buffer.cleared")


async def test_an_item_can_be_made_retrieved_and_deleted() -> None:
    async with session("?model=m") as client:
        await receive(client, "session.created")
        item = {
            "type": "message",
            "role": "user",
            "id": "item_1",
            "content": [{"type": "input_text", "text": "hello"}],
        }
        await send(client, "conversation.item.create", item=item)
        await receive(client, *ADDED)
        await send(client, "conversation.item.retrieve", item_id="item_1")
        (event,) = await receive(client, "conversation.item.retrieved")
        assert event["item"]["content"] == item["content"]
        await send(client, "conversation.item.delete", item_id="item_1")
        await receive(client, "conversation.item.deleted")


async def test_the_buffer_has_a_bound() -> None:
    async with session(limits=Limits(buffered_s=1.0)) as client:
        await receive(client, "session.created")
        await configure(client, turn_detection=None)
        await send(client, "input_audio_buffer.append", audio=base64_of(bytes(2 * 48000)))
        (event,) = await receive(client, "error")
        assert event["error"]["code"] == "input_audio_buffer_full"


async def test_one_session_too_many_is_refused() -> None:
    options = {"recogniser": CountingRecogniser(), "detector": LoudnessDetector()}
    async with (
        RealtimeServer(limits=Limits(sessions=1), **options) as server,  # type: ignore[arg-type]
        connect(server.url) as first,
        connect(server.url) as second,
    ):
        await receive(first, "session.created")
        (event,) = await receive(second, "error")
        assert event["error"]["code"] == "session_limit_reached"


def test_an_address_beyond_this_machine_needs_a_token() -> None:
    with pytest.raises(ConfigError, match="token"):
        RealtimeServer("0.0.0.0", recogniser=CountingRecogniser(), detector=LoudnessDetector())


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_a_wrong_token_is_refused_with_an_error_and_a_close(headers: dict[str, str]) -> None:
    async with (
        RealtimeServer(
            recogniser=CountingRecogniser(), detector=LoudnessDetector(), token="right"
        ) as server,
        connect(server.url, additional_headers=headers) as client,
    ):
        (event,) = await receive(client, "error")
        assert event["error"]["code"] == "invalid_api_key"
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 3000


async def test_the_right_token_is_let_in_by_header_and_by_subprotocol() -> None:
    async with RealtimeServer(
        recogniser=CountingRecogniser(), detector=LoudnessDetector(), token="right"
    ) as server:
        headers = {"Authorization": "Bearer right"}
        async with connect(server.url, additional_headers=headers) as client:
            await receive(client, "session.created")
        offered: Any = ["realtime", "openai-insecure-api-key.right"]
        async with connect(server.url, subprotocols=offered) as client:
            assert client.subprotocol == "realtime"
            await receive(client, "session.created")


async def test_other_paths_are_not_found() -> None:
    async with RealtimeServer(
        recogniser=CountingRecogniser(), detector=LoudnessDetector()
    ) as server:
        with pytest.raises(InvalidStatus, match="404"):
            async with connect(server.url.replace("/v1/realtime", "/other")):
                pass


async def test_real_speech_is_found_and_recognised() -> None:
    async with session(recogniser=None, detector=None) as client:
        await receive(client, "session.created")
        await configure(client, transcription={"language": "en"})
        clip = load(SAMPLES / "pride.wav")
        rest = np.zeros(24000, np.int16)
        sound = np.concatenate([resample(clip.samples, clip.sample_rate, 24000), rest])
        for start in range(0, len(sound), 4800):
            piece = base64_of(sound[start : start + 4800])
            await send(client, "input_audio_buffer.append", audio=piece)
        heard = ""
        while "single man" not in heard:
            event = json.loads(await client.recv())
            if event["type"] == TRANSCRIPTION + "completed":
                heard += event["transcript"] + " "
        assert "truth universally acknowledged" in heard
