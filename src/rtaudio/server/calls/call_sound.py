"""The sound of a call, both ways: what its client says, and what it hears."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from rtaudio.audio import AudioFormat
from rtaudio.protocol import encode_event
from rtaudio.server.calls.playback import Playback
from rtaudio.transports.outgoing_sound import FRAME_S, OutgoingSound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rtaudio.protocol import ServerEvent
    from rtaudio.server.session_metrics import SessionMetrics

__all__ = ["CallSound", "opus_rate"]

_OPUS_RATES = (8000, 12_000, 16_000, 24_000, 48_000)
_BITRATE = 48_000
_COMPLEXITY = 5
# Seconds of answers that may be made ahead of what is heard. They are cut at what was heard, and
# functions that are called behind them need not wait for all of that.
_AHEAD_S = 10.0
# What waits of what the client says, while something else is dealt with, in frames; the oldest
# goes.
_MOST_HEARD = round(30 / FRAME_S)
# After so many frames without packets silence stands in for them, as the session's clock goes on.
_PATIENCE = 10


def opus_rate(sample_rate: int) -> int:
    """The lowest rate in Hz that Opus has and that leaves nothing out of sound at `sample_rate`."""
    return next((rate for rate in _OPUS_RATES if rate >= sample_rate), _OPUS_RATES[-1])


class CallSound:
    """Takes what arrives and gives out what is to be sent, both at the pace of the call.

    Args:
        heard_rate: in Hz, of what the client says.
        spoken_rate: in Hz, of what it hears.
        post: sends an event at once, as text.

    Attributes:
        format: of what the client says.
        outgoing: gives out what is to be sent.
        playback: takes the answers.
    """

    def __init__(self, heard_rate: int, spoken_rate: int, post: Callable[[bytes], None]) -> None:
        self.format = AudioFormat("pcm16", heard_rate)
        self.outgoing = OutgoingSound(
            spoken_rate, bitrate=_BITRATE, complexity=_COMPLEXITY, dtx=False, room_s=_AHEAD_S
        )
        self.outgoing.left = self._left
        self.playback = Playback(self.outgoing, spoken_rate, self._tell)
        self._post = post
        self._metrics: SessionMetrics | None = None
        self._counted = 0.0
        self._silence = bytes(2 * round(heard_rate * FRAME_S))
        self._heard: deque[bytes] = deque(maxlen=_MOST_HEARD)
        self._arrived = asyncio.Event()
        self._missing = 0
        self._over = False

    def watch(self, metrics: SessionMetrics) -> None:
        """Have figures kept of the sound, and of the events that tell of it."""
        self._metrics = metrics

    def hear(self, pcm: bytes) -> None:
        """Take 20 ms of what the client says."""
        self._missing = 0
        if self._metrics is not None:
            self._metrics.heard(FRAME_S)
        self._put(pcm)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over what the client says, in pieces of any length, until the call is over."""
        while not self._over:
            if self._heard:
                pcm = b"".join(self._heard)
                self._heard.clear()
                yield pcm
            else:
                self._arrived.clear()
                await self._arrived.wait()

    def end(self) -> None:
        """The call is over."""
        self._over = True
        self._arrived.set()
        self.playback.close()

    def _left(self, _pcm: bytes) -> None:
        """Another 20 ms of the call have passed."""
        self.playback.advance()
        heard_s = self.playback.heard_s
        if heard_s > self._counted and self._metrics is not None:
            self._metrics.spoken(heard_s - self._counted)
        self._counted = heard_s
        self._missing += 1
        if self._missing > _PATIENCE:
            self._put(self._silence)

    def _tell(self, event: ServerEvent) -> None:
        if self._metrics is not None:
            self._metrics.sent(event)
        self._post(encode_event(event))

    def _put(self, pcm: bytes) -> None:
        self._heard.append(pcm)
        self._arrived.set()
