"""The events of a call: over its data channel, and over WebSockets that attach to it (sideband)."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from rtaudio.errors import TransportError
from rtaudio.protocol import ErrorDetail, ErrorEvent, encode_event, new_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rtaudio.server.line import Line
    from rtaudio.transports.peer import Peer

__all__ = ["CallLine"]

_log = logging.getLogger(__name__)

# How long a client may take from the answer to its offer to the opened channel, in seconds.
OPENING_S = 30.0
# What an event that waits takes beside its text, in bytes, so that small ones have a bound too.
_EACH = 1024
# A close code of RFC 6455, section 7.4.1.
_NORMAL = 1000
_CALL_ENDED = "The call is over."
_FLUSH_S = 2.0  # how long one who is attached may take to read what was said at the end


class CallLine:
    """Carries a session's events between a call's client, those that are attached, and the service.

    All of them see all that the service sends, and what each of them sends is handled in the order
    in which it comes.

    Args:
        max_bytes: of events that wait to be handled, and again of those that wait to be written to
            each that is attached. A data channel cannot be made to wait: a client that sends more
            is hung up on. One that is attached is not read from meanwhile, and cut off where it
            does not read.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._peer: Peer | None = None
        self._events: deque[str | bytes] = deque()
        self._held = 0
        self._changed = asyncio.Event()
        self._attached: set[_Attached] = set()
        self._over = asyncio.Event()

    def carry(self, peer: Peer) -> None:
        """Send over this peer's channel."""
        self._peer = peer

    # What the session uses.

    async def send(self, text: bytes) -> None:
        """Send an event to all; waits until the channel opens, and while its client takes nothing.

        Raises:
            ConnectionResetError: the call is over, or never came about.
        """
        if self._peer is not None and not self._peer.opened.done():
            await self._wait(self._peer.opened, OPENING_S)
        peer = self._write(text)
        if peer.is_full:
            await self._wait(asyncio.ensure_future(peer.drain()))

    def post(self, text: bytes) -> None:
        """Send an event to all, without waiting; does nothing where the call is over."""
        try:
            self._write(text)
        except ConnectionResetError:
            _log.debug("an event came too late for its call")

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Iterate over what is sent to the service, until the call is over."""
        while not self._over.is_set():
            if self._events:
                message = self._events.popleft()
                self._held -= len(message) + _EACH
                self._changed.set()
                yield message
            else:
                self._changed.clear()
                await self._changed.wait()

    async def close(self, code: int = _NORMAL, reason: str = _CALL_ENDED) -> None:
        """End the call; those that are attached are told why."""
        self.end(code, reason)

    def end(self, code: int = _NORMAL, reason: str = _CALL_ENDED) -> None:
        """The same, at once."""
        if self._over.is_set():
            return
        self._over.set()
        self._events.clear()
        self._changed.set()
        for each in self._attached:
            each.end(code, reason)

    # What arrives.

    def take(self, message: str | bytes) -> bool:
        """Take an event of the channel; returns whether there was room for it."""
        if self._is_full(message):
            return False
        self._put(message)
        return True

    async def attach(self, line: Line) -> None:
        """Serve another client of the same session, until it goes or the call is over."""
        each = _Attached(line, self._max_bytes)
        reading = asyncio.create_task(self._read(line))
        self._attached.add(each)
        if self._over.is_set():
            each.end(_NORMAL, _CALL_ENDED)
        try:
            await asyncio.wait({reading, each.writing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._attached.discard(each)
            for task in (reading, each.writing):
                task.cancel()
            await asyncio.gather(reading, each.writing, return_exceptions=True)

    async def _read(self, line: Line) -> None:
        async for message in line:
            while self._is_full(message):
                self._changed.clear()
                await self._changed.wait()
            self._put(message)

    def _is_full(self, message: str | bytes) -> bool:
        """Whether a message has to wait; the only one never has to, however large it is."""
        return bool(self._events) and self._held + len(message) > self._max_bytes

    def _put(self, message: str | bytes) -> None:
        if not self._over.is_set():
            self._events.append(message)
            self._held += len(message) + _EACH
            self._changed.set()

    async def _wait(self, ready: asyncio.Future[None], timeout_s: float | None = None) -> None:
        """Wait for the channel, unless the call ends before."""
        over: asyncio.Future[Any] = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait(
                {ready, over}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not ready.done() or ready.exception() is not None:
                raise ConnectionResetError("the client does not take this event")
        finally:
            over.cancel()
            ready.cancel()

    def _write(self, text: bytes) -> Peer:
        peer = self._peer
        if self._over.is_set() or peer is None:
            raise ConnectionResetError("the call is over")
        for each in self._attached:
            each.offer(text)
        if len(text) > peer.max_message:
            text = _fitting(text, peer.max_message)
        try:
            peer.post(text)
        except TransportError:
            raise ConnectionResetError("the call is over") from None
        return peer


class _Attached:
    """One who is attached to a call, and what waits to be written to it.

    Attributes:
        writing: the task that does so; it is done once nothing more will be written.
    """

    def __init__(self, line: Line, max_bytes: int) -> None:
        self._line = line
        self._max_bytes = max_bytes
        self._texts: deque[bytes] = deque()
        self._held = 0
        self._news = asyncio.Event()
        self._end: tuple[int, str] | None = None
        self.writing = asyncio.create_task(self._write())

    def offer(self, text: bytes) -> None:
        """Have a text written, or give the client up where too much waits already."""
        if self._texts and self._held + len(text) > self._max_bytes:
            _log.info("one who is attached to a call does not read and is cut off")
            self.writing.cancel()
            return
        self._texts.append(text)
        self._held += len(text) + _EACH
        self._news.set()

    def end(self, code: int, reason: str) -> None:
        """Close the line once what waits is written, or some seconds later."""
        self._end = (code, reason)
        self._news.set()
        asyncio.get_running_loop().call_later(_FLUSH_S, self.writing.cancel)

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while True:
                while self._texts:
                    text = self._texts.popleft()
                    self._held -= len(text) + _EACH
                    await self._line.send(text)
                if self._end is not None:
                    await self._line.close(*self._end)
                    return
                self._news.clear()
                await self._news.wait()


def _fitting(text: bytes, largest: int) -> bytes:
    """What a channel gets in place of an event that is too large for it.

    An item that was asked for comes without its sound, anything else as an error.
    """
    event = msgspec.json.decode(text)
    if event["type"] == "conversation.item.retrieved":
        for part in event["item"].get("content", ()):
            part.pop("audio", None)
        without = msgspec.json.encode(event)
        if len(without) <= largest:
            return without
    detail = ErrorDetail(
        type="server_error",
        code="event_too_large",
        message=f"An event of {len(text)} bytes is not sent: this data channel takes {largest}. "
        "A WebSocket that is attached to the call gets it.",
    )
    return encode_event(ErrorEvent(event_id=new_id("event"), error=detail))
