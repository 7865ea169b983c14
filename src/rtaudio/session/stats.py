"""A session in numbers: what passed through it, how full its queues are, what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rtaudio.conversation.queue_stats import QueueStats

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["QueueStats", "SessionStats"]


class SessionStats(msgspec.Struct, frozen=True, kw_only=True):
    """What `session.stats` gives: one moment of a session. Counts are over all its connections.

    Attributes:
        events_received: well-formed events of the service.
        events_unknown: those of them whose type this library does not know.
        events_malformed: messages of the service that are no event, or not what their type demands.
        input_audio_bytes: sound written to the service, in the wire's format.
        input_audio_ms: its length.
        input_audio_dropped_ms: length of the sound given to `send_audio` while there was no
            connection, and none was being made again.
        output_audio_bytes: sound of answers that arrived and was delivered, in the wire's format.
        output_audio_ms: its length.
        output_audio_suppressed: pieces of sound that came late for an answer that had been
            interrupted, and were not delivered.
        interruptions: answers that were cut off: by the user's voice, by `interrupt`, by a
            guardrail or by a limit.
        kept_audio_bytes: memory that the sound of items takes now, with `history_store_audio`.
        kept_audio_ms: the length of what is in memory.
        kept_audio_dropped: sounds of items that were lost, or lost their end: to a budget, to a
            disk, or by being longer than 30 minutes.
        kept_audio_spilled: sounds of items that were moved to `spill_dir`.
        queues: everything that could grow, by name: `events` (the iterator furthest behind),
            `handlers` (calls of async handlers that run), `inbox` (what waits for a tool with
            `async_tool_calls=False`), `outbox` (what waits to be written),
            `requests` (for responses, waiting for the one before), `responses` (open ones),
            `playback` (parts of answers not heard yet), `held` (milliseconds of sound that wait for
            guardrails; lost are those that were never delivered), `unconfirmed` (messages kept for
            a reconnect), `unclaimed` (milliseconds of the user's sound kept for one), `calls` (of
            tools, without an answer yet), `approvals` (decisions kept), `mcp_lists` (of tools, by
            server), `mcp_requests` (of the service for approval), `checks` (of guardrails,
            running).
    """

    events_received: int
    events_unknown: int
    events_malformed: int
    input_audio_bytes: int
    input_audio_ms: float
    input_audio_dropped_ms: float
    output_audio_bytes: int
    output_audio_ms: float
    output_audio_suppressed: int
    interruptions: int
    kept_audio_bytes: int
    kept_audio_ms: int
    kept_audio_dropped: int
    kept_audio_spilled: int
    queues: Mapping[str, QueueStats]
