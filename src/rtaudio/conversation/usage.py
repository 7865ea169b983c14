"""Tokens spent on responses and on transcripts of the user's speech, by modality."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from rtaudio.conversation.prices import PriceTable
    from rtaudio.protocol import TranscriptionUsage
    from rtaudio.protocol import Usage as ResponseUsage

__all__ = [
    "CachedTotals",
    "InputTotals",
    "OutputTotals",
    "TranscriptionInputTotals",
    "TranscriptionTotals",
    "Usage",
]


class CachedTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Input tokens that the service had cached, by modality."""

    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0


class InputTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Input tokens of responses, by modality.

    Attributes:
        text_tokens: text, cached or not.
        audio_tokens: sound, cached or not.
        image_tokens: images, cached or not.
        cached_tokens: those of all modalities that the service had cached.
        cached_tokens_details: the cached ones by modality.
    """

    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0
    cached_tokens: int = 0
    cached_tokens_details: CachedTotals = CachedTotals()


class OutputTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Output tokens of responses, by modality; reasoning where the model reasons."""

    text_tokens: int = 0
    audio_tokens: int = 0
    reasoning_tokens: int = 0


class TranscriptionInputTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Input tokens of transcriptions, by modality."""

    text_tokens: int = 0
    audio_tokens: int = 0


class TranscriptionTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What transcribing the user's speech took; another model does it than the one that answers.

    Attributes:
        requests: transcripts that were completed, including those that reported no usage.
        seconds: length of the sound, where the service bills by duration.
        input_tokens: tokens read, where it bills by token.
        output_tokens: tokens written.
        input_token_details: tokens read, by modality.
    """

    requests: int = 0
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    input_token_details: TranscriptionInputTotals = TranscriptionInputTotals()

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Token counts, added up over the life of a session. Details are named as on the wire.

    A value does not change: what is spent later makes a new one.

    Attributes:
        requests: responses that ended, including those that reported no usage.
        input_tokens: tokens the model read; each response reads the conversation anew.
        output_tokens: tokens the model produced.
        input_token_details: the input by modality, and what of it was cached.
        output_token_details: the output by modality.
        transcription: what transcribing the user's speech took, which is no part of the above.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    input_token_details: InputTotals = InputTotals()
    output_token_details: OutputTotals = OutputTotals()
    transcription: TranscriptionTotals = TranscriptionTotals()

    @property
    def total_tokens(self) -> int:
        """Input and output of responses together."""
        return self.input_tokens + self.output_tokens

    def with_response(self, report: ResponseUsage | None) -> Usage:
        """The sum after one more response; `report` is its usage, None where it has none."""
        return msgspec.structs.replace(_sum(self, report), requests=self.requests + 1)

    def with_transcription(self, report: TranscriptionUsage | None) -> Usage:
        """The sum after one more transcript; `report` is its usage, None where it has none."""
        before = self.transcription
        after = msgspec.structs.replace(_sum(before, report), requests=before.requests + 1)
        return msgspec.structs.replace(self, transcription=after)

    def cost(self, prices: PriceTable) -> float:
        """What all of it costs, in the currency of the prices.

        Where the service does not say of which modality tokens are, they count as the dearest one,
        and cached tokens of unknown modality as not cached, so that no cost is told too low.
        """
        return prices.of_responses(self) + prices.of_transcription(self.transcription)


_Totals = TypeVar("_Totals", bound=msgspec.Struct)


def _sum(total: _Totals, report: msgspec.Struct | None) -> _Totals:
    """Add the counts of a report, whose fields have the same names; None in it is no count."""
    if report is None:
        return total
    sums: dict[str, object] = {}
    for name in total.__struct_fields__:
        before, more = getattr(total, name), getattr(report, name, None)
        if isinstance(before, msgspec.Struct):
            sums[name] = _sum(before, more)
        else:
            sums[name] = before + (more or 0)
    return msgspec.structs.replace(total, **sums)
