"""Sessions as the service keeps them: defaults, and what `session.update` may change.

The settings are held as the protocol writes them, in plain dicts. What is not done here is shown as
what it is rather than as what was asked for: `noise_reduction` and `tracing` stay null, as there
are none; `include` does, as recognisers give no probabilities of tokens; `truncation` is "auto",
since the oldest items go; `model` stays the one of the connection; `output_modalities` are text
where the service has no voice, and `speed` is 1 then.
"""

from __future__ import annotations

import time
from typing import Any, Literal, TypeAlias

from rtaudio.protocol import InvalidEvent, merge_session_config, new_id
from rtaudio.server.listening.turns import VadSettings
from rtaudio.server.session_schema import (
    Conversing,
    Transcribing,
    check,
    refuse_what_is_elsewhere,
)

__all__ = ["SessionConfig"]

Json: TypeAlias = dict[str, Any]

_PCM = {"type": "audio/pcm", "rate": 24000}
# What the service announces for transcription sessions; conversations wait longer.
_SILENCE_MS = {"transcription": 200, "realtime": 500}
# Semantic VAD would judge by words whether somebody has finished. Silence has to do here: the more
# eager the setting, the shorter. The figures are ours.
_EAGERNESS_SILENCE_MS = {"low": 1000, "medium": 600, "auto": 600, "high": 300}
_MODEL = "rtaudio-local"
_OWN = ("id", "object", "expires_at")  # what a session shows beside its settings
# Whoever asks for one of these knows that words come for an item that is not announced yet.
_LIVE_MODELS = ("gpt-realtime-whisper", "gpt-live-transcribe")


class SessionConfig:
    """The settings of one session.

    Args:
        kind: "realtime" or "transcription".
        model: what the client named in the URL, for conversations.
        speaks: whether the service has a voice; without one all output is text.
    """

    def __init__(
        self,
        kind: Literal["realtime", "transcription"],
        model: str | None = None,
        *,
        speaks: bool = False,
    ) -> None:
        self._id = new_id("sess")
        self._model = model or _MODEL
        self._speaks = speaks
        self._spoken = False
        self._expires_at: int | None = None
        self._settings = self._defaults(kind)

    @property
    def kind(self) -> str:
        """`realtime` or `transcription`."""
        return str(self._settings["type"])

    @property
    def settings(self) -> Json:
        """All settings in effect, in wire form; not to be changed."""
        return self._settings

    @property
    def vad(self) -> VadSettings | None:
        """Settings of turn detection, None where the client commits by itself."""
        detection = self._settings["audio"]["input"]["turn_detection"]
        if detection is None:
            return None
        if detection["type"] == "semantic_vad":
            return VadSettings(silence_duration_ms=_EAGERNESS_SILENCE_MS[detection["eagerness"]])
        names = ("threshold", "prefix_padding_ms", "silence_duration_ms")
        return VadSettings(**{name: detection[name] for name in names})

    @property
    def idle_timeout_ms(self) -> int | None:
        """Milliseconds of silence after a reply that count as a turn, None where none do."""
        detection = self._settings["audio"]["input"]["turn_detection"] or {}
        waits: int | None = detection.get("idle_timeout_ms")
        return waits

    @property
    def transcription(self) -> Json | None:
        """How speech is to be transcribed, None where it is not."""
        chosen: Json | None = self._settings["audio"]["input"]["transcription"]
        return chosen

    @property
    def transcribes_live(self) -> bool:
        """Whether words are wanted before a commit that only the client makes."""
        chosen = self.transcription
        return self.vad is None and chosen is not None and chosen["model"] in _LIVE_MODELS

    @property
    def creates_responses(self) -> bool:
        """Whether a turn that turn detection ended is answered without being asked."""
        return self._detection_says("create_response")

    @property
    def interrupts_responses(self) -> bool:
        """Whether speech cuts the answer that is being given."""
        return self._detection_says("interrupt_response")

    def fix_voice(self) -> None:
        """Refuse another voice from now on: something has been spoken."""
        self._spoken = True

    def check_voice(self, voice: Any, root: str) -> None:
        """Refuse another voice than the one that has been heard.

        Args:
            voice: what is asked for.
            root: `session` or `response`, for the error's `param`.

        Raises:
            InvalidEvent: another one has been heard.
        """
        if self._spoken and voice != self._settings["audio"]["output"]["voice"]:
            raise InvalidEvent(
                "The voice can't change any more: it has been heard.",
                code="cannot_update_voice",
                param=f"{root}.audio.output.voice",
            )

    def expire_in(self, seconds: float) -> None:
        """Show when the session ends, from now."""
        self._expires_at = int(time.time() + seconds)
        self._settings["expires_at"] = self._expires_at

    def output_modalities(self, asked: list[str]) -> list[str]:
        """Tell how output comes that was asked for like this."""
        return ["audio"] if self._speaks and asked != ["text"] else ["text"]

    def _detection_says(self, name: str) -> bool:
        detection = self._settings["audio"]["input"]["turn_detection"]
        return detection is not None and bool(detection.get(name))

    def update(self, changes: Json, *, may_change_type: bool) -> None:
        """Apply a `session.update`, all of it or nothing.

        Args:
            changes: the event's `session`.
            may_change_type: whether the session is still new enough to become the other kind.

        Raises:
            InvalidEvent: with the `code` and `param` for the client.
        """
        wanted = changes.get("type")
        known = ("realtime", "transcription")
        if wanted is None:
            raise _refuse_type(
                "missing_required_parameter", "Missing required parameter: 'session.type'."
            )
        if wanted not in known:
            raise _refuse_type(
                "invalid_value", f"Unknown kind of session; expected one of {', '.join(known)}."
            )
        base = self._settings
        if wanted != self.kind:
            if not may_change_type:
                raise _refuse_type("invalid_value", "The kind of a session in use can't change.")
            base = self._defaults(wanted)
        _check_session(changes)
        refuse_what_is_elsewhere(changes)
        merged = merge_session_config(base, {k: v for k, v in changes.items() if k != "model"})
        _check_session({k: v for k, v in merged.items() if k not in _OWN})
        if merged["type"] == "realtime":
            self.check_voice(merged["audio"]["output"]["voice"], "session")
        self._settings = self._effective(merged)

    def _defaults(self, kind: str) -> Json:
        vad = {"type": "server_vad", "silence_duration_ms": _SILENCE_MS[kind]}
        listening = {"format": dict(_PCM), "transcription": None, "turn_detection": vad}
        common: Json = {
            "type": kind,
            "id": self._id,
            "include": None,
            "audio": {"input": listening},
        }
        if self._expires_at is not None:
            common["expires_at"] = self._expires_at
        if kind == "transcription":
            return self._effective({**common, "object": "realtime.transcription_session"})
        common["audio"]["output"] = {"format": dict(_PCM), "voice": None, "speed": 1.0}
        return self._effective(
            {
                **common,
                "object": "realtime.session",
                "model": self._model,
                "output_modalities": ["audio"],
                "instructions": "",
                "tools": [],
                "tool_choice": "auto",
                "max_output_tokens": "inf",
                "tracing": None,
                "truncation": "auto",
                "prompt": None,
            }
        )

    def _effective(self, settings: Json) -> Json:
        """Fill in what was left open, and put what is done in place of what was asked for."""
        if settings["type"] == "realtime":
            settings["output_modalities"] = self.output_modalities(settings["output_modalities"])
            if not self._speaks:
                settings["audio"]["output"]["speed"] = 1.0
            settings |= {"tracing": None, "truncation": "auto"}
        settings["include"] = None
        listening = settings["audio"]["input"]
        listening["noise_reduction"] = None
        for side in settings["audio"].values():
            if side["format"] is None:
                side["format"] = dict(_PCM)
            if side["format"]["type"] == "audio/pcm":
                side["format"].setdefault("rate", _PCM["rate"])
        if listening["transcription"] is not None:
            chosen = {"model": _MODEL, "language": None, "prompt": None}
            listening["transcription"] = {**chosen, **listening["transcription"]}
        listening["turn_detection"] = _effective_vad(
            listening["turn_detection"], settings["type"] == "realtime"
        )
        return settings


def _effective_vad(asked: Json | None, conversing: bool) -> Json | None:
    if asked is None:
        return None
    vad: Json = {"type": asked["type"]}
    if asked["type"] == "semantic_vad":
        vad["eagerness"] = "auto"
    else:
        silence_ms = _SILENCE_MS["realtime" if conversing else "transcription"]
        vad |= {"threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": silence_ms}
        if conversing:
            vad["idle_timeout_ms"] = None
    if conversing:
        vad |= {"create_response": True, "interrupt_response": True}
    return vad | {key: value for key, value in asked.items() if key in vad}


def _check_session(settings: Json) -> None:
    """Check settings, whole or partial; raise InvalidEvent."""
    check(settings, Transcribing if settings["type"] == "transcription" else Conversing)


def _refuse_type(code: str, what: str) -> InvalidEvent:
    return InvalidEvent(what, code=code, param="session.type")
