"""Whole conversations, as they travel: every event is read and written back without loss."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from rtaudio import protocol
from rtaudio.protocol import UnknownEvent, decode_client_event, decode_server_event, encode_event
from rtaudio.protocol.client_events import CLIENT_EVENTS
from rtaudio.protocol.server_events import SERVER_EVENTS

SOUND = base64.b64encode(bytes(range(256)) * 2).decode()
PCM = {"type": "audio/pcm", "rate": 24000}
CONTENT = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0, "content_index": 0}
CALL = {"response_id": "resp_1", "item_id": "item_3", "output_index": 1}
USER = {"item_id": "item_1"}
TRANSCRIPTION = "conversation.item.input_audio_transcription"

SPOKEN = {
    "id": "item_1",
    "type": "message",
    "status": "completed",
    "role": "user",
    "content": [{"type": "input_audio", "transcript": "What time is it?", "audio": SOUND}],
}
WRITTEN = {
    "type": "message",
    "role": "user",
    "content": [
        {"type": "input_text", "text": "Look:"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
    ],
}
ANSWER = {
    "id": "item_2",
    "type": "message",
    "status": "in_progress",
    "role": "assistant",
    "phase": "final_answer",
    "content": [],
}
FUNCTION_CALL = {
    "id": "item_3",
    "type": "function_call",
    "name": "clock",
    "arguments": '{"zone":"UTC"}',
    "call_id": "call_1",
}
FUNCTION_OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "12:00"}
MCP_ITEMS = [
    {"id": "m1", "type": "mcp_list_tools", "server_label": "s", "tools": [{"name": "t"}]},
    {
        "id": "m2",
        "type": "mcp_call",
        "server_label": "s",
        "name": "t",
        "arguments": "{}",
        "approval_request_id": "m3",
        "error": {"type": "http_error", "code": 502, "message": "bad gateway"},
    },
    {
        "id": "m3",
        "type": "mcp_approval_request",
        "server_label": "s",
        "name": "t",
        "arguments": "{}",
    },
    {
        "id": "m4",
        "type": "mcp_approval_response",
        "approval_request_id": "m3",
        "approve": False,
        "reason": "no",
    },
]
RESPONSE = {
    "id": "resp_1",
    "object": "realtime.response",
    "status": "cancelled",
    "status_details": {"type": "cancelled", "reason": "turn_detected"},
    "output": [ANSWER, FUNCTION_CALL, *MCP_ITEMS],
    "conversation_id": "conv_1",
    "output_modalities": ["audio"],
    "max_output_tokens": "inf",
    "audio": {"output": {"format": PCM, "voice": "marin"}},
    "usage": {
        "total_tokens": 9,
        "input_tokens": 5,
        "output_tokens": 4,
        "input_token_details": {
            "text_tokens": 5,
            "cached_tokens": 1,
            "cached_tokens_details": {"text_tokens": 1},
        },
        "output_token_details": {"audio_tokens": 4, "reasoning_tokens": 0},
    },
    "metadata": {"topic": "time"},
}
FAILED = {
    **RESPONSE,
    "status": "failed",
    "status_details": {
        "type": "failed",
        "error": {"type": "server_error", "code": "server_error", "message": "?"},
    },
    "output": [],
}
LOGPROBS = [{"token": "What", "logprob": -0.5, "bytes": [87, 104, 97, 116]}]
SESSION = {
    "type": "realtime",
    "id": "sess_1",
    "expires_at": 1789000000,
    "prompt": None,
    "audio": {"input": {"format": PCM, "turn_detection": None}, "output": {"voice": {"id": "v"}}},
}

SERVER: list[dict[str, Any]] = [
    {"type": "session.created", "session": SESSION},
    {"type": "session.updated", "session": SESSION},
    {"type": "conversation.created", "conversation": {"id": "conv_1"}},
    {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "code": "invalid_value",
            "message": "no such voice",
            "param": "session.audio.output.voice",
            "event_id": "mine",
        },
    },
    {
        "type": "rate_limits.updated",
        "rate_limits": [{"name": "tokens", "limit": 10, "remaining": 9, "reset_seconds": 0.5}],
    },
    {"type": "input_audio_buffer.speech_started", **USER, "audio_start_ms": 300},
    {"type": "input_audio_buffer.speech_stopped", **USER, "audio_end_ms": 1800},
    {"type": "input_audio_buffer.committed", **USER, "previous_item_id": "item_0"},
    {"type": "input_audio_buffer.cleared"},
    {
        "type": "input_audio_buffer.timeout_triggered",
        **USER,
        "audio_start_ms": 0,
        "audio_end_ms": 5000,
    },
    {"type": "input_audio_buffer.dtmf_event_received", "event": "#", "received_at": 1789000000},
    {"type": "conversation.item.added", "item": ANSWER, "previous_item_id": "item_1"},
    {"type": "conversation.item.done", "item": FUNCTION_OUTPUT, "previous_item_id": "item_3"},
    {"type": "conversation.item.created", "item": WRITTEN, "previous_item_id": "root"},
    {"type": "conversation.item.retrieved", "item": SPOKEN},
    {
        "type": "conversation.item.truncated",
        "item_id": "item_2",
        "content_index": 0,
        "audio_end_ms": 0,
    },
    {"type": "conversation.item.deleted", **USER},
    {
        "type": f"{TRANSCRIPTION}.delta",
        **USER,
        "content_index": 0,
        "delta": " What",
        "logprobs": LOGPROBS,
    },
    {
        "type": f"{TRANSCRIPTION}.completed",
        **USER,
        "content_index": 0,
        "transcript": "What time is it?",
        "usage": {"type": "duration", "seconds": 1.5},
        "languages": [{"code": "en"}],
        "logprobs": LOGPROBS,
    },
    {
        "type": f"{TRANSCRIPTION}.completed",
        **USER,
        "content_index": 0,
        "transcript": "",
        "usage": {
            "type": "tokens",
            "input_tokens": 2,
            "output_tokens": 1,
            "total_tokens": 3,
            "input_token_details": {"audio_tokens": 2},
        },
    },
    {
        "type": f"{TRANSCRIPTION}.failed",
        **USER,
        "content_index": 0,
        "error": {
            "type": "server_error",
            "code": "audio_unintelligible",
            "message": "?",
            "param": "audio",
        },
    },
    {
        "type": f"{TRANSCRIPTION}.segment",
        **USER,
        "content_index": 0,
        "id": "seg_1",
        "text": "What",
        "speaker": "A",
        "start": 0.25,
        "end": 0.5,
    },
    {"type": "response.created", "response": {**RESPONSE, "status": "in_progress"}},
    {"type": "response.done", "response": RESPONSE},
    {"type": "response.done", "response": FAILED},
    {
        "type": "response.output_item.added",
        "response_id": "resp_1",
        "output_index": 0,
        "item": ANSWER,
    },
    {
        "type": "response.output_item.done",
        "response_id": "resp_1",
        "output_index": 1,
        "item": FUNCTION_CALL,
    },
    {"type": "response.content_part.added", **CONTENT, "part": {"type": "audio", "transcript": ""}},
    {"type": "response.content_part.done", **CONTENT, "part": {"type": "text", "text": "Noon."}},
    {"type": "response.output_text.delta", **CONTENT, "delta": "No\u00f6n\n"},
    {"type": "response.output_text.done", **CONTENT, "text": "Noon."},
    {"type": "response.output_audio.delta", **CONTENT, "delta": SOUND},
    {"type": "response.output_audio.done", **CONTENT},
    {"type": "response.output_audio_transcript.delta", **CONTENT, "delta": "Noon"},
    {"type": "response.output_audio_transcript.done", **CONTENT, "transcript": "Noon."},
    {
        "type": "response.function_call_arguments.delta",
        **CALL,
        "call_id": "call_1",
        "delta": '{"zone"',
    },
    {
        "type": "response.function_call_arguments.done",
        **CALL,
        "call_id": "call_1",
        "arguments": '{"zone":"UTC"}',
        "name": "clock",
    },
    {"type": "response.mcp_call_arguments.delta", **CALL, "delta": "{"},
    {"type": "response.mcp_call_arguments.done", **CALL, "arguments": "{}"},
    {"type": "mcp_list_tools.in_progress", "item_id": "m1"},
    {"type": "mcp_list_tools.completed", "item_id": "m1"},
    {"type": "mcp_list_tools.failed", "item_id": "m1"},
    {"type": "response.mcp_call.in_progress", "item_id": "m2", "output_index": 0},
    {"type": "response.mcp_call.completed", "item_id": "m2", "output_index": 0},
    {"type": "response.mcp_call.failed", "item_id": "m2", "output_index": 0},
    {"type": "output_audio_buffer.started", "response_id": "resp_1"},
    {"type": "output_audio_buffer.stopped", "response_id": "resp_1"},
    {"type": "output_audio_buffer.cleared", "response_id": "resp_1"},
]

CLIENT: list[dict[str, Any]] = [
    {
        "type": "session.update",
        "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}},
    },
    {"type": "input_audio_buffer.append", "audio": SOUND},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "conversation.item.create", "item": WRITTEN, "previous_item_id": "root"},
    {"type": "conversation.item.create", "item": SPOKEN},
    {"type": "conversation.item.create", "item": FUNCTION_OUTPUT},
    {"type": "conversation.item.create", "item": MCP_ITEMS[-1]},
    {"type": "conversation.item.retrieve", **USER},
    {"type": "conversation.item.delete", **USER},
    {
        "type": "conversation.item.truncate",
        "item_id": "item_2",
        "content_index": 0,
        "audio_end_ms": 0,
    },
    {"type": "response.create"},
    {
        "type": "response.create",
        "response": {"conversation": "none", "prompt": None, "input": [{"id": "item_1"}]},
    },
    {"type": "response.cancel", "response_id": "resp_1"},
    {"type": "output_audio_buffer.clear"},
]


def name(event: dict[str, Any]) -> str:
    return str(event["type"])


@pytest.mark.parametrize("event", SERVER, ids=name)
def test_a_server_event_is_read_as_its_own_class_and_written_back_whole(
    event: dict[str, Any],
) -> None:
    if not event["type"].endswith("dtmf_event_received"):
        event = {**event, "event_id": "event_1"}
    read = decode_server_event(json.dumps(event))
    assert not isinstance(read, UnknownEvent)
    assert read.type == event["type"]
    assert json.loads(encode_event(read)) == event
    assert decode_server_event(encode_event(read)) == read


@pytest.mark.parametrize("event", CLIENT, ids=name)
@pytest.mark.parametrize("event_id", [None, "mine"])
def test_a_client_event_is_read_as_its_own_class_and_written_back_whole(
    event: dict[str, Any], event_id: str | None
) -> None:
    if event_id:
        event = {**event, "event_id": event_id}
    read = decode_client_event(json.dumps(event))
    assert read.type == event["type"]
    assert json.loads(encode_event(read)) == event


def test_the_conversations_above_hold_every_event_there_is() -> None:
    assert {event["type"] for event in SERVER} == {
        event.__struct_config__.tag for event in SERVER_EVENTS
    }
    assert {event["type"] for event in CLIENT} == {
        event.__struct_config__.tag for event in CLIENT_EVENTS
    }
    assert len(SERVER_EVENTS) == 46


@pytest.mark.parametrize("event", [*SERVER_EVENTS, *CLIENT_EVENTS])
def test_an_event_is_exported_under_the_name_of_its_type(event: type) -> None:
    wire_name = str(event.__struct_config__.tag)  # type: ignore[attr-defined]
    words = wire_name.replace(".", "_").split("_")
    python_name = "".join(word.capitalize() for word in words)
    assert event.__name__ == {"Error": "ErrorEvent"}.get(python_name, python_name)
    assert event.__name__ in protocol.__all__
    assert getattr(protocol, event.__name__) is event


def test_the_exported_names_are_distinct_and_exist() -> None:
    assert len(protocol.__all__) == len(set(protocol.__all__))
    assert all(hasattr(protocol, exported) for exported in protocol.__all__)
