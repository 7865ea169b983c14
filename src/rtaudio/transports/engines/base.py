"""What a WebSocket engine offers: one connection that is opened, written to and closed.

An engine is a module with a coroutine function `open_socket`. What arrives it hands to `received`,
one message at a time; when the connection ends it calls `ended`, once. Neither is called
before `open_socket` has returned, though a service may say something, or leave, together with its
answer to the handshake; and neither once `close` has been called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from ssl import SSLContext

    from typing_extensions import Buffer

__all__ = [
    "WRITE_AHEAD_BYTES",
    "End",
    "Ended",
    "HandshakeFailed",
    "Message",
    "Received",
    "Socket",
    "SocketEnded",
    "SocketSettings",
    "UpgradeRefused",
]

#: What may wait in memory for the network; whoever writes more waits until it is gone.
WRITE_AHEAD_BYTES = 32 * 1024


class End(NamedTuple):
    """How a connection ended.

    Attributes:
        code: of the close frame; None where there was none.
        ours: whether it was we who could not go on, and the code is what we told the other side.
    """

    code: int | None = None
    ours: bool = False


#: A message, text or binary. A memoryview is of the engine's own buffer: it ends with the call.
Message: TypeAlias = bytes | bytearray | memoryview
Received: TypeAlias = Callable[[Message], object]
Ended: TypeAlias = Callable[[End], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketSettings:
    """What `WebSocketTransport` documents under the same names."""

    handshake_timeout: float
    max_message_bytes: int | None
    compression: str | None
    ping_interval: float | None
    ping_timeout: float | None
    close_timeout: float | None
    ssl_context: SSLContext | None


class UpgradeRefused(Exception):
    """The other side answered the handshake with a status of HTTP.

    Attributes:
        status: the number.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class HandshakeFailed(Exception):
    """What answered speaks no WebSocket, or went in the middle of the handshake."""


class SocketEnded(Exception):
    """Nothing can be written any more.

    Attributes:
        end: why.
    """

    def __init__(self, end: End) -> None:
        super().__init__(end)
        self.end = end


class Socket(Protocol):
    """An open connection.

    Attributes:
        engine: the name of the library.
    """

    engine: str

    def send(self, text: bytes) -> Awaitable[None] | None:
        """Write a text message; it is not kept. Messages go out in the order of the calls.

        Returns:
            None, or what to wait for: more is under way than should be.

        Raises:
            SocketEnded: here or while waiting: there is no connection.
        """

    def send_append(self, pcm: Buffer) -> Awaitable[None] | None:
        """Write sound as an `input_audio_buffer.append`, as `send` writes a text.

        Raises:
            SocketEnded: here or while waiting: there is no connection.
            AudioError: not a buffer of samples.
        """

    async def close(self) -> None:
        """Say goodbye, and wait until the other side has; cut the connection where it does not."""
