"""What the user said that no item has taken in yet: another connection would have to be told it.

A connection that breaks takes with it what it had heard and not yet made an item of, and what was
under way. So a copy is kept of everything that was sent, in the order of the wire and with the
commits in it, until the service says that it has become an item. With turn detection that is where
a turn ends; what no turn began with for a while is let go. All positions count the bytes of one
connection.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rtaudio.conversation.queue_stats import QueueStats

if TYPE_CHECKING:
    from rtaudio.audio import AudioFormat

__all__ = ["UnclaimedSound"]

# Seconds of sound that are kept: 14 MB of PCM16 at 24000 Hz. The oldest goes first.
_MOST_S: Final = 300
# How long after sound was sent the service may still say that a turn began there: seconds.
_REACH_S: Final = 10.0
# What is sent again goes in pieces of at least so many seconds.
_PIECE_S: Final = 0.2
# Turns that ended and have not become items yet, at most; they do at once.
_MOST_TURNS: Final = 100


class _Chunk(NamedTuple):
    start: int
    data: bytes
    sent_at: float  # infinity while there was no connection

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class UnclaimedSound:
    """Hears what is sent, and what the service says of it.

    Args:
        wire: the format in which it is sent.
    """

    def __init__(self, wire: AudioFormat) -> None:
        self._dropped_ms = 0.0
        self._detects = True
        self.start_over(wire)

    def start_over(self, wire: AudioFormat) -> None:
        """A connection begins that has heard nothing."""
        self._wire = wire
        self._width = wire.bytes_per_sample * wire.channels
        self._chunks: deque[_Chunk] = deque()
        self._sent = 0
        self._held = 0
        # Where our commits were that are not answered yet.
        self._commits: deque[int] = deque()
        # Where the turn began that goes on; where turns ended, by the item that they will be.
        self._turn: tuple[str, int] | None = None
        self._ends: dict[str, int] = {}
        self._is_adrift = False

    @property
    def queue(self) -> QueueStats:
        """What is kept, in milliseconds."""
        per_ms = self._wire.bytes_per_second / 1000
        return QueueStats(
            size=math.ceil(self._held / per_ms),
            bound=_MOST_S * 1000,
            policy="drop_oldest",
            lost=math.ceil(self._dropped_ms),
        )

    @property
    def is_quiet(self) -> bool:
        """Whether nobody is in the middle of saying something, as far as is known."""
        return not (self._commits or self._turn) and (self._detects or not self._held)

    # What is sent.

    def detects(self, detects: bool) -> None:
        """Whether the service detects turns."""
        self._detects = detects

    def append(self, data: bytes, wire: AudioFormat, now: float) -> None:
        """Sound is being sent or, while there is no connection, is to be sent by the next."""
        if wire is not self._wire and wire != self._wire:
            # Settings changed in the middle, which services hardly allow: no one could take both.
            self._drop(self._held)
            self.start_over(wire)
        self._chunks.append(_Chunk(self._sent, data, math.inf if self._is_adrift else now))
        self._sent += len(data)
        self._held += len(data)
        self._let_go(now)

    def commit(self) -> None:
        """A commit is being sent, or to be sent."""
        self._commits.append(self._sent)

    def clear(self) -> None:
        """A clear is being sent: what was not committed is not wanted any more."""
        committed = self._commits[-1] if self._commits else 0
        while self._chunks and self._chunks[-1].start >= committed:
            self._held -= len(self._chunks.pop().data)
        self._turn = None

    # What the service says.

    def speech_started(self, item_id: str, audio_start_ms: int) -> None:
        """A turn began here."""
        self._turn = (item_id, self._position(audio_start_ms))

    def speech_stopped(self, item_id: str, audio_end_ms: int) -> None:
        """A turn ended here, and is about to be made an item."""
        self._ends[item_id] = self._position(audio_end_ms)
        if len(self._ends) > _MOST_TURNS:
            del self._ends[next(iter(self._ends))]

    def timed_out(self, item_id: str, audio_start_ms: int, audio_end_ms: int) -> None:
        """Nobody spoke from here to there, and that silence becomes an item."""
        self.speech_started(item_id, audio_start_ms)
        self.speech_stopped(item_id, audio_end_ms)

    def committed(self, item_id: str) -> None:
        """An item was made, of a turn or of what was sent up to a commit."""
        end = self._ends.pop(item_id, None)
        if end is None and self._commits:
            end = self._commits.popleft()
        if self._turn is not None and self._turn[0] == item_id:
            self._turn = None
        while end is not None and self._chunks and self._chunks[0].start < end:
            chunk = self._chunks.popleft()
            rest = chunk.data[end - chunk.start :]
            self._held -= len(chunk.data) - len(rest)
            if rest:
                self._chunks.appendleft(_Chunk(end, rest, chunk.sent_at))

    def commit_refused(self) -> None:
        """There was too little for an item: it stays for the next."""
        if self._commits:
            self._commits.popleft()

    # Another connection.

    def suspend(self) -> None:
        """The connection broke: nothing is let go until there is another."""
        self._is_adrift = True

    def take(self, wire: AudioFormat) -> list[bytes | dict[str, Any]]:
        """What to tell a new connection, sound and commits in their order; nothing is kept of it.

        It is heard of again as it is sent. A connection with another format can be told nothing.
        """
        if wire != self._wire:
            self._drop(self._held)
        least = int(_PIECE_S * self._wire.bytes_per_second)
        said: list[bytes | dict[str, Any]] = []
        piece: list[bytes] = []
        commits = self._commits
        for chunk in self._chunks:
            while commits and commits[0] <= chunk.start:
                commits.popleft()
                _end_turn(said, piece)
            piece.append(chunk.data)
            if sum(map(len, piece)) >= least:
                said.append(b"".join(piece))
                piece.clear()
        if commits:
            _end_turn(said, piece)
        elif piece:
            said.append(b"".join(piece))
        self.start_over(wire)
        return said

    def _let_go(self, now: float) -> None:
        most = _MOST_S * self._wire.bytes_per_second
        while self._held > most:
            self._drop(len(self._chunks[0].data))
        if self._is_adrift or self._commits or not self._detects:
            return
        needed = self._sent if self._turn is None else self._turn[1]
        while self._chunks and now - self._chunks[0].sent_at > _REACH_S:
            if self._chunks[0].end > needed:
                break
            self._held -= len(self._chunks.popleft().data)

    def _drop(self, size: int) -> None:
        """Lose this much of the oldest sound."""
        while size > 0 and self._chunks:
            length = len(self._chunks.popleft().data)
            size -= length
            self._held -= length
            self._dropped_ms += length * 1000 / self._wire.bytes_per_second

    def _position(self, ms: int) -> int:
        return ms * self._wire.sample_rate // 1000 * self._width


def _end_turn(said: list[bytes | dict[str, Any]], piece: list[bytes]) -> None:
    """A commit, unless there is nothing to commit."""
    if piece:
        said.append(b"".join(piece))
        piece.clear()
    if said and isinstance(said[-1], bytes):
        said.append({"type": "input_audio_buffer.commit"})
