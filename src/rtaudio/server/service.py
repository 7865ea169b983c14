"""What all connections of one service share, and the account of those that are open."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Literal

from rtaudio.server.config import SessionConfig
from rtaudio.server.connection import Connection
from rtaudio.server.engines.running import running
from rtaudio.server.recognition import RecognitionPool
from rtaudio.server.refused import Refused

if TYPE_CHECKING:
    from rtaudio.server.engines.base import Recogniser, Responder, Voice, VoiceDetector
    from rtaudio.server.limits import Limits
    from rtaudio.server.line import Line

__all__ = ["Service"]

# 1001 is "going away"; 1013, from RFC 6455's registry, is "try again later".
_GOING_AWAY = 1001
_TRY_AGAIN_LATER = 1013
_CLOSE_S = 5.0  # how long connections have to come to an end by themselves


class Service:
    """The engines, and the sessions that use them.

    Args:
        recogniser: turns speech into text.
        detector: the voice activity engine.
        responder: decides what is answered.
        voice: speaks the answers; None answers in text.
        token: what clients present; None asks for nothing.
        limits: what clients are allowed.
    """

    def __init__(
        self,
        *,
        recogniser: Recogniser,
        detector: VoiceDetector,
        responder: Responder,
        voice: Voice | None,
        token: str | None,
        limits: Limits,
    ) -> None:
        self.token = token
        self.limits = limits
        self._detector = detector
        self._responder = responder
        self._voice = voice
        self._pool = RecognitionPool(recogniser)
        self._engines = AsyncExitStack()
        self._open: dict[Line, asyncio.Task[Any] | None] = {}  # with the tasks that serve them

    @property
    def sessions(self) -> int:
        """How many sessions there are now."""
        return len(self._open)

    async def start(self) -> None:
        """Begin to serve; call once."""
        self._pool.start()
        await self._engines.enter_async_context(running(self._responder, self._voice))

    async def close(self) -> None:
        """Close all connections, and stop."""
        tasks = {task for task in self._open.values() if task is not None}
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
        await self._pool.close()

    def config(
        self, kind: Literal["realtime", "transcription"], model: str | None = None
    ) -> SessionConfig:
        """Make the settings of a new session."""
        return SessionConfig(kind, model, speaks=self._voice is not None)

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

    async def serve(self, line: Line, config: SessionConfig) -> None:
        """Hold a session over a line until that closes.

        Raises:
            Refused: there are as many sessions as there may be.
        """
        self.check_room()
        connection = Connection(
            line,
            config=config,
            pool=self._pool,
            detector=self._detector,
            responder=self._responder,
            voice=self._voice,
            limits=self.limits,
        )
        self._open[line] = asyncio.current_task()
        self._pool.warm()
        try:
            await connection.run()
        finally:
            del self._open[line]
