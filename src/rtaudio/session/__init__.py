"""The asyncio shell: sessions, their options and agents."""

from __future__ import annotations

from rtaudio.session.agent import RealtimeAgent
from rtaudio.session.context import RunContext
from rtaudio.session.options import RealtimeSessionOptions
from rtaudio.session.session import RealtimeSession
from rtaudio.session.stream import ConsumerTooSlow

__all__ = [
    "ConsumerTooSlow",
    "RealtimeAgent",
    "RealtimeSession",
    "RealtimeSessionOptions",
    "RunContext",
]
