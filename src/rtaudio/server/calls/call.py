"""One call over WebRTC: its peer, its events and its sound, from offer to end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from rtaudio.errors import TransportError
from rtaudio.protocol import InvalidEvent, new_id
from rtaudio.server.calls.call_line import CallLine
from rtaudio.server.calls.call_sound import CallSound, opus_rate
from rtaudio.transports.peer import Peer, ice_configuration

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Call"]

_log = logging.getLogger(__name__)

_CLOSE_S = 5.0  # how long closing may take
_LEAVE_S = 1.0  # how long a client may take to read what is said at the end


class Call:
    """A call that is being made, goes on, or is over.

    Args:
        heard_rate: in Hz, of the sound that is recognised.
        voice_rate: in Hz, of the sound that is spoken; None where answers are text.
        addresses: of this machine, at which the client may reach it; None means all that other
            machines can.
        max_waiting_bytes: of events that wait to be handled.

    Attributes:
        id: unguessable, such as `rtc_j2ISaJiHkTj0rLGlkoMXG`.
        line: its events.
        sound: its sound.
    """

    def __init__(
        self,
        heard_rate: int,
        voice_rate: int | None,
        *,
        addresses: Sequence[str] | None,
        max_waiting_bytes: int,
    ) -> None:
        self.id = new_id("rtc")
        self.line = CallLine(max_waiting_bytes)
        heard_rate = opus_rate(heard_rate)
        self.sound = CallSound(heard_rate, opus_rate(voice_rate or heard_rate), self.line.post)
        self._addresses = addresses
        self._gone = False
        self._peer = Peer(
            ice_configuration(()),
            self.sound.outgoing,
            heard_rate,
            received=self._received,
            heard=self.sound.hear,
            ended=self._lost,
        )
        self.line.carry(self._peer)

    async def answer(self, offer: str) -> str:
        """Take the offer, and return the answer.

        Raises:
            InvalidEvent: the offer cannot be used.
        """
        try:
            return await self._peer.accept(offer, self._addresses)
        except TransportError as error:
            raise InvalidEvent(
                f"The call cannot be made, as {error}.", code="invalid_offer", param="sdp"
            ) from None

    async def close(self) -> None:
        """End the call, and let go of all it has."""
        self.line.end()
        self.sound.end()
        try:
            async with asyncio.timeout(_CLOSE_S):
                if not self._gone:
                    await self._peer.take_leave(_LEAVE_S)
                failures = await self._peer.close()
        except TimeoutError as error:
            failures = [error]
        for failure in failures:
            _log.info("a call could not be closed in good order: %s", type(failure).__name__)

    def _received(self, message: str | bytes) -> None:
        if not self.line.take(message):
            _log.warning("a call is ended: its client sends events faster than they are handled")
            self.line.end()

    def _lost(self, error: Exception | None) -> None:
        self._gone = True
        if error is not None:
            _log.info("a call was lost: %s", error)
        self.line.end()
