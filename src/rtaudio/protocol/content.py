"""Content of messages."""

from __future__ import annotations

from rtaudio.protocol.base import Detail

__all__ = ["ContentPart"]


class ContentPart(Detail, frozen=True, kw_only=True):
    """One part of a message.

    One structure serves every kind of part, so that a kind the service adds later is read too.

    Attributes:
        type: `input_text`, `input_audio`, `input_image`, `output_text` or `output_audio`; in
            `response.content_part.*`, and from beta servers everywhere, also `text` and `audio`.
        text: the text of a text part.
        audio: the sound of an audio part in the session's format (base64 on the wire); the service
            leaves it out everywhere but in `conversation.item.retrieved`.
        transcript: the text of an audio part, None until it is known.
        image_url: a data URI of a PNG or JPEG image.
        detail: how closely to look at an image: `auto`, `low` or `high`.
    """

    type: str
    text: str | None = None
    audio: bytes | None = None
    transcript: str | None = None
    image_url: str | None = None
    detail: str | None = None
