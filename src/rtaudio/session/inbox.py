"""What a transport reports, held up while a tool runs, where the application wants it so."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

from rtaudio.conversation.queue_stats import QueueStats
from rtaudio.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Inbox"]

News: TypeAlias = "tuple[Callable[[Any, Any], None], Any, Any]"


class Inbox:
    """Keeps what arrives, in order, for as long as a tool runs.

    Whoever brings the news is not held up, so that a connection goes on answering its pings; and
    since a tool may hang while the other side goes on talking, only so much is kept: when there is
    more, all of it is taken in although the tool has not finished, and an error tells so.

    Args:
        busy: whether a tool runs.
        report: called with an exception when too much was kept.

    Attributes:
        limit: how much is kept at most.
    """

    def __init__(self, busy: Callable[[], bool], report: Callable[[Exception], None]) -> None:
        self._busy = busy
        self._report = report
        self._kept: deque[News] = deque()
        self.limit = 1
        self._early = 0
        # What was kept is being handed back, and is not to be kept again.
        self._taking = False

    @property
    def queue(self) -> QueueStats:
        """What is kept; lost is only its wait, for those that were taken in too early."""
        return QueueStats(size=len(self._kept), bound=self.limit, policy="raise", lost=self._early)

    def keep(self, take: Callable[[Any, Any], None], what: Any, raw: Any) -> bool:
        """Keep news until the tools have finished; False where it is to be taken in now.

        Args:
            take: called with the other two when their time has come; that it asks here again then
                does no harm.
            what: what arrived.
            raw: as it arrived.
        """
        if self._taking or not (self._kept or self._busy()):
            return False
        self._kept.append((take, what, raw))
        if len(self._kept) > self.limit:
            self._early += len(self._kept)
            self._report(
                ToolError(
                    f"more than {self.limit} events waited for a tool; they are taken in "
                    "before it has finished"
                )
            )
            self.drain()
        return True

    def release(self) -> None:
        """Take in what was kept, until a tool runs again."""
        while self._kept and not self._busy():
            self._take_next()

    def drain(self) -> None:
        """Take in all that was kept, whatever runs."""
        while self._kept:
            self._take_next()

    def _take_next(self) -> None:
        take, what, raw = self._kept.popleft()
        self._taking = True
        try:
            take(what, raw)
        finally:
            self._taking = False
