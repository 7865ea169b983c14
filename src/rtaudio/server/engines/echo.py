"""Says back what was heard or read: a responder that needs no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtaudio.server.engines.words import last_said, pieces_of, words_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from rtaudio.protocol import Item
    from rtaudio.server.engines.base import AnswerPiece

__all__ = ["EchoResponder"]

_NOTHING = "I heard nothing."


class EchoResponder:
    """Repeats the user's last message, or the output of a tool if that came later.

    It calls no tools. What had no words is answered with "I heard nothing."
    """

    async def respond(
        self,
        items: Sequence[Item],
        settings: Mapping[str, Any],
        tools: Sequence[Mapping[str, Any]],
    ) -> AsyncIterator[AnswerPiece]:
        """Yield the words one by one."""
        del settings, tools
        for word in pieces_of(words_of(last_said(items)).strip() or _NOTHING):
            yield word
