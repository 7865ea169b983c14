"""What a session adds to an audio delta: from the bytes of a message to a handler that counts it.

The transport hands over messages as a socket would, each with 100 ms of sound. Decoding alone, on
the same messages, is a contender of its own: the difference is what conversation and session take.
The others do the least that an application can do by hand, with nothing of a session about it.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from rtaudio.bench.cases import Contender, Group, Trial, need
from rtaudio.bench.session_server import answer_sound, server_event
from rtaudio.bench.silent import SilentTransport
from rtaudio.protocol import decode_server_event
from rtaudio.session import RealtimeAgent, RealtimeSession

if TYPE_CHECKING:
    from rtaudio.bench.signals import Material

__all__ = ["DECODING", "HEARING", "SESSION", "groups"]

HEARING = "audio delta to handler"
SESSION = "rtaudio session"
DECODING = "rtaudio, decoding alone"

COUNT = 20  # deltas per call

DELTA = "response.output_audio.delta"
ITEM_ID = "item_CRyHoBzkAzHtwnmZb1Y9c"
ITEM = {"id": ITEM_ID, "type": "message", "role": "assistant", "content": []}

Handler = Callable[[Any], object]
Opener = Callable[[Handler], Callable[[bytes], object]]
"""Given a handler of events, returns what takes in messages."""


class _Heard(NamedTuple):
    """An event as one would make it by hand."""

    item_id: str
    data: bytes


def groups(_material: Material) -> list[Group]:
    """One group; any sound takes the same time here."""
    sounds = answer_sound(COUNT)
    messages = [_message(pcm) for pcm in sounds]

    def check(result: Any) -> str | None:
        if [item_id for item_id, _ in result] != [ITEM_ID] * COUNT:
            return "not every delta came through, or not as of its item"
        return None if [pcm for _, pcm in result] == sounds else "the sound is not what was sent"

    contenders = (
        Contender(SESSION, partial(_heard, messages, _session), "rtaudio", ours=True),
        Contender(DECODING, partial(_decoded, messages), "rtaudio", ours=True),
        Contender("json + base64", partial(_heard, messages, _json)),
        Contender("orjson + pybase64", partial(_heard, messages, _orjson), "orjson pybase64"),
    )
    return [Group("session", HEARING, "", "100 ms", COUNT, contenders, check)]


def _message(pcm: bytes) -> bytes:
    return server_event(
        DELTA,
        response_id="resp_CRyHoLfHsdGsy4prDlFJ1",
        item_id=ITEM_ID,
        output_index=0,
        content_index=0,
        delta=base64.b64encode(pcm).decode("ascii"),
    )


def _heard(messages: list[bytes], opener: Opener) -> Trial:
    count = 0

    def counter(_event: Any) -> None:
        nonlocal count
        count += 1

    take = opener(counter)

    def call() -> None:
        for message in messages:
            take(message)

    def result() -> list[tuple[str, bytes]]:
        heard: list[Any] = []
        again = opener(heard.append)
        for message in messages:
            again(message)
        return [(event.item_id, event.data) for event in heard]

    return Trial(call, result)


def _session(handler: Handler) -> Callable[[bytes], object]:
    transport = SilentTransport()
    session = RealtimeSession(RealtimeAgent("a"), transport=transport)
    session.on("audio", handler)
    asyncio.run(session.connect())  # sound that arrives needs no loop
    transport.receive(server_event("conversation.item.added", item=ITEM))
    return transport.receive


def _json(handler: Handler) -> Callable[[bytes], object]:
    def take(message: bytes) -> None:
        event = json.loads(message)
        if event["type"] == DELTA:
            handler(_Heard(event["item_id"], base64.b64decode(event["delta"])))

    return take


def _orjson(handler: Handler) -> Callable[[bytes], object]:
    loads, decode = need("orjson").loads, need("pybase64").b64decode

    def take(message: bytes) -> None:
        event = loads(message)
        if event["type"] == DELTA:
            handler(_Heard(event["item_id"], decode(event["delta"])))

    return take


def _decoded(messages: list[bytes]) -> Trial:
    def call() -> None:
        for message in messages:
            decode_server_event(message)

    def result() -> list[tuple[str, bytes]]:
        events: list[Any] = [decode_server_event(message) for message in messages]
        return [(event.item_id, event.audio) for event in events]

    return Trial(call, result)
