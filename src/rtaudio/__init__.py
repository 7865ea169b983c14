"""Live speech with realtime models, on a Cython audio path."""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

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
    ToolInputGuardrailTripped,
    ToolOutputGuardrailTripped,
    ToolTimeout,
    TransportError,
)

if TYPE_CHECKING:
    from rtaudio.session import (
        AudioRetention,
        ConsumerTooSlow,
        FunctionTool,
        GuardrailResult,
        Handoff,
        History,
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
        ToolGuardrailResult,
        ToolInputGuardrail,
        ToolOutputGuardrail,
        UsageLimit,
        background_result,
        function_tool,
        handoff,
    )

__all__ = [
    "AudioError",
    "AudioRetention",
    "AuthenticationError",
    "ConfigError",
    "ConnectionLost",
    "ConsumerTooSlow",
    "FunctionTool",
    "GuardrailResult",
    "GuardrailTripped",
    "Handoff",
    "History",
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
    "ToolGuardrailResult",
    "ToolInputGuardrail",
    "ToolInputGuardrailTripped",
    "ToolOutputGuardrail",
    "ToolOutputGuardrailTripped",
    "ToolTimeout",
    "TransportError",
    "UsageLimit",
    "__version__",
    "background_result",
    "function_tool",
    "handoff",
]

__version__ = version("rtaudio")

_LAYERS = {"audio", "conversation", "protocol", "session", "transports"}

if not TYPE_CHECKING:  # or every name would count as known

    def __getattr__(name: str) -> Any:
        """Load sessions, and with them the kernels, when one of their names is first used.

        Not when this package is imported: `rtaudio doctor` is part of it, and must be able to start
        where the kernels are missing, or refuse what the environment asks of them.
        """
        if name in _LAYERS:
            return importlib.import_module(f"rtaudio.{name}")
        if name not in __all__:
            raise AttributeError(f"module 'rtaudio' has no attribute {name!r}")
        value = globals()[name] = getattr(importlib.import_module("rtaudio.session"), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, *_LAYERS})
