"""How much a session may spend before it ends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from rtaudio.conversation.prices import PriceTable
    from rtaudio.conversation.usage import Usage

__all__ = ["UsageLimit"]


class UsageLimit(msgspec.Struct, frozen=True, kw_only=True):
    """What a session may spend over its life, all connections together; what is reached ends it.

    The service tells what a response took when the response is over, so the last one may go beyond
    the limit.

    Attributes:
        total_tokens: tokens of responses, read and produced, at least 1; None for any number.
        cost: money, in the currency of the session's `prices`, above 0; transcription included
            where it has a price. None for any amount.
        interrupt: True stops an answer that is still being given when the limit is reached; False
            lets it come to its end first.

    Raises:
        ConfigError: neither is given, or one is out of range.
    """

    total_tokens: int | None = None
    cost: float | None = None
    interrupt: bool = False

    def __post_init__(self) -> None:
        tokens, cost = self.total_tokens, self.cost
        if tokens is None and cost is None:
            raise ConfigError("a UsageLimit needs total_tokens or cost, got neither")
        if tokens is not None and (
            not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 1
        ):
            raise ConfigError(f"total_tokens of a UsageLimit must be 1 or more, got {tokens!r}")
        if cost is not None and not (
            isinstance(cost, (int, float))
            and not isinstance(cost, bool)
            and math.isfinite(cost)
            and cost > 0
        ):
            raise ConfigError(f"cost of a UsageLimit must be finite and above 0, got {cost!r}")
        if not isinstance(self.interrupt, bool):
            raise ConfigError(f"interrupt of a UsageLimit must be a bool, got {self.interrupt!r}")

    def reached(self, usage: Usage, prices: PriceTable | None) -> bool:
        """Whether this much has been spent. Without prices money does not count."""
        if self.total_tokens is not None and usage.total_tokens >= self.total_tokens:
            return True
        return self.cost is not None and prices is not None and usage.cost(prices) >= self.cost
