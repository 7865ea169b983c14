"""What the realtime service asks of a voice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Voice"]


class Voice(Protocol):
    """Turns text into speech; one per service, asked for many sessions at once.

    Attributes:
        sample_rate: rate in Hz of what `speak` yields.
    """

    @property
    def sample_rate(self) -> int: ...

    def speak(self, text: str) -> AsyncIterator[bytes]:
        """Speak a text; closing the iterator ends the work for it.

        Args:
            text: a sentence or several; may hold what can't be spoken, which is left out.

        Yields:
            PCM16, mono, at `sample_rate`, whole samples, the first chunk as early as possible.
        """
