"""What tokens cost. Prices go stale, so none are built in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from rtaudio.conversation.usage import TranscriptionTotals, Usage

__all__ = ["PriceTable"]

_MILLION = 1_000_000
_SECONDS_PER_MINUTE = 60


class PriceTable(msgspec.Struct, frozen=True, kw_only=True):
    """Prices of one model, in any currency, per million tokens unless said.

    Each is a finite number, 0 or more.

    Attributes:
        text_input: text that the model reads, instructions and tools included.
        audio_input: sound that it hears.
        text_output: text that it writes, calls of functions and reasoning included.
        audio_output: sound that it speaks.
        image_input: images that it sees; None for the price of text.
        cached_text_input: text that the service had cached; None for no discount.
        cached_audio_input: sound that it had cached; None for no discount.
        cached_image_input: images that it had cached; None for no discount.
        transcription_text_input: text that the transcription model reads. Where the prices of
            transcription are left out, it counts as free.
        transcription_audio_input: sound that the transcription model hears.
        transcription_output: text that it writes.
        transcription_minute: a minute of sound, for a model that is billed by duration.

    Raises:
        ConfigError: a price is not such a number.
    """

    text_input: float
    audio_input: float
    text_output: float
    audio_output: float
    image_input: float | None = None
    cached_text_input: float | None = None
    cached_audio_input: float | None = None
    cached_image_input: float | None = None
    transcription_text_input: float = 0.0
    transcription_audio_input: float = 0.0
    transcription_output: float = 0.0
    transcription_minute: float = 0.0

    def __post_init__(self) -> None:
        for field in msgspec.structs.fields(self):
            price = getattr(self, field.name)
            if price is None and field.default is None:
                continue
            is_number = isinstance(price, (int, float)) and not isinstance(price, bool)
            if not is_number or not math.isfinite(price) or price < 0:
                raise ConfigError(
                    f"price {field.name} must be a finite number, 0 or more, got {price!r}"
                )

    def of_responses(self, usage: Usage) -> float:
        """What responses cost."""
        read, written = usage.input_token_details, usage.output_token_details
        cached = read.cached_tokens_details
        image_input = self.text_input if self.image_input is None else self.image_input
        unknown_input = usage.input_tokens - (
            read.text_tokens + read.audio_tokens + read.image_tokens
        )
        # Some models count reasoning beside the text, some as part of it.
        unknown_output = usage.output_tokens - written.text_tokens - written.audio_tokens
        reasoning = min(max(0, unknown_output), written.reasoning_tokens)
        return (
            _input_cost(
                read.text_tokens, self.text_input, cached.text_tokens, self.cached_text_input
            )
            + _input_cost(
                read.audio_tokens, self.audio_input, cached.audio_tokens, self.cached_audio_input
            )
            + _input_cost(
                read.image_tokens, image_input, cached.image_tokens, self.cached_image_input
            )
            + max(0, unknown_input) * max(self.text_input, self.audio_input, image_input)
            + (written.text_tokens + reasoning) * self.text_output
            + written.audio_tokens * self.audio_output
            + max(0, unknown_output - reasoning) * max(self.text_output, self.audio_output)
        ) / _MILLION

    def of_transcription(self, totals: TranscriptionTotals) -> float:
        """What transcripts of the user's speech cost."""
        read = totals.input_token_details
        text, audio = self.transcription_text_input, self.transcription_audio_input
        unknown = max(0, totals.input_tokens - read.text_tokens - read.audio_tokens)
        tokens = (
            read.text_tokens * text
            + read.audio_tokens * audio
            + unknown * max(text, audio)
            + totals.output_tokens * self.transcription_output
        )
        minutes = totals.seconds / _SECONDS_PER_MINUTE
        return tokens / _MILLION + minutes * self.transcription_minute


def _input_cost(tokens: int, price: float, cached: int, cached_price: float | None) -> float:
    """What input of one modality costs, in millionths of the currency."""
    if cached_price is None:
        return tokens * price
    cached = min(cached, tokens)
    return (tokens - cached) * price + cached * cached_price
