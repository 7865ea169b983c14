"""Ids in the shape the realtime service gives them."""

from __future__ import annotations

import secrets
import string

__all__ = ["new_id"]

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 21  # what the service uses after sess_, conv_, item_, resp_ and event_
_LENGTHS = {"call": 16}


def new_id(prefix: str) -> str:
    """Make an unguessable id such as `event_j2ISaJiHkTj0rLGlkoMXG`.

    Args:
        prefix: the kind of thing named (`event`, `item`, `resp`, `sess`, `conv`, `call`, ...), with
            or without its closing underscore.

    Returns:
        The prefix, an underscore, and 21 letters and digits (16 after `call`).
    """
    kind = prefix.removesuffix("_")
    length = _LENGTHS.get(kind, _LENGTH)
    return f"{kind}_" + "".join(secrets.choice(_ALPHABET) for _ in range(length))
