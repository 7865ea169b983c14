"""Tokens spent on responses."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Usage"]


class Usage(msgspec.Struct):
    """Token counts, added up over the life of a session.

    Attributes:
        requests: responses that ended, including those that reported no usage.
        input_tokens: tokens the model read.
        output_tokens: tokens the model produced.
        input_token_details: counts by kind of input, as the service names them.
        output_token_details: the same for output.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    input_token_details: dict[str, int] = msgspec.field(default_factory=dict)
    output_token_details: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def add(self, wire: Any) -> None:
        """Count one response; `wire` is its usage as reported, or None."""
        self.requests += 1
        report = msgspec.to_builtins(wire) if wire is not None else {}
        self.input_tokens += report.get("input_tokens") or 0
        self.output_tokens += report.get("output_tokens") or 0
        _add_counts(self.input_token_details, report.get("input_token_details"))
        _add_counts(self.output_token_details, report.get("output_token_details"))


def _add_counts(total: dict[str, int], counts: dict[str, Any] | None) -> None:
    for name, count in (counts or {}).items():
        # Some details are themselves broken down further; only plain counts add up.
        if isinstance(count, int):
            total[name] = total.get(name, 0) + count
