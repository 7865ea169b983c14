"""Decisions of people about calls that the service wants to make to MCP servers.

The service asks, and goes on by itself once it is told; nothing runs here. A request belongs to the
agent that is current when it comes, and to its connection.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from rtaudio.conversation.events import ToolApprovalRequested
from rtaudio.conversation.recent import Recent
from rtaudio.errors import ProtocolError
from rtaudio.session.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from rtaudio.conversation.items import Item
    from rtaudio.conversation.queue_stats import QueueStats
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.approvals import Decision
    from rtaudio.session.broadcast import Broadcast
    from rtaudio.session.outbox import Outbox

__all__ = ["McpApproval", "McpApprovals"]

# Of one connection; one that is forgotten can no longer be decided.
_MAX_REQUESTS = 1000

_log = logging.getLogger("rtaudio.session")


@dataclass(frozen=True, slots=True, eq=False)
class McpApproval:
    """A call to an MCP server that waits for `session.approve` or `session.reject`.

    Attributes:
        type: `mcp_approval_request`.
        agent: who was current when the service asked.
        approval_item: the request's item in history.
        connection: tells the connections of a session apart; None in one made by hand.
    """

    type: ClassVar[str] = "mcp_approval_request"
    agent: RealtimeAgent | None
    approval_item: Item
    connection: object = field(default=None, repr=False)

    @property
    def server_label(self) -> str | None:
        """The MCP server, by the name the session gave it."""
        return self.approval_item.server_label

    @property
    def name(self) -> str | None:
        """The tool that is to be called."""
        return self.approval_item.name

    @property
    def arguments(self) -> Any:
        """What it is to be called with: an object, or what else the model wrote as a text."""
        return self.approval_item.arguments


class _Request:
    __slots__ = ("agent", "asked", "decided")

    def __init__(self, agent: RealtimeAgent | None, item: Item) -> None:
        # Agents are known by identity, so that of a request is kept.
        self.agent = agent
        self.asked = _asked(item)
        self.decided = False


class McpApprovals:
    """Asks the application about calls, and tells the service what was decided.

    Args:
        broadcast: delivers events.
        outbox: writes decisions.
        decided: called with the id of a request and the decision when it was written.
    """

    def __init__(
        self, broadcast: Broadcast, outbox: Outbox, decided: Callable[[str, bool], None]
    ) -> None:
        self._broadcast = broadcast
        self._outbox = outbox
        self._decided = decided
        # The last words to refusals that were to stand, by agent and tool.
        self._words: dict[tuple[int, str | None, str | None], tuple[RealtimeAgent | None, str]] = {}
        self._requests: Recent[tuple[int, str], _Request] = Recent(_MAX_REQUESTS)
        self._tasks: set[asyncio.Task[None]] = set()
        self.stop()

    @property
    def queue(self) -> QueueStats:
        """What the service asked on this connection."""
        return self._requests.queue

    def stop(self) -> None:
        """The connection is gone, and with it what the service asked on it."""
        self._requests.clear()
        self._connection = object()

    def ask(self, item: Item) -> None:
        """The service asks about a call."""
        agent = self._broadcast.agent
        request = _Request(agent, item)
        known = self._requests.setdefault((id(agent), item.item_id), request)
        if known is request:
            approval = McpApproval(agent, item, self._connection)
            self._broadcast.deliver(ToolApprovalRequested(approval=approval))
        elif known.asked != request.asked:
            self._broadcast.report(
                ProtocolError(f"approval request {item.item_id!r} came again with other content")
            )

    def decide(
        self, approval: McpApproval, decision: Decision, always: bool, ahead: bool
    ) -> Awaitable[None] | None:
        """Take in a decision, and send it to the service.

        Args:
            approval: as it was delivered, or one made from the same facts.
            decision: what was decided; its message is the reason given for a refusal.
            always: not possible; a warning says so. Only the message of a refusal is kept, for
                later ones of this tool that have none.
            ahead: nobody is going to wait; a failure becomes an `error` event.

        Returns:
            What to wait for until the decision was written; None where there is nothing.

        Raises:
            ProtocolError: it was not asked for on this connection, or differs from what was.
        """
        item, agent = approval.approval_item, approval.agent
        request = self._requests.get((id(agent), item.item_id))
        strange = approval.connection not in (None, self._connection)
        if request is None or strange or request.asked != _asked(item):
            raise ProtocolError(
                f"approval request {item.item_id!r} was not asked like this on this connection"
            )
        if request.decided:
            return None
        tool, message = (id(agent), item.server_label, item.name), decision.message
        if always:
            _log.warning(
                "MCP tool %r of server %r: a decision holds for one call only; for all calls, "
                "set require_approval of the HostedMcpTool",
                item.name,
                item.server_label,
            )
            if not decision.approved and message is not None:
                self._words[tool] = agent, message
        if message is None:
            _, message = self._words.get(tool, (agent, None))
        request.decided = True
        answer = self._answer(request, item.item_id, decision.approved, message)
        if not ahead:
            return answer
        task = asyncio.get_running_loop().create_task(self._reported(answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None

    async def _answer(
        self, request: _Request, request_id: str, approved: bool, message: str | None
    ) -> None:
        item: dict[str, Any] = {
            "type": "mcp_approval_response",
            "approval_request_id": request_id,
            "approve": approved,
        }
        if not approved and message is not None:
            item["reason"] = message
        event = {
            "type": "conversation.item.create",
            "previous_item_id": request_id,
            "item": item,
        }
        try:
            await self._outbox.send(event)
        except Exception:
            request.decided = False
            raise
        self._decided(request_id, approved)

    async def _reported(self, answer: Coroutine[Any, Any, None]) -> None:
        try:
            await answer
        except Exception as error:
            self._broadcast.report(error)


def _asked(item: Item) -> tuple[Any, ...]:
    """What makes a request the same as another."""
    arguments = item.arguments
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, default=str)
    return item.server_label, *fingerprint("mcp", item.name or "", text)
