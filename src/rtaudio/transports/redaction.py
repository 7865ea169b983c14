"""Events without the secrets that travel in them.

Keys of MCP servers, ephemeral keys and addresses with a signature are part of some events. They go
by where they stand (fields of a secret's name), by what they look like (keys, bearer tokens,
queries of addresses), and by what they are (the session's own key, wherever it turns up). What
people say is kept: whoever says a password aloud has it in the transcript.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["REMOVED", "redact"]

#: What stands in the place of a secret.
REMOVED = "[removed]"

# Fields whose text is a secret; lower case, without separators.
_SECRET_NAMES = frozenset(
    {
        "accesstoken",
        "apikey",
        "authorization",
        "clientsecret",
        "cookie",
        "headers",
        "password",
        "proxyauthorization",
        "refreshtoken",
        "secret",
        "setcookie",
        "xapikey",
    }
)
# Fields that hold secrets whatever they are made of.
_SECRET_OBJECTS = frozenset({"clientsecret", "headers"})
# Fields that are sound, far too long to be searched.
_SOUND = frozenset({"audio", "delta"})
_SOUND_FROM = 2000  # characters; a delta of text is shorter

_KEY = re.compile(r"\b(?:sk|ek|pk|rk)[-_][A-Za-z0-9_*.-]{6,}")
_BEARER = re.compile(r"\bBearer\s+[A-Za-z0-9._~+/=-]{12,}")
_ADDRESS = re.compile(r"\b(https?|wss?|HTTPS?|WSS?)://([^\s\"'<>]*)")
# Shorter ones would be found in ordinary words.
_SHORTEST_KEY = 8


def redact(value: Any, keys: Collection[str] = ()) -> Any:
    """Copy JSON data without its secrets. What was redacted before comes back as it is.

    Args:
        value: what a JSON text says; not changed.
        keys: secrets that are known, removed wherever they stand.
    """
    return _redact(value, [key for key in keys if len(key) >= _SHORTEST_KEY])


def _redact(value: Any, keys: Collection[str], name: str = "") -> Any:
    if isinstance(value, str):
        if name in _SECRET_NAMES:
            return REMOVED
        if name in _SOUND and len(value) >= _SOUND_FROM and " " not in value:
            return value
        return _redact_text(value, keys)
    if name in _SECRET_OBJECTS and isinstance(value, (dict, list)):
        return REMOVED
    if isinstance(value, dict):
        return {
            _redact_text(key, keys): _redact(each, keys, _plain(key)) for key, each in value.items()
        }
    if isinstance(value, list):
        # A list of secrets is named like one of them.
        return [_redact(each, keys, name) for each in value]
    return value


def _redact_text(text: str, keys: Collection[str]) -> str:
    for key in keys:
        text = text.replace(key, REMOVED)
    text = _ADDRESS.sub(_bare_address, text)
    return _BEARER.sub(f"Bearer {REMOVED}", _KEY.sub(REMOVED, text))


def _bare_address(found: re.Match[str]) -> str:
    """An address without user, query and fragment."""
    rest = re.split(r"[?#]", found[2], maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    return f"{found[1]}://{authority.rpartition('@')[2]}{slash}{path}"


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
