"""Whether two calls of a tool ask for the same."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["fingerprint"]


def fingerprint(kind: str, name: str, arguments: str) -> tuple[Any, ...]:
    """Return a value that is equal for calls that ask for the same.

    Arguments are compared as JSON values: the order of keys, white space and the spelling of
    numbers do not matter (1, 1.0 and 1e0 are one number, while 0 and -0 are two). Text that is
    not JSON is compared as text.

    Args:
        kind: of callee, such as "function"; a function and a handoff of one name differ.
        name: of the callee.
        arguments: as the model wrote them.
    """
    try:
        value = json.loads(arguments, parse_int=lambda text: -0.0 if text == "-0" else int(text))
    except (ValueError, RecursionError):
        return kind, name, "text", arguments
    return kind, name, "json", _comparable(value)


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return "object", frozenset((key, _comparable(each)) for key, each in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_comparable, value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        negative_zero = value == 0 and math.copysign(1.0, value) < 0
        return "number", "-0" if negative_zero else value
    return type(value).__name__, value
