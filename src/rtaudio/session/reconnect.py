"""When a lost connection is made again, and how patiently."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtaudio.errors import AuthenticationError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ReconnectPolicy"]


def _is_worth_retrying(error: Exception) -> bool:
    """Neither a refused credential nor a wrong option gets better by itself."""
    return not isinstance(error, (AuthenticationError, ConfigError))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectPolicy:
    """What to do about a connection that was lost. One that was closed stays closed.

    The user's sound is not lost with it: what was sent, and is no item yet, is sent again. Before
    the service ends a session by its time limit, another connection takes its place at a moment in
    which nobody speaks.

    The first attempt comes after `initial_delay_s`, each further one after `factor` times as long,
    but no longer than `max_delay_s`. Of each delay the share `jitter` is left to chance, so that
    the sessions of a server that went down do not all come back in the same moment.

    Attributes:
        max_attempts: attempts after one loss, at least 1; then the loss is final.
        initial_delay_s: seconds before the first attempt, 0 or more.
        factor: by which delays grow, at least 1.
        max_delay_s: the longest delay, in seconds.
        jitter: 0 for exact delays, 1 for anything from nothing to the whole delay.
        replay: tell the new connection what was said so far. Without it the model has forgotten it,
            while `session.history` stays.
        resume_response: ask again for the answer that was being given when the connection broke.
        retry_if: whether an error is worth a further attempt; by default all but a refused
            credential or a wrong option.
    """

    max_attempts: int = 6
    initial_delay_s: float = 0.5
    factor: float = 2.0
    max_delay_s: float = 30.0
    jitter: float = 0.5
    replay: bool = True
    resume_response: bool = False
    retry_if: Callable[[Exception], bool] = _is_worth_retrying

    def __post_init__(self) -> None:
        whole = isinstance(self.max_attempts, int) and not isinstance(self.max_attempts, bool)
        _check("max_attempts", self.max_attempts, whole and self.max_attempts >= 1, "an int from 1")
        for name, least, most in (
            ("initial_delay_s", 0.0, math.inf),
            ("factor", 1.0, math.inf),
            ("max_delay_s", 0.0, math.inf),
            ("jitter", 0.0, 1.0),
        ):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            fine = number and math.isfinite(value) and least <= value <= most
            span = f"{least:g} to {most:g}" if math.isfinite(most) else f"{least:g} or more"
            _check(name, value, fine, f"a finite number, {span}")
        for name in ("replay", "resume_response"):
            value = getattr(self, name)
            _check(name, value, isinstance(value, bool), "a bool")
        _check("retry_if", self.retry_if, callable(self.retry_if), "callable")

    def delay_s(self, attempt: int, chance: float) -> float:
        """Seconds to wait before an attempt.

        Args:
            attempt: 1 for the first.
            chance: 0 to 1, drawn anew for each attempt.
        """
        # Powers beyond the longest delay need not be computed, and could overflow.
        delay = self.initial_delay_s
        for _ in range(attempt - 1):
            if delay >= self.max_delay_s or delay == 0.0:
                break
            delay *= self.factor
        return min(delay, self.max_delay_s) * (1.0 - self.jitter * chance)


def _check(name: str, value: Any, fine: bool, wanted: str) -> None:
    if not fine:
        raise ConfigError(f"{name} of a ReconnectPolicy must be {wanted}, got {value!r}")
