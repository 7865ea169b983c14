"""Recognition of a turn in the silence that is to end it, so that its text is there sooner."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import numpy as np

from rtaudio.server.listening.recognition import prompt_of

if TYPE_CHECKING:
    from rtaudio.server.config import SessionConfig
    from rtaudio.server.listening.input_buffer import InputBuffer
    from rtaudio.server.listening.recognition import RecognitionPool, Stretch

__all__ = ["EarlyRecognition", "early_text"]

_log = logging.getLogger(__name__)

_SILENCE_S = 0.16  # of a pause passes first, so that the last word is heard to its end
_QUIET_S = 0.1  # at the end of that are clear of the word
_TRIES = 8  # per turn; whoever pauses more often waits for the end
_LONGEST_S = 28.0  # of a turn with its silence; Whisper hears 30 s at once
# Sound may be half a second ahead and come twice as fast as it was spoken, as from a network that
# stumbles; what comes faster is a file, and gains nothing by this.
_AHEAD_S = 0.5
_FASTEST = 2.0


class EarlyRecognition:
    """Begins to recognise a turn when its speaker pauses, for one session.

    Turn detection waits for some silence before it takes a turn for ended, and recognisers often
    have nothing to do meanwhile. So the turn is recognised as it will be if nothing more is said,
    at most once in each pause and only while a recogniser is idle (`RecognitionPool.begin_early`).
    If the turn ends there, that is its text; if speech goes on, it is dropped.

    The silence still to come is made of what was heard of it, as Whisper's text depends on how much
    there is behind the last word. `bench/bench_service.py --part turns` counts texts that differ.

    Args:
        config: the session's settings.
        pool: where speech is recognised.
        buffer: holds the turn's sound.
    """

    def __init__(self, config: SessionConfig, pool: RecognitionPool, buffer: InputBuffer) -> None:
        self._config = config
        self._pool = pool
        self._buffer = buffer
        self._begin = 0  # of the turn
        self._began = 0.0  # when that was
        self._tries = 0  # that are left
        self._silent_from: int | None = None
        self._due = False
        self._try: Stretch | None = None

    @property
    def due(self) -> bool:
        """Whether the turn is about to be recognised, so that drafts had better wait."""
        return self._due

    def begin(self, position: int) -> None:
        """A turn has begun, at a position of the buffer."""
        self.drop()
        self._begin = position
        self._began = _now()
        self._tries = _TRIES

    def follow(self, silent_from: int | None) -> None:
        """There is more sound in the buffer.

        Args:
            silent_from: where the silence began that the open turn has come to, if it has.
        """
        if silent_from != self._silent_from:
            self.drop()
            self._silent_from = silent_from
            self._due = silent_from is not None and self._tries > 0 and self._wanted
        vad = self._config.vad
        if silent_from is None or vad is None or not self._due:
            return
        rate = self._buffer.sample_rate
        heard_to = silent_from + int(_SILENCE_S * rate)
        if self._buffer.end < heard_to or not self._pool.idle:
            return
        self._due = False
        end = max(heard_to, silent_from + vad.silence_duration_ms * rate // 1000)
        come_s = (self._buffer.end - self._begin) / rate
        if (
            come_s > _AHEAD_S + _FASTEST * (_now() - self._began)
            or end - self._begin > _LONGEST_S * rate
        ):
            return
        self._tries -= 1
        heard = self._buffer.read(self._begin, heard_to)
        said, quiet = np.split(heard, [-int(_QUIET_S * rate)])
        silence = np.pad(quiet, (0, end - heard_to), mode="symmetric")
        wanted = self._config.transcription or {}
        self._try = self._pool.begin_early(
            np.concatenate((said, silence)),
            language=wanted.get("language"),
            prompt=prompt_of(wanted),
        )

    def take(self, silent_from: int | None) -> Stretch | None:
        """The turn has ended: give away what was begun in the silence that ended it, if it was."""
        begun = self._try if silent_from == self._silent_from else None
        if begun is not None:
            self._try = None
        self.drop()
        return begun

    def drop(self) -> None:
        """Give up what was begun: speech goes on, or the turn is no more."""
        if self._try is not None:
            self._try.abandoned = True
        self._try = None
        self._silent_from = None
        self._due = False

    @property
    def _wanted(self) -> bool:
        return self._config.transcription is not None or self._config.creates_responses


async def early_text(begun: Stretch) -> str | None:
    """Wait for the text of what was begun; None if the recogniser failed."""
    text = ""
    try:
        while (piece := await begun.next()) is not None:
            text += piece
    except Exception as error:
        _log.debug("an early recognition failed: %s", type(error).__name__)
        return None
    finally:
        begun.abandoned = True
    return text


def _now() -> float:
    return asyncio.get_running_loop().time()
