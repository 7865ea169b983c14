"""What the parts of a conversation have to say, collected until somebody takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtaudio.conversation.calls import FunctionCall
    from rtaudio.conversation.checking import Check
    from rtaudio.conversation.events import SessionEvent
    from rtaudio.conversation.items import Item
    from rtaudio.conversation.sound_file import Writing

__all__ = ["Outcome"]


class Outcome:
    """Shared by the parts of one conversation; each adds to it, in order.

    Attributes:
        events: session events for the application.
        client_events: events for the service, in wire form.
        calls: functions that the model calls.
        checks: texts that are due to be checked.
        requests: MCP calls that the service asks approval for.
        writings: sound that is to be written to disk.
    """

    __slots__ = ("calls", "checks", "client_events", "events", "requests", "writings")

    def __init__(self) -> None:
        self.events: list[SessionEvent] = []
        self.client_events: list[dict[str, Any]] = []
        self.calls: list[FunctionCall] = []
        self.checks: list[Check] = []
        self.requests: list[Item] = []
        self.writings: list[Writing] = []

    def take_events(self) -> list[SessionEvent]:
        """Session events since the last call, in order."""
        events, self.events = self.events, []
        return events

    def drop_work(self) -> None:
        """Forget what the connection was needed for, now that it is gone."""
        self.client_events.clear()
        self.calls.clear()
        self.checks.clear()
        self.requests.clear()
