"""What the service sends is what the `openai` package's types say it sends.

Every test of this folder is checked like this (`sent` in conftest.py); here it is seen to that all
kinds of events are among what is checked, and that the check can fail.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, get_args

import msgspec
import official_types
import pydantic
import pytest

from rtaudio.server.engines.base import ToolCall
from rtaudio.server.session_schema import Conversing, ResponseParameters, Transcribing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# What nobody sends today, or this service has no occasion to.
NEVER = {
    "conversation.created",
    "conversation.item.created",
    "conversation.item.input_audio_transcription.segment",
    "input_audio_buffer.dtmf_event_received",
    "mcp_list_tools.in_progress",
    "mcp_list_tools.completed",
    "mcp_list_tools.failed",
    "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done",
    "response.mcp_call.in_progress",
    "response.mcp_call.completed",
    "response.mcp_call.failed",
}
IN_CALLS = {
    "output_audio_buffer.started",
    "output_audio_buffer.stopped",
    "output_audio_buffer.cleared",
}
# Refused whatever they say.
MCP_TOOLS = {
    f"tools.{name}"
    for name in (
        "server_label",
        "allowed_callers",
        "allowed_tools",
        "allowed_tools.read_only",
        "allowed_tools.tool_names",
        "authorization",
        "connector_id",
        "defer_loading",
        "headers",
        "require_approval",
        "require_approval.always",
        "require_approval.always.read_only",
        "require_approval.always.tool_names",
        "require_approval.never",
        "require_approval.never.read_only",
        "require_approval.never.tool_names",
        "server_description",
        "server_url",
        "tunnel_id",
    )
} | {"tool_choice.server_label"}
TRANSCRIPTION = "conversation.item.input_audio_transcription."


class Moody:
    """Says a word and calls a function; fails when the user says so."""

    async def respond(self, items: Any, settings: Any, tools: Any) -> AsyncIterator[Any]:
        del settings
        text = next((i.content[0].text for i in reversed(items) if i.type == "message"), "")
        if text == "fail":
            raise RuntimeError
        yield "one"
        yield " two"
        if tools:
            yield ToolCall("look", '{"where": "everywhere, and then once more"}')


class FailsOnce:
    """Fails on the first sound that is short."""

    sample_rate = 16000
    workers = 1

    def __init__(self) -> None:
        self.failed = False

    def load(self) -> None:
        pass

    def transcribe(self, samples: Any, *, language: Any, prompt: Any) -> Any:
        del language, prompt
        if samples.size < 4000 and not self.failed:
            self.failed = True
            raise RuntimeError
        yield "hello"


PCM = {"type": "audio/pcm", "rate": 16000}
VAD = {"type": "server_vad", "idle_timeout_ms": 5000, "silence_duration_ms": 96}
VAD |= {"prefix_padding_ms": 0}


async def everything(talk: Any, voice: Any) -> None:
    """Bring about every kind of event, with all that an event of its kind may have."""
    async with talk(voice=voice, recogniser=FailsOnce(), responder=Moody()) as client:
        tool = {"type": "function", "name": "look", "description": "d", "parameters": {}}
        await client.configure(
            instructions="Be brief.",
            tools=[tool],
            tool_choice={"type": "function", "name": "look"},
            max_output_tokens=100,
            reasoning={"effort": "low"},
            parallel_tool_calls=True,
            audio={
                "input": {"format": PCM, "transcription": {}, "turn_detection": VAD},
                "output": {"voice": {"id": "voice_1"}, "format": {"type": "audio/pcmu"}},
            },
        )
        # Spoken turns, and silence.
        await client.append(1.0, 5000)
        await client.append(0.512, 0)
        await client.until("rate_limits.updated")
        await client.append(10.0, 0)
        await client.until("input_audio_buffer.timeout_triggered")
        await client.until("rate_limits.updated")
        await client.append(0.2, 5000)
        await client.send("input_audio_buffer.commit")
        await client.until(TRANSCRIPTION + "failed")
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        # Written ones.
        text = {"output_modalities": ["text"], "metadata": {"a": "b"}}
        for options in (text, {"max_output_tokens": 1}, {"conversation": "none", "tools": []}):
            await client.send("response.create", response=options)
            *_, done = await client.until("response.done")
            await client.until("rate_limits.updated")
        await client.write("fail")
        await client.send("response.create")
        *_, done = await client.until("response.done")
        assert done["response"]["status"] == "failed"
        # Items.
        image = {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"}
        sound = {"type": "input_audio", "audio": "AAAA", "transcript": "t"}
        await client.write("x", id="item_1", content=[image, sound])
        await client.send("conversation.item.retrieve", item_id="item_1")
        await client.receive("conversation.item.retrieved")
        await client.send("conversation.item.delete", item_id="item_1")
        await client.receive("conversation.item.deleted")
        await client.write("go on")
        await client.send("response.create")
        *_, done = await client.until("response.done")
        cut = {"item_id": done["response"]["output"][0]["id"], "content_index": 0}
        await client.send("conversation.item.truncate", **cut, audio_end_ms=100)
        await client.until("conversation.item.truncated")
        semantic = {"type": "semantic_vad", "eagerness": "low"}
        await client.configure(audio={"input": {"turn_detection": semantic}}, tool_choice="none")
        await client.send("dance", event_id="e")
        await client.until("error")
        voice.gate = asyncio.Event()
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        *_, done = await client.until("response.done")
        assert done["response"]["status"] == "cancelled"
    async with talk("?intent=transcription") as client:
        settings = {"transcription": {"model": "m", "language": "en"}, "turn_detection": None}
        session = {"type": "transcription", "audio": {"input": settings}}
        await client.send("session.update", session=session)
        await client.until("session.updated")


async def test_every_kind_of_event_is_among_what_is_checked(
    talk: Any, tone_voice: Any, sent: list[dict[str, Any]]
) -> None:
    kinds = official_types.server_events()
    await everything(talk, tone_voice())
    assert {event["type"] for event in sent} == kinds.keys() - NEVER - IN_CALLS


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"delta": None}, "delta"),
        ({"output_index": "0"}, "output_index"),
        ({"colour": "red"}, r"has not: \['colour'\]"),
        ({"type": "response.dance"}, "no server event"),
    ],
)
def test_the_check_complains(change: dict[str, Any], complaint: str) -> None:
    kinds = official_types.server_events()
    ids = {"event_id": "e", "response_id": "r", "item_id": "i"}
    places = {"output_index": 0, "content_index": 0}
    event = {"type": "response.output_text.delta", **ids, **places, "delta": "x"}
    official_types.check(event, kinds)
    with pytest.raises((AssertionError, pydantic.ValidationError), match=complaint):
        official_types.check(event | change, kinds)


def test_the_check_looks_into_what_an_event_holds() -> None:
    kinds = official_types.server_events()
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}
    event = {"type": "conversation.item.done", "event_id": "e", "item": item}
    official_types.check(event, kinds)
    item["content"][0]["colour"] = "red"  # type: ignore[index]
    with pytest.raises(AssertionError, match=r"item\.content\[\]\.colour"):
        official_types.check(event, kinds)


def known_fields(kind: Any, path: str = "") -> set[str]:
    """Paths of all fields that a structure of the service takes, and those in them."""
    found: set[str] = set()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind.__struct_config__.tag:
            found.add(f"{path}.type".lstrip("."))
        for field in msgspec.structs.fields(kind):
            place = f"{path}.{field.encode_name}".lstrip(".")
            found |= {place} | known_fields(field.type, place)
    for inner in get_args(kind):
        found |= known_fields(inner, path)
    return found


@pytest.mark.parametrize(
    ("kind", "structure"),
    [
        ("RealtimeSessionCreateRequest", Conversing),
        ("RealtimeTranscriptionSessionCreateRequest", Transcribing),
        ("RealtimeResponseCreateParams", ResponseParameters),
    ],
)
def test_every_setting_that_clients_can_make_is_known(kind: str, structure: type) -> None:
    realtime = pytest.importorskip("openai.types.realtime", reason="pip install openai")
    settings = set(official_types.fields(getattr(realtime, kind)))
    # Items in `input` are read like those that are created.
    settings = {path for path in settings if not path.startswith("input.")}
    # Variables of stored prompts, which there are none of, may be whole content parts.
    settings = {path for path in settings if not path.startswith("prompt.variables.")}
    assert settings - MCP_TOOLS == known_fields(structure)
