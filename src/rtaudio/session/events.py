"""Session events, for annotations of handlers and for `isinstance` while iterating."""

from __future__ import annotations

from rtaudio.conversation.events import (
    AgentEnd,
    AgentStart,
    Audio,
    AudioInterrupted,
    AudioStart,
    AudioStopped,
    ConnectionChange,
    Error,
    HistoryAdded,
    HistoryUpdated,
    InputAudioCommitted,
    InputAudioTimeoutTriggered,
    InputTranscriptDelta,
    SessionEvent,
    TextDelta,
    TranscriptCompleted,
    TranscriptDelta,
    TranscriptFailed,
    TransportEvent,
)

__all__ = [
    "AgentEnd",
    "AgentStart",
    "Audio",
    "AudioInterrupted",
    "AudioStart",
    "AudioStopped",
    "ConnectionChange",
    "Error",
    "HistoryAdded",
    "HistoryUpdated",
    "InputAudioCommitted",
    "InputAudioTimeoutTriggered",
    "InputTranscriptDelta",
    "SessionEvent",
    "TextDelta",
    "TranscriptCompleted",
    "TranscriptDelta",
    "TranscriptFailed",
    "TransportEvent",
]
