"""Who may connect: addresses, tokens, keys, and which web pages."""

from __future__ import annotations

import hmac
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rtaudio.errors import ConfigError
from rtaudio.server.client_secrets import PREFIX, ClientSecret, ClientSecrets
from rtaudio.server.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multidict import MultiMapping

__all__ = ["PROTOCOL", "Access", "check_binding", "is_loopback", "offered_protocols"]

PROTOCOL = "realtime"  # the subprotocol that the service selects when it is offered
_KEY_PROTOCOL = "openai-insecure-api-key."  # browsers can't set headers and send the key like this
_UNAUTHENTICATED = 3000  # the close code that the cloud's service uses
# Any page can open a sandboxed frame, whose origin is "null".
_ANYBODY = ("*", "null")


def check_binding(host: str, token: str | None) -> None:
    """Refuse to listen beyond this machine without a token.

    Raises:
        ConfigError: `host` is not a loopback address and there is no token, or the token is empty.
    """
    if token is not None and not token.strip():
        raise ConfigError("the token is empty; leave it out or give a long random one")
    if token is None and not is_loopback(host):
        raise ConfigError(
            f"host {host!r} can be reached from other machines: that needs a token "
            "(--token, or token=...); without one only 127.0.0.1, ::1 and localhost are allowed. "
            "So that token and speech don't travel in the clear, add TLS: --tls-cert and --tls-key "
            "(tls=...), or a proxy in front that speaks it"
        )


def is_loopback(host: str) -> bool:
    """Tell whether an address or name is this machine's own, whoever asks."""
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


class Access:
    """Decides on every request whether it is let in.

    Args:
        token: what clients present; None asks for nothing.
        origins: of web pages that may use the service beside its own, such as
            `https://example.org`; `*` is any.
        secrets: keys that are as good as the token for starting sessions.

    Raises:
        ConfigError: an origin is none, or `*` or `null` goes without a token.
    """

    def __init__(self, token: str | None, origins: Iterable[str], secrets: ClientSecrets) -> None:
        self._token = token
        self._secrets = secrets
        self._origins = frozenset(_checked(origin, token) for origin in origins)

    def check_page(self, headers: MultiMapping[str]) -> str | None:
        """Keep out web pages that have no business here.

        A browser names the page's origin. Without this rule any page that somebody visits could use
        the service behind their back. The service's own page is let in; so that nobody can make
        a page its own by giving this machine's address another name, hosts have to be loopback
        where no token is asked for (DNS rebinding).

        Returns:
            The origin that CORS headers should allow, None for requests of other programs and of
            the service's own page.

        Raises:
            Refused: the page or the host is not allowed.
        """
        host = headers.get("Host", "").lower()
        if self._token is None and host and not is_loopback(_name(f"//{host}")):
            raise Refused(
                "Without a token this service answers only as localhost or a loopback address.",
                code="host_not_allowed",
                status=403,
            )
        origin = headers.get("Origin")
        if origin is None or (origin != "null" and _authority(origin) == host):
            return None
        if origin.lower() in self._origins or "*" in self._origins:
            return origin
        raise Refused(
            "Web pages of this origin are not let in; --allow-origin names those that are.",
            code="origin_not_allowed",
            status=403,
        )

    def check_token(self, headers: MultiMapping[str]) -> None:
        """Let in who has the token itself.

        Raises:
            Refused: it is missing or wrong.
        """
        if self._token is None:
            return
        expected = self._token.encode()
        # The comparison takes the same time wherever the first difference is.
        if not any(hmac.compare_digest(one.encode(), expected) for one in _credentials(headers)):
            raise Refused(
                "The token is missing or wrong.",
                code="invalid_api_key",
                status=401,
                close_code=_UNAUTHENTICATED,
            )

    def admit(self, headers: MultiMapping[str]) -> ClientSecret | None:
        """Let in who may start a session, by the token or by a key.

        Returns:
            The key, None where it was the token or nothing is asked for.

        Raises:
            Refused: neither is right.
        """
        keys = [one for one in _credentials(headers) if one.startswith(PREFIX)]
        for key in keys:
            secret = self._secrets.find(key)
            if secret is not None:
                return secret
        if keys and self._token is None:
            # Who has a key relies on the settings that came with it.
            raise Refused(
                "The client secret is unknown.",
                code="invalid_api_key",
                status=401,
                close_code=_UNAUTHENTICATED,
            )
        self.check_token(headers)
        return None


def _credentials(headers: MultiMapping[str]) -> list[str]:
    """What a client presents: as `Authorization: Bearer ...`, or as a subprotocol."""
    given = [
        name.removeprefix(_KEY_PROTOCOL)
        for name in offered_protocols(headers)
        if name.startswith(_KEY_PROTOCOL)
    ]
    for value in headers.getall("Authorization", ()):
        scheme, _, credential = value.partition(" ")
        if scheme.lower() == "bearer":
            given.append(credential.strip())
    return given


def _authority(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _checked(origin: str, token: str | None) -> str:
    plain = origin.lower().removesuffix("/")
    if plain in _ANYBODY:
        if token is None:
            raise ConfigError(f"origin {origin!r} lets in every web page; that needs a token")
        return plain
    scheme, _, authority = plain.partition("://")
    if scheme not in ("http", "https") or not authority or _authority(plain) != authority:
        raise ConfigError(
            f"{origin!r} is no origin; expected one like 'https://example.org', without a path"
        )
    return plain
