"""The service: where it listens, whom it lets in, and what its connections share."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from rtaudio.errors import ConfigError
from rtaudio.protocol import ErrorDetail, ErrorEvent, encode_event, new_id
from rtaudio.server.access import PROTOCOL, check_binding, offered_protocols, token_accepted
from rtaudio.server.config import SessionConfig
from rtaudio.server.connection import Connection
from rtaudio.server.engines.echo import EchoResponder
from rtaudio.server.limits import Limits
from rtaudio.server.recognition import RecognitionPool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from websockets.asyncio.server import Server, ServerConnection
    from websockets.http11 import Request, Response
    from websockets.typing import Subprotocol

    from rtaudio.server.engines.base import Recogniser, Responder, Voice, VoiceDetector

__all__ = ["RealtimeServer"]

PATH = "/v1/realtime"

# Close codes as the cloud's service uses them; 1013 is RFC 6455's registry's "try again later".
_UNAUTHENTICATED = 3000
_BAD_REQUEST = 4000
_TRY_AGAIN_LATER = 1013

_log = logging.getLogger(__name__)


class RealtimeServer:
    """A realtime speech service on this machine, as an async context manager.

        async with RealtimeServer() as server:
            print(server.url)  # ws://127.0.0.1:PORT/v1/realtime

    It serves transcription sessions and conversations. Without a voice it answers in text, and
    `session.created` and `session.updated` say so in `output_modalities`, whatever was asked for.
    The recogniser's model is loaded when the first client connects.

    Args:
        host: address to listen on. Any but a loopback address demands a token.
        port: TCP port; 0 takes a free one.
        recogniser: the speech engine; None is `WhisperRecogniser()`, which needs the `local` extra.
        detector: the voice activity engine; None is Silero, from the same extra.
        responder: decides what is answered; None is `EchoResponder()`, which says back what it
            heard.
        voice: speaks the answers; None answers in text.
        token: what clients have to present, as `Authorization: Bearer TOKEN` or (browsers) as the
            subprotocol `openai-insecure-api-key.TOKEN`. None asks for nothing, but lets no web page
            in.
        limits: what clients are allowed.

    Raises:
        ConfigError: the address and the token do not go together, or the `local` extra is missing.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        recogniser: Recogniser | None = None,
        detector: VoiceDetector | None = None,
        responder: Responder | None = None,
        voice: Voice | None = None,
        token: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        check_binding(host, token)
        if not 0 <= port <= 65535:
            raise ConfigError(f"port is {port}, expected 0 (any free one) to 65535")
        if recogniser is None:
            from rtaudio.server.engines.whisper import WhisperRecogniser

            recogniser = WhisperRecogniser()
        if detector is None:
            from rtaudio.server.engines.silero import SileroDetector

            detector = SileroDetector()
        if detector.sample_rate != recogniser.sample_rate:
            raise ConfigError(
                f"the voice detector wants {detector.sample_rate} Hz and the recogniser "
                f"{recogniser.sample_rate} Hz; both hear the same samples"
            )
        self._host = host
        self._port = port
        self._recogniser = recogniser
        self._detector = detector
        self._responder = responder or EchoResponder()
        self._voice = voice
        self._token = token
        self._limits = limits or Limits()
        self._sessions = 0
        self._pool: RecognitionPool | None = None
        self._server: Server | None = None

    def __repr__(self) -> str:
        return f"RealtimeServer({self._host!r}, {self._port!r})"

    @property
    def url(self) -> str:
        """Where clients connect, such as `ws://127.0.0.1:8765/v1/realtime`.

        Raises:
            ConfigError: the server is not running.
        """
        if self._server is None:
            raise ConfigError("the server is not running; enter it with 'async with'")
        port = next(iter(self._server.sockets)).getsockname()[1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"ws://{host}:{port}{PATH}"

    @property
    def sessions(self) -> int:
        """How many clients are connected."""
        return self._sessions

    async def __aenter__(self) -> Self:
        """Start to listen.

        Raises:
            OSError: the port is taken or the address is not this machine's.
        """
        pool = RecognitionPool(self._recogniser)
        try:
            self._server = await serve(
                self._serve,
                self._host,
                self._port,
                process_request=self._check_path,
                select_subprotocol=_select_subprotocol,
                # A browser names the page's origin. Without a token any page that somebody visits
                # could use the service behind their back, so only other programs may.
                origins=[None] if self._token is None else None,
                max_size=self._limits.message_bytes,
                max_queue=self._limits.queued_messages,
                # A client that is held up because recognition is busy is not read from, its pongs
                # included: missing ones must not end its session. What is dead TCP finds out, since
                # the pings are never acknowledged.
                ping_timeout=None,
                # Base64 of sound hardly shrinks, and trying costs more than the rest of the path.
                compression=None,
                server_header="rtaudio",
            )
        except BaseException:
            await pool.close()
            raise
        pool.start()
        self._pool = pool
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all connections and stop."""
        server, self._server = self._server, None
        pool, self._pool = self._pool, None
        if server is not None:
            server.close()
            await server.wait_closed()
        if pool is not None:
            await pool.close()

    def _check_path(self, socket: ServerConnection, request: Request) -> Response | None:
        if urlsplit(request.path).path.rstrip("/") == PATH:
            return None
        return socket.respond(HTTPStatus.NOT_FOUND, f"The service is at {PATH}.\n")

    async def _serve(self, socket: ServerConnection) -> None:
        request = socket.request
        if request is None or self._pool is None:
            return
        # As in the cloud, a refusal follows the upgrade: an error event, then the close.
        if not token_accepted(request.headers, self._token):
            await _refuse(
                socket,
                "invalid_api_key",
                "The token is missing or wrong.",
                _UNAUTHENTICATED,
                "invalid_request_error.invalid_api_key",
            )
            return
        query = parse_qs(urlsplit(request.path).query)
        intent = query.get("intent", ["conversation"])[-1]
        if intent not in ("conversation", "transcription"):
            await _refuse(
                socket,
                "invalid_value",
                f"The intent {intent!r} is unknown; leave it out or ask for transcription.",
                _BAD_REQUEST,
                "invalid_request_error.invalid_value",
            )
            return
        if self._sessions >= self._limits.sessions:
            await _refuse(
                socket,
                "session_limit_reached",
                f"The service holds {self._sessions} sessions, as many as it may.",
                _TRY_AGAIN_LATER,
                "session_limit_reached",
            )
            return
        config = SessionConfig(
            "transcription" if intent == "transcription" else "realtime",
            query.get("model", [None])[-1],
            speaks=self._voice is not None,
        )
        self._sessions += 1
        self._pool.warm()
        try:
            await Connection(
                socket,
                config=config,
                pool=self._pool,
                detector=self._detector,
                responder=self._responder,
                voice=self._voice,
                limits=self._limits,
            ).run()
        finally:
            self._sessions -= 1


async def _refuse(
    socket: ServerConnection, code: str, message: str, close_code: int, reason: str
) -> None:
    detail = ErrorDetail(type="invalid_request_error", message=message, code=code)
    try:
        await socket.send(
            encode_event(ErrorEvent(event_id=new_id("event"), error=detail)), text=True
        )
        await socket.close(close_code, reason)
    except ConnectionClosed:
        _log.debug("a client left before it was refused: %s", code)


def _select_subprotocol(
    socket: ServerConnection, subprotocols: Sequence[Subprotocol]
) -> Subprotocol | None:
    offered = offered_protocols(socket.request.headers) if socket.request else subprotocols
    return next((name for name in subprotocols if name == PROTOCOL and name in offered), None)
