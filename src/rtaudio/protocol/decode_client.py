"""JSON text to client events, strictly, with refusals worded as the service words them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import msgspec

from rtaudio.protocol.client_events import (
    CLIENT_EVENTS,
    ConversationItemCreate,
)
from rtaudio.protocol.invalid import InvalidEvent
from rtaudio.protocol.items import MessageItem, UnknownItem

if TYPE_CHECKING:
    from rtaudio.protocol.base import ClientEvent

__all__ = ["decode_client_event", "translate_refusal"]

Message: TypeAlias = bytes | bytearray | memoryview | str

_NAMES = frozenset(str(event.__struct_config__.tag) for event in CLIENT_EVENTS)
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[CLIENT_EVENTS])  # noqa: UP007
_raw_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

_PARTS_OF_ROLE = {
    "system": ("input_text",),
    "user": ("input_text", "input_audio", "input_image"),
    "assistant": ("output_text",),
}
_NEEDED = {
    "input_text": "text",
    "output_text": "text",
    "input_audio": "audio",
    "input_image": "image_url",
}
_DETAILS = ("auto", "low", "high")

# How msgspec words a refusal, and the code that the service has for it. {} is the JSON path.
_CODES = (
    (re.compile(r"Object contains unknown field `(?P<field>.*)`"), "unknown_parameter"),
    (re.compile(r"Object missing required field `(?P<field>.*)`"), "missing_required_parameter"),
    (re.compile(r"Expected `int` >=? "), "integer_below_min_value"),
    (re.compile(r"Expected `int` <=? "), "integer_above_max_value"),
    (re.compile(r"Expected `float` >=? "), "decimal_below_min_value"),
    (re.compile(r"Expected `float` <=? "), "decimal_above_max_value"),
    (re.compile(r"Expected `str` of length <= "), "string_above_max_length"),
    (re.compile(r"Expected `array` of length <= "), "array_above_max_length"),
    (re.compile(r"Expected `array` of length >= "), "array_below_min_length"),
    (re.compile(r"Expected `object` of length <= "), "object_above_max_properties"),
    (re.compile(r"Expected `[^`]*`, got `[^`]*`"), "invalid_type"),
)
_PATH = re.compile(r" - at (?:`key` in )?`\$(?P<path>[^`]*)`$")


def decode_client_event(message: Message) -> ClientEvent:
    """Read an event that a client sent.

    Args:
        message: one JSON object as text, or as UTF-8 bytes; it is not kept.

    Returns:
        The event. Sound is decoded from base64.

    Raises:
        InvalidEvent: a `ProtocolError`: the message is not a valid client event. `code`, `param`
            and `event_id` are those of the `error` event that answers it.
    """
    try:
        event: ClientEvent = _decoder.decode(message)
        # Fields that no structure names were skipped, not read: a full parse may still refuse them.
        raw = _raw_decoder.decode(message) if isinstance(event, ConversationItemCreate) else None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _refusal(message, error) from error
    if isinstance(event, ConversationItemCreate):
        _check_item(event.item, raw)
    return event


def _refusal(message: Message, error: Exception) -> InvalidEvent:
    """What to answer to a message that could not be decoded."""
    try:
        raw = _raw_decoder.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return InvalidEvent("The message is not valid JSON.", code="invalid_json")
    if not isinstance(raw, dict):
        return InvalidEvent("The message is not a JSON object.", raw=raw, code="invalid_event")
    if "type" not in raw:
        return _invalid(raw, "invalid_event", "type", "The event has no 'type'.")
    if not isinstance(raw["type"], str):
        return _invalid(raw, "invalid_type", "type", "Invalid type for 'type': expected a string.")
    if raw["type"] not in _NAMES:
        return _invalid(
            raw,
            "invalid_value",
            "type",
            f"Unknown event type. Supported values are: {_listed(sorted(_NAMES))}.",
        )
    return translate_refusal(raw, error)


def translate_refusal(raw: dict[str, Any], error: Exception, prefix: str = "") -> InvalidEvent:
    """Word a refusal by msgspec as the service would.

    Args:
        raw: the event.
        error: what msgspec raised.
        prefix: the path, with its dot, of the object that was being read.
    """
    text = str(error)
    found = _PATH.search(text)
    path = found["path"].removeprefix(".").replace("[...]", "[]") if found else ""
    path = (prefix + path).rstrip(".")
    text = text[: found.start()] if found else text
    for pattern, code in _CODES:
        match = pattern.match(text)
        if match is None:
            continue
        if "field" in match.groupdict():
            path = f"{path}.{match['field']}".lstrip(".")
        return _invalid(raw, code, path, _WORDING[code].format(path, text))
    return _invalid(raw, "invalid_value", path, f"Invalid value for '{path}'.")


_WORDING = {
    "unknown_parameter": "Unknown parameter: '{0}'.",
    "missing_required_parameter": "Missing required parameter: '{0}'.",
    "invalid_type": "Invalid type for '{0}': {1}.",
} | dict.fromkeys(
    (code for _, code in _CODES[2:-1]),
    "Invalid '{0}': {1}.",
)


def _check_item(item: Any, raw: Any) -> None:
    """Refuse what the declarations of items cannot."""
    if isinstance(item, UnknownItem):
        raise _invalid(raw, "invalid_value", "item.type", "Unknown item type.")
    _refuse_unknown(item, raw["item"], "item", raw)
    if not isinstance(item, MessageItem):
        return
    allowed = _PARTS_OF_ROLE.get(item.role)
    if allowed is None:
        raise _invalid(
            raw,
            "invalid_value",
            "item.role",
            f"Invalid role. Supported values are: {_listed(_PARTS_OF_ROLE)}.",
        )
    for index, part in enumerate(item.content):
        if part.type not in allowed:
            raise _invalid(
                raw,
                "invalid_value",
                f"item.content[{index}].type",
                f"Invalid part of a message by '{item.role}'. "
                f"Supported values are: {_listed(allowed)}.",
            )
        needed = f"item.content[{index}].{_NEEDED[part.type]}"
        if getattr(part, _NEEDED[part.type]) is None:
            raise _invalid(
                raw,
                "missing_required_parameter",
                needed,
                _WORDING["missing_required_parameter"].format(needed),
            )
        if part.detail not in (None, *_DETAILS):
            raise _invalid(
                raw,
                "invalid_value",
                f"item.content[{index}].detail",
                f"Supported values are: {_listed(_DETAILS)}.",
            )


def _refuse_unknown(read: Any, given: Any, path: str, raw: dict[str, Any]) -> None:
    """Refuse a field that was given but not read, at any depth."""
    if isinstance(read, msgspec.Struct) and isinstance(given, dict):
        names = dict(zip(read.__struct_encode_fields__, read.__struct_fields__, strict=True))
        for key, value in given.items():
            if key in names:
                _refuse_unknown(getattr(read, names[key]), value, f"{path}.{key}", raw)
            elif key != read.__struct_config__.tag_field:
                param = f"{path}.{key}"
                raise _invalid(raw, "unknown_parameter", param, f"Unknown parameter: '{param}'.")
    elif isinstance(read, list) and isinstance(given, list):
        for index, (entry, value) in enumerate(zip(read, given, strict=True)):
            _refuse_unknown(entry, value, f"{path}[{index}]", raw)


def _invalid(raw: dict[str, Any], code: str, param: str, text: str) -> InvalidEvent:
    event_id = raw.get("event_id")
    return InvalidEvent(
        text,
        raw=raw,
        code=code,
        param=param or None,
        event_id=event_id if isinstance(event_id, str) else None,
    )


def _listed(values: Any) -> str:
    return ", ".join(f"'{value}'" for value in values)
