"""What the session's settings on the wire say about sound, and how tracing gets into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from rtaudio import protocol
from rtaudio.audio import AudioFormat
from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from rtaudio.conversation.outcome import Outcome

__all__ = ["WireSettings"]

# The service's own default, until `session.updated` says otherwise.
_DEFAULT_FORMAT = AudioFormat("pcm16", 24000)


class WireSettings:
    """The settings in force on one connection.

    Attributes:
        input: format of the audio the service expects.
        output: format of the audio the service sends.
        input_bytes_per_ms: bytes of one millisecond of what it expects.
        output_bytes_per_ms: bytes of one millisecond of what it sends.
        transcribes_only: whether the service only listens.
        server_interrupts: whether the service cancels its answer by itself when the user speaks.
        server_answers: whether the service answers what the user says without being asked.
        transcribes: whether the service transcribes what the user says.
    """

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self.start_over()

    def start_over(self) -> None:
        """Nothing is known yet."""
        self.input = _DEFAULT_FORMAT
        self.output = _DEFAULT_FORMAT
        self.input_bytes_per_ms = _bytes_per_ms(_DEFAULT_FORMAT)
        self.output_bytes_per_ms = _bytes_per_ms(_DEFAULT_FORMAT)
        self.transcribes_only = False
        self.server_interrupts = False
        self.server_answers = True
        self.transcribes = True
        # What tracing should become once the session exists; None while nothing is to be done.
        self._tracing: tuple[Any] | None = None

    def trace(self, wanted: Any) -> None:
        """Set tracing to `"auto"`, None or a mapping once the service has created the session."""
        self._tracing = (wanted,)

    def created(self, session: Mapping[str, Any]) -> None:
        """The service has created the session, with these settings to begin with."""
        if self._tracing is None:
            return
        (wanted,) = self._tracing
        self._tracing = None
        if wanted != "auto" and isinstance(session.get("tracing"), Mapping):
            # The service does not change the tracing of a session that has one of its own.
            return
        update = {"type": "realtime", "tracing": wanted}
        self._outcome.client_events.append({"type": "session.update", "session": update})

    def read(self, session: Mapping[str, Any], *, confirmed: bool) -> None:
        """Take in settings: the service's own where `confirmed`, else those we asked for."""
        self.transcribes_only = session.get("type") == "transcription"
        self.input = _wire_format(session, "input")
        self.output = _wire_format(session, "output")
        self.input_bytes_per_ms = _bytes_per_ms(self.input)
        self.output_bytes_per_ms = _bytes_per_ms(self.output)
        audio_input = (session.get("audio") or {}).get("input") or {}
        if "turn_detection" in audio_input:
            detection = audio_input["turn_detection"]
            self.server_answers = bool(detection) and detection.get("create_response") is not False
        if "transcription" in audio_input:
            self.transcribes = audio_input["transcription"] is not None
        if confirmed:
            detection = audio_input.get("turn_detection") or {}
            self.server_interrupts = detection.get("interrupt_response") is True


def _wire_format(session: Mapping[str, Any], side: Literal["input", "output"]) -> AudioFormat:
    try:
        return protocol.wire_format(session, side)
    except ConfigError:
        # A format of the future: positions are then counted as if it were the usual one.
        return _DEFAULT_FORMAT


def _bytes_per_ms(audio_format: AudioFormat) -> float:
    width = 2 if audio_format.encoding == "pcm16" else 1
    return audio_format.sample_rate * audio_format.channels * width / 1000
