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
    ToolTimeout,
    TransportError,
)
from rtaudio.session import (
    ConsumerTooSlow,
    FunctionTool,
    GuardrailResult,
    Handoff,
    HostedMcpTool,
    InputGuardrail,
    OutputGuardrail,
    PlaybackTracker,
    PriceTable,
    RealtimeAgent,
    RealtimeSession,
    RealtimeSessionOptions,
    ReconnectPolicy,
    RunContext,
    UsageLimit,
    background_result,
    function_tool,
    handoff,
)

__all__ = [
    "AudioError",
    "AuthenticationError",
    "ConfigError",
    "ConnectionLost",
    "ConsumerTooSlow",
    "FunctionTool",
    "GuardrailResult",
    "GuardrailTripped",
    "Handoff",
    "HostedMcpTool",
    "InputGuardrail",
    "OpusError",
    "OutputGuardrail",
    "PlaybackTracker",
    "PriceTable",
    "ProtocolError",
    "RealtimeAgent",
    "RealtimeSession",
    "RealtimeSessionOptions",
    "ReconnectPolicy",
    "RtAudioError",
    "RunContext",
    "ToolError",
    "ToolTimeout",
    "TransportError",
    "UsageLimit",
    "__version__",
    "background_result",
    "function_tool",
    "handoff",
]

__version__ = version("rtaudio")
