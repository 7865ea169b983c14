"""Ephemeral keys: what a server makes for a browser, so that its own token stays with it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtaudio.protocol import new_id
from rtaudio.server.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PREFIX", "ClientSecret", "ClientSecrets"]

PREFIX = "ek_"


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One key, which may start sessions until it expires.

    Attributes:
        value: what the client presents, unguessable.
        expires_at: Unix seconds.
        session: settings with which its sessions start, in wire form, with their `type`.
    """

    value: str = field(repr=False)
    expires_at: int
    session: dict[str, Any] = field(repr=False)


class ClientSecrets:
    """The keys that were made, found by their hashes, so that no comparison tells how much fits.

    Args:
        limit: keys that are valid at the same time. Expired ones are remembered within it, so that
            who comes late is told why.
        clock: monotonic seconds.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._made: dict[bytes, tuple[ClientSecret, float]] = {}  # with the time of their end

    def make(self, session: dict[str, Any], seconds: int) -> ClientSecret:
        """Make a key.

        Args:
            session: settings with which its sessions start; they are kept as they are.
            seconds: how long sessions may be started with it.

        Raises:
            Refused: there are as many as there may be.
        """
        now = self._clock()
        if len(self._made) >= self._limit:
            self._made = {key: kept for key, kept in self._made.items() if kept[1] > now}
        if len(self._made) >= self._limit:
            raise Refused(
                f"There are {self._limit} valid client secrets, as many as there may be.",
                code="client_secret_limit_reached",
                status=429,
            )
        secret = ClientSecret(new_id(PREFIX), int(time.time()) + seconds, session)
        self._made[_hash(secret.value)] = secret, now + seconds
        return secret

    def find(self, value: str) -> ClientSecret | None:
        """Return the key of this value, None where none was made or it is forgotten.

        Raises:
            Refused: it has expired.
        """
        secret, end = self._made.get(_hash(value), (None, 0.0))
        if secret is not None and end <= self._clock():
            raise Refused(
                "The client secret has expired; ask for another.",
                code="client_secret_expired",
                status=401,
                close_code=3000,
            )
        return secret


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode(errors="surrogatepass")).digest()
