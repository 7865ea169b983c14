"""Sound between the JSON text of an event and PCM: 100 ms at 24 kHz, as services send it."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from rtaudio.bench.cases import Contender, Group, Trial, need
from rtaudio.bench.signals import SAMPLE_RATE, Material
from rtaudio.protocol import decode_server_event, encode_audio_append

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["APPEND", "DELTA", "groups"]

DELTA = "audio delta event to PCM"
APPEND = "PCM to append event"
SECONDS = 0.1
REPEATS = 20  # per call; the loop around them costs each contender the same

ITEM_ID = "item_CRyHoBzkAzHtwnmZb1Y9c"


class _Delta(msgspec.Struct, tag_field="type", tag="response.output_audio.delta"):
    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    delta: bytes


class _Append(msgspec.Struct, tag_field="type", tag="input_audio_buffer.append"):
    audio: bytes


class _AppendText(msgspec.Struct):
    audio: str
    type: Literal["input_audio_buffer.append"] = "input_audio_buffer.append"


def groups(material: Material) -> list[Group]:
    """Audio deltas from the service, and appends to it."""
    pcm = material.at(SAMPLE_RATE, 1.0)[-round(SECONDS * SAMPLE_RATE) :].tobytes()
    return [_delta_group(pcm), _append_group(pcm)]


def _delta_group(pcm: bytes) -> Group:
    message = json.dumps(
        {
            "type": "response.output_audio.delta",
            "event_id": "event_CRyHqTd4CYmnVMXRLTdnn",
            "response_id": "resp_CRyHoLfHsdGsy4prDlFJ1",
            "item_id": ITEM_ID,
            "output_index": 0,
            "content_index": 0,
            "delta": base64.b64encode(pcm).decode("ascii"),
        },
        separators=(",", ":"),
    ).encode()

    def ours() -> Callable[[], Any]:
        def read() -> tuple[str, bytes]:
            event: Any = decode_server_event(message)
            return event.item_id, event.audio

        return read

    def stdlib() -> Callable[[], Any]:
        def read() -> tuple[str, bytes]:
            event = json.loads(message)
            return event["item_id"], base64.b64decode(event["delta"])

        return read

    def orjson() -> Callable[[], Any]:
        loads, decode = need("orjson").loads, need("pybase64").b64decode

        def read() -> tuple[str, bytes]:
            event = loads(message)
            return event["item_id"], decode(event["delta"])

        return read

    def typed() -> Callable[[], Any]:
        decoder = msgspec.json.Decoder(_Delta)

        def read() -> tuple[str, bytes]:
            event = decoder.decode(message)
            return event.item_id, event.delta

        return read

    def untyped() -> Callable[[], Any]:
        decoder = msgspec.json.Decoder()

        def read() -> tuple[str, bytes]:
            event = decoder.decode(message)
            return event["item_id"], binascii.a2b_base64(event["delta"])

        return read

    def check(result: Any) -> str | None:
        item_id, audio = result
        if item_id != ITEM_ID:
            return f"read the item id {item_id!r}, not {ITEM_ID!r}"
        return None if bytes(audio) == pcm else "the sound is not what was sent"

    return Group(
        "wire",
        DELTA,
        "",
        "100 ms",
        REPEATS,
        (
            Contender("rtaudio", _repeated(ours), "rtaudio", ours=True),
            Contender("json + base64", _repeated(stdlib)),
            Contender("orjson + pybase64", _repeated(orjson), "orjson pybase64"),
            Contender("msgspec typed", _repeated(typed), "msgspec"),
            Contender("msgspec + binascii", _repeated(untyped), "msgspec"),
        ),
        check,
    )


def _append_group(pcm: bytes) -> Group:
    def ours() -> Callable[[], Any]:
        return lambda: encode_audio_append(pcm)

    def stdlib() -> Callable[[], Any]:
        return lambda: json.dumps(
            {
                "type": "input_audio_buffer.append",
                "audio": base64.b64encode(pcm).decode("ascii"),
            }
        )

    def orjson() -> Callable[[], Any]:
        dumps, encode = need("orjson").dumps, need("pybase64").b64encode_as_string
        return lambda: dumps({"type": "input_audio_buffer.append", "audio": encode(pcm)})

    def typed() -> Callable[[], Any]:
        encode = msgspec.json.Encoder().encode
        return lambda: encode(_Append(pcm))

    def binary() -> Callable[[], Any]:
        encode = msgspec.json.Encoder().encode
        to_text = binascii.b2a_base64
        return lambda: encode(_AppendText(to_text(pcm, newline=False).decode("ascii")))

    def check(result: Any) -> str | None:
        event = json.loads(result)
        if event.keys() != {"type", "audio"} or event["type"] != "input_audio_buffer.append":
            return "not an append event"
        same = base64.b64decode(event["audio"], validate=True) == pcm
        return None if same else "the sound is not what was given"

    return Group(
        "wire",
        APPEND,
        "",
        "100 ms",
        REPEATS,
        (
            Contender("rtaudio", _repeated(ours), "rtaudio", ours=True),
            Contender("json + base64", _repeated(stdlib)),
            Contender("orjson + pybase64", _repeated(orjson), "orjson pybase64"),
            Contender("msgspec typed", _repeated(typed), "msgspec"),
            Contender("msgspec + binascii", _repeated(binary), "msgspec"),
        ),
        check,
    )


def _repeated(make: Callable[[], Callable[[], Any]]) -> Callable[[], Trial]:
    def trial() -> Trial:
        once = make()

        def call() -> None:
            for _ in range(REPEATS):
                once()

        return Trial(call, once)

    return trial
