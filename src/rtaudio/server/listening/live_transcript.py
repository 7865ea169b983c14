"""Words of a turn while it is being spoken."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from rtaudio.protocol import ConversationItemInputAudioTranscriptionDelta, new_id
from rtaudio.server.listening.agreement import Agreement
from rtaudio.server.listening.recognition import prompt_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rtaudio.protocol import ServerEvent
    from rtaudio.server.config import SessionConfig
    from rtaudio.server.engines.base import DraftSegment
    from rtaudio.server.listening.input_buffer import InputBuffer
    from rtaudio.server.listening.recognition import RecognitionPool

__all__ = ["LiveTranscript"]

_log = logging.getLogger(__name__)

_STEP_S = 0.8  # of new sound, and of time, from draft to draft, and before the first
_REST = 2  # times as long as a draft took passes at least from its beginning to the next one
_LONGEST_S = 28.0  # of sound in a draft; Whisper hears 30 s at once


class LiveTranscript:
    """Sends what is certain of a turn that is not over, for one session.

    The turn so far is drafted again and again as it grows, and only while recognisers are idle
    (`RecognitionPool.begin_draft`). Sound that arrives faster than it was spoken is not drafted:
    its turn will be over before.

    Args:
        send: sends one event to the client.
        config: the session's settings.
        pool: where speech is recognised.
        buffer: holds the turn's sound.
    """

    def __init__(
        self,
        send: Callable[[ServerEvent], Awaitable[None]],
        config: SessionConfig,
        pool: RecognitionPool,
        buffer: InputBuffer,
    ) -> None:
        self._send = send
        self._config = config
        self._pool = pool
        self._buffer = buffer
        self._item_id: str | None = None  # of the turn that is open
        self._given_up = False
        self._begin = 0  # from where on it is drafted
        self._drafted = 0  # up to where it has been
        self._not_before = 0.0
        self._agreement = Agreement()
        self._task: asyncio.Task[None] | None = None

    @property
    def item_id(self) -> str | None:
        """The item that the open turn will be, None where none is."""
        return self._item_id

    def begin(self, item_id: str, position: int) -> None:
        """A turn has begun at a position of the buffer."""
        self.end()
        self._item_id = item_id
        self._given_up = False
        self._begin = self._drafted = position
        self._not_before = _now() + _STEP_S

    def end(self) -> Agreement:
        """The turn is over, or given up: nothing more is sent. Returns what was."""
        agreement, self._agreement = self._agreement, Agreement()
        self._item_id = None
        return agreement

    async def close(self) -> None:
        """Give up."""
        self.end()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def grown(self) -> None:
        """There is more sound in the buffer; begins a draft if it is time for one."""
        wanted = self._config.transcription
        if self._item_id is None or self._given_up or self._task is not None or wanted is None:
            return
        rate = self._buffer.sample_rate
        end = self._buffer.end
        if end - self._drafted < _STEP_S * rate or not self._pool.idle:
            return
        now = _now()
        if now < self._not_before:
            return
        if end - self._begin > _LONGEST_S * rate:
            self._given_up = True  # nothing became certain for long: it waits for its end
            return
        samples = self._buffer.read(self._begin, end)
        draft = self._pool.begin_draft(
            samples, language=wanted.get("language"), prompt=prompt_of(wanted)
        )
        if draft is not None:
            self._drafted = end
            self._task = asyncio.create_task(self._tell(draft, now, self._item_id, self._agreement))
            self._task.add_done_callback(self._told)

    async def _tell(
        self,
        draft: asyncio.Future[list[DraftSegment]],
        began: float,
        item_id: str,
        agreement: Agreement,
    ) -> None:
        segments = await draft
        took = _now() - began
        if self._agreement is not agreement:
            return  # the turn ended meanwhile
        self._not_before = began + max(_STEP_S, _REST * took)
        delta, skip_s = agreement.hear(segments)
        self._begin += int(skip_s * self._buffer.sample_rate)
        if delta:
            await self._send(
                ConversationItemInputAudioTranscriptionDelta(
                    event_id=new_id("event"), item_id=item_id, content_index=0, delta=delta
                )
            )

    def _told(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            # The client is gone, or the turn's end will be recognised and tell what is wrong.
            self._given_up = True
            _log.debug("a draft was not delivered: %s", type(error).__name__)
        self.grown()


def _now() -> float:
    return asyncio.get_running_loop().time()
