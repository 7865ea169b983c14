"""The service: where it listens, whom it lets in, and what its connections share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from rtaudio.errors import ConfigError
from rtaudio.server.access import check_binding
from rtaudio.server.engines.echo import EchoResponder
from rtaudio.server.limits import Limits
from rtaudio.server.service import Service
from rtaudio.server.web.app import PATH, make_app, request_log

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from rtaudio.server.engines.base import Recogniser, Responder, Voice, VoiceDetector

__all__ = ["RealtimeServer"]

# Connections without a request, kept alive or not yet begun, are closed after this.
_KEEP_ALIVE_S = 30.0
_SHUTDOWN_S = 2.0  # how long requests have at the end, once the sessions are closed


class RealtimeServer:
    """A realtime speech service on this machine, as an async context manager.

        async with RealtimeServer() as server:
            print(server.url)  # ws://127.0.0.1:PORT/v1/realtime

    It serves transcription sessions and conversations. Without a voice it answers in text, and
    `session.created` and `session.updated` say so in `output_modalities`, whatever was asked for.
    The voice's model is loaded in the background when it starts, the recogniser's when the first
    client connects.

    Args:
        host: address to listen on. Any but a loopback address demands a token.
        port: TCP port; 0 takes a free one.
        recogniser: the speech engine; None is `WhisperRecogniser()`, which needs the `local` extra.
        detector: the voice activity engine; None is Silero, from the same extra.
        responder: decides what is answered; None is `EchoResponder()`, which says back what it
            heard.
        voice: speaks the answers; None answers in text.
        token: what clients have to present, as `Authorization: Bearer TOKEN` or (browsers) as the
            subprotocol `openai-insecure-api-key.TOKEN`. None asks for nothing.
        allow_origins: of web pages that may use the service beside its own, such as
            `https://example.org`; `*`, any page, needs a token.
        tls: a server's context; None speaks plain HTTP.
        limits: what clients are allowed.

    Raises:
        ConfigError: the address, the token and the origins do not go together, or the `local` extra
            is missing.
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
        allow_origins: Sequence[str] = (),
        tls: ssl.SSLContext | None = None,
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
        self._tls = tls
        self._service = Service(
            recogniser=recogniser,
            detector=detector,
            responder=responder or EchoResponder(),
            voice=voice,
            token=token,
            origins=allow_origins,
            limits=limits or Limits(),
        )
        self._runner: web.AppRunner | None = None

    def __repr__(self) -> str:
        return f"RealtimeServer({self._host!r}, {self._port!r})"

    @property
    def url(self) -> str:
        """Where clients connect, such as `ws://127.0.0.1:8765/v1/realtime`.

        Raises:
            ConfigError: the server is not running.
        """
        if self._runner is None:
            raise ConfigError("the server is not running; enter it with 'async with'")
        port = self._runner.addresses[0][1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'ws' if self._tls is None else 'wss'}://{host}:{port}{PATH}"

    @property
    def calls_url(self) -> str:
        """Where calls over WebRTC are made, such as `http://127.0.0.1:8765/v1/realtime/calls`.

        Raises:
            ConfigError: the server is not running.
        """
        return f"http{self.url.removeprefix('ws')}/calls"

    @property
    def console_url(self) -> str:
        """Where people try the service in a browser, such as `http://127.0.0.1:8765/`.

        Raises:
            ConfigError: the server is not running.
        """
        return f"http{self.url.removeprefix('ws').removesuffix(PATH)}/"

    @property
    def sessions(self) -> int:
        """How many clients are connected."""
        return self._service.sessions

    async def __aenter__(self) -> Self:
        """Start to listen.

        Raises:
            OSError: the port is taken or the address is not this machine's.
        """
        runner = web.AppRunner(
            make_app(self._service, self._host),
            access_log=None,
            logger=request_log,
            keepalive_timeout=_KEEP_ALIVE_S,
            shutdown_timeout=_SHUTDOWN_S,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port, ssl_context=self._tls).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close all connections and stop."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
