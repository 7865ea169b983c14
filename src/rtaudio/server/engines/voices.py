"""Which voice the service speaks with: the best one that is installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtaudio.errors import ConfigError
from rtaudio.server.engines.espeak import EspeakVoice
from rtaudio.server.engines.piper import PiperVoice

if TYPE_CHECKING:
    import os

    from rtaudio.server.engines.base import Voice

__all__ = ["VoiceChoice", "choose_voice"]


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """A voice, and why it is this one.

    Attributes:
        voice: the voice, or None where there is none.
        found: what it is and where it lies, or "none".
        advice: how to get a better one, or one at all; None where this is the best.
    """

    voice: Voice | None
    found: str
    advice: str | None = None


def choose_voice(model: str | os.PathLike[str] | None = None) -> VoiceChoice:
    """Choose Piper where it is installed, else espeak-ng, else nothing; loads no model.

    Args:
        model: a Piper voice (see `resolve_voice`), which leaves no choice; None chooses.

    Raises:
        ConfigError: `model` is given and is no voice, or Piper is not installed.
    """
    try:
        piper = PiperVoice(model)
    except ConfigError as error:
        if model is not None:
            raise
        no_piper = str(error)
    else:
        return VoiceChoice(piper, f"piper, {piper.model}")
    try:
        espeak = EspeakVoice()
    except ConfigError as error:
        return VoiceChoice(None, "none", f"for a voice: {no_piper}. Or else {error}")
    return VoiceChoice(
        espeak, f"espeak-ng, {espeak.program}", f"for a voice less like a robot's: {no_piper}"
    )
