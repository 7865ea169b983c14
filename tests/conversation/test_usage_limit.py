from __future__ import annotations

import math
from typing import Any

import pytest

from rtaudio import ConfigError, protocol
from rtaudio.conversation import PriceTable, Usage, UsageLimit

PRICES = PriceTable(text_input=1, audio_input=1, text_output=1, audio_output=1)


def spent(input_tokens: int, output_tokens: int = 0) -> Usage:
    report = protocol.Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    return Usage().with_response(report)


def test_tokens_count_in_both_directions_and_the_limit_itself_is_reached() -> None:
    limit = UsageLimit(total_tokens=10)
    assert not limit.reached(spent(6, 3), None)
    assert limit.reached(spent(6, 4), None)


def test_money_counts_at_the_prices() -> None:
    limit = UsageLimit(cost=0.00001)
    assert not limit.reached(spent(9), PRICES)
    assert limit.reached(spent(10), PRICES)
    assert not limit.reached(spent(10), None)


def test_the_first_of_both_counts() -> None:
    assert UsageLimit(total_tokens=5, cost=1).reached(spent(5), PRICES)
    assert UsageLimit(total_tokens=50, cost=0.000005).reached(spent(5), PRICES)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "neither"),
        ({"total_tokens": 0}, "total_tokens .* 1 or more, got 0"),
        ({"total_tokens": 1.5}, "got 1.5"),
        ({"total_tokens": True}, "got True"),
        ({"cost": 0}, "cost .* above 0, got 0"),
        ({"cost": math.nan}, "got nan"),
        ({"cost": math.inf}, "got inf"),
        ({"cost": "1"}, "got '1'"),
        ({"cost": True}, "got True"),
        ({"cost": 1, "interrupt": "yes"}, "interrupt .* a bool, got 'yes'"),
    ],
)
def test_a_limit_out_of_range_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        UsageLimit(**fields)
