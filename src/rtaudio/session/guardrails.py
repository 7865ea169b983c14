"""Checks on what the model says."""

from __future__ import annotations

import asyncio
import inspect
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from rtaudio.errors import ConfigError, GuardrailTripped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.context import RunContext

__all__ = [
    "Finding",
    "GuardrailResult",
    "OutputGuardrail",
    "check_guardrails",
    "default_feedback",
    "run_guardrails",
]

Execute: TypeAlias = (
    "Callable[[RunContext, RealtimeAgent, str], GuardrailResult | Awaitable[GuardrailResult]]"
)


@dataclass(frozen=True, slots=True)
class GuardrailResult:
    """What a guardrail found.

    Attributes:
        tripwire_triggered: whether the text must not be said.
        output_info: facts about it, for the application and, as JSON, for the model.
    """

    tripwire_triggered: bool
    output_info: Any = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class OutputGuardrail:
    """A check on what the model says, run while it is said and once more at the end.

    Attributes:
        name: shown in events.
        execute: plain or async function of (context, agent, text so far).
        policy_hint: what the model is told that it broke; None for the name.
    """

    name: str
    execute: Execute
    policy_hint: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ConfigError(f"a guardrail needs a name, a non-empty str; got {self.name!r}")
        if not callable(self.execute):
            raise ConfigError(
                f"execute of guardrail {self.name!r} must be callable, "
                f"got {type(self.execute).__name__}"
            )


@dataclass(frozen=True, slots=True)
class Finding:
    """A guardrail that tripped, and its result."""

    guardrail: OutputGuardrail
    result: GuardrailResult

    @property
    def error(self) -> GuardrailTripped:
        """The same as an exception."""
        return GuardrailTripped(
            f"guardrail {self.guardrail.name!r} tripped",
            guardrail=self.guardrail.name,
            info=self.result.output_info,
        )


def check_guardrails(owner: str, guardrails: Iterable[Any]) -> tuple[OutputGuardrail, ...]:
    """The guardrails of an agent or a session.

    Raises:
        ConfigError: one of them is none.
    """
    given = tuple(guardrails)
    for guardrail in given:
        if not isinstance(guardrail, OutputGuardrail):
            raise ConfigError(
                f"output_guardrails of {owner} must be OutputGuardrail objects, "
                f"got {type(guardrail).__name__}"
            )
    return given


def default_feedback(finding: Finding) -> str:
    """What the model is told, as if by the user, after its answer was blocked."""
    try:
        info = json.dumps(finding.result.output_info or {}, ensure_ascii=False)
    except (TypeError, ValueError):
        info = "{}"
    return (
        "The last answer was blocked before it was finished: it broke the policy "
        f"'{finding.guardrail.policy_hint or finding.guardrail.name}' (details: {info}). Answer "
        "again within the policy. Apologise briefly, do not explain what was wrong, and go back to "
        "the topic."
    )


async def run_guardrails(
    guardrails: Sequence[OutputGuardrail], context: RunContext, agent: RealtimeAgent, text: str
) -> tuple[list[Finding], list[Exception]]:
    """Let all guardrails look at a text at once.

    Returns:
        Those that tripped, in the order given, and what others raised instead of an answer.
    """

    async def check(guardrail: OutputGuardrail) -> GuardrailResult:
        result = guardrail.execute(context, agent, text)
        result = await result if inspect.isawaitable(result) else result
        if not isinstance(result, GuardrailResult):
            raise ConfigError(
                f"guardrail {guardrail.name!r} must return a GuardrailResult, "
                f"got {type(result).__name__}"
            )
        return result

    results = await asyncio.gather(*map(check, guardrails), return_exceptions=True)
    findings, errors = [], []
    for guardrail, result in zip(guardrails, results, strict=True):
        if isinstance(result, Exception):
            errors.append(result)
        elif isinstance(result, BaseException):
            raise result
        elif result.tripwire_triggered:
            findings.append(Finding(guardrail, result))
    return findings, errors
