"""The responses of one session: which run, which may begin, and which have to end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from rtaudio.protocol import ConversationItemTruncated, InvalidEvent, new_id
from rtaudio.server.answering.response import ResponseRun
from rtaudio.server.answering.response_request import ResponseRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rtaudio.protocol import ServerEvent
    from rtaudio.server.answering.response import CutReason
    from rtaudio.server.calls.playback import Cut, Playback
    from rtaudio.server.config import SessionConfig
    from rtaudio.server.engines.base import Responder, Voice
    from rtaudio.server.items import ItemStore
    from rtaudio.server.limits import Limits
    from rtaudio.server.listening.hearing import Hearing

__all__ = ["Responses"]

_log = logging.getLogger(__name__)


class Responses:
    """Starts and ends responses: one at a time in the conversation, a few out of band.

    Methods are called one at a time, in the order of the client's events.

    Args:
        send: sends one event to the client.
        config: the session's settings.
        items: the session's items.
        hearing: tells what spoken items say.
        responder: decides what is answered.
        voice: speaks it; None answers in text.
        limits: what this client is allowed.
        playback: speaks to the client of a call; None where sound goes out in events.
    """

    def __init__(
        self,
        send: Callable[[ServerEvent], Awaitable[None]],
        config: SessionConfig,
        items: ItemStore,
        *,
        hearing: Hearing,
        responder: Responder,
        voice: Voice | None,
        limits: Limits,
        playback: Playback | None = None,
    ) -> None:
        self._send = send
        self._playback = playback
        self._config = config
        self._items = items
        self._limits = limits
        self._engines: dict[str, Any] = {
            "hearing": hearing,
            "responder": responder,
            "voice": voice,
            "limits": limits,
            "playback": playback,
            "conversation_id": new_id("conv"),
        }
        self._running: dict[str, tuple[ResponseRun, asyncio.Task[None]]] = {}
        self._active: str | None = None  # the response that writes to the conversation
        self._replied_ms: float | None = None
        self._turn_waits = False  # a turn ended while a response ran that nothing may interrupt

    @property
    def active(self) -> bool:
        """Whether a response is being written to the conversation."""
        return self._active is not None

    def take_replied_ms(self) -> float | None:
        """Tell how long the sound is of a reply that ended since the last call.

        Returns:
            Milliseconds, 0 for text, and in a call only what was not heard; None where there was
            none. Of several the last one counts.
        """
        replied_ms, self._replied_ms = self._replied_ms, None
        return replied_ms

    def create(self, payload: dict[str, Any] | None) -> None:
        """Begin a response as a client asked for it.

        Raises:
            InvalidEvent: it can't be, or can't be now.
        """
        if self._config.kind == "transcription":
            raise InvalidEvent(
                "A transcription session has no responses.", code="response_not_supported"
            )
        request = ResponseRequest.read(payload, self._config, self._items)
        if request.in_conversation and self._active is not None:
            raise InvalidEvent(
                f"Response {self._active} is still running; wait for its response.done.",
                code="conversation_already_has_active_response",
            )
        if len(self._running) >= self._limits.responses:
            raise InvalidEvent(
                f"There are {len(self._running)} responses running, as many as there may be.",
                code="response_limit_reached",
            )
        self._begin(request)

    async def cancel(self, response_id: str | None) -> None:
        """End a response and wait until its last event is sent.

        Args:
            response_id: None is the one that writes to the conversation.

        Raises:
            InvalidEvent: it does not run.
        """
        if not await self._cut(response_id or self._active, "client_cancelled"):
            raise InvalidEvent("There is no response to cancel.", code="response_cancel_not_active")

    async def speech_began(self) -> None:
        """End the conversation's response and what is still heard, if speech is to interrupt it."""
        if self._config.interrupts_responses:
            cuts = [] if self._playback is None else self._playback.clear()
            await self._cut(self._active, "turn_detected")
            await self._truncate(cuts)

    async def silence(self) -> None:
        """Let the client of a call hear nothing more of what was answered so far."""
        if self._playback is not None:
            await self._truncate(self._playback.clear())

    async def _truncate(self, cuts: list[Cut]) -> None:
        """Cut items of the conversation off at what was heard of them."""
        for item_id, heard_ms in cuts:
            try:
                self._items.truncate(item_id, heard_ms)
            except KeyError:
                continue  # of a response out of band, or deleted
            await self._send(
                ConversationItemTruncated(
                    event_id=new_id("event"),
                    item_id=item_id,
                    content_index=0,
                    audio_end_ms=heard_ms,
                )
            )

    def turn_ended(self) -> None:
        """Answer a turn that turn detection ended, if that is wanted.

        While a response runs that was not to be interrupted, the turn waits for its end.
        """
        if self._config.kind == "transcription" or not self._config.creates_responses:
            return
        if self._active is not None or len(self._running) >= self._limits.responses:
            self._turn_waits = True
        else:
            self._begin(ResponseRequest.read(None, self._config, self._items))

    async def close(self) -> None:
        """Give up all responses; nothing more is sent."""
        self._turn_waits = False
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, request: ResponseRequest) -> None:
        run = ResponseRun(
            self._send,
            request,
            config=self._config,
            items=self._items,
            over=self._over,
            **self._engines,
        )
        task = asyncio.create_task(run.run())
        self._running[run.id] = (run, task)
        if request.in_conversation:
            self._active = run.id
        task.add_done_callback(lambda task: self._ended(run.id, task))

    def _over(self, response_id: str) -> None:
        if self._active == response_id:
            self._active = None
            if self._playback is None:
                self._replied_ms = self._running[response_id][0].spoken_ms
            else:
                self._replied_ms = self._playback.unheard_ms

    def _ended(self, response_id: str, task: asyncio.Task[None]) -> None:
        self._over(response_id)
        del self._running[response_id]
        if self._playback is not None:
            self._playback.finish(response_id)
        if task.cancelled():
            return
        if task.exception() is not None:
            # Only sending can fail here, and then the connection is over: its reader says so.
            _log.debug("a response was not delivered: %s", type(task.exception()).__name__)
        elif self._turn_waits:
            self._turn_waits = False
            self.turn_ended()

    async def _cut(self, response_id: str | None, reason: CutReason) -> bool:
        if response_id is None or response_id not in self._running:
            return False
        run, task = self._running[response_id]
        run.cut(reason)
        await asyncio.wait([task])
        return True
