"""The model's calls on their way through tools, approvals and handoffs, and back.

Each call is known by its agent and call id. A call that is repeated exactly is not run again: its
output is sent once more. A repetition with other arguments is a mistake of the service, and is
reported. Everything here belongs to one connection and ends with it.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import TYPE_CHECKING, Any

from rtaudio.conversation.events import AgentToolEnd, AgentToolStart, ToolApprovalRequested
from rtaudio.conversation.queue_stats import QueueStats
from rtaudio.errors import ProtocolError, ToolError
from rtaudio.session.approvals import FunctionApproval, word_rejection
from rtaudio.session.fingerprint import fingerprint
from rtaudio.session.handoffs import Handoff
from rtaudio.session.offer import is_enabled
from rtaudio.session.tool_output import BackgroundResult, result_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from rtaudio.conversation.calls import FunctionCall
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.approvals import ToolErrorFormatter
    from rtaudio.session.broadcast import Broadcast
    from rtaudio.session.context import RunContext
    from rtaudio.session.tools import FunctionTool

__all__ = ["ToolCalls"]

# How long `close` waits for tools that were told to stop.
GRACE_S = 1.0
# Calls of one connection that are known: those without an answer yet, and for the sake of
# repetitions the latest that have one.
MAX_CALLS = 1000


class _Record:
    """One call: waiting for a decision, running, or answered."""

    __slots__ = ("approval", "call", "fingerprint", "output", "repeats", "respond")

    def __init__(self, call: FunctionCall) -> None:
        self.call = call
        self.fingerprint = fingerprint("function", call.name, call.arguments)
        self.approval: FunctionApproval | None = None
        self.output: str | None = None
        self.respond = True
        # Repetitions that came while it ran, and want the output too.
        self.repeats = 0

    @property
    def key(self) -> tuple[int, str]:
        return id(self.call.offer.agent), self.call.call_id


class ToolCalls:
    """Runs tools, each call in a task of its own.

    Args:
        context: handed to tools; decisions are kept in it.
        broadcast: delivers events.
        answer: called with a call, the text for the model, and whether to ask for a response.
        hand_over: makes another agent current, on behalf of the one whose call it is.
        formatter: gives what words refusals for the model, None for the usual words.
    """

    def __init__(
        self,
        context: RunContext,
        broadcast: Broadcast,
        answer: Callable[[FunctionCall, str, bool], None],
        hand_over: Callable[[RealtimeAgent, RealtimeAgent], Awaitable[None]],
        formatter: Callable[[], ToolErrorFormatter | None],
    ) -> None:
        self._context = context
        self._broadcast = broadcast
        self._answer = answer
        self._hand_over = hand_over
        self._formatter = formatter
        self._records: dict[tuple[int, str], _Record] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused = 0

    @property
    def queue(self) -> QueueStats:
        """The calls that have no answer yet."""
        return QueueStats(
            size=len(self.owed()), bound=MAX_CALLS, policy="raise", lost=self._refused
        )

    def start(self, call: FunctionCall) -> None:
        """Take in a call."""
        if not call.call_id:
            self._broadcast.report(ProtocolError("a function call came without any id"))
        elif call.response_id is None or call.offer is None:
            self._broadcast.report(
                ProtocolError(f"function call {call.call_id!r} belongs to no response of an agent")
            )
        else:
            record = _Record(call)
            known = self._records.get(record.key)
            if known is not None:
                self._repeat(known, record)
            elif self._has_room():
                # Known before anything is waited for, so that a repetition finds it.
                self._records[record.key] = record
                self._spawn(record, self._dispatch(record))
            else:
                self._refused += 1
                self._answer(call, "Too many calls are unfinished. Try again later.", False)
                self._broadcast.report(
                    ToolError(f"{MAX_CALLS} calls are unfinished; {call.name!r} was not run")
                )

    def _has_room(self) -> bool:
        """Whether one more call can be kept; for that the oldest with an answer is forgotten."""
        if len(self._records) < MAX_CALLS:
            return True
        for key, record in self._records.items():
            if record.output is not None:
                del self._records[key]
                return True
        return False

    def _repeat(self, known: _Record, again: _Record) -> None:
        if known.fingerprint != again.fingerprint:
            self._broadcast.report(
                ProtocolError(
                    f"function call {again.call.call_id!r} came again with other arguments"
                )
            )
        elif known.output is not None:
            self._answer(again.call, known.output, known.respond)
        elif known.approval is None:
            known.repeats += 1

    def approve(self, approval: FunctionApproval, *, always: bool) -> None:
        """Let a call run that waits for a decision.

        Raises:
            ProtocolError: the approval was not asked for on this connection.
        """
        record = self._decide(approval, approved=True, always=always, message=None)
        if record is not None:
            self._spawn(record, self._invoke(record, approval.tool))

    def reject(self, approval: FunctionApproval, *, always: bool, message: str | None) -> None:
        """Refuse a call that waits for a decision; the model is told so.

        Raises:
            ProtocolError: the approval was not asked for on this connection.
        """
        record = self._decide(approval, approved=False, always=always, message=message)
        if record is not None:
            self._spawn(record, self._refuse(record, approval.tool))

    def _decide(
        self, approval: FunctionApproval, *, approved: bool, always: bool, message: str | None
    ) -> _Record | None:
        """Take in a decision; None where it had been made before."""
        record = self._records.get((id(approval.agent), approval.call_id))
        if record is None or record.call is not approval.call:
            raise ProtocolError(
                f"call {approval.call_id!r} of tool {approval.tool.name!r} was not asked about "
                "on this connection"
            )
        if record.approval is None:
            return None
        record.approval = None
        self._context.approvals.decide(approval, approved=approved, always=always, message=message)
        return record

    def _spawn(self, record: _Record, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(
            self._guarded(record, work), name="rtaudio-tool"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, record: _Record, work: Coroutine[Any, Any, None]) -> None:
        """Anything that a tool does not handle itself is an `error`, and no output."""
        try:
            await work
        except Exception as error:
            if self._is_current(record):
                # The same call may be made again.
                del self._records[record.key]
                self._broadcast.report(error)

    def _is_current(self, record: _Record) -> bool:
        """Whether the connection on which a call was made still stands."""
        return self._records.get(record.key) is record

    async def _dispatch(self, record: _Record) -> None:
        call, agent = record.call, record.call.offer.agent
        tool = call.offer.callees.get(call.name)
        if tool is None or not await is_enabled(tool, self._context, agent):
            self._commit(record, f"There is no tool {call.name!r}.", respond=False)
            self._broadcast.report(ProtocolError(f"the model called an unknown tool {call.name!r}"))
            return
        if isinstance(tool, Handoff):
            await tool.begin(self._context, call.arguments)
            await self._hand_over(agent, tool.agent)
            self._commit(record, result_text({"assistant": tool.agent.name}), respond=True)
            return
        decision = self._context.approvals.decision(agent, tool.name, call.call_id)
        if decision is None and await self._needs_approval(tool, call):
            approval = FunctionApproval(agent=agent, tool=tool, call=call)
            record.approval = approval
            self._broadcast.deliver(ToolApprovalRequested(approval=approval))
        elif decision is None or decision.approved:
            await self._invoke(record, tool)
        else:
            await self._refuse(record, tool)

    async def _needs_approval(self, tool: FunctionTool, call: FunctionCall) -> bool:
        if isinstance(tool.needs_approval, bool):
            return tool.needs_approval
        try:
            arguments = json.loads(call.arguments)
        except (ValueError, RecursionError):
            arguments = None
        if not isinstance(arguments, dict):
            return True  # what the rule cannot judge, a person has to
        needed = tool.needs_approval(self._context, arguments, call.call_id)
        return bool(await needed if inspect.isawaitable(needed) else needed)

    async def _invoke(self, record: _Record, tool: FunctionTool) -> None:
        self._broadcast.deliver(AgentToolStart(tool=tool, tool_call=record.call))
        # A handler may have closed the session; then this is cancelled here.
        await asyncio.sleep(0)
        value = await tool.invoke(self._context.frozen(), record.call.arguments)
        if isinstance(value, BackgroundResult):
            self._finish(record, tool, value.value, respond=False)
        else:
            self._finish(record, tool, value, respond=True)

    async def _refuse(self, record: _Record, tool: FunctionTool) -> None:
        call = record.call
        decision = self._context.approvals.decision(call.offer.agent, tool.name, call.call_id)
        said = decision.message if decision is not None else None
        if said is None:
            said = await word_rejection(self._formatter(), self._context, call)
        self._broadcast.deliver(AgentToolStart(tool=tool, tool_call=call))
        self._finish(record, tool, said, respond=True)

    def _finish(self, record: _Record, tool: FunctionTool, value: Any, *, respond: bool) -> None:
        text = result_text(value)
        if self._commit(record, text, respond=respond):
            self._broadcast.deliver(
                AgentToolEnd(tool=tool, tool_call=record.call, result=text, value=value)
            )

    def _commit(self, record: _Record, text: str, *, respond: bool) -> bool:
        """Send an output, unless its connection is gone; returns whether it went out."""
        if not self._is_current(record):
            return False
        record.output, record.respond = text, respond
        for _ in range(1 + record.repeats):
            self._answer(record.call, text, respond)
        return True

    def owed(self) -> set[str]:
        """Ids of the calls that have not been answered yet."""
        return {record.call.call_id for record in self._records.values() if record.output is None}

    def stop(self) -> set[asyncio.Task[None]]:
        """Forget all calls, and tell those that run to stop; returns their tasks.

        The task that calls this is left alone: a tool that closes its session may finish, but has
        nothing more to say.
        """
        self._records.clear()
        running = self._tasks - {asyncio.current_task()}
        for task in running:
            task.cancel()
        return running
