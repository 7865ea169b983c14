"""One order for everything a session sends, whoever sends it.

Events come from two sides: from calls of the application, which wait until theirs is written, and
from the conversation's reactions to the service, for which nobody waits. Both join one line, and
whoever holds the lock writes what is in front of it; so the order on the wire is the order in
which things were decided, and a transport that cannot keep up holds its senders back. Whoever does
not wait for that, or has too many wait at a time, is refused when the line is full.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from rtaudio.conversation.queue_stats import QueueStats
from rtaudio.errors import ConnectionLost, TransportError
from rtaudio.transports.base import DONE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from rtaudio.transports import RealtimeTransport

__all__ = ["MAX_WAITING", "Outbox"]

# Events and pieces of sound: minutes of sound in the usual pieces, and far more than a connection
# that works ever holds back.
MAX_WAITING = 10_000

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

    Attributes:
        sending: called with each event or piece of sound just before it is written: in time for
            what the service answers. A connection that then breaks may have lost the last of them.
    """

    def __init__(
        self,
        transport: RealtimeTransport,
        failed: Callable[[Mapping[str, Any], Exception], None],
    ) -> None:
        self._transport = transport
        self._failed = failed
        self.sending: Callable[[Mapping[str, Any] | bytes], None] | None = None
        # A list: while it is empty, as nearly always, a deque takes 0.7 KB.
        self._letters: list[_Letter] = []
        self._lock = asyncio.Lock()
        # Those who hold the lock or wait for it.
        self._in_line = 0
        self._flushing: asyncio.Task[None] | None = None
        self._lost = 0

    @property
    def queue(self) -> QueueStats:
        """What waits to be written."""
        return QueueStats(
            size=len(self._letters), bound=MAX_WAITING, policy="raise", lost=self._lost
        )

    def post(self, *contents: Mapping[str, Any] | bytes) -> None:
        """Queue events and sound that nobody waits for, and see to it that they are written."""
        if not contents:
            return
        letters = [_Letter(content, awaited=False) for content in contents]
        if self._admit(letters):
            self._start()

    async def send(self, *contents: Mapping[str, Any] | bytes) -> None:
        """Write events (mappings) and sound (bytes); return once all of them are written.

        Requests for responses and cancellations do not raise here: their failure is reported.

        Raises:
            TransportError: one of them could not be written; those behind it were tried too. Or
                too much waits to be written already; then none was tried.
        """
        letters = [
            _Letter(
                content,
                awaited=isinstance(content, bytes) or content.get("type") not in _SEQUENCED,
            )
            for content in contents
        ]
        if self._admit(letters):
            await self._flush()
        for letter in letters:
            if letter.error is not None:
                raise letter.error

    def send_sound(self, sound: bytes) -> Awaitable[None]:
        """Write a piece of sound: at once where nothing is in line, as nearly always.

        Returns:
            What to wait for; `DONE` where it is written.

        Raises:
            Exception: here or while waiting: it could not be written.
        """
        if self._letters or self._in_line:
            return self.send(sound)
        if self.sending is not None:
            self.sending(sound)
        result = self._transport.send_audio(sound)
        if result is DONE or not inspect.isawaitable(result):
            return DONE
        return self._hold_the_line(result)

    async def _hold_the_line(self, writing: Awaitable[None]) -> None:
        self._in_line += 1
        try:
            async with self._lock:
                await writing
        finally:
            self._in_line -= 1
            if self._letters and not self._lock.locked():
                self._start()

    def _admit(self, letters: list[_Letter]) -> bool:
        """Take letters into the line; what belongs together goes in as a whole or not at all."""
        if len(self._letters) < MAX_WAITING:
            self._letters.extend(letters)
            return True
        self._lost += len(letters)
        error = TransportError(
            f"{len(self._letters)} events and pieces of sound wait to be written already; the "
            "connection does not keep up"
        )
        for letter in letters:
            if letter.awaited:
                letter.error = error
            elif not isinstance(letter.content, bytes):
                # Later, since whoever is told may have something to post about it.
                loop = asyncio.get_running_loop()
                loop.call_soon(self._failed, letter.content, error)
        return False

    def clear(self) -> list[Mapping[str, Any] | bytes]:
        """Drop what is not written yet: the connection is gone. Those who wait are told.

        Returns:
            What was dropped, in order.
        """
        self._lost += len(self._letters)
        for letter in self._letters:
            letter.error = ConnectionLost("the connection ended before this was sent")
        dropped = [letter.content for letter in self._letters]
        self._letters.clear()
        return dropped

    async def _flush(self) -> None:
        self._in_line += 1
        try:
            async with self._lock:
                while self._letters:
                    await self._write(self._letters.pop(0))
        finally:
            self._in_line -= 1
            # Cancelled in the middle: what others queued still has to go.
            if self._letters and not self._lock.locked():
                self._start()

    async def _write(self, letter: _Letter) -> None:
        content = letter.content
        try:
            if self.sending is not None:
                self.sending(content)
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
            self._flushing.add_done_callback(self._flushed)

    def _flushed(self, flushing: asyncio.Task[None]) -> None:
        """Let a task go that has ended."""
        if self._flushing is flushing:
            self._flushing = None
