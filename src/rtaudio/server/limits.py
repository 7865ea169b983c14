"""What one service allows its clients, so that none can exhaust the machine."""

from __future__ import annotations

from dataclasses import dataclass, fields

from rtaudio.errors import ConfigError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one service; every buffer that a client can fill is under one of them.

    Attributes:
        sessions: connections at the same time.
        session_s: seconds from its beginning after which a session is ended; `math.inf` for never.
        idle_s: seconds after which a WebSocket over which nothing went, either way, is closed;
            `math.inf` for never.
        client_secrets: ephemeral keys that are valid at the same time.
        body_bytes: the body of one HTTP request, but for an offer beside it.
        sdp_bytes: the offer of one call.
        message_bytes: one WebSocket message. The protocol allows an append of 15 MiB; its base64
            takes 20 MiB, and the event around it a little more.
        buffered_s: seconds of sound held for one session before a commit; at 16 kHz that is 32 kB
            per second. A turn that server VAD never ends is committed when it gets this long.
        queued_turns: turns of one session waiting for, or in, recognition. When there are this many
            the service stops reading from that connection.
        responses: of one session at the same time; all but one of them out of band.
        items: conversation items kept per session; the oldest go first.
        retained_bytes: conversation items of a session, with the sound that
            `conversation.item.retrieve` returns; old sound goes first, then old items.
    """

    sessions: int = 256
    session_s: float = 3600.0
    idle_s: float = 1800.0
    client_secrets: int = 1024
    body_bytes: int = 1024 * 1024
    sdp_bytes: int = 64 * 1024
    message_bytes: int = 21 * 1024 * 1024
    buffered_s: float = 900.0
    queued_turns: int = 8
    responses: int = 8
    items: int = 4096
    retained_bytes: int = 8 * 1024 * 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ConfigError(f"limit {field.name} is {value!r}, expected more than 0")
