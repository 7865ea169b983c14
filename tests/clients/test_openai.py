"""The `openai` package, whose connections give typed events, against the embedded service."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from openai.resources.realtime.realtime import AsyncRealtimeConnection

    from rtaudio.server import RealtimeServer

    Connect = Callable[..., Any]

openai = pytest.importorskip("openai", reason="the 'dev' extra has openai")

TOKEN = "the-token-of-the-service"
PCM = {"type": "audio/pcm", "rate": 24000}
SISTER = "tired of sitting by her sister on the bank"
WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Tell the weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


@pytest.fixture
def connect(make_service: Callable[..., RealtimeServer]) -> Connect:
    """Connects to a service, past `session.created`."""

    @asynccontextmanager
    async def open_connection(
        session: dict[str, Any] | None = None, **options: Any
    ) -> AsyncIterator[AsyncRealtimeConnection]:
        options = options or {"model": "local"}
        async with (
            make_service(token=TOKEN) as service,
            client_of(service) as client,
            client.realtime.connect(**options) as connection,
        ):
            assert (await connection.recv()).type == "session.created"
            if session is not None:
                await connection.session.update(session=session)
                assert (await connection.recv()).type == "session.updated"
            yield connection

    return open_connection


def client_of(service: RealtimeServer, key: str = TOKEN) -> openai.AsyncOpenAI:
    base = service.url.removesuffix("/realtime")
    return openai.AsyncOpenAI(
        api_key=key, base_url=base.replace("ws:", "http:"), websocket_base_url=base
    )


async def events_until(connection: AsyncRealtimeConnection, kind: str) -> list[Any]:
    """The events up to and with the next of a kind, none of which is an error."""
    events: list[Any] = []
    async for event in connection:
        assert event.type != "error", event
        events.append(event)
        if event.type == kind:
            return events
    raise AssertionError("the connection ended")


async def ask(connection: AsyncRealtimeConnection, text: str) -> None:
    await connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
    )
    await connection.response.create()


async def append(connection: AsyncRealtimeConnection, sound: bytes) -> None:
    for start in range(0, len(sound), 4800):
        piece = base64.b64encode(sound[start : start + 4800]).decode()
        await connection.input_audio_buffer.append(audio=piece)


def sound_of(events: list[Any]) -> bytes:
    return b"".join(
        base64.b64decode(event.delta)
        for event in events
        if event.type == "response.output_audio.delta"
    )


async def test_a_message_is_answered_in_writing(connect: Connect) -> None:
    session = {"type": "realtime", "output_modalities": ["text"]}
    async with connect(session) as connection:
        await ask(connection, "Good morning")
        *events, done = await events_until(connection, "response.done")
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert said == "You said: Good morning"
    assert done.response.status == "completed"
    assert done.response.output[0].content[0].text == said
    assert done.response.usage.output_tokens == 4


async def test_a_message_is_answered_aloud(connect: Connect, heard: Any) -> None:
    async with connect() as connection:
        await ask(connection, "Alice was tired of sitting by her sister on the bank.")
        events = await events_until(connection, "response.done")
    assert "sister on the bank" in heard(sound_of(events))
    part = events[-1].response.output[0].content[0]
    assert part.transcript == "You said: Alice was tired of sitting by her sister on the bank."


async def test_a_commit_is_transcribed_and_answered(connect: Connect, speech: bytes) -> None:
    listening = {"format": PCM, "transcription": {"model": "local"}, "turn_detection": None}
    async with connect({"type": "realtime", "audio": {"input": listening}}) as connection:
        await append(connection, speech)
        await connection.input_audio_buffer.commit()
        *_, committed = await events_until(connection, "input_audio_buffer.committed")
        *_, completed = await events_until(
            connection, "conversation.item.input_audio_transcription.completed"
        )
        assert completed.item_id == committed.item_id
        assert SISTER in completed.transcript
        await connection.response.create()
        *_, done = await events_until(connection, "response.done")
    assert SISTER in done.response.output[0].content[0].transcript


async def test_voice_activity_ends_the_turn(connect: Connect, speech: bytes, heard: Any) -> None:
    async with connect() as connection:
        await append(connection, speech + bytes(2 * 24_000))
        *_, began = await events_until(connection, "input_audio_buffer.speech_started")
        *_, ended = await events_until(connection, "input_audio_buffer.speech_stopped")
        events = await events_until(connection, "response.done")
    assert began.item_id == ended.item_id
    assert began.audio_start_ms < 1000
    assert ended.audio_end_ms > 6000
    assert "sister on the bank" in heard(sound_of(events))


async def test_a_function_is_called_and_its_output_answered(connect: Connect) -> None:
    async with connect({"type": "realtime", "tools": [WEATHER]}) as connection:
        await ask(connection, "How is the weather?")
        *events, done = await events_until(connection, "response.done")
        (call,) = done.response.output
        assert (call.type, call.name) == ("function_call", "weather")
        (arguments,) = [e for e in events if e.type == "response.function_call_arguments.done"]
        assert json.loads(arguments.arguments) == {"city": "Oslo"}
        assert arguments.call_id == call.call_id
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": "sun"}
        )
        await connection.response.create()
        *_, done = await events_until(connection, "response.done")
    assert done.response.output[0].content[0].transcript == "There is sun."


async def test_speech_interrupts_an_answer_and_is_answered_itself(
    connect: Connect, speech: bytes
) -> None:
    async with connect() as connection:
        await ask(connection, "Tell me a story.")
        *_, delta = await events_until(connection, "response.output_audio.delta")
        await append(connection, speech + bytes(2 * 24_000))
        await events_until(connection, "input_audio_buffer.speech_started")
        await connection.conversation.item.truncate(
            item_id=delta.item_id, content_index=0, audio_end_ms=50
        )
        *_, cut = await events_until(connection, "response.done")
        assert cut.response.status == "cancelled"
        assert cut.response.status_details.reason == "turn_detected"
        *_, truncated = await events_until(connection, "conversation.item.truncated")
        assert truncated.item_id == delta.item_id
        *_, done = await events_until(connection, "response.done")
    assert SISTER in done.response.output[0].content[0].transcript


async def test_an_answer_is_cancelled(connect: Connect) -> None:
    async with connect() as connection:
        await ask(connection, "Tell me a story.")
        await events_until(connection, "response.output_audio.delta")
        await connection.response.cancel()
        *_, done = await events_until(connection, "response.done")
    assert done.response.status_details.reason == "client_cancelled"


async def test_a_response_out_of_band_leaves_the_conversation_alone(connect: Connect) -> None:
    async with connect({"type": "realtime", "output_modalities": ["text"]}) as connection:
        await connection.response.create(
            response={
                "conversation": "none",
                "metadata": {"purpose": "summary"},
                "input": [
                    {
                        "type": "message",
                        "role": "user",
                        "content": [{"type": "input_text", "text": "Sum it up."}],
                    }
                ],
            }
        )
        events = await events_until(connection, "response.done")
    assert events[-1].response.metadata == {"purpose": "summary"}
    assert events[-1].response.output[0].content[0].text == "You said: Sum it up."
    assert not [event for event in events if event.type.startswith("conversation.")]


async def test_items_are_retrieved_and_deleted(connect: Connect) -> None:
    async with connect({"type": "realtime", "output_modalities": ["text"]}) as connection:
        await ask(connection, "Good morning")
        *_, done = await events_until(connection, "response.done")
        item_id = done.response.output[0].id
        await connection.conversation.item.retrieve(item_id=item_id)
        *_, retrieved = await events_until(connection, "conversation.item.retrieved")
        assert retrieved.item.content[0].text == "You said: Good morning"
        await connection.conversation.item.delete(item_id=item_id)
        *_, deleted = await events_until(connection, "conversation.item.deleted")
        assert deleted.item_id == item_id


async def test_a_session_only_transcribes(connect: Connect, speech: bytes) -> None:
    listening = {"format": PCM, "transcription": {"model": "local"}, "turn_detection": None}
    session = {"type": "transcription", "audio": {"input": listening}}
    async with connect(session, extra_query={"intent": "transcription"}) as connection:
        await append(connection, speech)
        await connection.input_audio_buffer.commit()
        *events, completed = await events_until(
            connection, "conversation.item.input_audio_transcription.completed"
        )
    deltas = [event.delta for event in events if event.type.endswith("transcription.delta")]
    assert "".join(deltas).strip() == completed.transcript
    assert SISTER in completed.transcript
    assert completed.usage.seconds == pytest.approx(len(speech) / 48_000, abs=0.1)


async def test_a_wrong_setting_is_refused_by_its_name(connect: Connect) -> None:
    async with connect() as connection:
        await connection.session.update(
            session={"type": "realtime", "audio": {"output": {"speed": 7}}}, event_id="mine"
        )
        event = await connection.recv()
        assert event.type == "error"
        assert event.error.param == "session.audio.output.speed"
        assert event.error.event_id == "mine"


async def test_a_wrong_token_is_refused(make_service: Callable[..., RealtimeServer]) -> None:
    async with (
        make_service(token="right") as service,
        client_of(service, "wrong") as client,
        client.realtime.connect(model="local", max_retries=0) as connection,
    ):
        event = await connection.recv()
        assert event.type == "error"
        assert event.error.code == "invalid_api_key"


async def test_an_ephemeral_key_begins_the_session_that_it_was_made_for(
    make_service: Callable[..., RealtimeServer],
) -> None:
    settings = {"type": "realtime", "instructions": "Be brief.", "output_modalities": ["text"]}
    async with make_service(token=TOKEN) as service, client_of(service) as client:
        secret = await client.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60}, session=settings
        )
        assert secret.session.instructions == "Be brief."
        async with client_of(service, secret.value) as guest:
            async with guest.realtime.connect(model="local") as connection:
                created = await connection.recv()
                assert created.session.instructions == "Be brief."
                await ask(connection, "Good morning")
                *_, done = await events_until(connection, "response.done")
            assert done.response.output[0].content[0].text == "You said: Good morning"
            with pytest.raises(openai.AuthenticationError):
                await guest.realtime.client_secrets.create(session=settings)


# It opens its sockets in a way that websockets 17 calls legacy.
@pytest.mark.filterwarnings("ignore:connect.. must be used:DeprecationWarning")
async def test_the_client_that_blocks_is_answered_too(
    make_service: Callable[..., RealtimeServer],
) -> None:
    def talk(base_url: str) -> str:
        with (
            openai.OpenAI(api_key="unused", base_url=base_url) as client,
            client.realtime.connect(model="local") as connection,
        ):
            connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            connection.response.create(
                response={
                    "input": [
                        {
                            "type": "message",
                            "role": "user",
                            "content": [{"type": "input_text", "text": "Good morning"}],
                        }
                    ]
                }
            )
            for event in connection:
                if event.type == "response.output_text.done":
                    return event.text
        raise AssertionError("the connection ended")

    async with make_service() as service:
        base = service.url.replace("ws:", "http:").removesuffix("/realtime")
        assert await asyncio.to_thread(talk, base) == "You said: Good morning"
