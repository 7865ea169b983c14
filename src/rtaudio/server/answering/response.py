"""One response, from `response.created` to `response.done`."""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from rtaudio.audio import AudioConverter, AudioFormat
from rtaudio.errors import RtAudioError
from rtaudio.protocol import (
    RateLimitsUpdated,
    Response,
    ResponseCreated,
    ResponseDone,
    ResponseStatusDetails,
    ResponseStatusError,
    new_id,
    wire_format,
)
from rtaudio.server.answering.response_output import Message, Output, write_call
from rtaudio.server.answering.speaking import Pace, Phrases
from rtaudio.server.answering.usage import count_context, count_words, usage
from rtaudio.server.engines.base import AnswerIncomplete

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from rtaudio.protocol import Item, ServerEvent
    from rtaudio.server.answering.response_request import ResponseRequest
    from rtaudio.server.calls.playback import Playback
    from rtaudio.server.config import SessionConfig
    from rtaudio.server.engines.base import AnswerPiece, Responder, Voice
    from rtaudio.server.items import ItemStore
    from rtaudio.server.limits import Limits
    from rtaudio.server.listening.hearing import Hearing

__all__ = ["CutReason", "ResponseRun"]

_log = logging.getLogger(__name__)

CutReason: TypeAlias = Literal[
    "turn_detected", "client_cancelled", "max_output_tokens", "content_filter"
]
_T = TypeVar("_T")
_MOST_TOKENS = 4096  # of a response that may have any number: what the cloud's models end at
_DELTA_S = 0.1  # sound per audio delta; less where the voice gives less


class _Cut(Exception):
    """The response ends here."""

    def __init__(self, reason: CutReason) -> None:
        self.reason = reason


class _EngineFailed(Exception):
    """An engine raised; the text is for the client."""

    def __init__(self, engine: str, error: Exception) -> None:
        # What an engine raises may quote the conversation; only our own errors are known not to.
        super().__init__(str(error) if isinstance(error, RtAudioError) else f"the {engine} failed")


class ResponseRun:
    """Makes one response and sends its events.

    Args:
        send: sends one event to the client.
        request: what the response is to be.
        config: the session's settings.
        items: the session's items.
        hearing: tells what spoken items say.
        responder: decides what is answered.
        voice: speaks it; None where output is text.
        limits: what this client is allowed.
        playback: speaks to the client of a call; None where sound goes out in events.
        conversation_id: id of the session's conversation.
        over: called when the next response may begin, just before `response.done` is sent.
    """

    def __init__(
        self,
        send: Callable[[ServerEvent], Awaitable[None]],
        request: ResponseRequest,
        *,
        config: SessionConfig,
        items: ItemStore,
        hearing: Hearing,
        responder: Responder,
        voice: Voice | None,
        limits: Limits,
        playback: Playback | None,
        conversation_id: str,
        over: Callable[[str], None],
    ) -> None:
        self.id = new_id("resp")
        self._send = send
        self._request = request
        self._config = config
        self._items = items
        self._hearing = hearing
        self._responder = responder
        self._voice = voice if request.settings["output_modalities"] == ["audio"] else None
        self._limits = limits
        self._playback = playback
        self._over = over
        self._conversation_id = conversation_id if request.in_conversation else None
        self._output = Output(send, self.id, items if request.in_conversation else None)
        self._cut: asyncio.Future[CutReason] = asyncio.get_running_loop().create_future()
        # What is read is what was there when the response was asked for.
        self._context = list(items) if request.items is None else request.items
        self._context_tokens = (0, 0)
        self._words = 0
        self._message: Message | None = None
        self._phrases = Phrases()
        # What is spoken to the client of a call is held back by what it has not heard yet.
        self._pace = Pace() if playback is None else Pace(ahead_s=math.inf)
        self._converter: AudioConverter | None = None
        self._message_ms = 0.0
        self.spoken_ms = 0.0  # length of what has been said so far

    def cut(self, reason: CutReason) -> None:
        """Have the response end as soon as possible; its last events still follow."""
        if not self._cut.done():
            self._cut.set_result(reason)

    async def run(self) -> None:
        """Make the response.

        Raises:
            ConnectionError: the client is gone.
        """
        await self._send(ResponseCreated(event_id=new_id("event"), response=self._response()))
        status, details = "completed", None
        try:
            await self._answer()
        except _Cut as cut:
            by_us = cut.reason in ("max_output_tokens", "content_filter")
            status = "incomplete" if by_us else "cancelled"
            details = ResponseStatusDetails(type=status, reason=cut.reason)
        except _EngineFailed as failure:
            _log.warning("a response failed: %s", type(failure.__cause__).__name__)
            status, details = "failed", _failed("engine_failed", str(failure))
        except ConnectionError:
            raise
        except Exception as error:
            # A fault of ours must not leave the client waiting. Its text may hold content.
            _log.error("a response failed: %s", type(error).__name__)
            status, details = "failed", _failed("internal_error", "The service failed.")
        await self._end_message("incomplete")
        self._over(self.id)
        await self._send(
            ResponseDone(event_id=new_id("event"), response=self._response(status, details))
        )
        if status != "failed":
            # Nothing is rationed here, and an empty list says so.
            await self._send(RateLimitsUpdated(event_id=new_id("event"), rate_limits=[]))

    def _response(
        self, status: str = "in_progress", details: ResponseStatusDetails | None = None
    ) -> Response:
        settings = self._request.settings
        output = settings["audio"]["output"]
        voice = output["voice"]
        if isinstance(voice, dict):
            voice = voice["id"]  # a response shows voices by name, custom ones too
        ended = status != "in_progress"
        return Response(
            id=self.id,
            status=status,
            status_details=details,
            output=list(self._output.finished),
            conversation_id=self._conversation_id,
            output_modalities=settings["output_modalities"],
            max_output_tokens=settings["max_output_tokens"],
            audio={"output": {"format": output["format"], "voice": voice}},
            usage=usage(self._context_tokens, self._words, self.spoken_ms) if ended else None,
            metadata=self._request.metadata,
        )

    async def _answer(self) -> None:
        context: list[Item] = await self._wait(self._hearing.readable(self._context), "recogniser")
        settings = self._request.settings
        self._context_tokens = count_context(context, settings, self._items.sound_ms)
        pieces = self._responder.respond(context, settings, self._request.tools)
        async with aclosing(self._stream(pieces, "responder")) as answer:
            async for piece in answer:
                await self._take(piece)
        await self._finish_message()

    async def _take(self, piece: AnswerPiece) -> None:
        if not isinstance(piece, str):
            await self._finish_message()
            self._count(piece.arguments)
            await write_call(self._output, piece)
            return
        self._count(piece)
        if self._message is None:
            await self._begin_message()
        assert self._message is not None
        await self._message.write(piece)
        if self._voice is not None:
            for phrase in self._phrases.feed(piece):
                await self._speak(phrase)

    def _count(self, text: str) -> None:
        """Count what is about to be sent, and end the response if it would be too much."""
        words = count_words(text)
        most = self._request.settings["max_output_tokens"]
        if self._words + words > (_MOST_TOKENS if most == "inf" else most):
            raise _Cut("max_output_tokens")
        self._words += words

    # Messages and their sound.

    async def _begin_message(self) -> None:
        rate = None
        self._message_ms = 0.0
        if self._voice is not None:
            rate = self._voice.sample_rate
            if self._playback is not None:
                wire = self._playback.format
            else:
                wire = wire_format(self._request.settings, "output")
            self._converter = AudioConverter(AudioFormat("pcm16", rate), wire)
        self._message = Message(self._output, rate, self._limits.retained_bytes, self._playback)
        await self._message.begin()

    async def _finish_message(self) -> None:
        for phrase in self._phrases.flush():
            if self._voice is not None:
                await self._speak(phrase)
        if self._message is not None and self._converter is not None:
            await self._play(self._converter.flush(), b"")
        await self._end_message("completed")

    async def _end_message(self, status: str) -> None:
        message, self._message = self._message, None
        if message is not None:
            await message.end(status, self._message_ms)

    async def _speak(self, phrase: str) -> None:
        assert self._voice is not None
        assert self._converter is not None
        step = 2 * max(1, int(_DELTA_S * self._voice.sample_rate))
        loop = asyncio.get_running_loop()
        speech = self._voice.speak(phrase, speed=self._request.settings["audio"]["output"]["speed"])
        async with aclosing(self._stream(speech, "voice")) as sound:
            async for chunk in sound:
                for start in range(0, len(chunk), step):
                    delay = self._pace.delay(loop.time(), self.spoken_ms / 1000)
                    if delay > 0:
                        await self._wait(asyncio.sleep(delay), "clock")
                    elif self._cut.done():
                        raise _Cut(self._cut.result())
                    pcm = chunk[start : start + step]
                    await self._play(self._converter.process(pcm), pcm)

    async def _play(self, wire: bytes, pcm: bytes) -> None:
        assert self._message is not None
        assert self._converter is not None
        if self._playback is not None:
            await self._wait(self._playback.room(self.id, len(wire)), "clock")
        self._config.fix_voice()
        target = self._converter.target
        ms = len(wire) / target.bytes_per_sample / target.sample_rate * 1000
        self._message_ms += ms
        self.spoken_ms += ms
        await self._message.play(wire, pcm, self._message_ms)

    # Waiting for engines, which `cut` ends.

    async def _wait(self, work: Awaitable[_T], engine: str) -> _T:
        """Wait for an engine, or until the response is cut.

        Only engines are waited for like this: an event that is being sent is always sent whole.
        """
        task = asyncio.ensure_future(work)
        try:
            either: set[asyncio.Future[Any]] = {task, self._cut}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._cut.done():
                raise _Cut(self._cut.result())
            try:
                return task.result()
            except AnswerIncomplete as end:
                raise _Cut(end.reason) from None
            except Exception as error:
                raise _EngineFailed(engine, error) from error
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _stream(self, stream: AsyncIterator[_T], engine: str) -> AsyncGenerator[_T, None]:
        """Iterate over what an engine yields, and close it at the end, whatever the end is."""
        end: Any = object()
        try:
            while (item := await self._wait(_next(stream, end), engine)) is not end:
                yield item
        finally:
            if (close := getattr(stream, "aclose", None)) is not None:
                await close()


def _failed(code: str, message: str) -> ResponseStatusDetails:
    error = ResponseStatusError(type="server_error", code=code, message=message)
    return ResponseStatusDetails(type="failed", error=error)


async def _next(stream: AsyncIterator[_T], end: _T) -> _T:
    return await anext(stream, end)
