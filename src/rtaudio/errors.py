"""Every exception that rtaudio raises on purpose.

`RtAudioError` is the root. Where a caller would naturally catch a builtin, the class also inherits
it. Messages name the value that was wrong and what would have been right; they never carry keys,
transcripts or sound.
"""

from __future__ import annotations

__all__ = [
    "AudioError",
    "AuthenticationError",
    "ConfigError",
    "ConnectionLost",
    "GuardrailTripped",
    "OpusError",
    "ProtocolError",
    "RtAudioError",
    "ToolError",
    "ToolInputGuardrailTripped",
    "ToolOutputGuardrailTripped",
    "ToolTimeout",
    "TransportError",
]


class RtAudioError(Exception):
    """The root of all errors raised by rtaudio."""


class ConfigError(RtAudioError, ValueError):
    """An option or argument is wrong; nothing was sent or changed."""


class ProtocolError(RtAudioError):
    """A message does not follow the realtime protocol, whoever wrote it."""


class TransportError(RtAudioError):
    """A connection could not be made, or could not carry what was asked of it.

    Attributes:
        code: the service's error code or the WebSocket close code, as text, where one is known.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class ConnectionLost(TransportError):
    """An established connection ended without either side having closed it."""


class AuthenticationError(TransportError):
    """The service refused the credential."""


class AudioError(RtAudioError, ValueError):
    """Audio data or an audio parameter cannot be used."""


class OpusError(AudioError):
    """libopus refused a call.

    Attributes:
        code: libopus's own (negative) error code, or None where the error is not libopus's.
    """

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class ToolError(RtAudioError):
    """A tool could not do what the model asked of it."""


class ToolTimeout(ToolError):
    """A tool took longer than its `timeout_s`."""


class GuardrailTripped(RtAudioError):
    """A guardrail refused what was said.

    Attributes:
        guardrail: its name.
        info: what it found, for the application; not part of the message.
    """

    def __init__(self, message: str, *, guardrail: str = "", info: object = None) -> None:
        super().__init__(message)
        self.guardrail = guardrail
        self.info = info


class ToolInputGuardrailTripped(GuardrailTripped):
    """A guardrail refused a call of a tool; it was not run, and the model is told nothing."""


class ToolOutputGuardrailTripped(GuardrailTripped):
    """A guardrail refused what a tool returned; the model is told nothing."""
