"""What a call's client hears of the answers, and how far it has heard them.

Answers are made faster than they are spoken. Their sound waits here, and leaves at the pace of a
clock that ticks with every packet. So it is known at any time which part of which answer has been
heard; that is what interruption cuts at.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from rtaudio.audio import AudioFormat
from rtaudio.protocol import (
    OutputAudioBufferCleared,
    OutputAudioBufferStarted,
    OutputAudioBufferStopped,
    new_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.protocol import ServerEvent
    from rtaudio.transports.outgoing_sound import OutgoingSound

__all__ = ["Cut", "Playback"]


class Cut(NamedTuple):
    """An item that was not heard to its end.

    Attributes:
        item_id: the item.
        heard_ms: how much of it was heard.
    """

    item_id: str
    heard_ms: int


@dataclass(slots=True)
class _Part:
    """Where an item's sound lies, in samples of all that was ever fed."""

    item_id: str
    begin: int
    end: int
    whole: bool = False


@dataclass(slots=True)
class _Answer:
    """A response that is being spoken.

    Attributes:
        parts: in the order in which they are spoken.
        started: something of it was heard.
        finished: no more comes.
        cleared: what comes is not to be heard.
    """

    parts: list[_Part] = field(default_factory=list)
    started: bool = False
    finished: bool = False
    cleared: bool = False


class Playback:
    """The sound of a session's answers on its way to the client.

    Answers are heard one after the other, in the order in which they began to speak.

    Args:
        outgoing: takes the sound, and gives it out at its pace.
        sample_rate: of the sound, in Hz.
        post: sends an event at once, without waiting.

    Attributes:
        format: what is to be fed.
    """

    def __init__(
        self, outgoing: OutgoingSound, sample_rate: int, post: Callable[[ServerEvent], None]
    ) -> None:
        self.format = AudioFormat("pcm16", sample_rate)
        self._outgoing = outgoing
        self._post = post
        self._fed = 0
        self._answers: dict[str, _Answer] = {}
        self._moved = asyncio.Event()
        self._over = False

    @property
    def speaking(self) -> bool:
        """Whether there is an answer that was not heard to its end."""
        return bool(self._answers)

    @property
    def heard_s(self) -> float:
        """How much has been heard in all, in seconds."""
        return (self._fed - self._outgoing.waiting) / self.format.sample_rate

    @property
    def unheard_ms(self) -> float:
        """How long what waits will still be heard."""
        return self._outgoing.waiting * 1000 / self.format.sample_rate

    def begin(self, response_id: str, item_id: str) -> None:
        """An item begins to be spoken; the one before it in its response is whole."""
        answer = self._answers.setdefault(response_id, _Answer())
        if answer.parts:
            answer.parts[-1].whole = True
        answer.parts.append(_Part(item_id, self._fed, self._fed))

    async def room(self, response_id: str, size: int) -> None:
        """Wait until an answer's next sound can be fed: its turn has come, and there is room.

        Args:
            response_id: the answer.
            size: bytes of what is to be fed.
        """
        while not self._has_room(response_id, size):
            self._moved.clear()
            await self._moved.wait()

    def _has_room(self, response_id: str, size: int) -> bool:
        answer = self._answers.get(response_id)
        if self._over or answer is None or answer.cleared:
            return True
        first = next(a for a in self._answers.values() if not (a.finished or a.cleared))
        return first is answer and size // 2 <= self._outgoing.free

    async def feed(self, response_id: str, pcm: bytes) -> None:
        """Say the next sound of the item that began last, unless it is not to be heard.

        Args:
            response_id: the answer.
            pcm: in `format`; `room` was waited for.

        Raises:
            ConnectionResetError: the client is gone.
        """
        answer = self._answers.get(response_id)
        if answer is None or answer.cleared or not pcm:
            return
        if self._over:
            raise ConnectionResetError("the client is gone")
        part = answer.parts[-1]
        if part.begin == part.end:
            # Others may have spoken since it began.
            part.begin = self._fed
        self._fed += len(pcm) // 2
        part.end = self._fed
        await self._outgoing.feed(pcm)

    def finish(self, response_id: str) -> None:
        """A response has ended; what was fed of it is still heard."""
        answer = self._answers.get(response_id)
        if answer is None:
            return
        answer.finished = True
        for part in answer.parts:
            part.whole = True
        self.advance()

    def advance(self) -> None:
        """Some sound may have left: tell of what began, and of what ended."""
        heard = self._fed - self._outgoing.waiting
        for response_id, answer in list(self._answers.items()):
            if not answer.cleared and not answer.started:
                answer.started = any(part.begin < min(part.end, heard) for part in answer.parts)
                if answer.started:
                    self._post(
                        OutputAudioBufferStarted(event_id=new_id("event"), response_id=response_id)
                    )
            if answer.finished and all(part.end <= heard for part in answer.parts):
                del self._answers[response_id]
                if answer.started and not answer.cleared:
                    self._post(
                        OutputAudioBufferStopped(event_id=new_id("event"), response_id=response_id)
                    )
        self._moved.set()

    def clear(self) -> list[Cut]:
        """Drop what was not heard yet, and what is still to come of the same answers.

        Returns:
            What was not heard to its end.
        """
        self.advance()
        heard = self._fed - self._outgoing.waiting
        self._outgoing.clear()
        self._fed = heard
        cuts = []
        for response_id, answer in list(self._answers.items()):
            if answer.cleared:
                continue
            answer.cleared = True
            if answer.started:
                self._post(
                    OutputAudioBufferCleared(event_id=new_id("event"), response_id=response_id)
                )
            cuts += [
                Cut(part.item_id, self._length_ms(part, heard))
                for part in answer.parts
                if not part.whole or part.end > heard
            ]
            answer.parts.clear()
            if answer.finished:
                del self._answers[response_id]
        self._moved.set()
        return cuts

    def _length_ms(self, part: _Part, heard: int) -> int:
        samples = max(0, min(part.end, heard) - part.begin)
        return samples * 1000 // self.format.sample_rate

    def close(self) -> None:
        """Nobody hears anything any more; let those go who wait."""
        self._over = True
        self._moved.set()
