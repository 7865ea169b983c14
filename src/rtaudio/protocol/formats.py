"""Audio formats as the protocol writes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rtaudio.audio.format import AudioFormat, Encoding
from rtaudio.errors import AudioError, ConfigError

__all__ = ["format_from_wire", "format_to_wire", "normalise_format"]

PCM_RATE = 24_000  # Hz; what the protocol means where it names no rate
G711_RATE = 8_000  # Hz; ITU-T G.711, and the protocol knows no other

_SPELLINGS: dict[str, dict[str, Any]] = {
    "pcm16": {"type": "audio/pcm", "rate": PCM_RATE},
    "pcm": {"type": "audio/pcm", "rate": PCM_RATE},
    "audio/pcm": {"type": "audio/pcm", "rate": PCM_RATE},
    "g711_ulaw": {"type": "audio/pcmu"},
    "pcmu": {"type": "audio/pcmu"},
    "audio/pcmu": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
    "pcma": {"type": "audio/pcma"},
    "audio/pcma": {"type": "audio/pcma"},
}
_WIRE_TYPES: dict[Encoding, str] = {
    "pcm16": "audio/pcm",
    "pcmu": "audio/pcmu",
    "pcma": "audio/pcma",
}
_ENCODINGS = {wire: encoding for encoding, wire in _WIRE_TYPES.items()}


def normalise_format(value: str | Mapping[str, Any] | AudioFormat) -> dict[str, Any]:
    """Write a format, in any spelling in use, as the protocol's object.

    Args:
        value: `pcm16`, `g711_ulaw`, `audio/pcma` and the like; an `AudioFormat`; or a mapping,
            which is passed on as it is, but that a `rate` that is no number becomes 24000.

    Returns:
        `{"type": "audio/pcm", "rate": 24000}`, `{"type": "audio/pcmu"}`, ...

    Raises:
        ConfigError: the text names no format, or the `AudioFormat` cannot travel in JSON.
    """
    if isinstance(value, AudioFormat):
        return format_to_wire(value)
    if isinstance(value, str):
        if value not in _SPELLINGS:
            raise ConfigError(
                f"unknown audio format {value!r}; expected one of {', '.join(_SPELLINGS)}"
            )
        return dict(_SPELLINGS[value])
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"an audio format is a text, a mapping or an AudioFormat, not {type(value).__name__}"
        )
    wire = dict(value)
    rate = wire.get("rate")
    if wire.get("type") == "audio/pcm" and isinstance(rate, float) and not math.isfinite(rate):
        wire["rate"] = PCM_RATE
    return wire


def format_from_wire(value: str | Mapping[str, Any]) -> AudioFormat:
    """Read the protocol's format object.

    Args:
        value: such as `{"type": "audio/pcm", "rate": 24000}`; without a rate PCM has 24000 Hz. The
            texts of the beta protocol are read too.

    Raises:
        ConfigError: the type is not audio/pcm, audio/pcmu or audio/pcma, or the rate is no rate.
    """
    wire = normalise_format(value)
    kind = wire.get("type")
    if not isinstance(kind, str) or kind not in _ENCODINGS:
        raise ConfigError(
            f"unknown audio format type {kind!r}; expected one of {', '.join(_ENCODINGS)}"
        )
    if kind != "audio/pcm":
        return AudioFormat(_ENCODINGS[kind], G711_RATE)
    rate = wire.get("rate")
    if rate is None:
        rate = PCM_RATE
    if isinstance(rate, bool) or not isinstance(rate, int | float) or rate != int(rate):
        raise ConfigError(f"the rate of audio/pcm is {rate!r}; expected a whole number of Hz")
    try:
        return AudioFormat("pcm16", int(rate))
    except AudioError as error:
        raise ConfigError(f"the rate of audio/pcm cannot be used: {error}") from error


def format_to_wire(audio_format: AudioFormat) -> dict[str, Any]:
    """Write a format as the protocol's object.

    Raises:
        ConfigError: the protocol cannot carry it: Opus, several channels, or G.711 at another rate
            than 8000 Hz.
    """
    kind = _WIRE_TYPES.get(audio_format.encoding)
    if kind is None:
        raise ConfigError(
            f"realtime events cannot carry {audio_format.encoding!r}; "
            f"expected one of {', '.join(_WIRE_TYPES)}"
        )
    if audio_format.channels != 1:
        raise ConfigError(f"realtime audio is mono; got {audio_format.channels} channels")
    if kind == "audio/pcm":
        return {"type": kind, "rate": audio_format.sample_rate}
    if audio_format.sample_rate != G711_RATE:
        raise ConfigError(
            f"G.711 has {G711_RATE} Hz on the wire; got {audio_format.sample_rate} Hz"
        )
    return {"type": kind}
