"""Guardrails at work beside the stream of events: they hold up nothing but what waits for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rtaudio.conversation.events import GuardrailTrip
from rtaudio.conversation.queue_stats import QueueStats
from rtaudio.conversation.recent import Recent
from rtaudio.errors import TransportError
from rtaudio.session.guardrails import run_guardrails

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from rtaudio.conversation.checking import Check
    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.broadcast import Broadcast
    from rtaudio.session.context import RunContext
    from rtaudio.session.guardrails import Finding, Guardrail
    from rtaudio.session.options import RealtimeSessionOptions

__all__ = ["MAX_RUNNING", "GuardrailRuns"]

# Checks at a time. A guardrail that takes so long that there are more has been overtaken: later
# checks see more of the same text.
MAX_RUNNING = 100
# Responses of which it is kept that something was found.
_MAX_TRIPPED = 1000


class GuardrailRuns:
    """Runs the checks of one connection, each in a task of its own.

    Args:
        context: handed to guardrails.
        broadcast: delivers events.
        options: the session's guardrails.
        passed: called with a check that found nothing, and whether one of its guardrails failed.
        block: called with a check and what it found first, to stop the answer.
    """

    def __init__(
        self,
        context: RunContext,
        broadcast: Broadcast,
        options: RealtimeSessionOptions,
        passed: Callable[[Check, bool], None],
        block: Callable[[Check, Finding], None],
    ) -> None:
        self._context = context
        self._broadcast = broadcast
        self._options = options
        self._passed = passed
        self._block = block
        self._tripped: Recent[str | None, None] = Recent(_MAX_TRIPPED)
        # In the order in which they were started.
        self._tasks: dict[asyncio.Task[None], Check] = {}
        self._lost = 0
        self._connection = 0
        # Messages keep their order, however long their checks take.
        self._gate = asyncio.Lock()

    @property
    def queue(self) -> QueueStats:
        """The checks that run."""
        return QueueStats(
            size=len(self._tasks), bound=MAX_RUNNING, policy="drop_oldest", lost=self._lost
        )

    def wanted(
        self, agent: RealtimeAgent | None, side: Literal["input", "output"]
    ) -> list[Guardrail]:
        """The guardrails that count for an agent, its own first; the same one counts once."""
        if agent is None:
            return []
        if side == "input":
            return list(dict.fromkeys((*agent.input_guardrails, *self._options.input_guardrails)))
        return list(dict.fromkeys((*agent.output_guardrails, *self._options.output_guardrails)))

    def start(self, check: Check) -> None:
        """Check a text."""
        agent = None if check.offer is None else check.offer.agent
        guardrails = self.wanted(agent, "input" if check.source == "input" else "output")
        if agent is None or not guardrails:
            self._passed(check, False)
            return
        task = asyncio.get_running_loop().create_task(
            self._run(check, agent, guardrails), name="rtaudio-guardrails"
        )
        self._tasks[task] = check
        task.add_done_callback(self._ended)
        if len(self._tasks) > MAX_RUNNING:
            oldest = next(iter(self._tasks))
            overtaken = self._tasks.pop(oldest)
            oldest.cancel()
            self._lost += 1
            self._passed(overtaken, True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)

    async def _run(self, check: Check, agent: RealtimeAgent, guardrails: list[Guardrail]) -> None:
        findings, errors = await run_guardrails(guardrails, self._context, agent, check.text)
        for error in errors:
            self._broadcast.report(error)
        if not findings:
            self._passed(check, bool(errors))
            return
        if check.source != "input":
            if check.response_id in self._tripped:
                return
            self._tripped[check.response_id] = None
        self._tell(findings, agent, check)
        self._block(check, findings[0])

    async def admit(self, text: str, agent: RealtimeAgent | None) -> None:
        """Check a text of the user's before it is sent.

        Raises:
            GuardrailTripped: it must not be sent.
            TransportError: the connection ended meanwhile.
            Exception: whatever a guardrail raised instead of an answer; the text must not be sent.
        """
        connection = self._connection
        async with self._gate:
            guardrails = self.wanted(agent, "input")
            if not text or not guardrails or agent is None:
                return
            findings, errors = await run_guardrails(guardrails, self._context, agent, text)
        if connection != self._connection:
            raise TransportError("the connection ended while the message was checked")
        if findings:
            for error in errors:
                self._broadcast.report(error)
            self._tell(findings, agent)
            raise findings[0].error
        if errors:
            # Taken out, as its traceback keeps this frame, and with it the list.
            raise errors.pop(0)

    def _tell(
        self, findings: list[Finding], agent: RealtimeAgent, check: Check | None = None
    ) -> None:
        first = findings[0]
        event = GuardrailTrip(
            source="input" if check is None or check.source == "input" else "output",
            item_id="" if check is None else check.item_id,
            response_id=None if check is None else check.response_id,
            guardrail=first.guardrail,
            result=first.result,
            results=tuple(findings),
            error=first.error,
        )
        self._broadcast.deliver(event, agent=agent)

    def stop(self, *, for_good: bool = True) -> None:
        """Forget what was checked, and what is being checked.

        Args:
            for_good: whether texts that wait to be sent are not to be sent any more either.
        """
        self._connection += for_good
        self._tripped.clear()
        for task in self._tasks.keys() - {asyncio.current_task()}:
            task.cancel()
