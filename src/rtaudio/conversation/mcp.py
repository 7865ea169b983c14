"""MCP tools that the service calls by itself: which there are, their calls, requests for approval.

The service asks each server that the session names for its tools, and sends the list as an item. It
makes calls without us, but does not go on speaking by itself when one is done. Where the session's
settings say so it asks for approval first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rtaudio import protocol
from rtaudio.conversation import events
from rtaudio.conversation.items import Item, item_from_wire
from rtaudio.conversation.recent import Recent
from rtaudio.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from rtaudio.conversation.outcome import Outcome
    from rtaudio.conversation.queue_stats import QueueStats
    from rtaudio.conversation.record import Record
    from rtaudio.conversation.sequencer import ResponseSequencer

__all__ = ["Mcp", "McpTool"]

# Servers whose lists are kept; more than a session can make sense of.
_MAX_LISTS = 100


class McpTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the service may call on an MCP server.

    Attributes:
        server_label: the server, by the name the session gave it.
        name: unique among the tools that are available.
        description: for the model.
        input_schema: JSON schema of its arguments.
        annotations: hints of the server, such as `readOnlyHint`.
    """

    server_label: str
    name: str
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    annotations: dict[str, Any] | None = None


class Mcp:
    """What the service and MCP servers do with each other on one connection.

    Attributes:
        available: the tools that the current agent lets the service call, in the agent's order.
        respond: whether a response is asked for when a call is done.
    """

    def __init__(self, outcome: Outcome, record: Record, sequencer: ResponseSequencer) -> None:
        self._outcome = outcome
        self._record = record
        self._sequencer = sequencer
        self._allowed: list[tuple[str, Container[str] | None]] = []
        self._lists: Recent[str, list[McpTool]] = Recent(_MAX_LISTS)
        self.respond = True
        self.start_over()

    @property
    def queue(self) -> QueueStats:
        """The lists of tools, one of each server."""
        return self._lists.queue

    def start_over(self) -> None:
        """No server has listed its tools yet."""
        self._lists.clear()
        self.available: tuple[McpTool, ...] = ()

    def allow(self, allowed: Iterable[tuple[str, Container[str] | None]]) -> None:
        """Another agent is current.

        Args:
            allowed: labels of its servers, each with the names of the tools that may be called;
                None for all.
        """
        self._allowed = list(allowed)
        self._update()

    def take(self, wire: protocol.Item, previous_item_id: str | None) -> bool:
        """A finished item of the service; False where it has nothing to do with MCP."""
        match wire:
            case protocol.McpListToolsItem():
                self._listed(wire)
            case protocol.McpCallItem():
                self._called(wire, previous_item_id)
            case protocol.McpApprovalRequestItem():
                self._asked(wire, previous_item_id)
            case protocol.McpApprovalResponseItem():
                self.decided(wire.approval_request_id, approved=wire.approve)
            case _:
                return False
        return True

    def decided(self, request_id: str, *, approved: bool) -> None:
        """The service knows what was decided about a request."""
        item = self._record.history.get(request_id)
        if item is not None and item.approved is not approved:
            self._record.upsert(msgspec.structs.replace(item, approved=approved))

    def _listed(self, wire: protocol.McpListToolsItem) -> None:
        tools = []
        for fields in wire.tools:
            try:
                fields = {**fields, "server_label": wire.server_label}
                tools.append(msgspec.convert(fields, McpTool))
            except msgspec.ValidationError:
                continue  # of no use to anybody who asks what the tools are
        self._lists[wire.server_label] = tools
        self._update()

    def _update(self) -> None:
        available: dict[str, McpTool] = {}
        for label, names in self._allowed:
            for tool in self._lists.get(label, ()):
                if names is None or tool.name in names:
                    available.setdefault(tool.name, tool)
        before = {tool.name for tool in self.available}
        if before != available.keys():
            self.available = tuple(available.values())
            self._outcome.events.append(events.McpToolsChanged(tools=self.available))

    def _called(self, wire: protocol.McpCallItem, previous_item_id: str | None) -> None:
        item = item_from_wire(wire, default_status="completed", previous_item_id=previous_item_id)
        if item is None:
            return
        self._record.upsert(item)
        known = self._record.history.get(item.item_id) or item
        self._outcome.events.append(events.McpToolCallCompleted(tool_call=known))
        if self.respond:
            self._sequencer.request()

    def _asked(self, wire: protocol.McpApprovalRequestItem, previous_item_id: str | None) -> None:
        if not wire.id:
            error = ProtocolError("a request for approval came without an id")
            self._outcome.events.append(events.Error(error=error))
            return
        item = Item(
            item_id=wire.id,
            type="mcp_approval_request",
            role=None,
            previous_item_id=previous_item_id,
            name=wire.name,
            arguments=_parsed(wire.arguments),
            server_label=wire.server_label,
        )
        # Whether one that came before asks for the same is judged by who answers it; in history
        # the first stays.
        if wire.id not in self._record.history:
            self._record.upsert(item)
            if isinstance(item.arguments, str):
                error = ProtocolError(
                    f"the arguments in approval request {wire.id!r} are not a JSON object"
                )
                self._outcome.events.append(events.Error(error=error))
        self._outcome.requests.append(item)


def _parsed(arguments: str) -> dict[str, Any] | str:
    """The object that the model wrote, or its text where it wrote none."""
    try:
        parsed: dict[str, Any] = msgspec.json.decode(arguments or "{}", type=dict)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return arguments
    return parsed
