"""An hour of conversation, as the events that a service would send: 2,000 items in 1,000 turns.

All turns are alike: the user speaks, turn detection ends the turn, the answer comes with its sound
and its transcript in pieces, and so does the transcript of what the user said, whose item is then
retrieved. In every fourth turn the user speaks again while the answer still plays; it is cut, and
the service sends its item back without the transcript.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

from rtaudio.bench.session_server import DELTA_BYTES, make_pcm
from rtaudio.protocol import decode_server_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtaudio.protocol import ServerEvent, UnknownEvent

__all__ = ["CUT_EVERY", "CUT_MS", "Timed", "Told", "Turn", "make_turn"]

TURN_S = 3.6
CUT_EVERY = 4
CUT_MS = 2000  # of an answer that is cut, what is heard

DELTAS = 24  # of 100 ms
DELTA_EVERY_S = 0.02  # sound comes faster than it plays
ANSWER_AT_S = 1.0  # it is heard to its end within the turn
LATE_ANSWER_AT_S = TURN_S - CUT_MS / 1000

ASKED = ("How ", "late ", "is ", "it?")
SAID = ("It ", "is ", "a ", "quarter ", "past ", "ten ", "in ", "the morning.")

Timed = tuple[float, "ServerEvent | UnknownEvent"]


class Told(NamedTuple):
    """What history has to say of an item in the end."""

    item_id: str
    role: str
    text: str
    audio_end_ms: int | None


class Turn(NamedTuple):
    """One turn.

    Attributes:
        events: each with its time in seconds of the conversation.
        told: its two items.
        sounds: how many of the events are deltas of sound.
        cut: whether the user speaks while its answer still plays.
    """

    events: list[Timed]
    told: tuple[Told, Told]
    sounds: int
    cut: bool


def make_turn(number: int) -> Turn:
    """The turn of this number, the first being 0."""
    user, answer = f"item_u{number:05d}", f"item_a{number:05d}"
    before = f"item_a{number - 1:05d}" if number else None
    cut = number % CUT_EVERY == 0
    begin = number * TURN_S
    events = [(begin, _event("input_audio_buffer.speech_started", item_id=user, audio_start_ms=0))]
    if before is not None and (number - 1) % CUT_EVERY == 0:
        events += [(begin, event) for event in _cut(before)]
    begin += LATE_ANSWER_AT_S if cut else ANSWER_AT_S
    events += [(begin, event) for event in _asked(user, before)]
    for at, event in _answered(f"resp_{number:05d}", user, answer):
        events.append((begin + at * DELTA_EVERY_S, event))
    told = (
        Told(user, "user", "".join(ASKED), None),
        Told(answer, "assistant", "".join(SAID), CUT_MS if cut else None),
    )
    return Turn(events, told, DELTAS, cut)


def _event(kind: str, **fields: Any) -> ServerEvent | UnknownEvent:
    return decode_server_event(json.dumps({"type": kind, "event_id": "event_1", **fields}))


def _message(item_id: str, role: str, status: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": item_id,
        "type": "message",
        "role": role,
        "status": status,
        "content": list(content),
    }


def _cut(answer: str) -> Iterator[ServerEvent | UnknownEvent]:
    """The service confirms that an answer was cut, and sends it back when asked for it."""
    yield _event(
        "conversation.item.truncated", item_id=answer, content_index=0, audio_end_ms=CUT_MS
    )
    part = {"type": "output_audio", "transcript": ""}
    item = _message(answer, "assistant", "completed", part)
    yield _event("conversation.item.retrieved", item=item)


def _asked(user: str, before: str | None) -> Iterator[ServerEvent | UnknownEvent]:
    """Turn detection ends the user's turn, and it becomes an item."""
    item = _message(user, "user", "completed", {"type": "input_audio", "transcript": None})
    yield _event("input_audio_buffer.speech_stopped", item_id=user, audio_end_ms=1000)
    yield _event("input_audio_buffer.committed", item_id=user, previous_item_id=before)
    yield _event("conversation.item.added", item=item, previous_item_id=before)
    yield _event("conversation.item.done", item=item, previous_item_id=before)


def _answered(
    response_id: str, user: str, answer: str
) -> Iterator[tuple[int, ServerEvent | UnknownEvent]]:
    """The answer, each event with the number of the delta of sound it comes with."""
    text = "".join(SAID)
    place = {"response_id": response_id, "output_index": 0}
    spot = {**place, "item_id": answer, "content_index": 0}
    begun = _message(answer, "assistant", "in_progress")
    response: dict[str, Any] = {"id": response_id, "object": "realtime.response", "output": []}
    yield 0, _event("response.created", response={**response, "status": "in_progress"})
    yield 0, _event("response.output_item.added", item=begun, **place)
    yield 0, _event("conversation.item.added", item=begun, previous_item_id=user)
    empty = {"type": "audio", "transcript": ""}
    yield 0, _event("response.content_part.added", part=empty, **spot)

    for at in range(DELTAS):
        if at < len(SAID):
            yield at, _event("response.output_audio_transcript.delta", delta=SAID[at], **spot)
        yield at, _event("response.output_audio.delta", delta=_SOUND, **spot)
        yield from ((at, event) for event in _transcribed(user, at))

    last = DELTAS - 1
    part = {"type": "output_audio", "transcript": text}
    done = _message(answer, "assistant", "completed", part)
    yield last, _event("response.output_audio.done", **spot)
    yield last, _event("response.output_audio_transcript.done", transcript=text, **spot)
    spoken = {"type": "audio", "transcript": text}
    yield last, _event("response.content_part.done", part=spoken, **spot)
    yield last, _event("conversation.item.done", item=done, previous_item_id=user)
    yield last, _event("response.output_item.done", item=done, **place)
    response |= {"status": "completed", "output": [done]}
    yield last, _event("response.done", response=response)


def _transcribed(user: str, at: int) -> Iterator[ServerEvent | UnknownEvent]:
    """What is known of the user's words by the time of a delta of the answer."""
    kind = "conversation.item.input_audio_transcription"
    spot = {"item_id": user, "content_index": 0}
    text = "".join(ASKED)
    if at < len(ASKED):
        yield _event(f"{kind}.delta", delta=ASKED[at], **spot)
    elif at == len(ASKED):
        yield _event(f"{kind}.completed", transcript=text, **spot)
    elif at == len(ASKED) + 1:
        part = {"type": "input_audio", "transcript": text}
        item = _message(user, "user", "completed", part)
        yield _event("conversation.item.retrieved", item=item)


_SOUND = b64encode(make_pcm(DELTA_BYTES)).decode("ascii")
