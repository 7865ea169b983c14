"""What the session's settings on the wire say about sound, and how tracing gets into them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from rtaudio import protocol
from rtaudio.audio import AudioFormat
from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from rtaudio.conversation.outcome import Outcome

__all__ = ["WireSettings"]

_log = logging.getLogger("rtaudio.conversation")

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
        detects_turns: whether the service finds out by itself when the user has spoken.
        server_interrupts: whether the service cancels its answer by itself when the user speaks.
        server_answers: whether the service answers what the user says without being asked.
        transcribes: whether the service transcribes what the user says.
    """

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        # What a track carries, whatever the settings say of it.
        self._track: tuple[AudioFormat, AudioFormat] | None = None
        self.start_over()

    def start_over(self) -> None:
        """Nothing is known yet."""
        self._set_formats(_DEFAULT_FORMAT, _DEFAULT_FORMAT)
        self.transcribes_only = False
        self.detects_turns = True
        self.server_interrupts = False
        self.server_answers = True
        self.transcribes = True
        # What tracing should become once the session exists; None while nothing is to be done.
        self._tracing: tuple[Any] | None = None

    def carry(self, formats: tuple[AudioFormat, AudioFormat] | None) -> None:
        """From the next start on, sound goes in and out of a track in these formats.

        None is for sound in events, in the formats that the settings say.
        """
        self._track = formats

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
            _log.warning("tracing stays as the session came with it: the service cannot change it")
            return
        update = {"type": "realtime", "tracing": wanted}
        self._outcome.client_events.append({"type": "session.update", "session": update})

    def read(self, session: Mapping[str, Any], *, confirmed: bool) -> None:
        """Take in settings: the service's own where `confirmed`, else those we asked for."""
        self.transcribes_only = session.get("type") == "transcription"
        self._set_formats(_wire_format(session, "input"), _wire_format(session, "output"))
        audio_input = _at(session, "audio", "input")
        if not isinstance(audio_input, Mapping):
            audio_input = {}
        if "turn_detection" in audio_input:
            self.detects_turns = audio_input["turn_detection"] is not None
            answers = _at(session, "audio", "input", "turn_detection", "create_response")
            self.server_answers = bool(audio_input["turn_detection"]) and answers is not False
        if "transcription" in audio_input:
            self.transcribes = audio_input["transcription"] is not None
        if confirmed:
            interrupts = _at(session, "audio", "input", "turn_detection", "interrupt_response")
            self.server_interrupts = interrupts is True

    def _set_formats(self, sound_in: AudioFormat, sound_out: AudioFormat) -> None:
        self.input, self.output = self._track or (sound_in, sound_out)
        self.input_bytes_per_ms = _bytes_per_ms(self.input)
        self.output_bytes_per_ms = _bytes_per_ms(self.output)


def _wire_format(session: Mapping[str, Any], side: Literal["input", "output"]) -> AudioFormat:
    try:
        return protocol.wire_format(session, side)
    except ConfigError:
        # A format of the future: positions are then counted as if it were one of ours.
        name = _at(session, "audio", side, "format")
        is_g711 = isinstance(name, str) and name.startswith("g711_")
        return AudioFormat("pcmu", 8000) if is_g711 else _DEFAULT_FORMAT


def _at(session: Mapping[str, Any], *path: str) -> Any:
    """A setting by its place; None where anything on the way to it is missing."""
    value: Any = session
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _bytes_per_ms(audio_format: AudioFormat) -> float:
    width = 2 if audio_format.encoding == "pcm16" else 1
    return audio_format.sample_rate * audio_format.channels * width / 1000
