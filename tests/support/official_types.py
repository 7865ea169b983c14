"""Server events held against the types that the `openai` package declares for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["beta_events", "check", "fields", "server_events"]

#: Fields that the cloud's service sends and the types do not declare.
UNDECLARED = {
    "session.id",
    "session.object",
    "session.expires_at",
    # Younger than the beta's types.
    "response.usage.input_token_details.image_tokens",
    "response.usage.input_token_details.cached_tokens_details",
}
_MISSING = "what is sent can't be checked without the package: pip install openai"


def server_events() -> dict[str, Any]:
    """The class of each server event by its name; skips the test where the package is missing."""
    pytest.importorskip("openai", reason=_MISSING)
    from openai.types.realtime.realtime_server_event import RealtimeServerEvent

    return _by_name(RealtimeServerEvent)


def beta_events() -> dict[str, Any]:
    """The same for the beta protocol."""
    pytest.importorskip("openai", reason=_MISSING)
    from openai.types.beta.realtime.realtime_server_event import RealtimeServerEvent

    return _by_name(RealtimeServerEvent)


def _by_name(union: Any) -> dict[str, Any]:
    kinds = get_args(get_args(union)[0])
    return {get_args(kind.model_fields["type"].annotation)[0]: kind for kind in kinds}


def check(event: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """Fail unless an event is one of these: every field of the type, and no other.

    Args:
        event: as it was sent.
        kinds: as `server_events` gives them.
    """
    kind = kinds.get(event["type"])
    assert kind is not None, f"{event['type']} is no server event"
    parsed = kind.model_validate(_at_24_khz(event), strict=True)
    unknown = set(_undeclared(parsed, "")) - UNDECLARED
    assert not unknown, f"{event['type']} has what its type has not: {sorted(unknown)}"


def _at_24_khz(value: Any) -> Any:
    """The same with one rate in all formats: the types know no other, and clients here do."""
    if isinstance(value, list):
        return [_at_24_khz(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    same = {name: _at_24_khz(entry) for name, entry in value.items()}
    return same | {"rate": 24000} if value.get("type") == "audio/pcm" else same


def _undeclared(value: Any, path: str) -> Iterator[str]:
    """Paths of fields that no type declares."""
    if isinstance(value, list):
        for entry in value:
            yield from _undeclared(entry, f"{path}[]")
    elif hasattr(value, "model_extra"):
        for name in value.model_extra or ():
            yield f"{path}.{name}".lstrip(".")
        for name in type(value).model_fields:
            yield from _undeclared(getattr(value, name), f"{path}.{name}".lstrip("."))


def fields(kind: Any, path: str = "") -> Iterator[str]:
    """Paths of all fields that a type of the package has, and those in them."""
    if hasattr(kind, "model_fields"):
        for name, field in kind.model_fields.items():
            yield f"{path}.{name}".lstrip(".")
            yield from fields(field.annotation, f"{path}.{name}".lstrip("."))
    for inner in get_args(kind):
        yield from fields(inner, path)
