from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from rtaudio import ConfigError, protocol
from rtaudio.conversation import PriceTable, Usage

BASE: dict[str, Any] = {
    "text_input": 4.0,
    "audio_input": 32.0,
    "text_output": 16.0,
    "audio_output": 64.0,
}


def cost(prices: PriceTable, **report: Any) -> float:
    """Of one response, in millionths."""
    usage = Usage().with_response(msgspec.convert(report, protocol.Usage))
    return round(usage.cost(prices) * 1e6, 6)


def transcription_cost(prices: PriceTable, **report: Any) -> float:
    spent = msgspec.convert({"type": "x", **report}, protocol.TranscriptionUsage)
    return round(Usage().with_transcription(spent).cost(prices) * 1e6, 6)


def test_nothing_spent_costs_nothing() -> None:
    assert Usage().cost(PriceTable(**BASE)) == 0


def test_every_modality_and_direction_has_its_own_price() -> None:
    prices = PriceTable(**BASE, image_input=5)
    read = {"text_tokens": 10, "audio_tokens": 100, "image_tokens": 1000}
    assert cost(prices, input_tokens=1110, input_token_details=read) == 40 + 3200 + 5000
    written = {"text_tokens": 3, "audio_tokens": 7}
    assert cost(prices, output_tokens=10, output_token_details=written) == 48 + 448


def test_prices_are_per_million() -> None:
    read = {"text_tokens": 1_000_000}
    assert cost(PriceTable(**BASE), input_tokens=1_000_000, input_token_details=read) == 4e6


def test_images_cost_as_text_where_they_have_no_price() -> None:
    read = {"image_tokens": 10}
    assert cost(PriceTable(**BASE), input_tokens=10, input_token_details=read) == 40


@pytest.mark.parametrize(
    ("modality", "full", "discounted"), [("text", 4, 1), ("audio", 32, 2), ("image", 5, 3)]
)
def test_cached_tokens_are_part_of_the_input_and_have_their_own_price(
    modality: str, full: int, discounted: int
) -> None:
    kind = f"{modality}_tokens"
    details = {kind: 10, "cached_tokens": 6, "cached_tokens_details": {kind: 6}}
    report = {"input_tokens": 10, "input_token_details": details}
    plain = PriceTable(**BASE, image_input=5)
    assert cost(plain, **report) == 10 * full
    cheaper = msgspec.structs.replace(plain, **{f"cached_{modality}_input": discounted})
    assert cost(cheaper, **report) == 4 * full + 6 * discounted


def test_cached_tokens_of_unknown_modality_get_no_discount() -> None:
    prices = PriceTable(**BASE, cached_text_input=1, cached_audio_input=1)
    details = {"text_tokens": 5, "audio_tokens": 5, "cached_tokens": 8}
    assert cost(prices, input_tokens=10, input_token_details=details) == 20 + 160


def test_tokens_of_unknown_modality_count_as_the_dearest() -> None:
    prices = PriceTable(**BASE)
    assert cost(prices, input_tokens=10, output_tokens=10) == 320 + 640
    images_dearest = PriceTable(**BASE, image_input=50)
    assert cost(images_dearest, input_tokens=10) == 500


@pytest.mark.parametrize("text_tokens", [10, 30])
def test_reasoning_costs_as_text_whether_counted_in_it_or_beside_it(text_tokens: int) -> None:
    written = {"text_tokens": text_tokens, "audio_tokens": 0, "reasoning_tokens": 20}
    assert cost(PriceTable(**BASE), output_tokens=30, output_token_details=written) == 30 * 16


def test_details_beyond_the_total_make_no_negative_cost() -> None:
    read = {"text_tokens": 10}
    written = {"audio_tokens": 1, "reasoning_tokens": 5}
    report = {"input_token_details": read, "output_token_details": written}
    assert cost(PriceTable(**BASE), **report) == 40 + 64
    details = {"text_tokens": 5, "cached_tokens_details": {"text_tokens": 8}}
    prices = PriceTable(**BASE, cached_text_input=1)
    assert cost(prices, input_tokens=5, input_token_details=details) == 5


def test_transcription_is_billed_by_token_or_by_minute() -> None:
    prices = PriceTable(
        **BASE,
        transcription_text_input=1,
        transcription_audio_input=3,
        transcription_output=5,
        transcription_minute=0.006,
    )
    details = {"text_tokens": 2, "audio_tokens": 9}
    tokens = {"input_tokens": 13, "output_tokens": 4, "input_token_details": details}
    assert transcription_cost(prices, **tokens) == 2 + 27 + 2 * 3 + 20
    assert transcription_cost(prices, seconds=30) == 3000
    assert transcription_cost(PriceTable(**BASE), **tokens, seconds=30) == 0


@pytest.mark.parametrize("name", [*BASE, "image_input", "cached_audio_input"])
@pytest.mark.parametrize("wrong", [-0.1, math.nan, math.inf, "4", True])
def test_a_price_is_a_finite_number_of_at_least_nothing(name: str, wrong: Any) -> None:
    with pytest.raises(ConfigError, match=rf"price {name} must be a finite number, 0 or more"):
        PriceTable(**{**BASE, name: wrong})


@pytest.mark.parametrize("name", ["text_input", "transcription_minute"])
def test_a_price_that_is_needed_cannot_be_none(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} .* got None"):
        PriceTable(**{**BASE, name: None})


@pytest.mark.parametrize("name", BASE)
def test_the_main_prices_have_no_default(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        PriceTable(**{other: 1.0 for other in BASE if other != name})


def test_a_price_may_be_zero() -> None:
    assert cost(PriceTable(**dict.fromkeys(BASE, 0)), input_tokens=5, output_tokens=5) == 0
