"""One order for everything a session sends, whoever sends it.

Events come from two sides: from calls of the application, which wait until theirs is written, and
from the conversation's reactions to the service, for which nobody waits. Both join one line, and
whoever holds the lock writes what is in front of it; so the order on the wire is the order in
which things were decided, and a transport that cannot keep up holds its senders back.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from typing import TYPE_CHECKING, Any

from rtaudio.errors import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rtaudio.transports import RealtimeTransport

__all__ = ["Outbox"]

_SEQUENCED = ("response.create", "response.cancel")


class _Letter:
    __slots__ = ("awaited", "content", "error")

    def __init__(self, content: Mapping[str, Any] | bytes, *, awaited: bool) -> None:
        self.content = content
        self.awaited = awaited
        self.error: Exception | None = None


class Outbox:
    """Writes events and sound to a transport, in order.

    Args:
        transport: where to.
        failed: called with an event that could not be written and nobody waits for, and with why.
    """

    def __init__(
        self,
        transport: RealtimeTransport,
        failed: Callable[[Mapping[str, Any], Exception], None],
    ) -> None:
        self._transport = transport
        self._failed = failed
        self._letters: deque[_Letter] = deque()
        self._lock = asyncio.Lock()
        self._flushing: asyncio.Task[None] | None = None

    def post(self, *events: Mapping[str, Any]) -> None:
        """Queue events that nobody waits for, and see to it that they are written."""
        if not events:
            return
        self._letters.extend(_Letter(event, awaited=False) for event in events)
        self._start()

    async def send(self, *contents: Mapping[str, Any] | bytes) -> None:
        """Write events (mappings) and sound (bytes); return once all of them are written.

        Requests for responses and cancellations do not raise here: their failure is reported.

        Raises:
            TransportError: one of them could not be written; those behind it were tried too.
        """
        letters = [
            _Letter(
                content,
                awaited=isinstance(content, bytes) or content.get("type") not in _SEQUENCED,
            )
            for content in contents
        ]
        self._letters.extend(letters)
        await self._flush()
        for letter in letters:
            if letter.error is not None:
                raise letter.error

    def clear(self) -> None:
        """Drop what is not written yet: the connection is gone. Those who wait are told."""
        for letter in self._letters:
            letter.error = ConnectionLost("the connection ended before this was sent")
        self._letters.clear()

    async def _flush(self) -> None:
        try:
            async with self._lock:
                while self._letters:
                    await self._write(self._letters.popleft())
        finally:
            # Cancelled in the middle: what others queued still has to go.
            if self._letters and not self._lock.locked():
                self._start()

    async def _write(self, letter: _Letter) -> None:
        content = letter.content
        try:
            if isinstance(content, bytes):
                result = self._transport.send_audio(content)
            else:
                result = self._transport.send_event(content)
            if inspect.isawaitable(result):
                await result
        except Exception as error:
            letter.error = error
            if not letter.awaited and not isinstance(content, bytes):
                letter.error = None
                self._failed(content, error)

    def _start(self) -> None:
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.get_running_loop().create_task(
                self._flush(), name="rtaudio-outbox"
            )
