"""A transport for measuring what lies above transports."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rtaudio.transports import RealtimeTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtaudio.transports import ConnectOptions

__all__ = ["SilentTransport"]


class SilentTransport(RealtimeTransport):
    """Carries nothing, and counts what it is given; what arrives is handed to `receive`.

    Attributes:
        sent: how many events of each type.
    """

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()

    def connect(self, options: ConnectOptions) -> None:
        """Succeed."""

    def send_event(self, event: Mapping[str, Any]) -> None:
        """Count."""
        self.sent[event["type"]] += 1

    def close(self) -> None:
        """Succeed."""
