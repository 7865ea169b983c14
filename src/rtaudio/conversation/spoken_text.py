"""What the model says, collected for checking while it is said."""

from __future__ import annotations

__all__ = ["SpokenText"]


class SpokenText:
    """The texts of one response, by item, and how far each was checked.

    Args:
        every: characters after which a text is due again; below 0, only when it is finished.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self._pieces: dict[str, list[str]] = {}
        self._lengths: dict[str, int] = {}
        self._finished: dict[str, str] = {}

    def add(self, item_id: str, delta: str) -> str | None:
        """Take in a piece; the whole text where a check is due, once for any number of steps."""
        pieces = self._pieces.setdefault(item_id, [])
        before = self._lengths.get(item_id, 0)
        after = before + len(delta)
        pieces.append(delta)
        self._lengths[item_id] = after
        if self._every < 0 or after // self._every == before // self._every:
            return None
        return self.text(item_id)

    def text(self, item_id: str) -> str:
        """All that was said so far in an item."""
        pieces = self._pieces.get(item_id)
        if pieces is None:
            return ""
        text = "".join(pieces)
        pieces[:] = [text]
        return text

    def finish(self, item_id: str, transcript: str) -> str | None:
        """A part of an item is complete, and this is its transcript.

        Returns:
            All that was said in the item, or None where just that was due here before.
        """
        text = self.text(item_id)
        if not text.endswith(transcript):
            # Deltas are missing; the service's own account of the part is what counts.
            text = transcript
        if self.is_finished(item_id, text):
            return None
        self._finished[item_id] = text
        return text or None

    def is_finished(self, item_id: str, text: str) -> bool:
        """Whether this was due here, as the complete text of an item, before."""
        return self._finished.get(item_id) == text
