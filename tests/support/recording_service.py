"""A realtime service that keeps what it hears, by the items that it makes of it."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from raw_server import CLOSE, PING, PONG, TEXT, Peer, RawServer

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["RecordingService"]

# So much silence ends a turn, in milliseconds.
SILENCE_MS = 100


class RecordingService:
    """Serves any number of sessions, one after the other or at once; use it in an `async with`.

    Sound is PCM16 at 24 kHz. Turns end by commits or, where the session's settings ask for turn
    detection, by themselves: a sample that is not 0 is speech.

    Args:
        expires_in_s: what sessions say of their length; None for nothing.

    Attributes:
        items: the sound of every item that was ever made, by its id.
        sessions: all of them; each has `received`, the events of its client but for sound.
    """

    def __init__(self, expires_in_s: float | None = None) -> None:
        self.expires_in_s = expires_in_s
        self._server = RawServer(self._serve)
        self._made = 0
        self.items: dict[str, bytes] = {}
        self.sessions: list[Session] = []

    @property
    def url(self) -> str:
        """Where to connect."""
        return self._server.url

    @property
    def port(self) -> int:
        """The same."""
        return self._server.port

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.__aexit__(kind, error, trace)

    def new_id(self) -> str:
        """For an item."""
        self._made += 1
        return f"item_{self._made}"

    async def _serve(self, peer: Peer) -> None:
        await peer.shake_hands()
        session = Session(self, peer)
        self.sessions.append(session)
        about: dict[str, Any] = {"type": "realtime", "id": f"sess_{len(self.sessions)}"}
        if self.expires_in_s is not None:
            about["expires_at"] = time.time() + self.expires_in_s
        session.say("session.created", session=about)
        while True:
            opcode, payload = await peer.frame()
            if opcode == CLOSE:
                peer.send(CLOSE, payload)
                await peer.writer.drain()
                return
            if opcode == PING:
                peer.send(PONG, payload)
            elif opcode == TEXT:
                session.take(json.loads(payload))
                await peer.writer.drain()


class Session:
    """One connection's."""

    def __init__(self, service: RecordingService, peer: Peer) -> None:
        self._service = service
        self._peer = peer
        self._buffer = bytearray()
        self._before = 0  # bytes that were before the buffer
        self._detects = False
        self._turn: str | None = None
        self.received: list[dict[str, Any]] = []

    def say(self, kind: str, **fields: Any) -> None:
        """Write an event."""
        self._peer.say({"type": kind, "event_id": "e", **fields})

    def take(self, event: dict[str, Any]) -> None:
        """Take in an event of the client."""
        kind = event["type"]
        if kind == "input_audio_buffer.append":
            self._buffer += base64.b64decode(event["audio"])
            while self._detects and self._hears_an_edge():
                pass
            return
        self.received.append(event)
        if kind == "session.update":
            settings = event["session"].get("audio", {}).get("input", {})
            if "turn_detection" in settings:
                self._detects = settings["turn_detection"] is not None
            self.say("session.updated", session=event["session"])
        elif kind == "input_audio_buffer.commit" and self._buffer:
            self._commit(self._service.new_id(), len(self._buffer))
        elif kind == "input_audio_buffer.commit":
            error = {"type": "invalid_request_error", "code": "input_audio_buffer_commit_empty"}
            self.say("error", error={**error, "message": "nothing to commit"})
        elif kind == "input_audio_buffer.clear":
            self._forget(len(self._buffer))
        elif kind == "conversation.item.create":
            self.say("conversation.item.added", item=event["item"], previous_item_id=None)

    def _hears_an_edge(self) -> bool:
        """Whether a turn begins or ends in what is buffered; on whole milliseconds."""
        samples = np.frombuffer(bytes(self._buffer), np.int16)
        loud = np.flatnonzero(samples)
        if self._turn is None:
            if not len(loud):
                self._forget(len(samples) // 24 * 48)
                return False
            self._turn = self._service.new_id()
            self._forget(int(loud[0]) // 24 * 48)
            start_ms = self._before // 48
            kind = "input_audio_buffer.speech_started"
            self.say(kind, item_id=self._turn, audio_start_ms=start_ms)
            return True
        gaps = np.diff(loud, append=len(samples))
        pauses = np.flatnonzero(gaps > SILENCE_MS * 24)
        if not len(pauses):
            return False
        length_ms = -(-(int(loud[pauses[0]]) + 1) // 24)
        turn, self._turn = self._turn, None
        end_ms = self._before // 48 + length_ms
        self.say("input_audio_buffer.speech_stopped", item_id=turn, audio_end_ms=end_ms)
        self._commit(turn, length_ms * 48)
        return True

    def _commit(self, item_id: str, size: int) -> None:
        self._service.items[item_id] = bytes(self._buffer[:size])
        self._forget(size)
        self.say("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)

    def _forget(self, size: int) -> None:
        del self._buffer[:size]
        self._before += size
