"""Longer exchanges with the embedded service: busy recognition, flushes, kept sound, browsers."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from rtaudio.server import Limits, RealtimeServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

RATE = 16000
PCM = {"type": "audio/pcm", "rate": RATE}
COMMIT = "input_audio_buffer.commit"
ITEM = ("input_audio_buffer.committed", "conversation.item.added", "conversation.item.done")
COMPLETED = "conversation.item.input_audio_transcription.completed"


class Gated:
    """Says nothing until the gate opens, then how many samples it heard."""

    sample_rate = RATE
    workers = 1

    def __init__(self, *, is_open: bool = True) -> None:
        self.gate = threading.Event()
        if is_open:
            self.gate.set()

    def load(self) -> None:
        pass

    def transcribe(
        self, samples: np.ndarray[Any, Any], *, language: str | None, prompt: str | None
    ) -> Iterator[str]:
        del language, prompt
        assert self.gate.wait(30)
        yield str(samples.size)


class LoudIsSpeech:
    sample_rate = RATE
    window = 512

    def stream(self) -> LoudIsSpeech:
        return self

    def probabilities(self, samples: np.ndarray[Any, Any]) -> list[float]:
        return [float(w.max() > 1000) for w in samples.reshape(-1, self.window)]


class Client:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, type_: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": type_, **fields}))

    async def append(self, samples: np.ndarray[Any, Any]) -> None:
        audio = base64.b64encode(samples.tobytes()).decode()
        await self.send("input_audio_buffer.append", audio=audio)

    async def receive(self, *types: str) -> list[dict[str, Any]]:
        events = [json.loads(await self.socket.recv()) for _ in types]
        assert [event["type"] for event in events] == list(types)
        return events

    async def until(self, type_: str) -> dict[str, Any]:
        while True:
            event: dict[str, Any] = json.loads(await self.socket.recv())
            if event["type"] == type_:
                return event


@asynccontextmanager
async def client_of(
    recogniser: Gated,
    *,
    limits: Limits | None = None,
    kind: str = "transcription",
    **listening: Any,
) -> AsyncIterator[Client]:
    async with (
        RealtimeServer(recogniser=recogniser, detector=LoudIsSpeech(), limits=limits) as server,
        connect(server.url, max_size=None) as socket,
    ):
        client = Client(socket)
        await client.receive("session.created")
        settings = {"format": PCM, "transcription": {}, **listening}
        await client.send("session.update", session={"type": kind, "audio": {"input": settings}})
        await client.receive("session.updated")
        try:
            yield client
        finally:
            recogniser.gate.set()


def level(seconds: float, value: int) -> np.ndarray[Any, Any]:
    return np.full(int(seconds * RATE), value, np.int16)


async def test_a_client_ahead_of_recognition_is_held_up_and_loses_nothing() -> None:
    recogniser = Gated(is_open=False)
    limits = Limits(queued_turns=1)
    async with client_of(recogniser, limits=limits, turn_detection=None) as client:
        turns = 12

        async def speak() -> None:
            for _ in range(turns):
                await client.append(level(20.0, 7))
                await client.send("input_audio_buffer.commit")

        speaking = asyncio.create_task(speak())
        # One turn is being recognised; the second is committed, and waits for room.
        for _ in range(2):
            await client.receive(*ITEM)
        recogniser.gate.set()
        committed, heard = 2, []
        while len(heard) < turns:
            event = json.loads(await client.socket.recv())
            committed += event["type"] == "input_audio_buffer.committed"
            if event["type"] == COMPLETED:
                heard.append(event["transcript"])
            assert committed <= len(heard) + 2
        await speaking
    assert heard == [str(20 * RATE)] * turns


async def test_a_commit_in_mid_speech_flushes_the_turn_and_the_next_one_begins_behind_it() -> None:
    vad = {"type": "server_vad", "prefix_padding_ms": 0, "silence_duration_ms": 96}
    async with client_of(Gated(), turn_detection=vad, transcription=None) as client:
        await client.append(level(0.512, 5000))
        (started,) = await client.receive("input_audio_buffer.speech_started")
        await client.send("input_audio_buffer.commit")
        committed, *_ = await client.receive(*ITEM)
        assert committed["item_id"] == started["item_id"]
        assert committed["previous_item_id"] is None
        await client.append(np.concatenate([level(0.512, 5000), level(0.512, 0)]))
        again, stopped, second, *_ = await client.receive(
            "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *ITEM
        )
        assert again["audio_start_ms"] == 512
        assert stopped["audio_end_ms"] == 1120
        assert second["item_id"] == again["item_id"] != started["item_id"]
        assert second["previous_item_id"] == started["item_id"]


async def test_a_clear_ends_the_turn_and_the_clock_goes_on() -> None:
    vad = {"type": "server_vad", "prefix_padding_ms": 0, "silence_duration_ms": 96}
    async with client_of(Gated(), turn_detection=vad) as client:
        await client.append(level(0.512, 5000))
        await client.receive("input_audio_buffer.speech_started")
        await client.send("input_audio_buffer.clear")
        await client.receive("input_audio_buffer.cleared")
        await client.send("input_audio_buffer.commit")
        (error,) = await client.receive("error")
        assert error["error"]["code"] == "input_audio_buffer_commit_empty"
        await client.append(level(0.512, 5000))
        (started,) = await client.receive("input_audio_buffer.speech_started")
        assert started["audio_start_ms"] == 512


@pytest.mark.parametrize(
    ("event", "answers"),
    [("input_audio_buffer.clear", ("input_audio_buffer.cleared",)), (COMMIT, ITEM)],
)
async def test_silence_behind_what_a_client_cleared_or_committed_begins_no_turn(
    event: str, answers: tuple[str, ...]
) -> None:
    vad = {"type": "server_vad", "prefix_padding_ms": 0, "silence_duration_ms": 96}
    async with client_of(Gated(), turn_detection=vad, transcription=None) as client:
        await client.append(level(0.52, 5000))  # no whole number of windows
        await client.receive("input_audio_buffer.speech_started")
        await client.send(event)
        await client.receive(*answers)
        await client.append(level(0.512, 0))
        await client.send("session.update", session={"type": "transcription"})
        await client.receive("session.updated")


async def test_a_turn_that_never_ends_is_committed_before_the_buffer_is_full() -> None:
    limits = Limits(buffered_s=2.0)
    async with client_of(Gated(), limits=limits, transcription=None) as client:
        for _ in range(5):
            await client.append(level(0.96, 5000))
        events = await client.receive(
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            *ITEM,
            "input_audio_buffer.speech_started",
        )
        assert events[1]["audio_end_ms"] == 1920


async def test_a_committed_item_is_retrieved_with_its_sound_and_transcript() -> None:
    async with client_of(Gated(), turn_detection=None) as client:
        sound = np.arange(4000, dtype=np.int16)
        await client.append(sound)
        await client.send("input_audio_buffer.commit")
        completed = await client.until(COMPLETED)
        await client.send("conversation.item.retrieve", item_id=completed["item_id"])
        (event,) = await client.receive("conversation.item.retrieved")
        (part,) = event["item"]["content"]
        assert base64.b64decode(part["audio"]) == sound.tobytes()
        assert part["transcript"] == completed["transcript"] == "4000"


async def test_sound_and_images_of_a_created_item_are_shown_only_when_it_is_retrieved() -> None:
    content = [
        {"type": "input_audio", "audio": "AAAA", "transcript": "hm"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
    ]
    item = {"type": "message", "role": "user", "id": "mine", "content": content}
    async with client_of(Gated(), kind="realtime") as client:
        await client.send("conversation.item.create", item=item)
        for event in await client.receive(*ITEM[1:]):
            assert "AAAA" not in json.dumps(event)
        await client.send("conversation.item.retrieve", item_id="mine")
        (event,) = await client.receive("conversation.item.retrieved")
        assert event["item"]["content"] == content


async def test_a_conversation_larger_than_its_budget_is_refused() -> None:
    item = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "x" * 999}],
    }
    limits = Limits(retained_bytes=500)
    async with client_of(Gated(), limits=limits, kind="realtime") as client:
        await client.send("conversation.item.create", item=item, event_id="big")
        (error,) = await client.receive("error")
        assert (error["error"]["code"], error["error"]["event_id"]) == ("item_too_large", "big")


async def test_the_kind_of_a_session_in_use_stays() -> None:
    async with client_of(Gated(), turn_detection=None) as client:
        await client.append(level(0.2, 0))
        await client.send("session.update", session={"type": "realtime"})
        (error,) = await client.receive("error")
        assert error["error"]["param"] == "session.type"


async def test_one_format_after_the_other_goes_into_one_turn() -> None:
    async with client_of(Gated(), turn_detection=None) as client:
        await client.append(level(0.5, 0))
        settings = {"format": {"type": "audio/pcmu"}}
        await client.send(
            "session.update", session={"type": "transcription", "audio": {"input": settings}}
        )
        await client.receive("session.updated")
        audio = base64.b64encode(bytes(4000)).decode()
        await client.send("input_audio_buffer.append", audio=audio)
        await client.send("input_audio_buffer.commit")
        completed = await client.until(COMPLETED)
        assert int(completed["transcript"]) == pytest.approx(RATE, abs=100)


async def test_web_pages_are_kept_out_unless_they_are_the_services_own_or_on_its_list() -> None:
    listed = "https://example.org"
    engines: Any = {"recogniser": Gated(), "detector": LoudIsSpeech()}
    async with RealtimeServer(**engines, allow_origins=[listed]) as server:
        own = server.url.replace("ws:", "http:").removesuffix("/v1/realtime")
        for allowed in (listed, own):
            origin: Any = allowed
            async with connect(server.url, origin=origin) as socket:
                await Client(socket).receive("session.created")
        origin = "https://other.example"
        with pytest.raises(InvalidStatus, match="403"):
            async with connect(server.url, origin=origin):
                pass
