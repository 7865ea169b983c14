"""What a tool returned, as the text that the model reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

__all__ = ["BackgroundResult", "background_result", "result_text"]

_SHOWN_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class BackgroundResult:
    """A result for which no answer is asked; made by `background_result`."""

    value: Any


def background_result(value: Any) -> BackgroundResult:
    """Return this from a tool whose result the model should know but need not speak about."""
    return BackgroundResult(value)


def result_text(value: Any) -> str:
    """Word a tool's result for the model.

    Args:
        value: text stays as it is; None becomes `null`; bytes a short preview in hexadecimal with
            their length; structures, dataclasses, mappings and sequences compact JSON; anything
            else what `str` makes of it.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        dots = "..." if len(data) > _SHOWN_BYTES else ""
        return f"{len(data)} bytes: {data[:_SHOWN_BYTES].hex()}{dots}"
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return str(value)
