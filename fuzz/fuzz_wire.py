"""The wire codec against json and base64: the same answer, or a ProtocolError.

The first byte says how the rest is used: as a message as it is, as the plan of an audio delta with
something odd about it, or as sound for an append event.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from typing import Any

import atheris
import numpy as np
from common import Reader, exact, fuzz

with atheris.instrument_imports(include=["rtaudio.protocol"]):
    from rtaudio.protocol import decode_server_event, encode_audio_append

from rtaudio._native.wire import decode_audio_delta
from rtaudio.errors import ProtocolError

NAMES = ("response.output_audio.delta", "response.audio.delta")
TEXTS = (
    '""',
    '"a"',
    '"item_0123456789"',
    '"\\u00e9"',
    '"\\\\"',
    '"\xff"',
    "null",
    "7",
    "[]",
    '"\\ud800"',
)
INDICES = (
    "0",
    "1",
    "10",
    "999999999",
    "1234567890",
    "-1",
    "-0",
    "1.0",
    "1e2",
    "01",
    "true",
    "null",
    '"0"',
)
EXTRAS = (
    "",
    '"x":1,',
    '"x":{"delta":"AAAA"},',
    '"x":"\\"delta\\":\\"",',
    '"delta":"AA",',
    '"x":[[[]]],',
    '"type":"response.done",',
    '"x":1e999,',
    '"x":NaN,',
    '"":"",',
    "  ",
    ",",
    '"x":"\t",',
)
SPACES = ("", " ", "\n\t\r ", "\v", "\xa0")
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def as_json(message: Any) -> tuple[Any, bool]:
    """What the json module reads, or None where it refuses; and whether it must be read.

    A number beyond a float64's range is JSON, but may be refused, as msgspec does where it is read.
    """
    sure = True

    def number(text: str) -> float:
        nonlocal sure
        sure = sure and math.isfinite(float(text))
        return float(text)

    try:
        if isinstance(message, str):
            text = message
            text.encode()  # JSON text travels as UTF-8, which has no lone surrogates
        else:
            text = bytes(message).decode("utf-8")
        return json.loads(text, parse_constant=refuse, parse_float=number), sure
    except (ValueError, RecursionError):
        return None, False


def is_text(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_index(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**31


def audio_delta(raw: Any) -> tuple[Any, ...] | None:
    """The fields of an audio delta that must be read, by json and base64 alone."""
    if not isinstance(raw, dict) or raw.get("type") not in NAMES:
        return None
    delta = raw.get("delta")
    if not isinstance(delta, str) or not BASE64.fullmatch(delta):
        return None
    fields = raw.get("event_id"), raw.get("response_id"), raw.get("item_id")
    indices = raw.get("output_index"), raw.get("content_index")
    if not is_text(fields[1]) or not is_text(fields[2]) or not all(map(is_index, indices)):
        return None
    if fields[0] is not None and not is_text(fields[0]):
        return None
    return (*fields, *indices, base64.b64decode(delta, validate=True))


def check_message(message: Any) -> None:
    raw, must_be_read = as_json(message)
    expected = audio_delta(raw)
    found = decode_audio_delta(message)
    assert found is None or found == expected
    try:
        event = decode_server_event(message)
    except ProtocolError:
        assert expected is None or not must_be_read, "an audio delta was refused"
        return
    assert isinstance(raw, dict), "what json refuses was read"
    assert isinstance(raw.get("type"), str), "an event without a type was read"
    if expected is not None:
        got = (event.event_id, event.response_id, event.item_id, event.output_index)
        assert (*got, event.content_index, event.audio) == expected
    elif getattr(event, "type", None) == NAMES[0]:
        try:
            audio = base64.b64decode(raw["delta"], validate=True)
        except binascii.Error as error:
            raise AssertionError("sound that base64 refuses was read") from error
        assert event.audio == audio


def planned_delta(plan: Reader) -> bytes:
    """An audio delta with one or more oddities, as the plan says."""
    space = plan.choose(SPACES)
    text = [plan.choose(TEXTS[:3] if plan.byte() % 4 else TEXTS) for _ in range(3)]
    index = [plan.choose(INDICES[:4] if plan.byte() % 4 else INDICES) for _ in range(2)]
    name, extra = plan.choose(NAMES), plan.choose(EXTRAS if plan.byte() % 4 == 0 else EXTRAS[:1])
    order, oddity, place, odd = plan.byte(), plan.byte() % 8, plan.number(2), plan.byte()
    repeat = 1 + plan.byte() % 16
    delta = base64.b64encode(plan.rest() * repeat).decode()
    at = place % (len(delta) + 1)
    if oddity == 1:
        delta = delta[:at]
    elif oddity == 2:
        delta = delta[:at] + chr(odd) + delta[at + 1 :]
    elif oddity == 3 and at < len(delta):
        delta = delta[:at] + f"\\u{ord(delta[at]):04x}" + delta[at + 1 :]
    elif oddity == 4:
        delta = delta.replace("/", "\\/")
    elif oddity == 5:
        delta = delta[:at] + "=" * (odd % 5) + delta[at:]
    fields = [
        f'"type":{space}"{name}"',
        f'"event_id"{space}:{text[0]}',
        f'"response_id":{text[1]}',
        f'"item_id":{text[2]}{space}',
        f'"output_index":{index[0]}',
        f'{space}"content_index":{index[1]}',
        f'"delta":{space}"{delta}"',
    ]
    turn = order % len(fields)
    message = f"{space}{{{extra}{','.join(fields[turn:] + fields[:turn])}}}{space}"
    return message.encode("latin-1" if order & 128 else "utf-8")


def check_append(plan: Reader) -> None:
    event_id = plan.take(plan.byte() % 8).decode("utf-8", "replace") if plan.byte() % 2 else None
    pcm = plan.rest()
    sources = [pcm, bytearray(pcm), exact(pcm), memoryview(b"x" + pcm)[1:]]
    if len(pcm) % 2 == 0:
        sources.append(np.frombuffer(pcm, np.int16))
    written = encode_audio_append(pcm, event_id)
    raw = json.loads(written)
    assert base64.b64decode(raw["audio"], validate=True) == pcm
    assert raw.get("event_id") == event_id
    for source in sources:
        assert encode_audio_append(source, event_id) == written


def target(data: bytes) -> None:
    plan = Reader(data)
    use = plan.byte()
    if use % 4 == 3:
        check_append(plan)
        return
    message = planned_delta(plan) if use % 4 == 2 else plan.rest()
    form = use // 4 % 4
    if form == 0:
        check_message(message)
    elif form == 1:
        check_message(exact(message))
    elif form == 2:
        check_message(message.decode("utf-8", "surrogateescape"))
    else:
        check_message(message.decode("latin-1"))


if __name__ == "__main__":
    fuzz(target)
