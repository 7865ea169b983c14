"""What carries a session's events, whatever it is: a WebSocket, or the data channel of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Line"]


class Line(Protocol):
    """Carries messages both ways between the service and one client."""

    async def send(self, text: bytes) -> None:
        """Send a text message; waits while the client takes nothing.

        Args:
            text: UTF-8.

        Raises:
            ConnectionResetError: the client is gone.
        """

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Iterate over what the client sends: text as str, binary messages as bytes.

        It ends when the line is closed, from either side. What is not taken from the iterator is
        not read from the client, but for a bounded rest.
        """

    async def close(self, code: int, reason: str) -> None:
        """Close the line; does nothing where it is closed.

        Args:
            code: a WebSocket close code, for lines that tell such.
            reason: at most 123 bytes of UTF-8.
        """
