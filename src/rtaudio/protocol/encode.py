"""Events to JSON text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rtaudio._native.wire import encode_append
from rtaudio.protocol.base import ClientEvent, ServerEvent, UnknownEvent
from rtaudio.protocol.client_events import InputAudioBufferAppend
from rtaudio.protocol.items import UnknownItem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Buffer

__all__ = ["encode_audio_append", "encode_event"]

_encoder = msgspec.json.Encoder()


def encode_event(event: ClientEvent | ServerEvent | UnknownEvent | Mapping[str, Any]) -> bytes:
    """Write an event as JSON text.

    Args:
        event: one of this package's events, or a mapping in wire form. In an event, bytes become
            base64 and fields that are None are left out (see `rtaudio.protocol.base`), and an
            event's `UnknownItem` is written as the object it was read from; a mapping is written
            as it is, nulls included.

    Returns:
        UTF-8 without line breaks.
    """
    if isinstance(event, InputAudioBufferAppend):
        return encode_append(event.audio, event.event_id)
    if isinstance(event, UnknownEvent):
        return _encoder.encode(event.raw)
    item = getattr(event, "item", None)
    if isinstance(event, msgspec.Struct) and isinstance(item, UnknownItem):
        # The structure would be written with its own fields, which no reader knows.
        event = msgspec.structs.replace(event, item=msgspec.Raw(_encoder.encode(item.raw)))
    return _encoder.encode(event)


def encode_audio_append(pcm: Buffer, event_id: str | None = None) -> bytes:
    """Write sound as the JSON text of an `input_audio_buffer.append` event, in one pass.

    Args:
        pcm: what the session's input format holds: a contiguous buffer of int16 samples, or bytes
            of any length (PCM16 little endian, or G.711 codes). It is only read during the call.
        event_id: an id for the event, at most 512 characters.

    Returns:
        ASCII bytes, which begin with `{"type":"input_audio_buffer.append"`.

    Raises:
        AudioError: `pcm` is no such buffer.
    """
    return encode_append(pcm, event_id)
