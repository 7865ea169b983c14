"""Events over a WebSocket, by the `websockets` library."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import CloseCode

from rtaudio.errors import AuthenticationError, ConfigError, ConnectionLost, TransportError
from rtaudio.protocol import ErrorEvent, SessionUpdated, encode_audio_append, encode_event
from rtaudio.transports.addresses import is_loopback
from rtaudio.transports.base import ApiKey, ConnectOptions, RealtimeTransport, resolve_api_key

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from rtaudio.protocol import ServerEvent, UnknownEvent

__all__ = ["DEFAULT_MODEL", "CreateWebSocket", "WebSocketTransport"]

DEFAULT_MODEL = "gpt-realtime-2.1"

_CLOUD_URL = "wss://api.openai.com/v1/realtime"
_VERSION = version("rtaudio")

# The service accepts the upgrade even with a bad key, and refuses by an error and this close code.
_CLOSE_UNAUTHORISED = 3000
_CODES_UNAUTHORISED = frozenset({"invalid_api_key", "missing_api_key", "unauthorized"})
_HTTP_UNAUTHORISED = frozenset({401, 403})
# What a server may take to close after it has reported an error, in seconds.
_CLOSE_GRACE_S = 1.0
# How long to wait for `session.updated`, in seconds; a service that sends none may still work.
_UPDATE_WAIT_S = 5.0

#: Opens the socket: called with the URL and the key, it returns a connection as `websockets` makes
#: them, or something awaitable that gives one, such as `websockets.connect(...)`.
CreateWebSocket: TypeAlias = Callable[
    [str, str | None], ClientConnection | Awaitable[ClientConnection]
]

_log = logging.getLogger("rtaudio.transports")
# At DEBUG the library logs headers and frames as they are: the key, and what people say. A level of
# its own keeps that off where an application lets everything log at DEBUG.
_socket_log = logging.getLogger("rtaudio.transports.socket")
_socket_log.setLevel(logging.INFO)


class WebSocketTransport(RealtimeTransport):
    """One WebSocket connection at a time to a realtime service.

    Args:
        url: where to connect; None means the cloud service. A `url` given to `connect` takes its
            place from then on.
        api_key: used where the session has none. With neither, the environment variable
            `OPENAI_API_KEY` counts, for the cloud service only.
        headers: sent instead of our own, `Authorization` included; no key is needed then.
        create_websocket: opens the socket instead of the transport; see `CreateWebSocket`. It
            sees to headers and to all that follows below about the socket, but `handshake_timeout`.
        skip_open_listeners: that socket belongs to a session that runs already; nothing is waited
            for.
        wait_for_session_updated: let `connect` wait until the service has taken the session's
            configuration, 5 s at most; what comes without an answer goes on with a warning.
        handshake_timeout: seconds for the opening handshake, and again for the service's first
            event.
        max_message_bytes: largest message accepted; a larger one ends the connection. The default
            takes an item of an hour of sound, retrieved as base64. None accepts any.
        compression: `deflate` or None; on base64 audio it costs more than it saves.
        ping_interval: seconds between pings; None sends none.
        ping_timeout: seconds to wait for a pong before the connection counts as lost.
        close_timeout: seconds to wait for the other side's close.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: ApiKey | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        create_websocket: CreateWebSocket | None = None,
        skip_open_listeners: bool = False,
        wait_for_session_updated: bool = False,
        handshake_timeout: float = 10.0,
        max_message_bytes: int | None = 256 * 2**20,
        compression: str | None = None,
        ping_interval: float | None = 20.0,
        ping_timeout: float | None = 20.0,
        close_timeout: float | None = 5.0,
    ) -> None:
        if url is not None:
            _check_url(url)
        if api_key is not None and not isinstance(api_key, str) and not callable(api_key):
            raise ConfigError(f"api_key must be a str or callable, got {type(api_key).__name__}")
        if headers is not None and not isinstance(headers, Mapping):
            raise ConfigError(f"headers must be a mapping, got {type(headers).__name__}")
        if create_websocket is not None and not callable(create_websocket):
            kind = type(create_websocket).__name__
            raise ConfigError(f"create_websocket must be callable, got {kind}")
        if skip_open_listeners and create_websocket is None:
            raise ConfigError("skip_open_listeners=True needs create_websocket, got None")
        seconds = {
            "ping_interval": ping_interval,
            "ping_timeout": ping_timeout,
            "close_timeout": close_timeout,
        }
        _check_number("handshake_timeout", handshake_timeout, "a number of seconds above 0")
        for name, value in seconds.items():
            if value is not None:
                _check_number(name, value, "a number of seconds above 0, or None")
        if max_message_bytes is not None:
            _check_number("max_message_bytes", max_message_bytes, "an int above 0, or None", int)
        if compression not in (None, "deflate"):
            raise ConfigError(f"compression must be None or 'deflate', got {compression!r}")
        self._url = url
        self._api_key = api_key
        self._headers = dict(headers) if headers is not None else None
        self._create_websocket = create_websocket
        self._skip_open_listeners = skip_open_listeners
        self._wait_for_session_updated = wait_for_session_updated
        self._handshake_timeout = handshake_timeout
        self._settings: dict[str, Any] = {
            "max_size": max_message_bytes,
            "compression": compression,
            "open_timeout": handshake_timeout,
            **seconds,
        }
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._accepted_url: str | None = None
        self._close_code: int | None = None
        # What `connect` and `confirm` wait for; None where that is nothing.
        self._first_event: asyncio.Future[ErrorEvent | None] | None = None
        self._update: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        # The query of a URL may hold a credential.
        place = urlsplit(self._url or _CLOUD_URL)._replace(query="", fragment="").geturl()
        return f"WebSocketTransport({place!r}, status={self.status!r})"

    async def connect(self, options: ConnectOptions) -> None:
        """Open the socket and start reading.

        Raises:
            ConfigError: no key for the cloud service, or a URL that is no WebSocket's.
            AuthenticationError: the service refused the key.
            TransportError: the connection could not be made.
        """
        url, is_cloud = self._target(options)
        key = await self._key(options, is_cloud=is_cloud)
        try:
            socket = await self._open_socket(url, key)
        except InvalidStatus as error:
            status = error.response.status_code
            if status in _HTTP_UNAUTHORISED:
                raise AuthenticationError(
                    f"the service refused the credential (HTTP {status})", code=str(status)
                ) from None
            raise TransportError(
                f"the service refused the connection (HTTP {status})", code=str(status)
            ) from None
        except TimeoutError:
            raise TransportError(
                f"no answer to the WebSocket handshake within {self._handshake_timeout:g} s"
            ) from None
        except (OSError, WebSocketException) as error:
            # The library's own text may repeat the request; its kind says enough.
            raise TransportError(
                f"cannot connect to {urlsplit(url).netloc.rpartition('@')[2]}: {_reason(error)}"
            ) from error
        self._socket = socket
        self._close_code = None
        self._accepted_url = options.url
        loop = asyncio.get_running_loop()
        # A call that runs already gets no `session.created`, so there is nothing to wait for.
        runs_already = options.call_id is not None or self._skip_open_listeners
        self._first_event = None if runs_already else loop.create_future()
        waits = self._wait_for_session_updated and not self._skip_open_listeners
        self._update = loop.create_future() if waits else None
        self._reader = loop.create_task(self._read(socket), name="rtaudio-websocket-reader")

    async def confirm(self) -> None:
        """Wait for the service's first event: a socket that opened is not yet a session.

        Raises:
            AuthenticationError: the service refused the key.
            TransportError: the service refused the session, closed, or stayed silent.
        """
        if self._first_event is not None:
            await self._await_session(self._first_event)
        if self._update is not None:
            await self._await_update(self._update)
        self._first_event = self._update = None
        if self._accepted_url is not None:
            self._url = self._accepted_url

    async def _await_session(self, first_event: asyncio.Future[ErrorEvent | None]) -> None:
        try:
            async with asyncio.timeout(self._handshake_timeout):
                refusal = await first_event
        except TimeoutError:
            raise TransportError(
                f"the socket opened, but no event came within {self._handshake_timeout:g} s"
            ) from None
        if refusal is not None:
            raise await self._refused(refusal)

    async def _await_update(self, update: asyncio.Future[None]) -> None:
        done, _ = await asyncio.wait([update], timeout=_UPDATE_WAIT_S)
        if done:
            update.result()
        else:
            _log.warning("no session.updated came within %g s; going on without", _UPDATE_WAIT_S)

    async def send_event(self, event: Mapping[str, Any]) -> None:
        """Write an event; returns once the socket has taken it.

        Raises:
            TransportError: not connected.
        """
        await self._send(encode_event(dict(event)))

    async def send_audio(self, pcm: Buffer) -> None:
        """Write an `input_audio_buffer.append`; waits where the socket cannot keep up.

        Raises:
            TransportError: not connected.
            AudioError: not a buffer of samples.
        """
        await self._send(encode_audio_append(pcm))

    async def close(self) -> None:
        """Close the socket and wait until that is done; does nothing on a closed one."""
        socket, self._socket = self._socket, None
        reader, self._reader = self._reader, None
        self._first_event = self._update = None
        if socket is not None:
            await socket.close()
        if reader is not None and reader is not asyncio.current_task():
            await asyncio.wait([reader])

    async def _send(self, frame: bytes) -> None:
        socket = self._socket
        if socket is None:
            raise TransportError(f"cannot send: the transport is {self.status}")
        try:
            await socket.send(frame, text=True)
        except ConnectionClosed as closed:
            if self.status == "connecting" and self._first_event is not None:
                # A service that refuses closes at once, maybe before our first event is out; why
                # it did is still to be read.
                await self._await_session(self._first_event)
            raise _connection_lost(closed) from None

    async def _read(self, socket: ClientConnection) -> None:
        failure: Exception | None = None
        try:
            while True:
                # Undecoded: the event decoder reads UTF-8 by itself.
                self._take(await socket.recv(decode=False))
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != CloseCode.NORMAL_CLOSURE:
                failure = _connection_lost(closed)
        if self._socket is not socket:
            return
        self._close_code = socket.close_code
        pending = [each for each in (self._first_event, self._update) if each is not None]
        pending = [each for each in pending if not each.done()]
        for each in pending:
            each.set_exception(_closed_early(socket))
            each.exception()  # nobody may be waiting any more
        if not pending:
            self._socket = None
            self.lost(failure)

    def _take(self, message: bytes) -> None:
        """Pass a message on. Nothing of it, nor of its sound, is held while the next is awaited."""
        event = self.receive(message)
        if self._first_event is not None or self._update is not None:
            self._note(event)

    def _note(self, event: ServerEvent | UnknownEvent | None) -> None:
        """See whether an event is one that is waited for."""
        first, update = self._first_event, self._update
        if first is not None and event is not None and not first.done():
            first.set_result(event if isinstance(event, ErrorEvent) else None)
        if update is not None and isinstance(event, SessionUpdated) and not update.done():
            update.set_result(None)

    async def _refused(self, refusal: ErrorEvent) -> TransportError:
        """The exception for an `error` that came instead of a session."""
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=_CLOSE_GRACE_S)
        code = refusal.error.code
        text = f"the service refused the session: {code or refusal.error.type}"
        if code in _CODES_UNAUTHORISED or self._close_code == _CLOSE_UNAUTHORISED:
            # The service's own message repeats part of the key.
            return AuthenticationError(text, code=code)
        return TransportError(f"{text}: {refusal.error.message}", code=code)

    def _target(self, options: ConnectOptions) -> tuple[str, bool]:
        """The URL to open, and whether it is the cloud's own."""
        given = options.url
        if given is None and options.call_id is not None:
            return f"{_CLOUD_URL}?call_id={quote(options.call_id, safe='')}", True
        if given is None:
            given = self._url
        if given is None:
            if options.intent is not None:
                return f"{_CLOUD_URL}?intent={options.intent}", True
            return f"{_CLOUD_URL}?model={quote(options.model or DEFAULT_MODEL, safe='')}", True
        _check_url(given)
        if options.intent is not None:
            given = _with_intent(given, options.intent)
        return given, False

    async def _key(self, options: ConnectOptions, *, is_cloud: bool) -> str | None:
        if self._headers is not None:
            return None
        key = await resolve_api_key(
            options.api_key if options.api_key is not None else self._api_key
        )
        if key is None and is_cloud:
            key = os.environ.get("OPENAI_API_KEY") or None
            if key is None:
                raise ConfigError(
                    "the cloud service needs an API key: give api_key, set OPENAI_API_KEY, or give "
                    "the url of a service that needs none"
                )
        return key

    async def _open_socket(self, url: str, key: str | None) -> ClientConnection:
        if self._create_websocket is not None:
            async with asyncio.timeout(self._handshake_timeout):
                made = self._create_websocket(url, key)
                return await made if inspect.isawaitable(made) else made
        proxy: Any = None if is_loopback(url) else True
        return await open_websocket(
            url,
            additional_headers=self._headers if self._headers is not None else _headers(key),
            user_agent_header=None,
            proxy=proxy,
            logger=_socket_log,
            **self._settings,
        )


def _headers(key: str | None) -> dict[str, str]:
    headers = {"User-Agent": f"rtaudio/{_VERSION}", "X-RtAudio-SDK": f"rtaudio.{_VERSION}"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    return headers


def _check_number(name: str, value: Any, wanted: str, kind: Any = int | float) -> None:
    # A NaN is not above 0 either.
    if isinstance(value, bool) or not isinstance(value, kind) or not value > 0:
        raise ConfigError(f"{name} must be {wanted}, got {value!r}")


def _check_url(url: str) -> None:
    if not isinstance(url, str):
        raise ConfigError(f"url must be a str, got {type(url).__name__}")
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ConfigError(
            f"the url of a realtime service begins with ws:// or wss:// and names a host, got {parts.scheme}://"
            f"{parts.hostname or ''}"
        )


def _with_intent(url: str, intent: str) -> str:
    """A service decides from the URL which kind of session it opens, where the URL does not say."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if query.keys() & {"intent", "model", "call_id"}:
        return url
    return urlunsplit(
        parts._replace(query="&".join(filter(None, [parts.query, f"intent={intent}"])))
    )


def _connection_lost(closed: ConnectionClosed) -> ConnectionLost:
    code = closed.rcvd.code if closed.rcvd is not None else None
    how = f"with close code {code}" if code is not None else "without a close frame"
    return ConnectionLost(f"the connection ended {how}", code=None if code is None else str(code))


def _closed_early(socket: ClientConnection) -> TransportError:
    code = socket.close_code
    text = f"the service closed the connection before the session began (code {code})"
    if code == _CLOSE_UNAUTHORISED:
        return AuthenticationError(text, code=str(code))
    return TransportError(text, code=None if code is None else str(code))


def _reason(error: Exception) -> str:
    return error.strerror or "no connection" if isinstance(error, OSError) else type(error).__name__
