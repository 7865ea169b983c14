"""Guardrails at work beside the stream of events: they hold up nothing but what they refuse."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rtaudio.conversation.events import OutputGuardrailTripped
from rtaudio.session.guardrails import run_guardrails

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtaudio.conversation.spoken_text import Check
    from rtaudio.session.broadcast import Broadcast
    from rtaudio.session.context import RunContext
    from rtaudio.session.guardrails import Finding, OutputGuardrail

__all__ = ["GuardrailRuns"]


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
        self._tripped: set[str | None] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, check: Check, guardrails: Sequence[OutputGuardrail]) -> None:
        """Check a text: by the agent's own guardrails, then by these; the same one runs once."""
        if check.offer is None:
            return
        wanted = list(dict.fromkeys((*check.offer.agent.output_guardrails, *guardrails)))
        if wanted and check.text:
            task = asyncio.get_running_loop().create_task(
                self._run(check, wanted), name="rtaudio-guardrails"
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, check: Check, guardrails: list[OutputGuardrail]) -> None:
        agent = check.offer.agent
        findings, errors = await run_guardrails(guardrails, self._context, agent, check.text)
        for error in errors:
            self._broadcast.report(error)
        if not findings or check.response_id in self._tripped:
            return
        self._tripped.add(check.response_id)
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
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
