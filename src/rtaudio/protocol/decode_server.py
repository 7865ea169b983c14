"""JSON text to server events, leniently.

Sound has a kernel of its own, and almost every other message is decoded in one step. What that step
refuses is looked at again, slowly: names of the beta protocol are translated, nulls are taken as
absent fields, items of unknown type become `UnknownItem`. Only what then still has no reading is an
error.
"""

from __future__ import annotations

from typing import Any, TypeAlias, Union

import msgspec

from rtaudio._native.wire import decode_audio_delta
from rtaudio.errors import ConfigError
from rtaudio.protocol.base import ServerEvent, UnknownEvent
from rtaudio.protocol.invalid import InvalidEvent
from rtaudio.protocol.items import Item
from rtaudio.protocol.response_events import ResponseOutputAudioDelta
from rtaudio.protocol.server_events import SERVER_EVENTS
from rtaudio.protocol.session_config import normalise_session_config
from rtaudio.protocol.transcription_events import (
    ConversationItemInputAudioTranscriptionCompleted,
)

__all__ = ["decode_server_event"]

Message: TypeAlias = bytes | bytearray | memoryview | str

_BETA_NAMES = {
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
    "response.audio.delta": "response.output_audio.delta",
    "response.audio.done": "response.output_audio.done",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
    "transcription_session.created": "session.created",
    "transcription_session.updated": "session.updated",
}


def _tag(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


_BY_NAME = {_tag(event): event for event in SERVER_EVENTS}
_ITEM_TYPES = frozenset(_tag(item) for item in Item.__args__) - {""}  # type: ignore[attr-defined]
_CALL_TYPES = ("function_call", "mcp_call", "mcp_tool_call", "mcp_approval_request")
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[SERVER_EVENTS])  # noqa: UP007
_raw_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def decode_server_event(message: Message) -> ServerEvent | UnknownEvent:
    """Read an event that the service sent.

    Args:
        message: one JSON object as text, or as UTF-8 bytes; it is not kept.

    Returns:
        The event; names of the beta protocol give the event of today's name (but
        `conversation.item.created` stays what it is). A type not known gives `UnknownEvent`.

    Raises:
        InvalidEvent: a `ProtocolError`: the message is not JSON, not an object with a text `type`,
            or lacks what an event of its type must have. Its `raw` is what could be parsed.
    """
    delta = decode_audio_delta(message)
    if delta is not None:
        event_id, response_id, item_id, output_index, content_index, audio = delta
        return ResponseOutputAudioDelta(
            event_id=event_id,
            response_id=response_id,
            item_id=item_id,
            output_index=output_index,
            content_index=content_index,
            audio=audio,
        )
    try:
        if not isinstance(message, str):
            str(message, "utf-8")  # the decoder does not check texts that no field takes
        event: ServerEvent = _decoder.decode(message)
    except UnicodeError:  # which holds the whole message
        raise InvalidEvent("the message is not Unicode text", code="invalid_json") from None
    except (msgspec.DecodeError, RecursionError):
        return _decode_slowly(message)
    return event


def _decode_slowly(message: Message) -> ServerEvent | UnknownEvent:
    try:
        raw = _raw_decoder.decode(message)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidEvent("the message is not valid JSON", code="invalid_json") from error
    if not isinstance(raw, dict):
        raise InvalidEvent("the message is not a JSON object", raw=raw, code="invalid_event")
    name = raw.get("type")
    if not isinstance(name, str):
        raise InvalidEvent("the message has no text `type`", raw=raw, code="invalid_event")
    kind = _BY_NAME.get(_BETA_NAMES.get(name, name))
    if kind is None:
        return UnknownEvent(type=name, raw=raw)
    try:
        return msgspec.convert(_tolerate(raw, _tag(kind)), kind)
    except (msgspec.ValidationError, ConfigError, RecursionError) as error:
        transcript = _bare_transcript(raw)
        if transcript is not None:
            return transcript
        problem = "its session cannot be read" if isinstance(error, ConfigError) else str(error)
        raise InvalidEvent(f"invalid {name}: {problem}", raw=raw, code="invalid_event") from error


def _bare_transcript(raw: dict[str, Any]) -> ServerEvent | None:
    """What a user said counts, whatever is wrong with the facts beside it."""
    kind = ConversationItemInputAudioTranscriptionCompleted
    item_id, transcript, index = map(raw.get, ("item_id", "transcript", "content_index"))
    if raw["type"] != _tag(kind) or not (isinstance(item_id, str) and isinstance(transcript, str)):
        return None
    index = index if isinstance(index, int) else 0
    return kind(item_id=item_id, content_index=index, transcript=transcript)


def _tolerate(raw: dict[str, Any], name: str) -> dict[str, Any]:
    """The same event in today's spelling, with every tolerable oddity removed."""
    event = _without_nulls(raw)
    beta_session = event["type"].startswith("transcription_session.")
    event["type"] = name
    session = event.get("session")
    if beta_session and isinstance(session, dict):
        event["session"] = {"type": "transcription", **normalise_session_config(session)}
    if isinstance(event.get("item"), dict):
        event["item"] = _tolerate_item(event["item"])
    for key in ("part", "error"):
        if isinstance(event.get(key), dict):
            event[key] = _without_nulls(event[key])
    response = event.get("response")
    if isinstance(response, dict):
        response = event["response"] = _without_nulls(response)
        output = response.get("output")
        if isinstance(output, list):
            response["output"] = [
                _tolerate_item(item) if isinstance(item, dict) else item for item in output
            ]
    return event


def _tolerate_item(raw: dict[str, Any]) -> dict[str, Any]:
    item = _without_nulls(raw)
    kind = item.get("type")
    if not isinstance(kind, str) or kind not in _ITEM_TYPES:
        known = {"type": "", "raw": raw}
        return {**known, "id": item["id"]} if isinstance(item.get("id"), str) else known
    if kind == "message":
        content = item.setdefault("content", [])
        if isinstance(content, list):
            item["content"] = [
                _without_nulls(part) if isinstance(part, dict) else part for part in content
            ]
    elif kind in _CALL_TYPES:
        item.setdefault("arguments", "")
    return item


def _without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}
