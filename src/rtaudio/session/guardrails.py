"""Checks on what the model says, and on what the user says to it."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from rtaudio.conversation.checking import Checking
from rtaudio.errors import ConfigError, GuardrailTripped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from rtaudio.session.agent import RealtimeAgent
    from rtaudio.session.context import RunContext

__all__ = [
    "Finding",
    "Guardrail",
    "GuardrailResult",
    "GuardrailSettings",
    "InputGuardrail",
    "OutputGuardrail",
    "check_guardrails",
    "default_feedback",
    "run_guardrails",
]

Execute: TypeAlias = (
    "Callable[[RunContext, RealtimeAgent, str], GuardrailResult | Awaitable[GuardrailResult]]"
)

_AnyGuardrail = TypeVar("_AnyGuardrail", bound="Guardrail")


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
class Guardrail:
    """What checks on either side have in common. Attributes as in `OutputGuardrail`."""

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


@dataclass(frozen=True, slots=True, eq=False)
class OutputGuardrail(Guardrail):
    """A check on what the model says, run while it is said and once more at the end.

    Attributes:
        name: shown in events.
        execute: plain or async function of (context, agent, text so far).
        policy_hint: what the model is told that it broke; None for the name.
    """


@dataclass(frozen=True, slots=True, eq=False)
class InputGuardrail(Guardrail):
    """A check on what the user says: on the transcript of speech, and on texts before they go out.

    Attributes:
        name: shown in events.
        execute: plain or async function of (context, agent, text); the agent is who is to answer.
        policy_hint: what the model is told that the user broke; None for the name.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailSettings:
    """How checks are run: `output_guardrail_settings`.

    Attributes:
        debounce_text_length: characters after which a text is checked again while it is said; below
            0, only the finished text is.
        hold_audio: whether the sound of an answer waits until the text up to it was checked.
        unchecked_audio: what becomes of sound that waits for a check which does not come about,
            because a guardrail raises or there is no transcript: `drop` it, or `release` it.
        max_held_s: most seconds of sound that wait at a time.
    """

    debounce_text_length: int = 100
    hold_audio: bool = False
    unchecked_audio: Literal["drop", "release"] = "drop"
    max_held_s: float = 300.0

    def __post_init__(self) -> None:
        every, limit = self.debounce_text_length, self.max_held_s
        self._require(
            "debounce_text_length",
            isinstance(every, int) and not isinstance(every, bool) and every != 0,
            "a number of characters, or below 0 for the finished text only",
        )
        self._require("hold_audio", isinstance(self.hold_audio, bool), "a bool")
        policies = ("drop", "release")
        self._require("unchecked_audio", self.unchecked_audio in policies, "'drop' or 'release'")
        self._require(
            "max_held_s",
            isinstance(limit, (int, float)) and not isinstance(limit, bool) and limit > 0,
            "a number of seconds above 0",
        )

    def _require(self, name: str, fine: bool, wanted: str) -> None:
        if not fine:
            raise ConfigError(
                f"option output_guardrail_settings[{name!r}] must be {wanted}, "
                f"got {getattr(self, name)!r}"
            )

    @classmethod
    def read(cls, given: Any) -> GuardrailSettings:
        """Make settings of what an application gave: a mapping, settings or None.

        Raises:
            ConfigError: naming the setting, what it was, and what would be right.
        """
        if isinstance(given, GuardrailSettings):
            return given
        if given is not None and not isinstance(given, Mapping):
            raise ConfigError(
                f"option output_guardrail_settings must be a mapping, got {type(given).__name__}"
            )
        settings = dict(given or {})
        known = [each.name for each in fields(cls)]
        unknown = [name for name in settings if name not in known]
        if unknown:
            raise ConfigError(
                f"output_guardrail_settings has no {unknown[0]!r}; it has {', '.join(known)}"
            )
        return cls(**settings)

    def checking(self, *, output: bool, questions: bool) -> Checking:
        """The same for a conversation in which there are guardrails on these sides."""
        return Checking(
            every=self.debounce_text_length if output else None,
            questions=questions,
            hold=self.hold_audio,
            unchecked=self.unchecked_audio,
            max_held_ms=self.max_held_s * 1000,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """A guardrail that tripped, and its result."""

    guardrail: Guardrail
    result: GuardrailResult

    @property
    def error(self) -> GuardrailTripped:
        """The same as an exception."""
        return GuardrailTripped(
            f"guardrail {self.guardrail.name!r} tripped",
            guardrail=self.guardrail.name,
            info=self.result.output_info,
        )


def check_guardrails(
    owner: str, kind: type[_AnyGuardrail], given: Any
) -> tuple[_AnyGuardrail, ...]:
    """The guardrails of an agent or a session.

    Args:
        owner: for the message.
        kind: what all of them must be.
        given: an iterable of them.

    Raises:
        ConfigError: one of them is none, or there is no iterable.
    """
    side = "input_guardrails" if kind is InputGuardrail else "output_guardrails"
    if not isinstance(given, Iterable):
        raise ConfigError(f"{side} of {owner} must be a sequence, got {type(given).__name__}")
    guardrails = tuple(given)
    for guardrail in guardrails:
        if not isinstance(guardrail, kind):
            raise ConfigError(
                f"{side} of {owner} must be {kind.__name__} objects, got {type(guardrail).__name__}"
            )
    return guardrails


def default_feedback(finding: Finding) -> str:
    """What the model is told, as if by the user, after an answer of it was blocked."""
    try:
        info = json.dumps(finding.result.output_info or {}, ensure_ascii=False)
    except (TypeError, ValueError):
        info = "{}"
    policy = f"the policy '{finding.guardrail.policy_hint or finding.guardrail.name}'"
    if isinstance(finding.guardrail, InputGuardrail):
        return (
            f"What I said last broke {policy} (details: {info}), and the answer to it was blocked. "
            "Do not answer it. Apologise briefly that you cannot, do not explain what was wrong, "
            "and go back to the topic."
        )
    return (
        f"The last answer was blocked before it was finished: it broke {policy} (details: {info}). "
        "Answer again within the policy. Apologise briefly, do not explain what was wrong, and go "
        "back to the topic."
    )


async def run_guardrails(
    guardrails: Sequence[Guardrail], context: RunContext, agent: RealtimeAgent, text: str
) -> tuple[list[Finding], list[Exception]]:
    """Let all guardrails look at a text at once.

    Returns:
        Those that tripped, in the order given, and what others raised instead of an answer.
    """

    async def check(guardrail: Guardrail) -> GuardrailResult:
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
