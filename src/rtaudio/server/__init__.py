"""The embedded realtime service: the same protocol, with speech engines on this machine."""

from __future__ import annotations

from rtaudio.server.limits import Limits
from rtaudio.server.server import RealtimeServer

__all__ = ["Limits", "RealtimeServer"]
