"""Session settings in the protocol's own shape, whichever way the caller spelt them.

Three spellings are read: snake case (the wire's own), camel case, and the flat keys of the beta
protocol. Every setting is decided by itself: today's place wins over the beta key, and snake case
over camel case, whatever the other settings were spelt like.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from rtaudio.errors import ConfigError
from rtaudio.protocol.formats import format_from_wire, normalise_format

if TYPE_CHECKING:
    from rtaudio.audio.format import AudioFormat

__all__ = ["merge_session_config", "normalise_session_config", "wire_format"]

_log = logging.getLogger(__name__)

_TOP_CAMEL = {
    "outputModalities": "output_modalities",
    "toolChoice": "tool_choice",
    "parallelToolCalls": "parallel_tool_calls",
    "maxOutputTokens": "max_output_tokens",
    "providerData": "provider_data",
}
_INPUT_CAMEL = {"turnDetection": "turn_detection", "noiseReduction": "noise_reduction"}
_TURN_DETECTION_CAMEL = {
    "createResponse": "create_response",
    "interruptResponse": "interrupt_response",
    "prefixPaddingMs": "prefix_padding_ms",
    "silenceDurationMs": "silence_duration_ms",
    "idleTimeoutMs": "idle_timeout_ms",
    "modelVersion": "model_version",
}
_TRACING_CAMEL = {"workflowName": "workflow_name", "groupId": "group_id"}

# The beta protocol's flat keys, in every spelling in use, and where each setting lives today.
_LEGACY: dict[str, tuple[str, ...]] = {
    "modalities": ("output_modalities",),
    "model_name": ("model",),
    "modelName": ("model",),
    "max_response_output_tokens": ("max_output_tokens",),
    "maxResponseOutputTokens": ("max_output_tokens",),
    "input_audio_format": ("audio", "input", "format"),
    "inputAudioFormat": ("audio", "input", "format"),
    "output_audio_format": ("audio", "output", "format"),
    "outputAudioFormat": ("audio", "output", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "inputAudioTranscription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "inputAudioNoiseReduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "turnDetection": ("audio", "input", "turn_detection"),
    "speed": ("audio", "output", "speed"),
    "voice": ("audio", "output", "voice"),
}


def normalise_session_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Bring session settings into the shape that `session.update` carries.

    Only settings that are given appear in the result; no defaults are added. A null is kept where
    it switches something off (`transcription`, `turn_detection`, `noise_reduction`, ...), and
    dropped where it cannot mean anything: for `audio`, its `input` and `output`, and formats. An
    empty `turn_detection` counts as not given. Keys that are not known pass through.
    `provider_data` is merged over the settings and wins over all but `prompt` and `tools`.

    Args:
        config: settings in snake case, camel case, beta keys, or any mixture. It is not changed,
            and the result shares nothing with it.

    Returns:
        Settings in wire form.

    Raises:
        ConfigError: a format is a text that names none, or a block is not a mapping. It names the
            setting by its place.
    """
    given = _mapping(config, "session config")
    settings = _snake({k: v for k, v in given.items() if k not in _LEGACY}, _TOP_CAMEL)
    provider_data = settings.pop("provider_data", None)

    audio = _mapping(settings.pop("audio", None), "audio")
    blocks = {
        "input": _snake(_mapping(audio.pop("input", None), "audio.input"), _INPUT_CAMEL),
        "output": dict(_mapping(audio.pop("output", None), "audio.output")),
    }
    for key, place in _LEGACY.items():
        if key in given:
            target = settings if len(place) == 1 else blocks[place[1]]
            _place(target, place[-1], given[key], key, ".".join(place))

    for side, block in blocks.items():
        _finish_format(block, f"audio.{side}.format")
    _finish_turn_detection(blocks["input"])
    audio.update({side: block for side, block in blocks.items() if block})
    if audio:
        settings["audio"] = audio
    if isinstance(settings.get("prompt"), Mapping):
        settings["prompt"] = _snake(settings["prompt"], {"promptId": "id", "prompt_id": "id"})
    if isinstance(settings.get("tracing"), Mapping):
        settings["tracing"] = _snake(settings["tracing"], _TRACING_CAMEL)
    provided = _mapping(provider_data, "provider_data")
    for key in ("prompt", "tools"):
        if key in settings:
            provided.pop(key, None)
    return merge_session_config(settings, provided)


def merge_session_config(base: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Lay an update over settings, as the service does with `session.update`.

    Mappings merge key by key, to any depth. Anything else replaces what was there: a null is a
    value like another, and so is a list. A mapping whose `type` differs from the one it meets
    replaces it whole, because the fields of one kind of turn detection or format mean nothing to
    another.

    Args:
        base: settings in wire form.
        update: changes in wire form.

    Returns:
        New settings that share nothing with either.
    """
    if "type" in base and "type" in update and base["type"] != update["type"]:
        return _copy_mapping(update)
    merged = _copy_mapping(base)
    for key, value in update.items():
        before = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = merge_session_config(before if isinstance(before, Mapping) else {}, value)
        else:
            merged[key] = _copy(value)
    return merged


def wire_format(config: Mapping[str, Any], side: Literal["input", "output"]) -> AudioFormat:
    """Tell which audio a session carries in one direction.

    Args:
        config: a session in wire form, such as that of `session.updated`.
        side: `input`, towards the service, or `output`, from it.

    Returns:
        The format; PCM16 at 24000 Hz where the session names none.

    Raises:
        ConfigError: the session names a format that is not known.
    """
    value: Any = config
    for key in ("audio", side, "format"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return format_from_wire("audio/pcm" if value is None else value)


def _mapping(value: Any, name: str) -> dict[str, Any]:
    """A shallow copy of a block; None counts as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name} is a mapping, not {type(value).__name__}")
    return dict(value)


def _snake(block: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Rename camel case keys; what is there under the wire's own name stays."""
    renamed = {key: value for key, value in block.items() if key not in names}
    for key, name in names.items():
        if key in block:
            renamed.setdefault(name, block[key])
    return renamed


def _place(target: dict[str, Any], name: str, value: Any, key: str, place: str) -> None:
    if name not in target:
        target[name] = value
    elif target[name] != value:
        _log.warning("session config: %s is ignored, because %s is given too", key, place)


def _finish_turn_detection(block: dict[str, Any]) -> None:
    detection = block.get("turn_detection")
    if isinstance(detection, Mapping):
        detection = _snake(detection, _TURN_DETECTION_CAMEL)
        if detection:
            block["turn_detection"] = detection
        else:
            del block["turn_detection"]


def _finish_format(block: dict[str, Any], place: str) -> None:
    value = block.pop("format", None)
    if value is None:
        return
    try:
        block["format"] = normalise_format(value)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None


def _copy_mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copy(entry) for key, entry in value.items()}


def _copy(value: Any) -> Any:
    """A copy in plain dicts and lists."""
    if isinstance(value, Mapping):
        return _copy_mapping(value)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | bytearray):
        return [_copy(entry) for entry in value]
    return copy.copy(value)
