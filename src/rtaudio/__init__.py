"""Live speech with realtime models, on a Cython audio path."""

from __future__ import annotations

from importlib.metadata import version

from rtaudio.errors import (
    AudioError,
    AuthenticationError,
    ConfigError,
    ConnectionLost,
    GuardrailTripped,
    OpusError,
    ProtocolError,
    RtAudioError,
    ToolError,
    TransportError,
)
from rtaudio.session import (
    ConsumerTooSlow,
    RealtimeAgent,
    RealtimeSession,
    RealtimeSessionOptions,
    RunContext,
)

__all__ = [
    "AudioError",
    "AuthenticationError",
    "ConfigError",
    "ConnectionLost",
    "ConsumerTooSlow",
    "GuardrailTripped",
    "OpusError",
    "ProtocolError",
    "RealtimeAgent",
    "RealtimeSession",
    "RealtimeSessionOptions",
    "RtAudioError",
    "RunContext",
    "ToolError",
    "TransportError",
    "__version__",
]

__version__ = version("rtaudio")
