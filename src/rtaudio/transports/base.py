"""The contract between a session and whatever carries its events.

A transport moves events and sound; it knows nothing of conversations. To write one, derive from
`RealtimeTransport`, implement `connect`, `send_event` and `close` (each plain or a coroutine
function), and hand what arrives to `receive`. When the connection ends without `close` having been
called, say so with `lost`. Everything else has a default. docs/transports.md has an example.

Where sound travels as media (`medium = "track"`), say in `track_formats` in which formats, take
what the user says in `send_audio`, say by `sound_left` what of it has left, and hand what arrives
to `receive_sound`.

A session opens a transport in three steps: `connect` makes events writable, then the session writes
its configuration, then `confirm` waits until the other side has accepted the session. `status`
follows these steps by itself.
"""

from __future__ import annotations

import inspect
import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable, Generator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from rtaudio.errors import ConfigError, ProtocolError, TransportError
from rtaudio.protocol import decode_server_event, encode_event
from rtaudio.transports.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from rtaudio.audio import AudioFormat
    from rtaudio.protocol import ServerEvent, UnknownEvent
    from rtaudio.transports.api_key import ApiKey

__all__ = [
    "DONE",
    "ConnectOptions",
    "Medium",
    "RawMessage",
    "RealtimeTransport",
    "TransportSink",
    "TransportStatus",
    "finish",
    "lasting",
]

_log = logging.getLogger("rtaudio.transports")

TransportStatus = Literal["disconnected", "connecting", "connected"]
Medium = Literal["events", "track", "none"]

#: A message in wire form: JSON text, or its UTF-8 bytes.
Frame: TypeAlias = bytes | bytearray | memoryview | str

#: What `receive` takes: a frame, a parsed event, or a typed one.
RawMessage: TypeAlias = Frame | Mapping[str, Any] | msgspec.Struct


class _Done(Awaitable[None]):
    """Something to await where there is nothing to wait for."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


#: What a method of a transport may return that is done already; it can be awaited any number of
#: times, and costs nothing.
DONE: Final[Awaitable[None]] = _Done()


class ConnectOptions(msgspec.Struct, kw_only=True, frozen=True):
    """What one connection is made with.

    Attributes:
        api_key: credential or something callable that returns it, possibly awaitable; None leaves
            it to the transport.
        model: the model to speak with; None leaves it to the transport.
        url: where to connect; None leaves it to the transport.
        call_id: the running call to attach to.
        intent: `transcription` for a session that only transcribes.
        initial_session_config: the session's configuration in wire form. The session writes it
            after `connect`; it is here for transports that need it earlier.
    """

    api_key: ApiKey | None = None
    model: str | None = None
    url: str | None = None
    call_id: str | None = None
    intent: Literal["transcription"] | None = None
    initial_session_config: dict[str, Any] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        given = "given" if self.api_key is not None else "not given"
        return f"ConnectOptions(api_key={given}, model={self.model!r}, call_id={self.call_id!r})"


async def _unheard(_sound: bytes) -> None:
    """Nobody wants the caller's sound."""


def _unwatched(_item_id: str, _content_index: int, _ms: float) -> None:
    """Nobody wants to know what was played."""


def _ignore(_news: Any) -> None:
    """What nobody listens to."""


def _leave(_message: Any) -> bool:
    """Every message goes the ordinary way."""
    return False


class TransportSink(NamedTuple):
    """Who listens to a transport, as one function for each kind of news.

    Attributes:
        event: an event arrived; typed, and as it came. Where that is a memoryview, it is of a
            buffer that is used again after the call; `lasting` copies it.
        garbage: something arrived that is no event, or lacks what its type must have.
        status: `status` changed.
        lost: the connection ended by itself; None where the other side closed it in good order.
        heard: the transport's own microphone heard this, in the wire's format; returns once it is
            on its way.
        played: the transport's own speaker played so many milliseconds of this part of an item.
        sound: sound arrived on a track, in the format of `track_formats`.
        sent: sound left over a track, as it left: muted or missing sound is silence.
        trouble: something failed that does not end the connection.
        piece: asked first of each message in wire form: true where it was the next piece of an
            answer's sound, and all has been done about it; `event` is not called then.
    """

    event: Callable[[ServerEvent | UnknownEvent, RawMessage], None]
    garbage: Callable[[ProtocolError, RawMessage], None]
    status: Callable[[TransportStatus], None]
    lost: Callable[[Exception | None], None]
    heard: Callable[[bytes], Awaitable[None]] = _unheard
    played: Callable[[str, int, float], None] = _unwatched
    sound: Callable[[bytes], None] = _ignore
    sent: Callable[[bytes], None] = _ignore
    trouble: Callable[[Exception], None] = _ignore
    piece: Callable[[Frame], bool] = _leave


class RealtimeTransport:
    """Carries events between a session and a realtime service. See the module's text."""

    #: How sound travels: in events, as a media track, or not through us at all.
    medium: Medium = "events"

    #: The time by which its session counts, too.
    clock: Clock = SYSTEM_CLOCK

    #: Settings that a session over it begins with, in wire form; those of the application win.
    session_defaults: Mapping[str, Any] = MappingProxyType({})

    #: Whether it plays answers itself: `play` and `stop_playing` are called then, and `played` says
    #: how far it came.
    has_speaker: bool = False

    #: Whether a `connect` while another goes on joins it, and one while connected does nothing.
    joins_attempts: bool = False

    _status: TransportStatus = "disconnected"
    _sink: TransportSink | None = None
    _early_end: Exception | None = None
    # The sink's; by itself, as it is asked of everything that arrives.
    _take_piece: Callable[[Frame], bool] = staticmethod(_leave)

    # What a transport implements.

    def connect(self, options: ConnectOptions) -> Awaitable[None] | None:
        """Connect so that `send_event` works. On failure leave nothing open."""
        raise NotImplementedError(f"{type(self).__name__} does not implement connect(options)")

    def send_event(self, event: Mapping[str, Any]) -> Awaitable[None] | None:
        """Write a client event. Events are written in the order of the calls."""
        raise NotImplementedError(f"{type(self).__name__} does not implement send_event(event)")

    def close(self) -> Awaitable[None] | None:
        """Close the connection, if there is one."""
        raise NotImplementedError(f"{type(self).__name__} does not implement close()")

    # What it may override.

    async def confirm(self) -> None:
        """Wait until the other side has accepted the session. Default: nothing to wait for."""

    def send_audio(self, pcm: Buffer) -> Awaitable[None] | None:
        """Send samples in the negotiated input format. Default: in an event."""
        audio = b64encode(pcm).decode("ascii")
        return self.send_event({"type": "input_audio_buffer.append", "audio": audio})

    def track_formats(
        self,
        wanted_in: AudioFormat | None,  # noqa: ARG002
        wanted_out: AudioFormat | None,  # noqa: ARG002
    ) -> tuple[AudioFormat, AudioFormat] | None:
        """Formats of the sound that `send_audio` takes and `receive_sound` is given.

        Asked before each `connect`; the session converts where the application has others.

        Args:
            wanted_in: what the application feeds; None where it does not mind.
            wanted_out: what it wants.

        Returns:
            Both; None, the default, where the session's configuration says it.
        """
        return None

    async def flush_audio(self) -> None:
        """Wait until all sound that was given is on its way. Default: nothing to wait for."""

    def mute(self, muted: bool) -> None:
        """Stop or resume sending sound, where the transport owns the microphone."""
        raise ConfigError(
            f"{type(self).__name__} cannot mute (asked for {muted}): it does not own the "
            "microphone; stop calling send_audio instead"
        )

    @property
    def muted(self) -> bool | None:
        """Whether sending is muted; None where that is not the transport's business."""
        return None

    def play(self, sound: bytes, item_id: str, content_index: int) -> None:
        """Play sound of an answer, in the wire's format, behind what is being played.

        Called with all that may be heard, where `has_speaker` is set; must not block.
        """

    def stop_playing(self) -> None:
        """Forget what was not played yet: the listener has interrupted."""

    # What it calls.

    def receive(self, message: RawMessage) -> ServerEvent | UnknownEvent | None:
        """Take in something that arrived and pass it on.

        Returns:
            The typed event; None where the message is no event, or a piece of sound that needed
            none.
        """
        sink = self._sink
        try:
            # Frames first: they are what comes, and asking for a Mapping takes longest.
            if isinstance(message, (memoryview, bytes, str, bytearray)):
                if self._take_piece(message):
                    return None
                event: Any = decode_server_event(message)
            elif isinstance(message, msgspec.Struct):
                event = message
            else:
                event = decode_server_event(encode_event(dict(message)))
        except ProtocolError as error:
            if sink is not None:
                sink.garbage(error, message)
            return None
        if sink is not None:
            sink.event(event, message)
        return event  # type: ignore[no-any-return]

    def receive_sound(self, pcm: bytes) -> None:
        """Pass on sound that arrived on a track, in the format of `track_formats`."""
        if self._sink is not None:
            self._sink.sound(pcm)

    def sound_left(self, pcm: bytes) -> None:
        """Say that sound has left over a track, from the track's first on and without a gap."""
        if self._sink is not None:
            self._sink.sent(pcm)

    def report(self, error: Exception) -> None:
        """Say that something failed which does not end the connection."""
        if self._sink is not None:
            self._sink.trouble(error)

    def lost(self, error: Exception | None = None) -> None:
        """Say that the connection ended by itself.

        Args:
            error: why; None where the other side closed it in good order.
        """
        if self._status == "connecting":
            # `open` fails with it, and cleans up.
            self._early_end = error or TransportError(
                "the connection was closed before the session began"
            )
        if self._status != "connected":
            return
        try:
            self._set_status("disconnected")
        finally:
            if self._sink is not None:
                self._sink.lost(error)

    async def heard(self, sound: bytes) -> None:
        """Pass on what its own microphone has heard, in the wire's format.

        Returns once that is on its way; without a connection it is dropped, and counted.
        """
        if self._sink is not None:
            await self._sink.heard(sound)

    def played(self, item_id: str, content_index: int, ms: float) -> None:
        """Say that its own speaker has just played so many milliseconds of a part of an item.

        0 ms say that this part is being played now.
        """
        if self._sink is not None:
            self._sink.played(item_id, content_index, ms)

    # What a session calls.

    @property
    def status(self) -> TransportStatus:
        """Where the connection stands."""
        return self._status

    def attach(self, sink: TransportSink) -> None:
        """Report to this listener from now on.

        Raises:
            ConfigError: somebody else is listening already.
        """
        if self._sink is not None and self._sink is not sink:
            raise ConfigError(f"this {type(self).__name__} belongs to another session already")
        self._sink = sink
        self._take_piece = sink.piece

    def detach(self, sink: TransportSink) -> None:
        """Report to this listener no more; another may take its place."""
        if self._sink is sink:
            self._sink = None
            self._take_piece = _leave

    async def open(self, options: ConnectOptions, greeting: Mapping[str, Any] | None) -> None:
        """Connect, write the first event, and wait until the session is accepted.

        Args:
            options: what to connect with.
            greeting: the first event, normally `session.update`; None writes nothing.

        Raises:
            ConfigError: the transport is connecting or connected already.
            TransportError: the connection could not be made, or was shut meanwhile.
        """
        if self._status != "disconnected":
            raise ConfigError(f"connect() needs a disconnected transport; this is {self._status}")
        try:
            await self.begin(options)
            if greeting is not None:
                await finish(self.send_event(greeting))
            await self.complete()
        except BaseException:
            try:
                await self.shut()
            except Exception as error:
                # The first failure is the one to raise.
                _log.warning("closing after a failed attempt raised %s", type(error).__name__)
            raise

    async def begin(self, options: ConnectOptions) -> None:
        """The first part of `open`, for transports that wrap another: until events can be written.

        Where this, what follows or `complete` fails, whoever called it calls `shut`.
        """
        self._early_end = None
        self._set_status("connecting")
        await finish(self.connect(options))

    async def complete(self) -> None:
        """The last part of `open`: wait until the session is accepted.

        Raises:
            TransportError: the connection ended, or was shut meanwhile.
        """
        await self.confirm()
        if self._early_end is not None:
            raise self._early_end
        if self.status != "connecting":
            raise TransportError("the transport was shut before the session began")
        self._set_status("connected")

    async def shut(self) -> None:
        """Close, whatever state the transport is in; `status` is `disconnected` afterwards."""
        was = self._status
        # Nothing that the end of the connection sets off may look like a loss.
        self._status = "disconnected"
        try:
            await finish(self.close())
        finally:
            if was != "disconnected" and self._sink is not None:
                self._sink.status("disconnected")

    def _set_status(self, status: TransportStatus) -> None:
        if status != self._status:
            self._status = status
            if self._sink is not None:
                self._sink.status(status)


async def finish(result: Awaitable[None] | None) -> None:
    """Await what a plain method or a coroutine returned."""
    if inspect.isawaitable(result):
        await result


def lasting(message: RawMessage) -> RawMessage:
    """What may be kept of something that arrived: a memoryview's bytes, all else as it is."""
    return bytes(message) if isinstance(message, memoryview) else message
