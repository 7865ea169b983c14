"""The response object: what a model's turn came to, and what it used."""

from __future__ import annotations

from typing import Any

import msgspec

from rtaudio.protocol.base import Detail
from rtaudio.protocol.items import Item  # noqa: TC001 - msgspec reads the annotations

__all__ = [
    "CachedTokensDetails",
    "InputTokenDetails",
    "OutputTokenDetails",
    "Response",
    "ResponseStatusDetails",
    "ResponseStatusError",
    "Usage",
]


class CachedTokensDetails(Detail, frozen=True, kw_only=True):
    """Cached input tokens by kind."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class InputTokenDetails(Detail, frozen=True, kw_only=True):
    """Input tokens by kind; `cached_tokens` are part of them, not beside them."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    cached_tokens: int | None = None
    cached_tokens_details: CachedTokensDetails | None = None


class OutputTokenDetails(Detail, frozen=True, kw_only=True):
    """Output tokens by kind."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    reasoning_tokens: int | None = None


class Usage(Detail, frozen=True, kw_only=True):
    """Tokens of one response. Input counts the whole context again in every turn."""

    total_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_token_details: InputTokenDetails | None = None
    output_token_details: OutputTokenDetails | None = None


class ResponseStatusError(Detail, frozen=True, kw_only=True):
    """Why a response failed."""

    type: str | None = None
    code: str | None = None
    message: str | None = None


class ResponseStatusDetails(Detail, frozen=True, kw_only=True):
    """What lies behind a response's status.

    Attributes:
        type: the status again.
        reason: `turn_detected`, `client_cancelled`, `max_output_tokens` or `content_filter`.
        error: why it failed.
    """

    type: str | None = None
    reason: str | None = None
    error: ResponseStatusError | None = None


class Response(Detail, omit_defaults=False, frozen=True, kw_only=True):
    """A response, as in `response.created` and `response.done`.

    Attributes:
        id: `resp_...`.
        object: `realtime.response`.
        status: `in_progress`, `completed`, `cancelled`, `incomplete` or `failed`.
        status_details: why, when it is not simply completed.
        output: the items, without audio bytes; empty in `response.created`.
        conversation_id: None when the response is out of band.
        output_modalities: `["audio"]` or `["text"]`.
        max_output_tokens: 1-4096, or `"inf"`.
        audio: `{"output": {"format", "voice"}}`.
        usage: None until `response.done`.
        metadata: what `response.create` gave.
    """

    id: str | None = None
    object: str | None = "realtime.response"
    status: str | None = None
    status_details: ResponseStatusDetails | None = None
    output: list[Item] = msgspec.field(default_factory=list)
    conversation_id: str | None = None
    output_modalities: list[str] | None = None
    max_output_tokens: int | str | None = None
    audio: dict[str, Any] | None = None
    usage: Usage | None = None
    metadata: dict[str, str] | None = None
