"""The fast engine, for where it is installed: the `picows` library.

Frames are handled inside the event loop's callback, straight from the buffer into which the socket
was read. There is no task and no queue; what cannot be written at once waits in the event loop's
transport, and holds up whoever writes more than `WRITE_AHEAD_BYTES` ahead.

The library is left out where frames are written: its keys for masking come from `rand()`, the same
ones in every process, and RFC 6455 (section 5.3) wants them unpredictable. It still closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from picows import WSError, WSHandshakeError, WSListener, WSMsgType, ws_connect

from rtaudio._native.frame_writer import FrameWriter
from rtaudio.transports.engines.base import (
    WRITE_AHEAD_BYTES,
    End,
    HandshakeFailed,
    SocketEnded,
    UpgradeRefused,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from picows import WSFrame, WSTransport
    from typing_extensions import Buffer

    from rtaudio.transports.engines.base import Ended, Message, Received, SocketSettings

__all__ = ["PicowsSocket", "open_socket"]

# It logs each connection, requests with their keys at DEBUG, and errors that our exceptions tell.
_log = logging.getLogger("rtaudio.transports.picows")
_log.setLevel(logging.CRITICAL)

# Members, as frames have them: identity is what can be asked for fastest.
_CONTINUATION: Final = WSMsgType.CONTINUATION
_TEXT: Final = WSMsgType.TEXT
_BINARY: Final = WSMsgType.BINARY
_CLOSE: Final = WSMsgType.CLOSE
_PING: Final = WSMsgType.PING
_PONG: Final = WSMsgType.PONG

# RFC 6455, section 7.4.1.
_NORMAL: Final = 1000
_PROTOCOL_ERROR: Final = 1002
_NO_CODE: Final = 1005
_TOO_BIG: Final = 1009
_INTERNAL_ERROR: Final = 1011

# Room for three audio deltas of 100 ms; it doubles where more comes at a time.
_READ_BUFFER_BYTES: Final = 16 * 1024


async def open_socket(
    url: str,
    headers: Mapping[str, str],
    settings: SocketSettings,
    received: Received,
    ended: Ended,
) -> PicowsSocket:
    """Connect directly; the library's compression is none, and its proxies are left alone.

    Raises:
        UpgradeRefused: the answer is no upgrade.
        HandshakeFailed: there is no answer that makes sense.
        TimeoutError: it took too long.
        OSError: nobody can be reached there, or cannot be trusted.
    """
    opened = PicowsSocket(settings, received, ended)
    try:
        async with asyncio.timeout(settings.handshake_timeout):
            await _open(opened, url, headers, settings)
    except BaseException:
        opened.forget()
        raise
    # Not before the caller knows its socket, as it may have something to reply.
    asyncio.get_running_loop().call_soon(opened.begin)
    return opened


async def _open(
    opened: PicowsSocket, url: str, headers: Mapping[str, str], settings: SocketSettings
) -> None:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    # A socket of our own, as the library leaves its connection open where its caller is cancelled.
    raw = await _connect(parts.hostname or "", port)
    try:
        _, listener = await ws_connect(
            lambda _request, _response: opened,
            url,
            socket_factory=lambda _: raw,
            ssl_context=settings.ssl_context,
            extra_headers=dict(headers),
            websocket_handshake_timeout=None,
            max_frame_size=settings.max_message_bytes or sys.maxsize,
            # Another address must not learn the credential.
            max_redirects=0,
            enable_auto_pong=False,
            logger_name=_log,
            read_buffer_init_size=_READ_BUFFER_BYTES,
        )
        if listener is None:
            raise HandshakeFailed("the connection was closed")
    except BaseException as error:
        with contextlib.suppress(OSError):
            raw.shutdown(socket.SHUT_RDWR)  # whoever owns it by now closes it then
        if isinstance(error, WSHandshakeError):
            status = _status(error.raw_header or b"")
            if status not in (None, 101):
                raise UpgradeRefused(status) from None
        if isinstance(error, WSError):
            # The library's own text may repeat the answer; its kind says enough.
            raise HandshakeFailed(type(error).__name__) from None
        raise


async def _connect(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    failure: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        raw = socket.socket(family, kind, protocol)
        try:
            raw.setblocking(False)
            await loop.sock_connect(raw, address)
        except OSError as error:
            raw.close()
            failure = error
        except BaseException:
            raw.close()
            raise
        else:
            return raw
    raise failure


def _status(answer: bytes) -> int | None:
    """The status in the first line of an answer; the library itself knows standard ones only."""
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None


class PicowsSocket(WSListener):
    """A connection of `picows`.

    Args:
        settings: see `SocketSettings`.
        received: see `rtaudio.transports.engines.base`.
        ended: the same.
    """

    engine = "picows"

    def __init__(self, settings: SocketSettings, received: Received, ended: Ended) -> None:
        self._settings = settings
        # What comes before `begin` is kept.
        self._listener: tuple[Received, Ended] | None = (received, ended)
        self._early: list[bytes] = []
        self._received: Received = self._keep
        self._ended: Ended = _ignore
        self._loop = asyncio.get_running_loop()
        self._transport: WSTransport | None = None
        self._writer: FrameWriter | None = None
        self._fragments: bytearray | None = None
        self._goodbye: End | None = None
        self._is_over = False
        # Set while the network takes no more, and while `close` waits.
        self._blocked: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] | None = None
        self._ping_to_answer: bytes | None = None
        self._is_pinged = False
        # When to ping, to give up waiting for a pong, or to cut a connection that is ending.
        self._timer: asyncio.TimerHandle | None = None
        self._settling: asyncio.Task[None] | None = None

    # What a transport calls.

    def begin(self) -> None:
        """Hand on what came so far, and from now on all that comes."""
        if self._listener is not None:
            (self._received, self._ended), self._listener = self._listener, None
            for message in self._early:
                self._received(message)
            self._early.clear()
            if self._is_over:
                self._tell_end()

    def send(self, text: bytes) -> Awaitable[None] | None:
        """See `Socket`."""
        writer, transport = self._writer, self._transport
        if (
            writer is None
            or transport is None
            or transport.is_close_frame_sent
            or not writer.send(text)
        ):
            raise SocketEnded(self._goodbye or End())
        return None if self._blocked is None else self._drain()

    def send_append(self, pcm: Buffer) -> Awaitable[None] | None:
        """See `Socket`."""
        writer, transport = self._writer, self._transport
        if (
            writer is None
            or transport is None
            or transport.is_close_frame_sent
            or not writer.send_append(pcm)
        ):
            raise SocketEnded(self._goodbye or End())
        return None if self._blocked is None else self._drain()

    async def close(self) -> None:
        """See `Socket`."""
        self.forget()
        transport = self._transport
        if transport is None or self._is_over:
            return
        if self._gone is None:
            self._gone = self._loop.create_future()
            self._is_pinged = False
            self._cut_after(None)
            _say_goodbye(transport, _NORMAL)
        try:
            await asyncio.wait([self._gone], timeout=self._settings.close_timeout)
        finally:
            if not self._is_over:
                transport.disconnect(graceful=False)
        await asyncio.wait([self._gone])

    def forget(self) -> None:
        """Tell nothing any more."""
        self._listener = None
        self._received = self._ended = _ignore

    async def _drain(self) -> None:
        while self._blocked is not None:
            await asyncio.wait([self._blocked])
        if self._is_over:
            raise SocketEnded(self._goodbye or End())

    # What the library calls. An exception here would end the connection.

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is done."""
        self._transport = transport
        below = transport.underlying_transport
        below.set_write_buffer_limits(WRITE_AHEAD_BYTES)
        fd = -1 if transport.is_secure else below.get_extra_info("socket").fileno()
        self._writer = FrameWriter(fd, below)
        self._wait_to_ping()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame has arrived; its memory is the library's, and ends with this call."""
        kind = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._fail(transport, _PROTOCOL_ERROR)
        elif (kind is _TEXT or kind is _BINARY) and frame.fin and self._fragments is None:
            payload = frame.get_payload_as_memoryview()
            try:
                self._received(payload)
            finally:
                # Whoever kept it gets an exception, and not what comes later.
                payload.release()
        elif kind is _PING:
            # Answers that nobody takes do not pile up; the latest ping may stand for all.
            self._ping_to_answer = frame.get_payload_as_bytes()
            if self._blocked is None:
                self._answer_ping(transport)
        elif kind is _PONG:
            if self._is_pinged:
                self._wait_to_ping()
        elif kind is _CLOSE:
            self._take_goodbye(transport, frame.get_payload_as_bytes())
        else:
            self._take_fragment(transport, frame, begins=kind is not _CONTINUATION)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection is gone."""
        self._is_over = True
        self._writer = None  # the number of its socket is free for others
        goodbye: Any = transport.close_handshake
        if self._goodbye is None and goodbye is not None and goodbye.sent is not None:
            # The library, or we, could not go on.
            self._goodbye = End(int(goodbye.sent.code), ours=True)
        self._cut_after(None)
        self.resume_writing()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        # What the library found wrong waits there to be asked for.
        self._settling = self._loop.create_task(_settle(transport), name="rtaudio-picows-end")
        if self._listener is None:
            self._tell_end()

    def pause_writing(self) -> None:
        """More waits to be written than should."""
        self._blocked = self._loop.create_future()

    def resume_writing(self) -> None:
        """It is nearly gone."""
        blocked, self._blocked = self._blocked, None
        if blocked is not None:
            blocked.set_result(None)
        if self._ping_to_answer is not None and self._transport is not None:
            self._answer_ping(self._transport)

    # Fragments.

    def _take_fragment(self, transport: WSTransport, frame: WSFrame, *, begins: bool) -> None:
        limit = self._settings.max_message_bytes
        if begins == (self._fragments is not None):
            self._fail(transport, _PROTOCOL_ERROR)
            return
        message = self._fragments = bytearray() if self._fragments is None else self._fragments
        if limit is not None and len(message) + frame.payload_size > limit:
            self._fail(transport, _TOO_BIG)
            return
        message += frame.get_payload_as_memoryview()
        if frame.fin:
            self._fragments = None
            self._received(message)

    # Keeping alive.

    def _wait_to_ping(self) -> None:
        self._is_pinged = False
        self._cut_after(None)
        if self._settings.ping_interval is not None:
            self._timer = self._loop.call_later(self._settings.ping_interval, self._ping)

    def _ping(self) -> None:
        transport, timeout = self._transport, self._settings.ping_timeout
        if transport is None or transport.is_close_frame_sent:
            # The library has given up, and waits to get rid of what it had to write.
            self._cut()
            return
        self._is_pinged = True
        self._write_control(_PING, b"")
        if timeout is None:
            self._wait_to_ping()
        else:
            self._timer = self._loop.call_later(timeout, self._fail, transport, _INTERNAL_ERROR)

    def _answer_ping(self, transport: WSTransport) -> None:
        if self._ping_to_answer is not None and not transport.is_close_frame_sent:
            self._write_control(_PONG, self._ping_to_answer)
        self._ping_to_answer = None

    def _write_control(self, kind: WSMsgType, payload: bytes) -> None:
        if self._writer is not None:
            self._writer.send(payload, kind.value)

    # Beginning and ending.

    def _keep(self, message: Message) -> None:
        self._early.append(bytes(message))

    def _tell_end(self) -> None:
        ended = self._ended
        self.forget()
        ended(self._goodbye or End())

    def _take_goodbye(self, transport: WSTransport, payload: bytes) -> None:
        code = int.from_bytes(payload[:2], "big") if payload else _NO_CODE
        if not transport.is_close_frame_sent:
            self._goodbye = End(code)
            _say_goodbye(transport, _NORMAL if code == _NO_CODE else code)
        transport.disconnect()
        self._cut_after(self._settings.close_timeout)

    def _fail(self, transport: WSTransport, code: int) -> None:
        """Tell the other side that it cannot go on like this, and wait for its goodbye."""
        self._received = _ignore
        self._fragments = None
        self._is_pinged = False
        _say_goodbye(transport, code)
        self._cut_after(self._settings.close_timeout)

    def _cut_after(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = self._loop.call_later(seconds, self._cut)

    def _cut(self) -> None:
        if self._transport is not None:
            self._transport.disconnect(graceful=False)


def _say_goodbye(transport: WSTransport, code: int) -> None:
    number: Any = code  # the library knows all of them, its declaration some
    transport.send_close(number)


def _ignore(_what: Message | End) -> None:
    pass


async def _settle(transport: WSTransport) -> None:
    with contextlib.suppress(Exception):
        await transport.wait_disconnected()
