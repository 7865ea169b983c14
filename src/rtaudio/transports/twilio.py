"""A telephone call that Twilio streams to us: its microphone and its speaker for a session.

Twilio opens a WebSocket to the application and sends the caller's sound over it; what is written
there is played to the caller. In a handler of a WebSocket server:

    async def handle(socket):
        transport = TwilioTransport(socket, WebSocketTransport())
        async with RealtimeSession(agent, transport=transport) as session:
            async for event in session:  # ends when the caller hangs up
                ...

The service hears the caller and the caller hears the service without the application's doing. Both
sides speak G.711 mu-law at 8 kHz, so nothing is converted. Sound is handed to Twilio as it comes,
and Twilio plays it at its own pace; behind each tenth of a second goes a mark that comes back when
it was played. By these marks the session knows what was heard when the caller interrupts, and what
waits to be played is thrown away then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from base64 import b64encode
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from rtaudio.errors import ConfigError, ConnectionLost, TransportError
from rtaudio.transports.wrapping import WrappingTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from rtaudio.transports.base import ConnectOptions, RealtimeTransport

__all__ = ["TwilioSocket", "TwilioTransport"]

_log = logging.getLogger("rtaudio.transports")

_FORMAT = {"type": "audio/pcmu"}
_BYTES_PER_MS = 8
_CHUNK_BYTES = 100 * _BYTES_PER_MS
# What it may take to write what was said last, in seconds, when the session is closed.
_LEAVE_S = 1.0
# Messages that Twilio has not taken: minutes of an answer, far more than a call holds that works.
_MAX_WAITING = 10_000


class TwilioSocket(Protocol):
    """A WebSocket that Twilio has opened, such as `websockets`' `ServerConnection`.

    `recv` raises when it is closed; whatever it raises counts as that.
    """

    def recv(self) -> Awaitable[str | bytes]: ...

    def send(self, message: str) -> Awaitable[Any]: ...


class _Media(msgspec.Struct):
    payload: bytes = b""
    track: str = "inbound"


class _Mark(msgspec.Struct):
    name: str = ""


class _Key(msgspec.Struct):
    digit: str = ""


class _Message(msgspec.Struct):
    """What Twilio sends, as far as it matters here."""

    event: str
    start: dict[str, Any] | None = None
    media: _Media | None = None
    mark: _Mark | None = None
    dtmf: _Key | None = None


class _Chunk(NamedTuple):
    """Sound that Twilio was given, and of which it has not said that it was played."""

    mark: str
    item_id: str
    content_index: int
    length_ms: float


class TwilioTransport(WrappingTransport):
    """Joins a call of Twilio's Media Streams to a session. See the module's text.

    Keys that the caller presses arrive as `input_audio_buffer.dtmf_event_received`, as from the
    service itself. When the caller hangs up, the session ends as if the service had closed it. The
    socket stays the application's: to hang up, close the session, and then the socket.

    Args:
        socket: what Twilio has opened.
        inner: the connection to the service.
        start_timeout: seconds within which Twilio has to say which call it is.

    Attributes:
        start: what Twilio tells of the call: `streamSid`, `callSid`, `customParameters` and more;
            empty before the first connect.

    Raises:
        ConfigError: `inner` is no transport, plays sound itself, or carries none.
    """

    def __init__(
        self, socket: TwilioSocket, inner: RealtimeTransport, *, start_timeout: float = 10.0
    ) -> None:
        super().__init__(inner)
        if inner.has_speaker or inner.medium != "events":
            raise ConfigError(
                f"inner must carry sound in events, as a WebSocketTransport does, got {inner!r}"
            )
        for method in ("recv", "send"):
            if not callable(getattr(socket, method, None)):
                raise ConfigError(f"socket must have {method}(), got {type(socket).__name__}")
        self.has_speaker = True
        self.session_defaults = {
            **inner.session_defaults,
            "audio": {"input": {"format": _FORMAT}, "output": {"format": _FORMAT}},
        }
        self.start: dict[str, Any] = {}
        self._socket = socket
        self._start_timeout = start_timeout
        self._stream_sid = ""
        self._listening: asyncio.Task[None] | None = None
        self._over = False
        self._opening = False
        # What is written to Twilio: one order, one writer.
        self._outgoing: deque[str] = deque()
        self._writing: asyncio.Task[None] | None = None
        # In the order of playback; the first one is being played.
        self._chunks: deque[_Chunk] = deque()
        self._silent = asyncio.Event()
        self._silent.set()
        self._marks = 0

    async def connect(self, options: ConnectOptions) -> None:
        """Wait for Twilio's account of the call, and connect to the service.

        Raises:
            ConfigError: the call has ended.
            TransportError: Twilio did not begin, or the service could not be reached.
        """
        if self._over:
            raise ConfigError("the call has ended; each call takes a TwilioTransport of its own")
        if options.initial_session_config:
            _check_formats(options.initial_session_config, whole=True)
        if not self.start:
            await self._await_start()
        await super().connect(options)
        if self._listening is None:
            # It outlives the connection to the service: the call goes on while that is renewed.
            self._listening = asyncio.get_running_loop().create_task(
                self._listen(), name="rtaudio-twilio-listen"
            )

    async def send_event(self, event: Mapping[str, Any]) -> None:
        """Write an event to the service.

        Raises:
            ConfigError: it asks for sound of another format than the call's.
            TransportError: not connected.
        """
        if event.get("type") == "session.update":
            _check_formats(event.get("session") or {}, whole=False)
        await super().send_event(event)

    async def open(self, options: ConnectOptions, greeting: Mapping[str, Any] | None) -> None:
        """See `RealtimeTransport.open`. An attempt that fails does not end the call."""
        self._opening = True
        try:
            await super().open(options, greeting)
        finally:
            self._opening = False

    async def close(self) -> None:
        """Close the connection to the service, and leave the call alone."""
        await super().close()
        if not self._opening:
            await self._leave()

    async def wait_played(self) -> None:
        """Wait until the caller has heard all that was said, or the call is over."""
        await self._silent.wait()

    def play(self, sound: bytes, item_id: str, content_index: int) -> None:
        """Hand sound to Twilio, to be played behind what it has already."""
        if self._over or self._listening is None:
            return
        for begin in range(0, len(sound), _CHUNK_BYTES):
            piece = sound[begin : begin + _CHUNK_BYTES]
            self._marks += 1
            chunk = _Chunk(str(self._marks), item_id, content_index, len(piece) / _BYTES_PER_MS)
            self._chunks.append(chunk)
            self._silent.clear()
            self._write("media", media={"payload": b64encode(piece).decode("ascii")})
            self._write("mark", mark={"name": chunk.mark})
            if len(self._chunks) == 1:
                self.played(item_id, content_index, 0.0)

    def stop_playing(self) -> None:
        """Let Twilio forget what it has not played yet."""
        if self._chunks and not self._over:
            self._forget_chunks()
            # What Twilio does not have yet would only be forgotten there.
            self._outgoing.clear()
            self._write("clear")

    # What Twilio sends.

    async def _await_start(self) -> None:
        try:
            async with asyncio.timeout(self._start_timeout):
                while not self.start:
                    message = await self._receive()
                    if message is None:
                        self._over = True
                        raise TransportError("Twilio closed the stream before it began")
                    if message.event == "start" and message.start is not None:
                        self.start = message.start
        except TimeoutError:
            raise TransportError(f"Twilio sent no start within {self._start_timeout:g} s") from None
        self._stream_sid = str(self.start.get("streamSid", ""))

    async def _receive(self) -> _Message | None:
        """The next message that can be read; None when there will be no more."""
        while True:
            try:
                text = await self._socket.recv()
            except Exception:
                # Each kind of socket has an exception of its own for this.
                return None
            try:
                return msgspec.json.decode(text, type=_Message)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                _log.debug("a message of Twilio's cannot be read: %s", type(error).__name__)

    async def _listen(self) -> None:
        while (message := await self._receive()) is not None and message.event != "stop":
            if message.media is not None and message.media.track == "inbound":
                await self.heard(message.media.payload)
            elif message.mark is not None:
                self._on_mark(message.mark.name)
            elif message.dtmf is not None:
                self.receive(
                    {
                        "type": "input_audio_buffer.dtmf_event_received",
                        "event": message.dtmf.digit,
                        "received_at": int(time.time()),
                    }
                )
        self._end(None)

    def _on_mark(self, name: str) -> None:
        # Marks of what was thrown away come back too.
        if not any(chunk.mark == name for chunk in self._chunks):
            return
        while self._chunks:
            chunk = self._chunks.popleft()
            self.played(chunk.item_id, chunk.content_index, chunk.length_ms)
            if chunk.mark == name:
                break
        if self._chunks:
            self.played(self._chunks[0].item_id, self._chunks[0].content_index, 0.0)
        else:
            self._silent.set()

    def _forget_chunks(self) -> None:
        self._chunks.clear()
        self._silent.set()

    def _end(self, error: Exception | None) -> None:
        """There is no call any more."""
        self._over = True
        self._forget_chunks()
        self._outgoing.clear()
        self.sever(error)

    async def _leave(self) -> None:
        """Read and write no more."""
        self._forget_chunks()
        writing, self._writing = self._writing, None
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            await asyncio.wait([listening])
        if writing is not None:
            await asyncio.wait([writing], timeout=_LEAVE_S)
            writing.cancel()

    # What Twilio is sent.

    def _write(self, event: str, **fields: Any) -> None:
        if len(self._outgoing) >= _MAX_WAITING:
            self._end(ConnectionLost("Twilio does not take what is played to the caller"))
            return
        message = {"event": event, "streamSid": self._stream_sid, **fields}
        self._outgoing.append(msgspec.json.encode(message).decode())
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(
                self._write_out(), name="rtaudio-twilio-write"
            )

    async def _write_out(self) -> None:
        while self._outgoing:
            text = self._outgoing.popleft()
            try:
                await self._socket.send(text)
            except Exception as error:
                # The reader learns of the end by itself.
                _log.debug("Twilio took no more: %s", type(error).__name__)
                self._outgoing.clear()


def _check_formats(session: Mapping[str, Any], *, whole: bool) -> None:
    """Refuse settings that would make noise of the sound.

    Args:
        session: settings in wire form.
        whole: whether what is missing means the service's default, which is another format.
    """
    audio = session.get("audio") or {}
    for side in ("input", "output"):
        found = (audio.get(side) or {}).get("format")
        unused = side == "output" and session.get("type") == "transcription"
        if found is None and (unused or not whole):
            continue
        kind = None if found is None else found.get("type")
        if kind != _FORMAT["type"]:
            raise ConfigError(
                f"audio.{side}.format over a TwilioTransport must be 'g711_ulaw', got {kind!r}"
            )
