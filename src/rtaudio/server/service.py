"""What all connections of one service share, and the account of those that are open."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from rtaudio.server.access import Access
from rtaudio.server.client_secrets import ClientSecrets
from rtaudio.server.config import SessionConfig
from rtaudio.server.connection import Connection
from rtaudio.server.engines.running import running
from rtaudio.server.listening.recognition import RecognitionPool
from rtaudio.server.metrics import Metrics
from rtaudio.server.refused import Refused
from rtaudio.server.session_metrics import SessionMetrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtaudio.server.calls.call_sound import CallSound
    from rtaudio.server.engines.base import Recogniser, Responder, Voice, VoiceDetector
    from rtaudio.server.limits import Limits
    from rtaudio.server.line import Line

__all__ = ["Service"]

# 1001 is "going away"; 1013, from RFC 6455's registry, is "try again later".
_GOING_AWAY = 1001
_TRY_AGAIN_LATER = 1013
_CLOSE_S = 5.0  # how long connections have to come to an end by themselves


class _Open(NamedTuple):
    """A session that goes on: the task that serves it once it has begun, and over what."""

    task: asyncio.Task[Any] | None
    transport: str


class Service:
    """The engines, and the sessions that use them.

    Args:
        recogniser: turns speech into text.
        detector: the voice activity engine.
        responder: decides what is answered.
        voice: speaks the answers; None answers in text.
        token: what clients present; None asks for nothing.
        origins: of web pages that are let in beside the service's own.
        limits: what clients are allowed.

    Attributes:
        access: who is let in.
        secrets: the ephemeral keys.
        metrics: what happens, in figures.
        pool: where speech is recognised.

    Raises:
        ConfigError: an origin is none, or token and origins do not go together.
    """

    def __init__(
        self,
        *,
        recogniser: Recogniser,
        detector: VoiceDetector,
        responder: Responder,
        voice: Voice | None,
        token: str | None,
        origins: Sequence[str],
        limits: Limits,
    ) -> None:
        self.limits = limits
        self.secrets = ClientSecrets(limits.client_secrets)
        self.access = Access(token, origins, self.secrets)
        self._detector = detector
        self._responder = responder
        self._voice = voice
        self._engines = AsyncExitStack()
        self._open: dict[Line, _Open] = {}
        self.pool = RecognitionPool(recogniser)
        self.metrics = Metrics(
            sessions=self._by_transport,
            waiting=lambda: self.pool.waiting,
            running=lambda: self.pool.running,
        )

    @property
    def sessions(self) -> int:
        """How many sessions there are now."""
        return len(self._open)

    def _by_transport(self) -> dict[str, int]:
        # A row that is missing while there are none would look like a service that is down.
        counts = Counter(websocket=0, webrtc=0)
        counts.update(one.transport for one in self._open.values())
        return counts

    async def start(self) -> None:
        """Begin to serve; call once."""
        self.pool.start(self.metrics.recogniser_busy.add)
        await self._engines.enter_async_context(running(self._responder, self._voice))

    async def close(self) -> None:
        """Close all connections, and stop."""
        tasks = {one.task for one in self._open.values() if one.task is not None}
        await asyncio.gather(
            *(line.close(_GOING_AWAY, "The service ends.") for line in self._open),
            return_exceptions=True,
        )
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_CLOSE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._engines.aclose()
        await self.pool.close()

    def config(
        self,
        kind: str = "realtime",
        model: str | None = None,
        *,
        session: dict[str, Any] | None = None,
    ) -> SessionConfig:
        """Make the settings of a new session.

        Args:
            kind: `realtime` or `transcription`.
            model: what the client named in the URL, for conversations.
            session: settings to begin with, in wire form; its `type` and `model` win.

        Raises:
            InvalidEvent: `session` cannot be; the `param` begins with `session`.
        """
        if session is None:
            return self._defaults(kind, model)
        chosen = session.get("model")
        config = self._defaults(kind, chosen if isinstance(chosen, str) else model)
        config.update(session, may_change_type=True)
        return config

    def _defaults(self, kind: str, model: str | None) -> SessionConfig:
        return SessionConfig(
            "transcription" if kind == "transcription" else "realtime",
            model,
            speaks=self._voice is not None,
        )

    def check_room(self) -> None:
        """Refuse where there are as many sessions as there may be.

        Raises:
            Refused: no other session may begin now.
        """
        if self.sessions >= self.limits.sessions:
            raise Refused(
                f"The service holds {self.sessions} sessions, as many as it may.",
                code="session_limit_reached",
                status=429,
                close_code=_TRY_AGAIN_LATER,
            )

    @property
    def heard_rate(self) -> int:
        """At which rate sound is recognised, in Hz."""
        return self.pool.sample_rate

    @property
    def voice_rate(self) -> int | None:
        """At which rate answers are spoken, in Hz; None where they are text."""
        return None if self._voice is None else self._voice.sample_rate

    def admit(self, line: Line, transport: str = "websocket") -> None:
        """Keep a place for a line that is going to be served, or given back by `release`.

        Args:
            line: carries the events of a session to be.
            transport: the kind of line, for the figures.

        Raises:
            Refused: there are as many sessions as there may be.
        """
        self.check_room()
        self._open[line] = _Open(None, transport)
        self.metrics.sessions_begun.add(1, transport)

    def release(self, line: Line) -> None:
        """Give a line's place to others."""
        self._open.pop(line, None)

    async def serve(
        self, line: Line, config: SessionConfig, sound: CallSound | None = None
    ) -> None:
        """Hold a session over a line until that closes.

        Args:
            line: carries the session's events; it may have been admitted before.
            config: the session's settings, to begin with.
            sound: that of a call; None where sound travels in events.

        Raises:
            Refused: there are as many sessions as there may be.
        """
        if line not in self._open:
            self.admit(line)
        connection = Connection(
            line,
            config=config,
            pool=self.pool,
            detector=self._detector,
            responder=self._responder,
            voice=self._voice,
            limits=self.limits,
            metrics=SessionMetrics(self.metrics),
            sound=sound,
        )
        self._open[line] = self._open[line]._replace(task=asyncio.current_task())
        self.pool.warm()
        try:
            await connection.run()
        finally:
            self.release(line)
