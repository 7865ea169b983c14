"""Sessions as the service keeps them: defaults, and what `session.update` may change.

The settings are held as the protocol writes them, in plain dicts, and checked against the
structures below. Some settings are shown as what they are here rather than as what was asked for:
`noise_reduction` stays null, because there is none; `semantic_vad` becomes the server VAD that
stands in for it; `model` stays the one of the connection; `output_modalities` are text where the
service has no voice; `speed` stays 1, as voices have but one.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from rtaudio.protocol import InvalidEvent, merge_session_config, new_id
from rtaudio.server.turns import VadSettings

__all__ = ["ResponseParameters", "SessionConfig", "check"]

Json: TypeAlias = dict[str, Any]

_PCM = {"type": "audio/pcm", "rate": 24000}
# What the service announces for transcription sessions; conversations wait longer.
_SILENCE_MS = {"transcription": 200, "realtime": 500}
# Semantic VAD would judge by words whether somebody has finished. Silence has to do here: the more
# eager the setting, the shorter. The figures are ours.
_EAGERNESS_SILENCE_MS = {"low": 1000, "medium": 600, "auto": 600, "high": 300}
_MODEL = "rtaudio-local"

_Key: TypeAlias = Annotated[str, msgspec.Meta(max_length=64)]
_Value: TypeAlias = Annotated[str, msgspec.Meta(max_length=512)]
_Ms: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=60_000)]


class _Part(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class _Pcm(_Part, tag_field="type", tag="audio/pcm"):
    rate: Annotated[int, msgspec.Meta(ge=4000, le=192_000)] = 24000


class _Pcmu(_Part, tag_field="type", tag="audio/pcmu"):
    rate: Literal[8000] | None = None


class _Pcma(_Part, tag_field="type", tag="audio/pcma"):
    rate: Literal[8000] | None = None


class _NoiseReduction(_Part):
    type: Literal["near_field", "far_field"]
    strength: float = 1.0


class _Transcription(_Part):
    model: str | None = None
    language: Annotated[str, msgspec.Meta(pattern="^[a-z]{2,3}$")] | None = None
    languages: list[str] | None = None
    prompt: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    keywords: list[str] | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class _ServerVad(_Part, tag_field="type", tag="server_vad"):
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    prefix_padding_ms: _Ms = 300
    silence_duration_ms: _Ms = 500
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: None = None


class _SemanticVad(_Part, tag_field="type", tag="semantic_vad"):
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


class _Input(_Part):
    format: _Pcm | _Pcmu | _Pcma | None = None
    noise_reduction: _NoiseReduction | None = None
    transcription: _Transcription | None = None
    turn_detection: _ServerVad | _SemanticVad | None = None


class _Output(_Part):
    format: _Pcm | _Pcmu | _Pcma | None = None
    voice: str | Json | None = None
    speed: Annotated[float, msgspec.Meta(ge=0.25, le=1.5)] = 1.0


class _ResponseOutput(_Part):
    format: _Pcm | _Pcmu | _Pcma | None = None
    voice: str | Json | None = None


class _ResponseAudio(_Part):
    output: _ResponseOutput | msgspec.UnsetType = msgspec.UNSET


class ResponseParameters(_Part):
    """What `response.create` may carry, all of it optional."""

    conversation: Literal["auto", "none"] | msgspec.UnsetType = msgspec.UNSET
    input: list[Json] | None = None
    audio: _ResponseAudio | msgspec.UnsetType = msgspec.UNSET
    instructions: str = ""
    output_modalities: list[Literal["audio", "text"]] = []
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1, le=4096)] | Literal["inf"] = "inf"
    tools: list[Json] = []
    tool_choice: str | Json = "auto"
    parallel_tool_calls: bool | None = None
    reasoning: Json | None = None
    prompt: Json | None = None
    metadata: Annotated[dict[_Key, _Value], msgspec.Meta(max_length=16)] | None = None


class _InputOnly(_Part):
    input: _Input | msgspec.UnsetType = msgspec.UNSET


class _Audio(_Part):
    input: _Input | msgspec.UnsetType = msgspec.UNSET
    output: _Output | msgspec.UnsetType = msgspec.UNSET


class _Transcribing(_Part):
    type: Literal["transcription"]
    audio: _InputOnly | msgspec.UnsetType = msgspec.UNSET
    include: list[Literal["item.input_audio_transcription.logprobs"]] | None = None


class _Conversing(_Part):
    type: Literal["realtime"]
    audio: _Audio | msgspec.UnsetType = msgspec.UNSET
    include: list[Literal["item.input_audio_transcription.logprobs"]] | None = None
    model: str | None = None
    instructions: str = ""
    output_modalities: list[Literal["audio", "text"]] = []
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1, le=4096)] | Literal["inf"] = "inf"
    tools: list[Json] = []
    tool_choice: str | Json = "auto"
    parallel_tool_calls: bool | None = None
    reasoning: Json | None = None
    prompt: Json | None = None
    tracing: Literal["auto"] | Json | None = None
    truncation: Literal["auto", "disabled"] | Json = "auto"


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
        names = ("threshold", "prefix_padding_ms", "silence_duration_ms")
        return VadSettings(**{name: detection[name] for name in names})

    @property
    def transcription(self) -> Json | None:
        """How speech is to be transcribed, None where it is not."""
        chosen: Json | None = self._settings["audio"]["input"]["transcription"]
        return chosen

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
            raise _refuse("missing_required_parameter", "type", "missing; name the kind of session")
        if wanted not in known:
            raise _refuse("invalid_value", "type", f"expected one of {', '.join(known)}")
        base = self._settings
        if wanted != self.kind:
            if not may_change_type:
                raise _refuse("invalid_value", "type", "the kind of a session in use can't change")
            base = self._defaults(wanted)
        _check_session(changes)
        merged = merge_session_config(base, {k: v for k, v in changes.items() if k != "model"})
        _check_session({k: v for k, v in merged.items() if k not in ("id", "object")})
        if self._spoken and _voice(merged) != _voice(base):
            raise InvalidEvent(
                "The voice can't change any more: it has been heard.",
                code="cannot_update_voice",
                param="session.audio.output.voice",
            )
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
            settings["audio"]["output"]["speed"] = 1.0
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
    vad: Json = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300}
    vad["silence_duration_ms"] = _SILENCE_MS["realtime" if conversing else "transcription"]
    if conversing:
        vad |= {"idle_timeout_ms": None, "create_response": True, "interrupt_response": True}
    if asked["type"] == "semantic_vad":
        vad["silence_duration_ms"] = _EAGERNESS_SILENCE_MS[asked.get("eagerness", "auto")]
    known = {key: value for key, value in asked.items() if key in vad and key != "type"}
    return vad | known


# The beginnings of msgspec's messages, and the protocol's codes for them; the first match counts.
_CODES = (
    (re.compile(r"Object contains unknown field `(?P<field>[^`]*)`"), "unknown_parameter"),
    (re.compile(r"Object missing required field `(?P<field>[^`]*)`"), "missing_required_parameter"),
    (re.compile(r"Expected `int` >="), "integer_below_min_value"),
    (re.compile(r"Expected `int` <="), "integer_above_max_value"),
    (re.compile(r"Expected `float` >="), "decimal_below_min_value"),
    (re.compile(r"Expected `float` <="), "decimal_above_max_value"),
    (re.compile(r"Expected `str` of length <="), "string_above_max_length"),
    (re.compile(r"Expected `[^`]*`, got `"), "invalid_type"),
)
_PLACE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


def _check_session(settings: Json) -> None:
    """Check settings, whole or partial, against the structures above; raise InvalidEvent."""
    check(settings, _Transcribing if settings["type"] == "transcription" else _Conversing)


def check(value: Json, structure: Any, root: str = "session") -> None:
    """Check a part of an event against a msgspec structure.

    Args:
        value: what the client sent.
        structure: what it has to fit.
        root: the path of `value` in the event.

    Raises:
        InvalidEvent: with the `code` and `param` for the client.
    """
    try:
        msgspec.convert(value, structure)
    except msgspec.ValidationError as error:
        text = str(error)
        place = _PLACE.search(text)
        path = re.sub(r"\[\.\.\.\]", "", place["path"]) if place else ""
        what = _PLACE.sub("", text)
        code = "invalid_value"
        for pattern, name in _CODES:
            match = pattern.match(what)
            if match:
                code = name
                if field := match.groupdict().get("field"):
                    path = f"{path}.{field}" if path else field
                break
        raise _refuse(code, path, what, root) from None


def _refuse(code: str, path: str, what: str, root: str = "session") -> InvalidEvent:
    param = f"{root}.{path}" if path else root
    return InvalidEvent(f"{param}: {what}", code=code, param=param)


def _voice(settings: Json) -> Any:
    return settings["audio"]["output"]["voice"] if settings["type"] == "realtime" else None
