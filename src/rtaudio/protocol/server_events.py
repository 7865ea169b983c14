"""All the events that the service sends, in one place."""

from __future__ import annotations

from rtaudio.protocol import item_events, response_events, session_events, transcription_events
from rtaudio.protocol.base import ServerEvent

__all__ = ["SERVER_EVENTS"]

SERVER_EVENTS: tuple[type[ServerEvent], ...] = tuple(
    event
    for module in (session_events, item_events, transcription_events, response_events)
    for event in (getattr(module, name) for name in module.__all__)
    if issubclass(event, ServerEvent) and event.__struct_config__.tag != event.__name__
)
