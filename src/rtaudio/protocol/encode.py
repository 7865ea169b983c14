"""Events to JSON text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rtaudio.protocol.base import ClientEvent, ServerEvent, UnknownEvent
from rtaudio.protocol.client_events import InputAudioBufferAppend

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["encode_audio_append", "encode_event"]

_encoder = msgspec.json.Encoder()


def encode_event(event: ClientEvent | ServerEvent | UnknownEvent | Mapping[str, Any]) -> bytes:
    """Write an event as JSON text.

    Args:
        event: one of this package's events, or a mapping in wire form. In an event, bytes become
            base64 and fields that are None are left out (see `rtaudio.protocol.base`); a mapping is
            written as it is, nulls included.

    Returns:
        UTF-8 without line breaks.
    """
    if isinstance(event, UnknownEvent):
        return _encoder.encode(event.raw)
    return _encoder.encode(event)


def encode_audio_append(pcm: Any, event_id: str | None = None) -> bytes:
    """Write PCM as the JSON text of an `input_audio_buffer.append`."""
    return _encoder.encode(InputAudioBufferAppend(audio=bytes(pcm), event_id=event_id))
