"""One client: its session, its conversation, and the answers to its events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from typing import TYPE_CHECKING, Any

from rtaudio.protocol import (
    ErrorDetail,
    ErrorEvent,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    InvalidEvent,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
    SessionCreated,
    SessionUpdate,
    SessionUpdated,
    decode_client_event,
    encode_event,
    new_id,
)
from rtaudio.server.answering.responses import Responses
from rtaudio.server.item_events import ItemEvents
from rtaudio.server.items import ItemStore
from rtaudio.server.listening.hearing import Hearing
from rtaudio.server.listening.speech_input import SpeechInput

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from rtaudio.protocol import ClientEvent, ServerEvent
    from rtaudio.server.calls.call_sound import CallSound
    from rtaudio.server.config import SessionConfig
    from rtaudio.server.engines.base import Responder, Voice, VoiceDetector
    from rtaudio.server.limits import Limits
    from rtaudio.server.line import Line
    from rtaudio.server.listening.recognition import RecognitionPool
    from rtaudio.server.session_metrics import SessionMetrics

    _Handlers: TypeAlias = dict[type[ClientEvent], Callable[[Any], Awaitable[None]]]

__all__ = ["Connection"]

_log = logging.getLogger(__name__)

_GOING_AWAY = 1001  # the close code at the end of a session's time (RFC 6455, section 7.4.1)
_FAREWELL_S = 10.0  # for the last error and the close


class Connection:
    """Serves one client until its line closes.

    Args:
        line: carries the events.
        config: the session's settings, to begin with.
        pool: where speech is recognised; shared with other connections.
        detector: the voice activity engine; shared with other connections.
        responder: decides what is answered; shared with other connections.
        voice: speaks it, shared too; None answers in text.
        limits: what this client is allowed.
        metrics: sees what goes by.
        sound: that of a call; None where sound travels in events.
    """

    def __init__(
        self,
        line: Line,
        *,
        config: SessionConfig,
        pool: RecognitionPool,
        detector: VoiceDetector,
        responder: Responder,
        voice: Voice | None,
        limits: Limits,
        metrics: SessionMetrics,
        sound: CallSound | None = None,
    ) -> None:
        self._line = line
        self._metrics = metrics
        self._send = _sender(line, metrics)
        self._config = config
        self._session_s = limits.session_s
        self._sound = sound
        if sound is not None:
            sound.watch(metrics)
        # Events and sound are dealt with one at a time, in the order in which they come.
        self._turn = asyncio.Lock()
        self._items = ItemStore(max_items=limits.items, max_bytes=limits.retained_bytes)
        hearing = Hearing(config, self._items, pool)
        self._responses = Responses(
            self._send,
            config,
            self._items,
            hearing=hearing,
            responder=responder,
            voice=voice,
            limits=limits,
            playback=None if sound is None else sound.playback,
        )
        self._speech = SpeechInput(
            self._send,
            config,
            self._items,
            hearing=hearing,
            responses=self._responses,
            pool=pool,
            detector=detector,
            limits=limits,
            track=None if sound is None else sound.format,
        )
        self._item_events = ItemEvents(self._send, config, self._items)

    async def run(self) -> None:
        """Serve the client until the line closes, from either side, or its time is over."""
        expired = False
        try:
            async with asyncio.timeout(self._session_s if math.isfinite(self._session_s) else None):
                await self._converse()
        except TimeoutError:
            expired = True
        except ConnectionError:
            pass
        finally:
            await self._responses.close()
            await self._speech.close()
        if expired:
            await self._say_expired()

    async def _converse(self) -> None:
        if math.isfinite(self._session_s):
            self._config.expire_in(self._session_s)
        await self._send(SessionCreated(event_id=new_id("event"), session=self._config.settings))
        handlers = self._handlers()
        listening = asyncio.create_task(self._listen())
        try:
            async for message in self._line:
                async with self._turn:
                    await self._receive(message, handlers)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _say_expired(self) -> None:
        text = f"The session reached its maximum duration of {self._session_s:g} seconds."
        detail = ErrorDetail(type="invalid_request_error", message=text, code="session_expired")
        # A client that reads nothing has to be left nevertheless.
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_FAREWELL_S):
                await self._send(ErrorEvent(event_id=new_id("event"), error=detail))
                await self._line.close(_GOING_AWAY, text)

    async def _listen(self) -> None:
        """Hear what a call's client says, until the call is over."""
        if self._sound is None:
            return
        told = False
        async for pcm in self._sound:
            async with self._turn:
                try:
                    await self._speech.append(pcm)
                except ConnectionError:
                    return
                except Exception as error:
                    # It may fail again and again, with every piece.
                    if not told:
                        told = True
                        _log.error("the sound of a call failed: %s", type(error).__name__)
                        await self._send(_server_failed(None))

    def _handlers(self) -> _Handlers:
        # Kept by who asks, as an attribute would close a circle; see `_sender`.
        return {
            SessionUpdate: self._update_session,
            InputAudioBufferAppend: self._append,
            InputAudioBufferCommit: self._commit,
            InputAudioBufferClear: self._clear,
            **self._item_events.handlers,
            ResponseCreate: self._create_response,
            ResponseCancel: self._cancel_response,
            OutputAudioBufferClear: self._clear_output,
        }

    async def _receive(self, message: str | bytes, handlers: _Handlers) -> None:
        event_id = None
        try:
            if isinstance(message, bytes):
                raise InvalidEvent(
                    "Binary messages are not accepted; send JSON as text.", code="invalid_event"
                )
            event = decode_client_event(message)
            event_id = event.event_id
            self._metrics.received(event)
            await handlers[type(event)](event)
        except InvalidEvent as error:
            detail = ErrorDetail(
                type="invalid_request_error",
                message=str(error),
                code=error.code,
                param=error.param,
                event_id=error.event_id or event_id,
            )
            await self._send(ErrorEvent(event_id=new_id("event"), error=detail))
        except ConnectionError:
            raise
        except Exception as error:
            # A fault of ours must not cost the client its session. Its text may hold content.
            _log.error("a client event failed: %s", type(error).__name__)
            await self._send(_server_failed(event_id))

    # Session and sound.

    async def _update_session(self, event: SessionUpdate) -> None:
        fresh = not self._speech.used and len(self._items) == 0
        self._config.update(event.session, may_change_type=fresh)
        self._speech.reconfigure()
        await self._send(SessionUpdated(event_id=new_id("event"), session=self._config.settings))

    async def _append(self, event: InputAudioBufferAppend) -> None:
        if self._sound is not None:
            raise InvalidEvent(
                "The sound of a call comes over its media track.",
                code="invalid_event_for_transport",
                param="type",
            )
        await self._speech.append(event.audio)

    async def _commit(self, event: InputAudioBufferCommit) -> None:  # noqa: ARG002
        await self._speech.commit()

    async def _clear(self, event: InputAudioBufferClear) -> None:  # noqa: ARG002
        await self._speech.clear()

    # Responses.

    async def _create_response(self, event: ResponseCreate) -> None:
        self._responses.create(event.response)

    async def _cancel_response(self, event: ResponseCancel) -> None:
        await self._responses.cancel(event.response_id)

    async def _clear_output(self, event: OutputAudioBufferClear) -> None:  # noqa: ARG002
        if self._sound is None:
            raise InvalidEvent(
                "A WebSocket session has no output audio buffer.",
                code="invalid_event_for_transport",
                param="type",
            )
        await self._responses.silence()


def _sender(line: Line, metrics: SessionMetrics) -> Callable[[ServerEvent], Awaitable[None]]:
    """What sends an event, and raises ConnectionError once the client is gone.

    All parts of a connection have it, so it is no method: a connection that its parts refer to is
    a circle, and a session's sound would stay in memory until the collector comes by.
    """

    async def send(event: ServerEvent) -> None:
        metrics.sent(event)
        await line.send(encode_event(event))

    return send


def _server_failed(event_id: str | None) -> ErrorEvent:
    detail = ErrorDetail(type="server_error", message="The service failed.", event_id=event_id)
    return ErrorEvent(event_id=new_id("event"), error=detail)
