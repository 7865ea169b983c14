"""Responses from their beginning to their end: who was speaking, and what is to be checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rtaudio.conversation import events
from rtaudio.conversation.calls import FunctionCall
from rtaudio.conversation.items import call_from_wire, item_from_wire
from rtaudio.conversation.recent import Recent
from rtaudio.conversation.spoken_text import Check, SpokenText

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtaudio import protocol
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
    over since; so that offer is kept until the response has ended.

    Attributes:
        offer: what the model may call from now on; opaque here.
        check_every: characters after which what the model says is checked; None for not at all.
        begun: how many responses began; a check of an earlier one is stale.
    """

    def __init__(self, outcome: Outcome, record: Record) -> None:
        self._outcome = outcome
        self._record = record
        self.offer: Any = None
        self.check_every: int | None = None
        self._offers: Recent[str, Any] = Recent(_MAX_OPEN)
        self._spoken: Recent[str | None, SpokenText] = Recent(_MAX_OPEN)
        self.begun = 0

    @property
    def queue(self) -> QueueStats:
        """The responses that are open."""
        return self._offers.queue

    def start_over(self) -> None:
        """No response has begun yet."""
        self._offers.clear()
        self._spoken.clear()
        self.begun = 0

    def break_off(self) -> None:
        """The connection broke: the response that was going on does not end any more."""
        self._offers.clear()
        self._spoken.clear()
        self.begun += 1

    def began(self, response_id: str | None) -> None:
        """A response began."""
        self.begun += 1
        if response_id is not None:
            self._offers[response_id] = self.offer
        self._outcome.events.append(events.AgentStart(response_id=response_id))

    def said(
        self, response_id: str, item_id: str, delta: str, source: Literal["text", "audio"]
    ) -> None:
        """The words of an answer grew."""
        if self.check_every is None:
            return
        spoken = self._spoken.get(response_id)
        if spoken is None:
            spoken = self._spoken[response_id] = SpokenText(self.check_every)
        text = spoken.add(item_id, delta)
        if text is not None:
            self._due(response_id, item_id, text, source)

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
                offer=self._offers.setdefault(response_id, self.offer),
            )
        )

    def ended(self, response_id: str | None, output: Iterable[protocol.Item]) -> None:
        """A response ended, whatever its status."""
        item_id, text = _final_text(output)
        if self.check_every is not None:
            self._due(response_id, item_id, text, "final")
        self._spoken.pop(response_id, None)
        self._offers.pop(response_id or "", None)
        self._outcome.events.append(events.AgentEnd(output=text, response_id=response_id))

    def _due(
        self,
        response_id: str | None,
        item_id: str,
        text: str,
        source: Literal["text", "audio", "final"],
    ) -> None:
        self._outcome.checks.append(
            Check(
                response_id=response_id,
                item_id=item_id,
                text=text,
                source=source,
                generation=self.begun,
                offer=self._offers.get(response_id or "", self.offer),
            )
        )


def _final_text(output: Iterable[protocol.Item]) -> tuple[str, str]:
    """The id and the words of the last message of a response; a function call may follow it."""
    for wire in reversed(list(output)):
        item = item_from_wire(wire, default_status="completed")
        if item is not None and item.content:
            last = item.content[-1]
            return item.item_id, last.text or last.transcript or ""
    return "", ""
