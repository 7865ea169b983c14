"""Guardrails at work beside the stream of events: they hold up nothing but what they refuse."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rtaudio.conversation.events import OutputGuardrailTripped
from rtaudio.conversation.queue_stats import QueueStats
from rtaudio.conversation.recent import Recent
from rtaudio.session.guardrails import run_guardrails

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtaudio.conversation.spoken_text import Check
    from rtaudio.session.broadcast import Broadcast
    from rtaudio.session.context import RunContext
    from rtaudio.session.guardrails import Finding, OutputGuardrail

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
        block: called with a check and what it found first, to stop the answer.
    """

    def __init__(
        self,
        context: RunContext,
        broadcast: Broadcast,
        block: Callable[[Check, Finding], None],
    ) -> None:
        self._context = context
        self._broadcast = broadcast
        self._block = block
        self._tripped: Recent[str | None, None] = Recent(_MAX_TRIPPED)
        # In the order in which they were started.
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._lost = 0

    @property
    def queue(self) -> QueueStats:
        """The checks that run."""
        return QueueStats(
            size=len(self._tasks), bound=MAX_RUNNING, policy="drop_oldest", lost=self._lost
        )

    def start(self, check: Check, guardrails: Sequence[OutputGuardrail]) -> None:
        """Check a text: by the agent's own guardrails, then by these; the same one runs once."""
        if check.offer is None:
            return
        wanted = list(dict.fromkeys((*check.offer.agent.output_guardrails, *guardrails)))
        if wanted and check.text:
            task = asyncio.get_running_loop().create_task(
                self._run(check, wanted), name="rtaudio-guardrails"
            )
            self._tasks[task] = None
            task.add_done_callback(self._ended)
            if len(self._tasks) > MAX_RUNNING:
                oldest = next(iter(self._tasks))
                del self._tasks[oldest]
                oldest.cancel()
                self._lost += 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)

    async def _run(self, check: Check, guardrails: list[OutputGuardrail]) -> None:
        agent = check.offer.agent
        findings, errors = await run_guardrails(guardrails, self._context, agent, check.text)
        for error in errors:
            self._broadcast.report(error)
        if not findings or check.response_id in self._tripped:
            return
        self._tripped[check.response_id] = None
        first = findings[0]
        event = OutputGuardrailTripped(
            item_id=check.item_id,
            response_id=check.response_id,
            guardrail=first.guardrail,
            result=first.result,
            results=tuple(findings),
            error=first.error,
        )
        self._broadcast.deliver(event, agent=agent)
        self._block(check, first)

    def stop(self) -> None:
        """Forget what was checked, and what is being checked."""
        self._tripped.clear()
        for task in self._tasks.keys() - {asyncio.current_task()}:
            task.cancel()
