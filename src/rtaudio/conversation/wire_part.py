"""A part of a message as the service takes it in."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from rtaudio.audio import AudioConverter, AudioFormat
from rtaudio.errors import AudioError, ConfigError

if TYPE_CHECKING:
    from rtaudio.audio import AudioClip
    from rtaudio.conversation.items import ContentPart

__all__ = ["wire_part"]

_PART_FIELDS = ("text", "transcript", "image_url", "detail")


def wire_part(part: ContentPart, item_id: str, wire: AudioFormat) -> dict[str, Any]:
    """The part with the user's sound, where it is kept, in the format that the service expects.

    Raises:
        ConfigError: its sound cannot be brought to that format.
    """
    fields = {name: getattr(part, name) for name in _PART_FIELDS}
    clip = part.audio if part.type == "input_audio" else None
    if clip is not None:
        try:
            fields["audio"] = _base64(clip, wire)
        except AudioError as error:
            raise ConfigError(f"the sound of item {item_id!r} cannot be sent: {error}") from error
    return {"type": part.type, **{name: v for name, v in fields.items() if v is not None}}


def _base64(clip: AudioClip, wire: AudioFormat) -> str:
    clip = clip.mono().resampled(wire.sample_rate)
    converter = AudioConverter(AudioFormat("pcm16", wire.sample_rate), wire)
    return base64.b64encode(converter.process(clip.samples)).decode()
