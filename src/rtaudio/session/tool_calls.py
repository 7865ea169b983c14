"""The model's calls on their way through tools, approvals and handoffs, and back.

Each call is known by its agent and call id. A call that is repeated exactly is not run again: its
output is sent once more. A repetition with other arguments is a mistake of the service, and is
reported. Everything here belongs to one connection and ends with it.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from rtaudio.conversation.events import AgentToolEnd, AgentToolStart, ToolApprovalRequested
from rtaudio.conversation.queue_stats import QueueStats
from rtaudio.errors import ProtocolError, ToolError, ToolInputGuardrailTripped
from rtaudio.session.approvals import Decision, FunctionApproval, word_rejection
from rtaudio.session.call_record import CallRecord
from rtaudio.session.handoffs import Handoff
from rtaudio.session.offer import is_enabled
from rtaudio.session.tool_guardrails import check_input, check_output
from rtaudio.session.tool_output import BackgroundResult, result_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rtaudio.conversation.calls import FunctionCall
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.broadcast import Broadcast
    from rtaudio.session.context import RunContext
    from rtaudio.session.options import RealtimeSessionOptions
    from rtaudio.session.tools import FunctionTool

__all__ = ["ToolCalls"]

# How long `close` waits for tools that were told to stop.
GRACE_S = 1.0
# Calls of one connection that are known: those without an answer yet, and for the sake of
# repetitions the latest that have one.
MAX_CALLS = 1000

T = TypeVar("T")


class _Stale(Exception):
    """The connection on which a call was made is gone."""


class ToolCalls:
    """Runs tools, each call in a task of its own.

    Args:
        context: handed to tools; decisions are kept in it.
        broadcast: delivers events.
        options: the session's.
        answer: writes a text for the model, of a call, and may ask for a response then.
        hand_over: makes another agent current, on behalf of the one whose call it is.
        idle: called when no tool runs any more.
    """

    def __init__(
        self,
        context: RunContext,
        broadcast: Broadcast,
        options: RealtimeSessionOptions,
        *,
        answer: Callable[[FunctionCall, str, bool], Awaitable[None]],
        hand_over: Callable[[RealtimeAgent, RealtimeAgent], Awaitable[None]],
        idle: Callable[[], None],
    ) -> None:
        self._context = context
        self._broadcast = broadcast
        self._options = options
        self._answer = answer
        self._hand_over = hand_over
        self._idle = idle
        self._records: dict[tuple[int, str], CallRecord] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._connected = False
        self._refused = 0
        context.approvals.deciders[FunctionApproval.type] = self.decide

    @property
    def running(self) -> bool:
        """Whether a call is being worked on; one that waits for a person is not."""
        return bool(self._tasks)

    @property
    def queue(self) -> QueueStats:
        """The calls that have no answer yet."""
        return QueueStats(
            size=len(self.owed()), bound=MAX_CALLS, policy="raise", lost=self._refused
        )

    # Calls.

    def begin(self) -> None:
        """Take calls from now on."""
        self._connected = True

    def start(self, call: FunctionCall) -> None:
        """Take in a call; without a connection nobody could be answered, and it is ignored."""
        if not self._connected:
            return
        if not call.call_id:
            self._broadcast.report(ProtocolError("a function call came without any id"))
        elif call.response_id is None or call.offer is None:
            self._broadcast.report(
                ProtocolError(f"function call {call.call_id!r} belongs to no response of an agent")
            )
        else:
            record = CallRecord(call)
            known = self._records.get(record.key)
            if known is not None:
                self._repeat(known, record)
            elif self._has_room():
                # Known before anything is waited for, so that a repetition finds it.
                self._records[record.key] = record
                self._spawn(self._dispatch, record)
            else:
                self._refused += 1
                self._spawn(self._turn_away, record)

    def _has_room(self) -> bool:
        """Whether one more call can be kept; for that the oldest with an answer is forgotten."""
        if len(self._records) < MAX_CALLS:
            return True
        for key, record in self._records.items():
            if record.output is not None and not record.writing:
                del self._records[key]
                return True
        return False

    async def _turn_away(self, record: CallRecord) -> None:
        self._broadcast.report(
            ToolError(f"{MAX_CALLS} calls are unfinished; {record.call.name!r} was not run")
        )
        await self._answer(record.call, "Too many calls are unfinished. Try again later.", False)

    def _repeat(self, known: CallRecord, again: CallRecord) -> None:
        if known.fingerprint != again.fingerprint:
            self._broadcast.report(
                ProtocolError(
                    f"function call {again.call.call_id!r} came again with other arguments"
                )
            )
        elif known.approval is not None or known.writing:
            return
        elif known.output is None:
            if self._options.replay_outputs:
                known.repeats.append(again.call)
        elif self._options.replay_outputs or not known.sent:
            self._spawn(self._write, known, again.call)

    def owed(self) -> set[str]:
        """Ids of the calls whose output is still to come."""
        return {
            record.call.call_id
            for record in self._records.values()
            if record.output is None or record.writing
        }

    def stop(self) -> set[asyncio.Task[None]]:
        """Forget all calls, take no more, and tell those that run to stop; returns their tasks.

        The task that calls this is left alone: a tool that closes its session may finish, but has
        nothing more to say.
        """
        self._connected = False
        self._records.clear()
        running = self._tasks - {asyncio.current_task()}
        for task in running:
            task.cancel()
        return running

    # Decisions.

    def waiting(self, call_id: str) -> list[FunctionApproval]:
        """What a person was asked about calls with this id, of whichever agent."""
        asked = [record.approval for record in self._records.values()]
        return [each for each in asked if each is not None and each.call_id == call_id]

    def decide(
        self, approval: FunctionApproval, decision: Decision, always: bool, ahead: bool
    ) -> None:
        """Carry out a decision about a call that waits for it; see `Approvals.decide`.

        Raises:
            ProtocolError: the approval was not asked for on this connection.
        """
        agent, call = approval.agent, approval.call
        record = self._records.get((id(agent), call.call_id))
        if record is not None and record.is_meant_by(approval):
            if record.decided:
                return
            self._context.approvals.remember(approval, decision, always=always)
            if record.approval is not None:
                record.approval = None
                record.decided = True
                self._spawn(self._decided, record, approval.tool)
        elif record is None and ahead and _may_come(approval):
            self._context.approvals.remember(approval, decision, always=always)
        else:
            raise ProtocolError(
                f"call {call.call_id!r} of tool {approval.tool.name!r} was not asked about "
                "on this connection"
            )

    # The way of one call.

    def _spawn(
        self, work: Callable[..., Awaitable[None]], record: CallRecord, *details: Any
    ) -> None:
        task = asyncio.get_running_loop().create_task(
            self._guarded(work, record, *details), name="rtaudio-tool"
        )
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            # Else it keeps its exception, that the tool's frames, and those may keep the task.
            with suppress(asyncio.CancelledError):
                task.result()
        if not self._tasks:
            self._idle()

    async def _guarded(
        self, work: Callable[..., Awaitable[None]], record: CallRecord, *details: Any
    ) -> None:
        """Anything that a tool does not handle itself is an `error`, and no output."""
        try:
            await work(record, *details)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self._failed(record, ToolError("what a call waited for was cancelled"))
        except Exception as error:
            self._failed(record, error)

    def _failed(self, record: CallRecord, error: Exception) -> None:
        if not self._is_current(record):
            return
        if record.output is None:
            # The same call may be made again.
            del self._records[record.key]
        self._broadcast.report(error)

    def _is_current(self, record: CallRecord) -> bool:
        """Whether the connection on which a call was made still stands."""
        return self._records.get(record.key) is record

    async def _wait(self, record: CallRecord, something: Awaitable[T]) -> T:
        """Wait, and go on only where the call's connection still stands then."""
        result = await something
        if not self._is_current(record):
            raise _Stale
        return result

    async def _dispatch(self, record: CallRecord) -> None:
        call = record.call
        tool = call.offer.callees.get(call.name)
        if tool is None or not await self._wait(
            record, is_enabled(tool, self._context, record.agent)
        ):
            await self._commit(record, f"There is no tool {call.name!r}.", respond=False)
            self._broadcast.report(ProtocolError(f"the model called an unknown tool {call.name!r}"))
        elif isinstance(tool, Handoff):
            await self._wait(record, tool.begin(self._context, call.arguments))
            await self._wait(record, self._hand_over(record.agent, tool.agent))
            await self._commit(record, result_text({"assistant": tool.agent.name}), respond=True)
        elif tool.needs_approval is False:
            await self._run(record, tool)
        elif tool.needs_approval is True and _parsed(call.arguments) is _MALFORMED:
            # Nothing that a person could judge, and no rule that wants it judged.
            await self._run(record, tool)
        elif self._context.approvals.decision(record.agent, call) is not None:
            await self._decided(record, tool)
        elif await self._wait(record, self._needs_approval(tool, call)):
            await self._ask(record, tool)
        else:
            await self._run(record, tool)

    async def _needs_approval(self, tool: FunctionTool, call: FunctionCall) -> bool:
        if isinstance(tool.needs_approval, bool):
            return tool.needs_approval
        arguments = _parsed(call.arguments)
        if not isinstance(arguments, dict):
            return True  # what the rule cannot judge, a person has to
        needed = tool.needs_approval(self._context.frozen(), arguments, call.call_id)
        return bool(await needed if inspect.isawaitable(needed) else needed)

    async def _ask(self, record: CallRecord, tool: FunctionTool) -> None:
        """Ask a person, unless a guardrail may object first and does."""
        call = record.call
        said: str | None = None
        tripped: ToolInputGuardrailTripped | None = None
        wanted = self._options.pre_approval_input_guardrails
        if wanted and _parsed(call.arguments) is not _MALFORMED:
            try:
                said = await check_input(tool.input_guardrails, self._context, call)
            except ToolInputGuardrailTripped as error:
                tripped = error
            if not self._is_current(record):
                raise _Stale
        if self._context.approvals.decision(record.agent, call) is not None:
            # It came meanwhile, and a person's word counts for more.
            await self._decided(record, tool)
            return
        if tripped is not None:
            raise tripped
        if said is not None:
            await self._commit(record, said, respond=True)
            return
        record.approval = FunctionApproval(agent=record.agent, tool=tool, call=call)
        self._broadcast.deliver(ToolApprovalRequested(approval=record.approval), agent=record.agent)

    async def _decided(self, record: CallRecord, tool: FunctionTool) -> None:
        """Do as a person has decided."""
        record.decided = True
        decision = self._context.approvals.decision(record.agent, record.call)
        if decision is not None and decision.approved:
            await self._run(record, tool)
            return
        said = decision.message if decision is not None else None
        if said is None:
            formatter = self._options.tool_error_formatter
            words = word_rejection(formatter, self._context, record.call)
            said = await self._wait(record, words)
        await self._begin(record, tool)
        await self._finish(record, tool, said, respond=True)

    async def _run(self, record: CallRecord, tool: FunctionTool) -> None:
        record.decided = True
        call, context = record.call, self._context
        if _parsed(call.arguments) is _MALFORMED:
            await self._commit(record, tool.malformed_arguments, respond=True)
            return
        said = await self._wait(record, check_input(tool.input_guardrails, context, call))
        await self._begin(record, tool)
        value: Any = said
        respond = True
        if said is None:
            value = await self._wait(record, tool.invoke(context.frozen(), call.arguments))
            if isinstance(value, BackgroundResult):
                value, respond = value.value, False
            checked = check_output(tool.output_guardrails, context, call, value)
            said = await self._wait(record, checked)
            if said is not None:
                value, respond = said, True
        await self._finish(record, tool, value, respond=respond)

    async def _begin(self, record: CallRecord, tool: FunctionTool) -> None:
        self._broadcast.deliver(
            AgentToolStart(tool=tool, tool_call=record.call), agent=record.agent
        )
        # A handler may be closing the session; then this is cancelled here.
        await self._wait(record, asyncio.sleep(0))

    async def _finish(
        self, record: CallRecord, tool: FunctionTool, value: Any, *, respond: bool
    ) -> None:
        text = result_text(value)
        await self._commit(record, text, respond=respond)
        self._broadcast.deliver(
            AgentToolEnd(tool=tool, tool_call=record.call, result=text, value=value),
            agent=record.agent,
        )

    async def _commit(self, record: CallRecord, text: str, *, respond: bool) -> None:
        """Settle what the model is told, also for repetitions, and tell it."""
        record.output, record.respond = text, respond
        await self._write(record, record.call, *record.repeats)

    async def _write(self, record: CallRecord, *calls: FunctionCall) -> None:
        record.writing = True
        try:
            for call in calls:
                output = record.output or ""
                await self._wait(record, self._answer(call, output, record.respond))
            record.sent = True
        finally:
            record.writing = False


_MALFORMED = object()


def _parsed(arguments: str) -> Any:
    """The value of a JSON text, `_MALFORMED` where it is none."""
    try:
        return msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return _MALFORMED


def _may_come(approval: FunctionApproval) -> bool:
    """Whether the model may still make this call: one of an event has been made."""
    call, tool = approval.call, approval.tool
    return call.offer is None and call.name == tool.name and tool in approval.agent.tools
