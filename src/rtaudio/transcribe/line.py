"""A line: one realtime transcription session that takes turns.

A turn is sent as a few appends and one commit. Commits are answered in the order they were sent,
each with an item id; transcripts then come in any order and are matched by that id. Turn detection
is off, since the cuts were chosen before.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rtaudio.errors import AuthenticationError, ConfigError, ConnectionLost, TransportError
from rtaudio.transcribe.runner import TurnFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from rtaudio.session import RealtimeSession

__all__ = ["SessionLine", "check_url", "transcription_config"]

TURNS_IN_FLIGHT = 3
"""Turns sent and not yet transcribed: one being recognised, one waiting, one being sent."""

APPEND_SAMPLES = 48_000
"""Samples per append: 128 KB as base64, far below any service's limit for one event."""

CONFIGURE_TIMEOUT_S = 30.0
TURN_TIMEOUT_S = 900.0
"""From commit to transcript. Large models on a slow CPU take minutes for 30 s, times the turns in
flight; this is for a service that will never answer."""

_logger = logging.getLogger(__name__)


def transcription_config(
    *, sample_rate: int, model: str | None, language: str | None
) -> dict[str, Any]:
    """Return the session config of a transcription session with turns made by hand."""
    transcription = {"model": model, "language": language}
    return {
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": sample_rate},
                "transcription": {k: v for k, v in transcription.items() if v is not None},
                "turn_detection": None,
                "noise_reduction": None,
            }
        },
    }


def check_url(url: str) -> None:
    """Refuse an address that no session could be opened at.

    Raises:
        ConfigError: not a ws:// or wss:// URL with a host. The message leaves out path and query,
            which may hold a credential.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise ConfigError(
            "--url is a WebSocket address such as wss://host/v1/realtime, "
            f"got {parts.scheme}://{parts.hostname or ''}"
        )


class _Connection:
    """A session that is open, and what it owes."""

    def __init__(self, session: RealtimeSession) -> None:
        self.session = session
        self.configured: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = False
        self._uncommitted: deque[asyncio.Future[str]] = deque()
        self._by_item: dict[str, asyncio.Future[str]] = {}
        session.on("transport_event", self._on_transport_event)
        session.on("input_audio_committed", self._on_committed)
        session.on("transcript_completed", self._on_completed)
        session.on("transcript_failed", self._on_failed)
        session.on("error", self._on_error)
        session.on("connection_change", self._on_connection_change)

    def expect(self) -> asyncio.Future[str]:
        """Return the transcript of the commit that is about to be sent."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._uncommitted.append(future)
        return future

    def fail_all(self, error: Exception) -> None:
        """End every wait on this connection."""
        self.lost = True
        waiting: list[asyncio.Future[Any]] = [self.configured, *self._uncommitted]
        waiting.extend(self._by_item.values())
        self._uncommitted.clear()
        self._by_item.clear()
        for future in waiting:
            _fail(future, error)

    def _on_transport_event(self, event: Any) -> None:
        if event.event.get("type") == "session.updated":
            if not self.configured.done():
                self.configured.set_result(None)
            self.session.off("transport_event", self._on_transport_event)

    def _on_committed(self, event: Any) -> None:
        if self._uncommitted:
            self._by_item[event.item_id] = self._uncommitted.popleft()

    def _on_completed(self, event: Any) -> None:
        future = self._by_item.pop(event.item_id, None)
        if future is not None and not future.done():
            future.set_result(event.transcript)

    def _on_failed(self, event: Any) -> None:
        future = self._by_item.pop(event.item_id, None)
        if future is not None:
            _fail(future, TurnFailed(f"the service could not transcribe: {_message(event.error)}"))

    def _on_error(self, event: Any) -> None:
        if isinstance(event.error, ConnectionLost):
            self.fail_all(event.error)
        elif not self.configured.done():
            text = f"the service refused the session: {_message(event.error)}"
            _fail(self.configured, ConfigError(text))
        elif self._uncommitted:
            # The only other thing that can be refused here is audio; the oldest is answered first.
            text = f"the service refused the audio: {_message(event.error)}"
            _fail(self._uncommitted.popleft(), TurnFailed(text))
        else:
            _logger.warning("the service reports: %s", _message(event.error))

    def _on_connection_change(self, event: Any) -> None:
        if event.status == "disconnected":
            self.fail_all(ConnectionLost("the connection to the service was lost"))


class SessionLine:
    """A `Line` over `RealtimeSession`.

    Args:
        open_session: makes a session that is not connected yet; called once per connection.
        in_flight: turns that may be under way at the same time, at least 1.
    """

    def __init__(
        self, open_session: Callable[[], RealtimeSession], *, in_flight: int = TURNS_IN_FLIGHT
    ) -> None:
        self._open_session = open_session
        # Both are first come, first served: a file's turns go out in order.
        self._in_flight = asyncio.Semaphore(in_flight)
        self._sending = asyncio.Lock()
        self._connection: _Connection | None = None
        self._refused: Exception | None = None

    async def turn(self, pcm: NDArray[np.int16]) -> str:
        """Send one turn and return its transcript; see `Line.turn`."""
        async with self._in_flight:
            async with self._sending:
                connection = await self._connected()
                transcript = connection.expect()
                try:
                    await self._send(connection, pcm)
                except TransportError as error:
                    lost = ConnectionLost(str(error), code=error.code)
                    connection.fail_all(lost)
            try:
                async with asyncio.timeout(TURN_TIMEOUT_S):
                    return await transcript
            except TimeoutError:
                text = f"no transcript within {TURN_TIMEOUT_S:.0f} s"
                raise TurnFailed(text) from None

    async def close(self) -> None:
        """Close the session; turns still waiting fail."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.fail_all(ConnectionLost("the line was closed"))
            await connection.session.close()

    async def _connected(self) -> _Connection:
        if self._refused is not None:
            raise self._refused
        if self._connection is not None and self._connection.lost:
            await self.close()
        if self._connection is None:
            session = self._open_session()
            connection = _Connection(session)
            try:
                await session.connect()
                async with asyncio.timeout(CONFIGURE_TIMEOUT_S):
                    await connection.configured
            except BaseException as error:
                connection.fail_all(ConnectionLost("the connection could not be set up"))
                await session.close()
                if isinstance(error, AuthenticationError | ConfigError):
                    # No other turn can fare better; asking again would only annoy the service.
                    self._refused = error
                if isinstance(error, TimeoutError):
                    text = f"the service did not confirm the session in {CONFIGURE_TIMEOUT_S:.0f} s"
                    raise TransportError(text) from None
                raise
            self._connection = connection
        return self._connection

    async def _send(self, connection: _Connection, pcm: NDArray[np.int16]) -> None:
        view = pcm.data
        for start in range(0, len(view), APPEND_SAMPLES):
            await connection.session.send_audio(view[start : start + APPEND_SAMPLES])
        await connection.session.commit_audio()


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # nobody may be waiting any more; that is no "never retrieved"


def _message(error: Any) -> str:
    """Return the text of an exception, or of the service's error in any of its shapes."""
    inner = getattr(error, "error", None) or error
    if isinstance(inner, dict):
        inner = inner.get("error", inner)
    text = inner.get("message") if isinstance(inner, dict) else getattr(inner, "message", None)
    return str(text or inner)
