"""What a session has spent, and the end that comes when that is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtaudio.conversation import events
from rtaudio.conversation.usage import Usage

if TYPE_CHECKING:
    from rtaudio import protocol
    from rtaudio.conversation.outcome import Outcome
    from rtaudio.conversation.prices import PriceTable
    from rtaudio.conversation.sequencer import ResponseSequencer
    from rtaudio.conversation.speech import Speech
    from rtaudio.conversation.usage_limit import UsageLimit

__all__ = ["Spending"]


class Spending:
    """Adds up what the service reports, and watches the limit.

    Args:
        outcome: where events go.
        sequencer: asks for no more responses once the limit is reached.
        speech: is interrupted where the limit says so.

    Attributes:
        usage: tokens spent; kept when the conversation starts over.
        exhausted: whether the limit was reached on this connection.
    """

    def __init__(self, outcome: Outcome, sequencer: ResponseSequencer, speech: Speech) -> None:
        self._outcome = outcome
        self._sequencer = sequencer
        self._speech = speech
        self._limit: UsageLimit | None = None
        self._prices: PriceTable | None = None
        self.usage = Usage()
        self.start_over()

    def start_over(self) -> None:
        """Another connection may spend again, once its limit allows it."""
        self.exhausted = False
        self._told = False

    def allow(self, limit: UsageLimit | None, prices: PriceTable | None) -> None:
        """Spend no more than this from now on; None for any amount."""
        self._limit, self._prices = limit, prices

    @property
    def finished(self) -> bool:
        """Whether the limit is reached, and nothing is left that may come to its end."""
        return self._told and (not self._sequencer.ongoing or self._may_interrupt)

    @property
    def _may_interrupt(self) -> bool:
        return self._limit is not None and self._limit.interrupt

    def add_response(self, report: protocol.Usage | None) -> None:
        """A response ended."""
        self.usage = self.usage.with_response(report)
        self._check()

    def add_transcription(self, report: protocol.TranscriptionUsage | None) -> None:
        """A transcript of the user's speech was completed."""
        self.usage = self.usage.with_transcription(report)
        self._check()

    def _check(self) -> None:
        limit = self._limit
        if limit is not None and not self.exhausted and limit.reached(self.usage, self._prices):
            self.exhausted = True
            self._sequencer.halt()

    def tell(self, now: float) -> None:
        """Tell the application that the limit is reached, once, behind what reached it."""
        if not self.exhausted or self._told or self._limit is None:
            return
        self._told = True
        self._outcome.events.append(
            events.UsageLimitReached(usage=self.usage, limit=self._limit),
        )
        if self._may_interrupt:
            self._speech.interrupt(now, cancel=True)
