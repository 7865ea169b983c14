"""Responses from their beginning to their end: who was speaking, and what is to be checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rtaudio.conversation import events
from rtaudio.conversation.calls import FunctionCall
from rtaudio.conversation.checking import Check
from rtaudio.conversation.items import call_from_wire, item_from_wire
from rtaudio.conversation.recent import Recent
from rtaudio.conversation.spoken_text import SpokenText

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtaudio import protocol
    from rtaudio.conversation.held_sound import HeldSound
    from rtaudio.conversation.outcome import Outcome
    from rtaudio.conversation.queue_stats import QueueStats
    from rtaudio.conversation.record import Record

__all__ = ["Turns"]

# Responses that may be open at a time. The service works on one, and on few beside it that are out
# of band; one whose end it never tells must not be kept for ever.
_MAX_OPEN = 100


class Turns:
    """The responses of one connection.

    A call runs against what was on offer when its response began, even if another agent has taken
    over since; so that offer is kept until the response has ended. The same holds for whether and
    how often what it says is checked. Where the service does not say which response begins, the
    offer goes to the first one that is named afterwards.

    Attributes:
        offer: what the model may call from now on; opaque here.
        begun: how many responses began; a check of an earlier one is stale.
    """

    def __init__(self, outcome: Outcome, record: Record, held: HeldSound) -> None:
        self._outcome = outcome
        self._record = record
        self._held = held
        self.offer: Any = None
        self._offers: Recent[str, Any] = Recent(_MAX_OPEN)
        self._unnamed: tuple[Any] | None = None
        self._spoken: Recent[str | None, SpokenText | None] = Recent(_MAX_OPEN)
        self.begun = 0

    @property
    def queue(self) -> QueueStats:
        """The responses that are open."""
        return self._offers.queue

    def start_over(self) -> None:
        """No response has begun yet."""
        self._offers.clear()
        self._spoken.clear()
        self._unnamed = None
        self.begun = 0

    def break_off(self) -> None:
        """The connection broke: the response that was going on does not end any more."""
        self._offers.clear()
        self._unnamed = None
        self._spoken.clear()
        self.begun += 1

    def began(self, response_id: str | None) -> None:
        """A response began."""
        self.begun += 1
        if response_id is None:
            self._unnamed = (self.offer,)
        else:
            self._offers[response_id] = self.offer
            self._spoken_in(response_id)
        self._outcome.events.append(events.AgentStart(response_id=response_id))

    def said(
        self, response_id: str, item_id: str, delta: str, source: Literal["text", "audio"]
    ) -> None:
        """The words of an answer grew."""
        if self._unnamed is not None:
            self._offer_of(response_id)
        spoken = self._spoken_in(response_id)
        if spoken is not None:
            text = spoken.add(item_id, delta)
            if text is not None:
                number = self._held.begin_run(response_id, item_id, last=False)
                self._due(response_id, item_id, text, source, number)

    def finished(self, response_id: str, item_id: str, content_index: int, transcript: str) -> None:
        """The transcript of a part of an answer's sound is complete."""
        spoken = self._spoken_in(response_id)
        if spoken is None or not self._held.checking.hold:
            return
        text = spoken.finish(item_id, transcript)
        if text is not None:
            number = self._held.begin_run(response_id, item_id, content_index, last=False)
            self._due(response_id, item_id, text, "audio", number)

    def asked(self, item_id: str, transcript: str) -> None:
        """The user said something that is to be checked."""
        self._outcome.checks.append(
            Check(
                response_id=None,
                item_id=item_id,
                text=transcript,
                source="input",
                generation=self.begun,
                offer=self.offer,
            )
        )

    def called(self, wire: protocol.FunctionCallItem, response_id: str) -> None:
        """The model calls a function, or hands over."""
        item = call_from_wire(wire)
        if item.item_id:
            self._record.upsert(item)
        self._outcome.calls.append(
            FunctionCall(
                item_id=item.item_id,
                call_id=item.call_id or "",
                name=wire.name,
                arguments=wire.arguments,
                response_id=response_id or None,
                offer=self._offer_of(response_id),
            )
        )

    def ended(self, response_id: str | None, output: Iterable[protocol.Item]) -> None:
        """A response ended, whatever its status."""
        words = _words(output)
        item_id, text = next(iter(words), ("", ""))
        self._offer_of(response_id)
        spoken = self._spoken_in(response_id)
        if spoken is not None:
            final = {} if spoken.is_finished(item_id, text) else {item_id: text}
            for each in self._held.unchecked(response_id):
                final.setdefault(each, dict(words).get(each) or spoken.text(each))
            for each, said in final.items():
                if said:
                    number = self._held.begin_run(response_id, each, last=True)
                    self._due(response_id, each, said, "final", number)
        self._spoken.pop(response_id, None)
        if response_id is None:
            self._unnamed = None
        else:
            self._offers.pop(response_id, None)
        self._outcome.events.append(events.AgentEnd(output=text, response_id=response_id))

    def _due(
        self,
        response_id: str | None,
        item_id: str,
        text: str,
        source: Literal["text", "audio", "final"],
        number: int,
    ) -> None:
        self._outcome.checks.append(
            Check(
                response_id=response_id,
                item_id=item_id,
                text=text,
                source=source,
                generation=self.begun,
                offer=self._offer_of(response_id),
                number=number,
            )
        )

    def _spoken_in(self, response_id: str | None) -> SpokenText | None:
        """What a response says, where that is checked."""
        every = self._held.checking.every
        if response_id not in self._spoken:
            self._spoken[response_id] = None if every is None else SpokenText(every)
        return self._spoken[response_id]

    def _offer_of(self, response_id: str | None) -> Any:
        """What was on offer when a response began; from now on that is settled."""
        if response_id is not None and response_id in self._offers:
            return self._offers[response_id]
        offer = self.offer if self._unnamed is None else self._unnamed[0]
        if response_id:
            self._offers[response_id] = offer
            self._unnamed = None
        return offer


def _words(output: Iterable[protocol.Item]) -> list[tuple[str, str]]:
    """The ids and words of the messages of a response, the last first; calls may follow it."""
    words: list[tuple[str, str]] = []
    for wire in reversed(list(output)):
        item = item_from_wire(wire, default_status="completed")
        if item is not None and item.content:
            last = item.content[-1]
            words.append((item.item_id, last.text or last.transcript or ""))
    return words
