"""Events over a WebSocket.

The sockets are other libraries' (`rtaudio.transports.engines`). Here is what does not depend on
which: where to connect and with what, when a socket that opened is a session, and what it means
when one ends.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from websockets.asyncio.client import ClientConnection

from rtaudio.errors import AuthenticationError, ConfigError, ConnectionLost, TransportError
from rtaudio.protocol import encode_event
from rtaudio.transports.acceptance import Acceptance
from rtaudio.transports.addresses import (
    CLOUD_URL,
    DEFAULT_MODEL,
    check_url,
    default_headers,
    environment_proxy,
    host_of,
    target_url,
    without_query,
    without_user,
)
from rtaudio.transports.api_key import ApiKey, find_api_key
from rtaudio.transports.base import DONE, ConnectOptions, RealtimeTransport
from rtaudio.transports.engines import websockets
from rtaudio.transports.engines.base import (
    End,
    HandshakeFailed,
    SocketEnded,
    SocketSettings,
    UpgradeRefused,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from rtaudio.transports.engines.base import Message, Socket

__all__ = ["DEFAULT_MODEL", "CreateWebSocket", "Engine", "WebSocketTransport"]

Engine = Literal["auto", "websockets", "picows"]

_HTTP_UNAUTHORISED = frozenset({401, 403})
# RFC 6455, section 7.4.1.
_CLOSE_NORMAL = 1000
_CLOSE_TOO_BIG = 1009
_CLOSE_INTERNAL_ERROR = 1011

#: Opens the socket: called with the URL and the key, it returns a connection as `websockets` makes
#: them, or something awaitable that gives one, such as `websockets.connect(...)`.
CreateWebSocket: TypeAlias = Callable[
    [str, str | None], ClientConnection | Awaitable[ClientConnection]
]

_log = logging.getLogger("rtaudio.transports")


class WebSocketTransport(RealtimeTransport):
    """One WebSocket connection at a time to a realtime service.

    Args:
        url: where to connect; None means the cloud service. A `url` given to `connect` takes its
            place from then on.
        api_key: used where the session has none. With neither, the environment variable
            `OPENAI_API_KEY` counts, for the cloud service only.
        headers: sent instead of our own, `Authorization` included; no key is needed then.
        engine: the library that carries the connection: `picows` is fast (extra `speed`),
            `websockets` is always there and knows compression and proxies. `auto` takes picows
            where it is installed and nothing is asked of it that it cannot do.
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
        compression: `deflate` or None; on base64 audio it costs more than it saves. With it the
            engine is `websockets`.
        ping_interval: seconds between pings; None sends none.
        ping_timeout: seconds to wait for a pong before the connection counts as lost.
        close_timeout: seconds to wait for the other side's close.
        ssl_context: for `wss://`, instead of the default one, which trusts whom the system trusts
            and checks the host's name.
        proxy: the address of a proxy; `environment` takes the one that the environment names
            (`https_proxy` and others), None takes none. Through one, the engine is `websockets`,
            whatever `engine` says; a log line tells of it.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: ApiKey | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        engine: Engine = "auto",
        create_websocket: CreateWebSocket | None = None,
        skip_open_listeners: bool = False,
        wait_for_session_updated: bool = False,
        handshake_timeout: float = 10.0,
        max_message_bytes: int | None = 256 * 2**20,
        compression: str | None = None,
        ping_interval: float | None = 20.0,
        ping_timeout: float | None = 20.0,
        close_timeout: float | None = 5.0,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = "environment",
    ) -> None:
        if url is not None:
            check_url(url)
        if api_key is not None and not isinstance(api_key, str) and not callable(api_key):
            raise ConfigError(f"api_key must be a str or callable, got {type(api_key).__name__}")
        if headers is not None and not isinstance(headers, Mapping):
            raise ConfigError(f"headers must be a mapping, got {type(headers).__name__}")
        if create_websocket is not None and not callable(create_websocket):
            kind = type(create_websocket).__name__
            raise ConfigError(f"create_websocket must be callable, got {kind}")
        if skip_open_listeners and create_websocket is None:
            raise ConfigError("skip_open_listeners=True needs create_websocket, got None")
        _check_number("handshake_timeout", handshake_timeout, "a number of seconds above 0")
        for name, value in (
            ("ping_interval", ping_interval),
            ("ping_timeout", ping_timeout),
            ("close_timeout", close_timeout),
        ):
            if value is not None:
                _check_number(name, value, "a number of seconds above 0, or None")
        if max_message_bytes is not None:
            _check_number("max_message_bytes", max_message_bytes, "an int above 0, or None", int)
        if compression not in (None, "deflate"):
            raise ConfigError(f"compression must be None or 'deflate', got {compression!r}")
        if ssl_context is not None and not isinstance(ssl_context, ssl.SSLContext):
            kind = type(ssl_context).__name__
            raise ConfigError(f"ssl_context must be an ssl.SSLContext or None, got {kind}")
        if proxy is not None and (not isinstance(proxy, str) or not proxy):
            kind = type(proxy).__name__  # its text may hold a password
            raise ConfigError(f"proxy must be a URL, 'environment' or None, got {kind}")
        self._wanted_engine = _checked_engine(engine, compression, create_websocket)
        self._url = url
        self._api_key = api_key
        self._headers = dict(headers) if headers is not None else None
        self._create_websocket = create_websocket
        self._skip_open_listeners = skip_open_listeners
        self._wait_for_session_updated = wait_for_session_updated
        self._proxy = proxy
        self._settings = SocketSettings(
            handshake_timeout=handshake_timeout,
            max_message_bytes=max_message_bytes,
            compression=compression,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            close_timeout=close_timeout,
            ssl_context=ssl_context,
        )
        self._socket: Socket | None = None
        self._accepted_url: str | None = None
        # While a connection is not a session yet.
        self._acceptance: Acceptance | None = None

    def __repr__(self) -> str:
        # The query of a URL may hold a credential, and so may what stands before the host.
        place = without_query(self._url or CLOUD_URL)
        return f"WebSocketTransport({place!r}, status={self.status!r})"

    @property
    def engine(self) -> str | None:
        """The library that carries the connection; None where there is none."""
        return None if self._socket is None else self._socket.engine

    async def connect(self, options: ConnectOptions) -> None:
        """Open the socket and start reading.

        Raises:
            ConfigError: no key for the cloud service, or a URL that is no WebSocket's.
            AuthenticationError: the service refused the key.
            TransportError: the connection could not be made.
        """
        url, is_cloud = target_url(options, self._url)
        key = await self._key(options, is_cloud=is_cloud)
        self._accepted_url = options.url
        self._acceptance = Acceptance(
            # A call that runs already gets no `session.created`.
            session=options.call_id is None and not self._skip_open_listeners,
            update=self._wait_for_session_updated and not self._skip_open_listeners,
            timeout_s=self._settings.handshake_timeout,
        )
        try:
            self._socket = await self._open_socket(url, key)
        except UpgradeRefused as refusal:
            status = refusal.status
            if status in _HTTP_UNAUTHORISED:
                raise AuthenticationError(
                    f"the service refused the credential (HTTP {status})", code=str(status)
                ) from None
            raise TransportError(
                f"the service refused the connection (HTTP {status})", code=str(status)
            ) from None
        except TimeoutError:
            seconds = self._settings.handshake_timeout
            raise TransportError(
                f"no answer to the WebSocket handshake within {seconds:g} s"
            ) from None
        except HandshakeFailed as error:
            raise TransportError(f"cannot connect to {host_of(url)}: {error}") from None
        except OSError as error:
            reason = error.strerror or "no connection"
            raise TransportError(f"cannot connect to {host_of(url)}: {reason}") from error

    async def confirm(self) -> None:
        """Wait for the service's first event: a socket that opened is not yet a session.

        Raises:
            AuthenticationError: the service refused the key.
            TransportError: the service refused the session, closed, or stayed silent.
        """
        if self._acceptance is not None:
            await self._acceptance.session()
            await self._acceptance.update()
            self._acceptance = None
        if self._accepted_url is not None:
            self._url = self._accepted_url

    def send_event(self, event: Mapping[str, Any]) -> Awaitable[None]:
        """Write an event; waits where the other side does not read as fast as it is written to.

        Raises:
            TransportError: not connected.
        """
        socket = self._socket
        if socket is None:
            raise self._not_connected()
        try:
            waiting = socket.send(encode_event(dict(event)))
        except SocketEnded as ended:
            return self._explain(ended.end)
        return DONE if waiting is None else self._finish_sending(waiting)

    def send_audio(self, pcm: Buffer) -> Awaitable[None]:
        """Write an `input_audio_buffer.append`; waits as `send_event` does.

        Raises:
            TransportError: not connected.
            AudioError: not a buffer of samples.
        """
        socket = self._socket
        if socket is None:
            raise self._not_connected()
        try:
            waiting = socket.send_append(pcm)
        except SocketEnded as ended:
            return self._explain(ended.end)
        return DONE if waiting is None else self._finish_sending(waiting)

    async def close(self) -> None:
        """Close the socket and wait until that is done; does nothing on a closed one."""
        socket, self._socket = self._socket, None
        self._acceptance = None
        if socket is not None:
            await socket.close()

    def _not_connected(self) -> TransportError:
        return TransportError(f"cannot send: the transport is {self.status}")

    async def _finish_sending(self, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except SocketEnded as ended:
            await self._explain(ended.end)

    async def _explain(self, end: End) -> None:
        """Raise why nothing can be sent."""
        if self._acceptance is not None:
            # A service that refuses closes at once, maybe before our first event is out; why
            # it did is still to be read.
            await self._acceptance.session()
        raise self._connection_lost(end)

    # What a socket calls.

    def _received(self, message: Message) -> None:
        try:
            # Nothing of a message, nor of its sound, is held while the next is awaited.
            if self._take_piece(message):
                return
            event = self.receive(message)
            if self._acceptance is not None:
                self._acceptance.received(event)
        except Exception as error:
            # Whoever listens is no reason to stop reading.
            loop = asyncio.get_running_loop()
            context = "a listener of WebSocketTransport raised"
            loop.call_exception_handler({"message": context, "exception": error})

    def _ended(self, end: End) -> None:
        if self._acceptance is not None and self._acceptance.ended(end):
            return
        self._socket = None
        self.lost(None if end.code == _CLOSE_NORMAL else self._connection_lost(end))

    async def _key(self, options: ConnectOptions, *, is_cloud: bool) -> str | None:
        if self._headers is not None:
            return None
        given = options.api_key if options.api_key is not None else self._api_key
        return await find_api_key(given, is_cloud=is_cloud)

    async def _open_socket(self, url: str, key: str | None) -> Socket:
        if self._create_websocket is not None:
            async with asyncio.timeout(self._settings.handshake_timeout):
                made = self._create_websocket(url, key)
                own = await made if inspect.isawaitable(made) else made
            return websockets.WebsocketsSocket(own, self._received, self._ended)
        url, authorization = without_user(url)
        headers = self._headers
        if headers is None:
            headers = default_headers(key)
            if authorization is not None:
                headers.setdefault("Authorization", authorization)
        proxy = environment_proxy(url) if self._proxy == "environment" else self._proxy
        what = (url, headers, self._settings, self._received, self._ended)
        if self._wanted_engine == "picows" and proxy is None:
            from rtaudio.transports.engines import picows

            return await picows.open_socket(*what)
        if self._wanted_engine == "picows":
            _log.info("a proxy is in the way: the connection is made by websockets, not by picows")
        return await websockets.open_socket(*what, proxy=proxy)

    def _connection_lost(self, end: End) -> ConnectionLost:
        code = end.code
        if code is None:
            how = "without a close frame"
        elif not end.ours:
            how = f"with close code {code}"
        elif code == _CLOSE_TOO_BIG:
            limit = self._settings.max_message_bytes
            how = f"as a message was larger than max_message_bytes={limit}"
        elif code == _CLOSE_INTERNAL_ERROR:
            how = f"as no pong came within {self._settings.ping_timeout} s"
        else:
            how = f"as the other side broke the rules of the protocol (code {code})"
        return ConnectionLost(
            f"the connection ended {how}", code=None if code is None else str(code)
        )


def _checked_engine(engine: str, compression: str | None, create_websocket: object) -> str:
    """The engine that connections are made with.

    Raises:
        ConfigError: there is none of that name, or it cannot do what is asked of it.
    """
    if engine not in get_args(Engine):
        raise ConfigError(f"engine must be 'auto', 'websockets' or 'picows', got {engine!r}")
    is_installed = find_spec("picows") is not None
    beyond = compression is not None or create_websocket is not None
    if engine == "auto":
        return "picows" if is_installed and not beyond else "websockets"
    if engine == "picows" and not is_installed:
        raise ConfigError("engine='picows' needs the extra: pip install 'rtaudio[speed]'")
    if engine == "picows" and beyond:
        what = "compression" if compression is not None else "create_websocket"
        raise ConfigError(f"{what} needs engine='websockets' (or 'auto'), got 'picows'")
    return engine


def _check_number(name: str, value: Any, wanted: str, kind: Any = int | float) -> None:
    # A NaN is not above 0 either.
    if isinstance(value, bool) or not isinstance(value, kind) or not value > 0:
        raise ConfigError(f"{name} must be {wanted}, got {value!r}")
