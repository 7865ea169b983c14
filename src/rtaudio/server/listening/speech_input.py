"""From appended sound to user items and their transcripts, for one session."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from rtaudio.errors import ConfigError, RtAudioError
from rtaudio.protocol import (
    NULL,
    ContentPart,
    ConversationItemAdded,
    ConversationItemDone,
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    ErrorDetail,
    ErrorEvent,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
    InvalidEvent,
    MessageItem,
    TranscriptionError,
    TranscriptionUsage,
    new_id,
    wire_format,
)
from rtaudio.server.listening.early import EarlyRecognition, early_text
from rtaudio.server.listening.idle import Silence
from rtaudio.server.listening.input_buffer import BufferFull, InputBuffer
from rtaudio.server.listening.live_transcript import LiveTranscript
from rtaudio.server.listening.recognition import prompt_of
from rtaudio.server.listening.turns import SpeechStarted, SpeechStopped, TurnDetector

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import numpy as np
    from numpy.typing import NDArray

    from rtaudio.audio import AudioFormat
    from rtaudio.protocol import ServerEvent
    from rtaudio.server.answering.responses import Responses
    from rtaudio.server.config import SessionConfig
    from rtaudio.server.engines.base import VoiceDetector
    from rtaudio.server.items import ItemStore
    from rtaudio.server.limits import Limits
    from rtaudio.server.listening.agreement import Agreement
    from rtaudio.server.listening.hearing import Hearing
    from rtaudio.server.listening.recognition import RecognitionPool, Stretch

__all__ = ["SpeechInput"]

_log = logging.getLogger(__name__)

_MIN_COMMIT_MS = 100  # the protocol's smallest commit
# With turn detection on and nobody speaking, this much sound stays in reach of a manual commit.
_IDLE_KEEP_S = 5.0
# What the model is told when the user has been silent for too long, behind for how long.
_ASK_AGAIN = "Ask whether they are still there."
# Turn detection on longer stretches leaves the event loop; 2 s of sound cost about 2 ms.
_INLINE_VAD_S = 2.0


class SpeechInput:
    """The input audio buffer of a session with turn detection and transcription behind it.

    Methods are called one at a time, in the order of the client's events.

    Args:
        send: sends one event to the client.
        config: the session's settings; call `reconfigure` after they changed.
        items: where committed items go.
        hearing: is told which transcriptions are under way.
        responses: are told when turns begin and end.
        pool: where speech is recognised.
        detector: the voice activity engine.
        limits: what this client is allowed.
        track: format of sound that comes all the time, whatever the settings say; None where the
            client appends what it wants to.
    """

    def __init__(
        self,
        send: Callable[[ServerEvent], Awaitable[None]],
        config: SessionConfig,
        items: ItemStore,
        *,
        hearing: Hearing,
        responses: Responses,
        pool: RecognitionPool,
        detector: VoiceDetector,
        limits: Limits,
        track: AudioFormat | None = None,
    ) -> None:
        self._send = send
        self._config = config
        self._items = items
        self._hearing = hearing
        self._responses = responses
        self._pool = pool
        self._detector = detector
        self._track = track
        self._buffer = InputBuffer(
            self._format(),
            pool.sample_rate,
            limits.buffered_s,
            overflow="error" if track is None else "drop_oldest",
        )
        self._silence = Silence(pool.sample_rate)
        self._live = LiveTranscript(send, config, pool, self._buffer)
        self._early = EarlyRecognition(config, pool, self._buffer)
        # None also behind a commit or clear by the client: a detector that remembers what was said
        # before would hear another turn begin in the silence after it.
        self._turns: TurnDetector | None = None
        self._detector_failed = False
        self._turn: tuple[str, int] | None = None  # item id and start of the turn being spoken
        self._slots = asyncio.Semaphore(limits.queued_turns)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def used(self) -> bool:
        """Whether anything was said: a track that is open says nothing yet."""
        return self._turn is not None or (self._track is None and self._buffer.end > 0)

    async def close(self) -> None:
        """Drop the buffer and give up transcriptions under way."""
        self._buffer.clear()
        self._early.drop()
        await self._live.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def reconfigure(self) -> None:
        """Take up changed settings of format and turn detection."""
        self._buffer.change_format(self._format())
        vad = self._config.vad
        self._detector_failed = False
        self._early.drop()  # it may have been begun with other settings
        if (vad is None) != (self._turn is None):
            self._live.end()  # what was open ends in another way now, or never
        if vad is None:
            self._turns = None
            self._turn = None
        elif self._turns is not None:
            self._turns.settings = vad

    def _format(self) -> AudioFormat:
        return self._track or wire_format(self._config.settings, "input")

    # The client's three events.

    async def append(self, audio: bytes) -> None:
        """Take sound in the session's input format; may begin and end turns.

        Raises:
            InvalidEvent: the buffer is full.
        """
        before = self._buffer.end
        try:
            samples = self._buffer.append(audio)
        except BufferFull:
            seconds = self._buffer.max_samples / self._buffer.sample_rate
            raise InvalidEvent(
                f"The buffer takes {seconds:g} s of audio at most; commit or clear it first.",
                code="input_audio_buffer_full",
                param="audio",
            ) from None
        if (spoken_ms := self._responses.take_replied_ms()) is not None:
            self._silence.replied(before, spoken_ms)
        if self._responses.active:
            self._silence.end()
        if self._config.vad is not None and not self._detector_failed:
            await self._detect(samples, before)
        elif self._config.transcribes_live and self._live.item_id is None:
            self._live.begin(new_id("item"), self._buffer.start)
        self._early.follow(None if self._turns is None else self._turns.silent_from)
        if not self._early.due:
            self._live.grown()

    async def commit(self) -> None:
        """Turn the buffer into a user item.

        Raises:
            InvalidEvent: there is less than 100 ms in it.
        """
        begin = self._turn[1] if self._turn is not None else self._buffer.start
        held_ms = (self._buffer.end - begin) * 1000 / self._buffer.sample_rate
        if held_ms < _MIN_COMMIT_MS:
            raise InvalidEvent(
                f"The buffer holds {held_ms:.2f} ms of audio; {_MIN_COMMIT_MS} ms are the least.",
                code="input_audio_buffer_commit_empty",
            )
        item_id = self._turn[0] if self._turn is not None else self._live.item_id
        await self._make_item(item_id or new_id("item"), begin, self._buffer.end)
        self._turns = None

    async def clear(self) -> None:
        """Empty the buffer."""
        self._buffer.clear()
        self._end_turn()
        self._turns = None
        await self._send(InputAudioBufferCleared(event_id=new_id("event")))

    # Turn detection.

    async def _detect(self, samples: NDArray[np.int16], position: int) -> None:
        vad = self._config.vad
        if vad is None:
            return
        try:
            if self._turns is None:
                # The first one in a process loads the model, which takes some 100 ms.
                self._turns = await asyncio.to_thread(TurnDetector, self._detector, vad, position)
            if samples.size > _INLINE_VAD_S * self._buffer.sample_rate:
                found = await asyncio.to_thread(self._turns.feed, samples)
            else:
                found = self._turns.feed(samples)
        except ConfigError as error:
            # Without its engine turn detection is off until the client asks for it again.
            self._detector_failed = True
            await self._send_server_error(str(error))
            return
        for event in found:
            if isinstance(event, SpeechStarted):
                await self._end_silence(event.position)
            await self._on_turn(event)
        if self._turn is None:
            if await self._end_silence(self._turns.position):
                self._turns.begin_no_earlier(self._buffer.start)
            self._buffer.drop_before(min(self._turns.keep_from, self._keep_from()))
        elif self._buffer.end - self._turn[1] > 0.9 * self._buffer.max_samples:
            # A turn that silence never ends, such as a running machine's, must not fill the buffer.
            await self._on_turn(SpeechStopped(self._buffer.end, self._buffer.end))

    def _keep_from(self) -> int:
        """From where on sound stays in reach while nobody speaks."""
        keep = self._buffer.end - int(_IDLE_KEEP_S * self._buffer.sample_rate)
        if self._config.idle_timeout_ms is None or self._silence.since is None:
            return keep
        room = self._buffer.end - int(0.9 * self._buffer.max_samples)
        return min(keep, max(self._silence.since, room))

    async def _end_silence(self, position: int) -> bool:
        """Have the user asked again, if nobody has spoken up to `position` for too long."""
        silence = self._silence.due(self._config.idle_timeout_ms, position)
        if silence is None:
            return False
        begin, end = max(silence[0], self._buffer.start), silence[1]
        begin_ms, end_ms = (at * 1000 // self._buffer.sample_rate for at in (begin, end))
        item_id = new_id("item")
        await self._send(
            InputAudioBufferTimeoutTriggered(
                event_id=new_id("event"),
                item_id=item_id,
                audio_start_ms=begin_ms,
                audio_end_ms=end_ms,
            )
        )
        text = f"The user has been silent for {(end_ms - begin_ms) // 1000} s. {_ASK_AGAIN}"
        note = MessageItem(
            id=new_id("item"),
            status="completed",
            role="system",
            content=[ContentPart(type="input_text", text=text)],
        )
        await self._announce(note, self._items.add(note))
        await self._make_item(item_id, begin, end, words="")
        self._responses.turn_ended()
        return True

    async def _on_turn(self, event: SpeechStarted | SpeechStopped) -> None:
        ms = event.position * 1000 // self._buffer.sample_rate
        if isinstance(event, SpeechStarted):
            self._silence.end()
            self._turn = (new_id("item"), event.position)
            self._live.begin(*self._turn)
            self._early.begin(event.position)
            await self._send(
                InputAudioBufferSpeechStarted(
                    event_id=new_id("event"), item_id=self._turn[0], audio_start_ms=ms
                )
            )
            await self._responses.speech_began()
        elif self._turn is not None:
            item_id, begin = self._turn
            await self._send(
                InputAudioBufferSpeechStopped(
                    event_id=new_id("event"), item_id=item_id, audio_end_ms=ms
                )
            )
            await self._make_item(
                item_id, begin, event.position, early=self._early.take(event.silent_from)
            )
            self._responses.turn_ended()

    def _end_turn(self) -> None:
        self._turn = None
        self._live.end()
        self._early.drop()
        if self._turns is not None:
            self._turns.restart(self._buffer.start)

    # Items and transcripts.

    async def _make_item(
        self,
        item_id: str,
        begin: int,
        end: int,
        *,
        words: str | None = None,
        early: Stretch | None = None,
    ) -> None:
        """Commit a stretch of the buffer.

        Args:
            item_id: the item that it becomes.
            begin: its first sample.
            end: behind its last one.
            words: what is said in it, where that is known.
            early: brings what is said in it, where that has been asked for.
        """
        agreement = self._live.end()
        samples = self._buffer.take(begin, end)
        if end >= self._buffer.end:
            self._end_turn()
        else:
            self._turn = None  # the detector has seen, and settled, what comes behind `end`
        item = MessageItem(
            id=item_id,
            status="completed",
            role="user",
            content=[ContentPart(type="input_audio", transcript=NULL)],
        )
        previous = self._items.add(item)
        self._items.keep_sound(item_id, samples, self._buffer.sample_rate)
        await self._send(
            InputAudioBufferCommitted(
                event_id=new_id("event"), item_id=item_id, previous_item_id=previous
            )
        )
        await self._announce(item, previous)
        wanted = self._config.transcription
        if words is not None:
            if wanted is None:
                self._items.set_heard(item_id, 0, words)
            else:
                await self._transcribed_as(item_id, words, samples.size)
            return
        if wanted is None and early is None:
            return  # who has to read it has it recognised
        # With too much queued this waits, and as long as it waits nothing more is read.
        await self._slots.acquire()
        task = asyncio.create_task(self._transcribe(item_id, samples, agreement, wanted, early))
        self._tasks.add(task)
        self._hearing.expect(item_id, task)
        task.add_done_callback(self._transcribed)

    def _transcribed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()
        if not task.cancelled() and task.exception() is not None:
            # Only sending can fail here, and then the connection is over: its reader says so.
            _log.debug("a transcript was not delivered: %s", type(task.exception()).__name__)

    async def _transcribe(
        self,
        item_id: str,
        samples: NDArray[np.int16],
        agreement: Agreement,
        wanted: dict[str, Any] | None,
        early: Stretch | None,
    ) -> None:
        text = None if early is None else await early_text(early)
        if wanted is None:
            if text is not None:
                self._items.set_heard(item_id, 0, text.strip())
            return
        try:
            if text is None:
                text = ""
                stream = self._pool.transcribe(
                    self, samples, language=wanted.get("language"), prompt=prompt_of(wanted)
                )
                # Closed at once when the client goes, so that nobody transcribes for it any longer.
                async with aclosing(stream) as pieces:
                    async for piece in pieces:
                        text += piece
                        await self._send_delta(item_id, agreement.conclude(text, whole=False))
            await self._send_delta(item_id, agreement.conclude(text, whole=True))
        except ConnectionError:
            raise
        except Exception as error:
            await self._failed(item_id, error)
            return
        await self._transcribed_as(item_id, text.strip(), samples.size)

    async def _transcribed_as(self, item_id: str, transcript: str, count: int) -> None:
        self._items.set_transcript(item_id, transcript)
        await self._send(
            ConversationItemInputAudioTranscriptionCompleted(
                event_id=new_id("event"),
                item_id=item_id,
                content_index=0,
                transcript=transcript,
                usage=TranscriptionUsage(type="duration", seconds=count / self._buffer.sample_rate),
            )
        )

    async def _announce(self, item: MessageItem, previous: str | None) -> None:
        for kind in (ConversationItemAdded, ConversationItemDone):
            await self._send(kind(event_id=new_id("event"), item=item, previous_item_id=previous))

    async def _send_delta(self, item_id: str, delta: str) -> None:
        if delta:
            await self._send(
                ConversationItemInputAudioTranscriptionDelta(
                    event_id=new_id("event"), item_id=item_id, content_index=0, delta=delta
                )
            )

    async def _failed(self, item_id: str, error: Exception) -> None:
        # What an engine raises may quote what it heard; only our own errors are known not to.
        text = str(error) if isinstance(error, RtAudioError) else "the recogniser failed"
        _log.warning("a transcription failed: %s", type(error).__name__)
        await self._send(
            ConversationItemInputAudioTranscriptionFailed(
                event_id=new_id("event"),
                item_id=item_id,
                content_index=0,
                error=TranscriptionError(
                    type="transcription_error", code="transcription_failed", message=text
                ),
            )
        )

    async def _send_server_error(self, message: str) -> None:
        detail = ErrorDetail(
            type="server_error", message=message, code="turn_detection_unavailable"
        )
        await self._send(ErrorEvent(event_id=new_id("event"), error=detail))
