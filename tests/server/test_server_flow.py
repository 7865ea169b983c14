"""Longer exchanges with the embedded service: busy recognition, flushes, kept sound, browsers."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from rtaudio.server import Limits, RealtimeServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

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


@pytest.fixture
def client_of(talk: Any) -> Callable[..., AbstractAsyncContextManager[Any]]:
    """A factory of services that hear by a recogniser of these, with a client each."""

    @asynccontextmanager
    async def open_client(
        recogniser: Gated,
        *,
        limits: Limits | None = None,
        kind: str = "transcription",
        **listening: Any,
    ) -> AsyncIterator[Any]:
        async with talk(recogniser=recogniser, limits=limits) as client:
            settings = {"format": PCM, "transcription": {}, **listening}
            session = {"type": kind, "audio": {"input": settings}}
            await client.send("session.update", session=session)
            await client.receive("session.updated")
            try:
                yield client
            finally:
                recogniser.gate.set()

    return open_client


async def test_a_client_ahead_of_recognition_is_held_up_and_loses_nothing(client_of: Any) -> None:
    recogniser = Gated(is_open=False)
    limits = Limits(queued_turns=1)
    async with client_of(recogniser, limits=limits, turn_detection=None) as client:
        turns = 12

        async def speak() -> None:
            for _ in range(turns):
                await client.append(20.0, 7)
                await client.send("input_audio_buffer.commit")

        speaking = asyncio.create_task(speak())
        # One turn is being recognised; the second is committed, and waits for room.
        for _ in range(2):
            await client.receive(*ITEM)
        recogniser.gate.set()
        committed, heard = 2, []
        while len(heard) < turns:
            event = await client.next()
            committed += event["type"] == "input_audio_buffer.committed"
            if event["type"] == COMPLETED:
                heard.append(event["transcript"])
            assert committed <= len(heard) + 2
        await speaking
    assert heard == [str(20 * RATE)] * turns


async def test_a_commit_in_mid_speech_flushes_the_turn_and_the_next_one_begins_behind_it(
    client_of: Any,
) -> None:
    vad = {"type": "server_vad", "prefix_padding_ms": 0, "silence_duration_ms": 96}
    async with client_of(Gated(), turn_detection=vad, transcription=None) as client:
        await client.append(0.512, 5000)
        (started,) = await client.receive("input_audio_buffer.speech_started")
        await client.send("input_audio_buffer.commit")
        committed, *_ = await client.receive(*ITEM)
        assert committed["item_id"] == started["item_id"]
        assert committed["previous_item_id"] is None
        await client.append(0.512, 5000)
        await client.append(0.512, 0)
        again, stopped, second, *_ = await client.receive(
            "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *ITEM
        )
        assert again["audio_start_ms"] == 512
        assert stopped["audio_end_ms"] == 1120
        assert second["item_id"] == again["item_id"] != started["item_id"]
        assert second["previous_item_id"] == started["item_id"]


async def test_a_clear_ends_the_turn_and_the_clock_goes_on(client_of: Any) -> None:
    vad = {"type": "server_vad", "prefix_padding_ms": 0, "silence_duration_ms": 96}
    async with client_of(Gated(), turn_detection=vad) as client:
        await client.append(0.512, 5000)
        await client.receive("input_audio_buffer.speech_started")
        await client.send("input_audio_buffer.clear")
        await client.receive("input_audio_buffer.cleared")
        await client.send("input_audio_buffer.commit")
        (error,) = await client.receive("error")
        assert error["error"]["code"] == "input_audio_buffer_commit_empty"
        await client.append(0.512, 5000)
        (started,) = await client.receive("input_audio_buffer.speech_started")
        assert started["audio_start_ms"] == 512


@pytest.mark.parametrize(
    ("event", "answers"),
    [("input_audio_buffer.clear", ("input_audio_buffer.cleared",)), (COMMIT, ITEM)],
)
async def test_silence_behind_what_a_client_cleared_or_committed_begins_no_turn(
    client_of: Any, event: str, answers: tuple[str, ...]
) -> None:
    vad = {"type": "server_vad", "prefix_padding_ms": 0, "silence_duration_ms": 96}
    async with client_of(Gated(), turn_detection=vad, transcription=None) as client:
        await client.append(0.52, 5000)  # no whole number of windows
        await client.receive("input_audio_buffer.speech_started")
        await client.send(event)
        await client.receive(*answers)
        await client.append(0.512, 0)
        await client.send("session.update", session={"type": "transcription"})
        await client.receive("session.updated")


async def test_a_turn_that_never_ends_is_committed_before_the_buffer_is_full(
    client_of: Any,
) -> None:
    limits = Limits(buffered_s=2.0)
    async with client_of(Gated(), limits=limits, transcription=None) as client:
        for _ in range(5):
            await client.append(0.96, 5000)
        events = await client.receive(
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            *ITEM,
            "input_audio_buffer.speech_started",
        )
        assert events[1]["audio_end_ms"] == 1920


async def test_a_committed_item_is_retrieved_with_its_sound_and_transcript(client_of: Any) -> None:
    async with client_of(Gated(), turn_detection=None) as client:
        sound = np.arange(4000, dtype=np.int16)
        await client.append_bytes(sound.tobytes())
        await client.send("input_audio_buffer.commit")
        completed = (await client.until(COMPLETED))[-1]
        await client.send("conversation.item.retrieve", item_id=completed["item_id"])
        (event,) = await client.receive("conversation.item.retrieved")
        (part,) = event["item"]["content"]
        assert base64.b64decode(part["audio"]) == sound.tobytes()
        assert part["transcript"] == completed["transcript"] == "4000"


async def test_sound_and_images_of_a_created_item_are_shown_only_when_it_is_retrieved(
    client_of: Any,
) -> None:
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


async def test_a_conversation_larger_than_its_budget_is_refused(client_of: Any) -> None:
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


async def test_the_kind_of_a_session_in_use_stays(client_of: Any) -> None:
    async with client_of(Gated(), turn_detection=None) as client:
        await client.append(0.2, 0)
        await client.send("session.update", session={"type": "realtime"})
        (error,) = await client.receive("error")
        assert error["error"]["param"] == "session.type"


async def test_one_format_after_the_other_goes_into_one_turn(client_of: Any) -> None:
    async with client_of(Gated(), turn_detection=None) as client:
        await client.append(0.5, 0)
        settings = {"format": {"type": "audio/pcmu"}}
        await client.send(
            "session.update", session={"type": "transcription", "audio": {"input": settings}}
        )
        await client.receive("session.updated")
        await client.append_bytes(bytes(4000))
        await client.send("input_audio_buffer.commit")
        completed = (await client.until(COMPLETED))[-1]
        assert int(completed["transcript"]) == pytest.approx(RATE, abs=100)


async def test_web_pages_are_kept_out_unless_they_are_the_services_own_or_on_its_list(
    engines: dict[str, Any],
) -> None:
    listed = "https://example.org"
    async with RealtimeServer(**engines, allow_origins=[listed]) as server:
        own = server.url.replace("ws:", "http:").removesuffix("/v1/realtime")
        for allowed in (listed, own):
            origin: Any = allowed
            async with connect(server.url, origin=origin) as socket:
                assert json.loads(await socket.recv())["type"] == "session.created"
        origin = "https://other.example"
        with pytest.raises(InvalidStatus, match="403"):
            async with connect(server.url, origin=origin):
                pass
