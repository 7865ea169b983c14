"""The beta protocol: what is translated, and a client of that time."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

import official_types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect

from rtaudio.server import RealtimeServer
from rtaudio.server.engines.base import ToolCall
from rtaudio.server.web.beta import from_beta, to_beta

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEADER = {"OpenAI-Beta": "realtime=v1"}


def rewritten(type_: str, **fields: Any) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(from_beta(json.dumps({"type": type_, **fields})))
    return result


def test_settings_of_the_beta_find_their_places() -> None:
    session = {
        "modalities": ["text", "audio"],
        "voice": "ash",
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "pcm16",
        "input_audio_transcription": {"model": "whisper-1"},
        "input_audio_noise_reduction": None,
        "turn_detection": None,
        "temperature": 0.8,
        "max_response_output_tokens": 100,
    }
    assert rewritten("session.update", event_id="e", session=session) == {
        "type": "session.update",
        "event_id": "e",
        "session": {
            "type": "realtime",
            "output_modalities": ["audio"],
            "max_output_tokens": 100,
            "audio": {
                "input": {
                    "format": {"type": "audio/pcmu"},
                    "transcription": {"model": "whisper-1"},
                    "noise_reduction": None,
                    "turn_detection": None,
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "ash"},
            },
        },
    }


def test_a_transcription_sessions_settings_find_theirs() -> None:
    session = {"input_audio_format": "pcm16", "modalities": ["text"], "turn_detection": None}
    assert rewritten("transcription_session.update", session=session) == {
        "type": "session.update",
        "session": {
            "type": "transcription",
            "audio": {
                "input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": None}
            },
        },
    }


def test_items_and_requests_of_the_beta_are_read() -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "hm"}]}
    today = {**item, "content": [{"type": "output_text", "text": "hm"}]}
    assert rewritten("conversation.item.create", item=item)["item"] == today
    response = {"modalities": ["text"], "input": [item], "max_response_output_tokens": "inf"}
    assert rewritten("response.create", response=response)["response"] == {
        "output_modalities": ["text"],
        "input": [today],
        "max_output_tokens": "inf",
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
KINDS = [
    "session.update",
    "transcription_session.update",
    "response.create",
    "conversation.item.create",
]


@given(
    st.sampled_from(KINDS),
    st.sampled_from(["session", "response", "item"]),
    JSON
    | st.dictionaries(
        st.sampled_from(["modalities", "voice", "input_audio_format", "content", "input", "type"]),
        JSON,
    ),
)
def test_what_is_no_event_is_left_for_the_service_to_refuse(
    kind: str, key: str, value: Any
) -> None:
    message = json.dumps({"type": kind, key: value})
    assert isinstance(json.loads(from_beta(message)), dict)


@pytest.mark.parametrize(
    "message",
    ["{", "[]", "7", '{"type": {}}', '{"type": "session.update", "session": {"speed": 1e400}}'],
)
def test_what_is_no_json_object_stays_what_it_is(message: str) -> None:
    assert from_beta(message) == message


def test_a_format_that_is_unknown_stays_where_the_client_put_it() -> None:
    session = {"input_audio_format": "mp3"}
    assert rewritten("session.update", session=session)["session"] == session


def test_the_end_of_an_item_has_no_event_in_the_beta() -> None:
    assert to_beta({"type": "conversation.item.done", "item": {}}) is None


class Calls:
    async def respond(self, items: Any, settings: Any, tools: Any) -> AsyncIterator[Any]:
        del items, settings
        yield "one"
        if tools:
            yield ToolCall("look", "{}")


class BetaClient:
    """Holds each event against the beta's types."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.kinds = official_types.beta_events()

    async def send(self, type_: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": type_, **fields}))

    async def next(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(await self.socket.recv())
        # Of transcription sessions the types know only an answer to a POST, which has a key in it.
        if not event["type"].startswith("transcription_session"):
            official_types.check(event, self.kinds)
        return event

    async def until(self, type_: str) -> list[dict[str, Any]]:
        events = [await self.next()]
        while events[-1]["type"] != type_:
            events.append(await self.next())
        return events


@asynccontextmanager
async def beta_client(query: str = "", **options: Any) -> AsyncIterator[BetaClient]:
    async with (
        RealtimeServer(**options) as server,
        connect(server.url + query, additional_headers=HEADER) as socket,
    ):
        yield BetaClient(socket)


async def test_a_client_of_the_beta_gets_the_betas_events(
    engines: dict[str, Any], tone_voice: Any
) -> None:
    options = {"responder": Calls(), "voice": tone_voice(), **engines}
    async with beta_client("?model=gpt-4o-realtime-preview", **options) as client:
        created = await client.next()
        assert created["session"]["modalities"] == ["text", "audio"]
        session = {"tools": [{"type": "function", "name": "look"}], "turn_detection": None}
        session |= {"output_audio_format": "g711_alaw", "voice": "ash", "temperature": 0.8}
        await client.send("session.update", session=session)
        updated = await client.next()
        assert updated["session"]["output_audio_format"] == "g711_alaw"
        content = [{"type": "input_text", "text": "hm"}]
        await client.send(
            "conversation.item.create",
            item={"type": "message", "role": "user", "content": content},
        )
        await client.send("response.create", response={"max_response_output_tokens": 50})
        events = await client.until("rate_limits.updated")
        assert [kind for kind, _ in groupby(event["type"] for event in events)] == [
            "conversation.item.created",
            "response.created",
            "response.output_item.added",
            "conversation.item.created",
            "response.content_part.added",
            "response.audio_transcript.delta",
            "response.audio.delta",
            "response.audio.done",
            "response.audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "conversation.item.created",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
        ]
        sound = b"".join(
            base64.b64decode(event["delta"])
            for event in events
            if event["type"] == "response.audio.delta"
        )
        assert len(sound) == pytest.approx(800, abs=40)
        response = events[-2]["response"]
        assert response["output"][0]["content"] == [{"type": "audio", "transcript": "one"}]
        assert (response["voice"], response["max_output_tokens"]) == ("ash", 50)
        await client.send("session.update", session={"voice": "cedar"}, event_id="v")
        error = (await client.next())["error"]
        assert (error["code"], error["event_id"]) == ("cannot_update_voice", "v")


async def test_a_transcription_session_of_the_beta(engines: dict[str, Any]) -> None:
    async with beta_client("?intent=transcription", **engines) as client:
        assert (await client.next())["type"] == "transcription_session.created"
        session = {"input_audio_transcription": {"model": "whisper-1"}, "turn_detection": None}
        await client.send("transcription_session.update", session=session)
        updated = await client.next()
        assert updated["type"] == "transcription_session.updated"
        assert updated["session"]["input_audio_transcription"]["model"] == "whisper-1"
        assert updated["session"]["object"] == "realtime.transcription_session"
        await client.send("input_audio_buffer.append", audio=base64.b64encode(bytes(9600)).decode())
        await client.send("input_audio_buffer.commit")
        *_, completed = await client.until("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "hello there"


async def test_a_browser_asks_for_the_beta_by_a_subprotocol(engines: dict[str, Any]) -> None:
    offered: Any = ["realtime", "openai-insecure-api-key.k", "openai-beta.realtime-v1"]
    async with (
        RealtimeServer(**engines, token="k") as server,
        connect(server.url, subprotocols=offered) as socket,
    ):
        assert "modalities" in json.loads(await socket.recv())["session"]
        assert socket.subprotocol == "realtime"


async def test_who_does_not_ask_for_the_beta_is_not_given_it(talk: Any) -> None:
    async with talk() as client:
        await client.send("transcription_session.update", session={})
        (error,) = await client.receive("error")
        assert error["error"]["param"] == "type"
        await client.send("session.update", session={"type": "realtime", "voice": "ash"})
        (error,) = await client.receive("error")
        assert error["error"]["param"] == "session.voice"


async def test_the_openai_packages_own_beta_client_holds_a_turn(engines: dict[str, Any]) -> None:
    openai = pytest.importorskip("openai", reason="the beta's client is in it: pip install openai")
    async with RealtimeServer(**engines) as server:
        base = server.url.removesuffix("/realtime")
        client = openai.AsyncOpenAI(api_key="k", websocket_base_url=base)
        async with client.beta.realtime.connect(model="gpt-4o-realtime-preview") as connection:
            await connection.session.update(session={"modalities": ["text"]})
            content = [{"type": "input_text", "text": "Good morning"}]
            item = {"type": "message", "role": "user", "content": content}
            await connection.conversation.item.create(item=item)
            await connection.response.create()
            text = ""
            async for event in connection:
                if event.type == "response.text.delta":
                    text += event.delta
                elif event.type == "response.done":
                    break
        await client.close()
    assert text == "Good morning"
