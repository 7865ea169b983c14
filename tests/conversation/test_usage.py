from __future__ import annotations

import msgspec
import pytest

from rtaudio import protocol
from rtaudio.conversation import Usage
from rtaudio.conversation.usage import CachedTotals, InputTotals, OutputTotals


def reported(**fields: object) -> protocol.Usage:
    return msgspec.convert(fields, protocol.Usage)


def transcribed(**fields: object) -> protocol.TranscriptionUsage:
    return msgspec.convert(fields, protocol.TranscriptionUsage)


RESPONSE = reported(
    total_tokens=183,
    input_tokens=159,
    output_tokens=24,
    input_token_details={
        "text_tokens": 100,
        "audio_tokens": 47,
        "image_tokens": 12,
        "cached_tokens": 72,
        "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 5, "image_tokens": 3},
    },
    output_token_details={"text_tokens": 12, "audio_tokens": 10, "reasoning_tokens": 2},
)


def test_responses_add_up_by_modality() -> None:
    usage = Usage().with_response(RESPONSE).with_response(RESPONSE)
    assert (usage.requests, usage.input_tokens, usage.output_tokens) == (2, 318, 48)
    assert usage.total_tokens == 366
    assert usage.input_token_details == InputTotals(
        text_tokens=200,
        audio_tokens=94,
        image_tokens=24,
        cached_tokens=144,
        cached_tokens_details=CachedTotals(text_tokens=128, audio_tokens=10, image_tokens=6),
    )
    assert usage.output_token_details == OutputTotals(
        text_tokens=24, audio_tokens=20, reasoning_tokens=4
    )


@pytest.mark.parametrize("report", [None, protocol.Usage()])
def test_a_response_without_usage_is_one_request_of_no_tokens(
    report: protocol.Usage | None,
) -> None:
    usage = Usage().with_response(RESPONSE)
    more = usage.with_response(report)
    assert more.requests == 2
    assert msgspec.structs.replace(more, requests=1) == usage


def test_transcripts_are_counted_apart_from_responses() -> None:
    details = {"text_tokens": 2, "audio_tokens": 9}
    by_token = transcribed(
        type="tokens", input_tokens=11, output_tokens=3, input_token_details=details
    )
    by_duration = transcribed(type="duration", seconds=1.5)
    usage = Usage()
    for report in (by_token, by_duration, by_token, by_duration, None):
        usage = usage.with_transcription(report)
    assert (usage.requests, usage.total_tokens) == (0, 0)
    spent = usage.transcription
    assert (spent.requests, spent.seconds) == (5, 3.0)
    assert (spent.input_tokens, spent.output_tokens, spent.total_tokens) == (22, 6, 28)
    assert spent.input_token_details.text_tokens == 4
    assert spent.input_token_details.audio_tokens == 18
    assert usage.with_response(RESPONSE).transcription == spent


def test_a_value_stays_as_it_was_read() -> None:
    before = Usage()
    before.with_response(RESPONSE)
    assert before == Usage()
    with pytest.raises(AttributeError):
        before.requests = 5  # type: ignore[misc]
