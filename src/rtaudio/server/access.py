"""Who may connect: addresses, tokens and how clients present them."""

from __future__ import annotations

import hmac
import ipaddress
from typing import TYPE_CHECKING

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from multidict import MultiMapping

__all__ = ["PROTOCOL", "check_binding", "offered_protocols", "token_accepted"]

PROTOCOL = "realtime"  # the subprotocol that the service selects when it is offered
_KEY_PROTOCOL = "openai-insecure-api-key."  # browsers can't set headers and send the key like this


def check_binding(host: str, token: str | None) -> None:
    """Refuse to listen beyond this machine without a token.

    Raises:
        ConfigError: `host` is not a loopback address and there is no token, or the token is empty.
    """
    if token is not None and not token.strip():
        raise ConfigError("the token is empty; leave it out or give a long random one")
    if token is None and not _is_loopback(host):
        raise ConfigError(
            f"host {host!r} can be reached from other machines: that needs a token "
            "(--token, or token=...); without one only 127.0.0.1, ::1 and localhost are allowed"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name, or "" which means every interface


def offered_protocols(headers: MultiMapping[str]) -> list[str]:
    """Return the subprotocols that a client offers, in order."""
    lines = headers.getall("Sec-WebSocket-Protocol", ())
    return [name.strip() for line in lines for name in line.split(",") if name.strip()]


def token_accepted(headers: MultiMapping[str], token: str | None) -> bool:
    """Tell whether a client's request carries the token, or none is asked for.

    The token may come as `Authorization: Bearer TOKEN` or as a subprotocol. The comparison takes
    the same time wherever the first difference is.
    """
    if token is None:
        return True
    given = [
        name.removeprefix(_KEY_PROTOCOL)
        for name in offered_protocols(headers)
        if name.startswith(_KEY_PROTOCOL)
    ]
    for value in headers.getall("Authorization", ()):
        scheme, _, credential = value.partition(" ")
        if scheme.lower() == "bearer":
            given.append(credential.strip())
    expected = token.encode()
    return any(hmac.compare_digest(one.encode(), expected) for one in given)
