"""What those hear who follow the user's sound, of what is sent."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtaudio.audio import AudioFormat
    from rtaudio.conversation.sent_sound import SentSound
    from rtaudio.conversation.unclaimed_sound import UnclaimedSound

__all__ = ["hear"]


def hear(
    ear: SentSound | UnclaimedSound,
    content: Mapping[str, Any] | bytes,
    wire: AudioFormat,
    now: float,
) -> None:
    """Tell of an event, or of sound in the wire's format, that is being sent."""
    if isinstance(content, bytes):
        ear.append(content, wire, now)
        return
    kind = content.get("type")
    if kind == "input_audio_buffer.commit":
        ear.commit()
    elif kind == "input_audio_buffer.clear":
        ear.clear()
    elif kind == "input_audio_buffer.append":
        try:
            sound = binascii.a2b_base64(content.get("audio", ""), strict_mode=True)
        except (binascii.Error, TypeError, ValueError):
            return  # the service will refuse it
        ear.append(sound, wire, now)
