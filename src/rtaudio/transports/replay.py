"""A recorded session, played back: the service's side of it, without a service.

    transport = ReplayTransport("talk.jsonl")
    async with RealtimeSession(agent, transport=transport) as session:
        await session.send_message("Where is the station?")
        await transport.wait_played()
    transport.assert_complete()

An event of the service arrives once the client has sent all that it had sent before it in the
recording, so the course of things depends on their order and not on time.
"""

from __future__ import annotations

import asyncio
import base64
import os
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import msgspec

from rtaudio.errors import ConfigError, ConnectionLost, TransportError
from rtaudio.transports.base import ConnectOptions, RealtimeTransport
from rtaudio.transports.recording import RecordedRow, read_recording, without_sound
from rtaudio.transports.redaction import redact
from rtaudio.transports.scripted import ScriptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rtaudio.transports.clock import Clock

__all__ = ["ReplayTransport"]

_APPEND = "input_audio_buffer.append"


class ReplayTransport(RealtimeTransport):
    """Plays the service's part of a recording. See the module's text.

    What the client sends is compared with what it had sent, secrets and `event_id` aside. Where
    they differ, the send raises a `ScriptError` that names the row, nothing more is played, and
    `assert_complete` raises it again, for clients that go on after a failed send.

    Args:
        recording: a file as `RecordingTransport` writes it, or its rows. Without `end` rows and
            times it does as well.
        paced: keep the recording's own pace: no event comes sooner after the one before it than it
            had come, once a session was accepted. Otherwise events come as fast as they are taken.
        sound: `compare` what is sent with what was sent, piece by piece; `ignore` it, so that any
            sound or none may be sent instead.
        clock: the time by which to keep the pace.

    Raises:
        ConfigError: the recording cannot be read, or is empty.
    """

    def __init__(
        self,
        recording: str | os.PathLike[str] | Iterable[RecordedRow],
        *,
        paced: bool = False,
        sound: Literal["compare", "ignore"] = "compare",
        clock: Clock | None = None,
    ) -> None:
        if sound not in ("compare", "ignore"):
            raise ConfigError(f"sound must be 'compare' or 'ignore', got {sound!r}")
        if isinstance(recording, (str, os.PathLike)):
            recording = read_recording(recording)
        # Rows keep their numbers in the file, for messages.
        rows = list(enumerate(recording, 1))
        if sound == "ignore":
            rows = [(n, row) for n, row in rows if not _is_append(row)]
        if not rows:
            raise ConfigError("the recording has no rows")
        self._rows = rows
        self._ignores_sound = sound == "ignore"
        self._paced = paced
        self._waits = False
        if clock is not None:
            self.clock = clock
        # Rows before this one were played; of those behind it, `_sent` were sent already.
        self._place = 0
        self._sent: set[int] = set()
        self._failure: ScriptError | None = None
        # Ids that the recording's client chose for its events, and those of this one.
        self._event_ids: dict[str, str] = {}
        self._open = False
        # When the last row was played, and which one that was.
        self._last: tuple[float, RecordedRow | None] = (0.0, None)
        self._news = asyncio.Event()
        self._quiet = asyncio.Event()
        self._played = asyncio.Event()
        self._player: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"ReplayTransport(row {self._number()}, status={self.status!r})"

    # The contract.

    async def connect(self, options: ConnectOptions) -> None:  # noqa: ARG002
        """Begin with the recording's next connection.

        Raises:
            ScriptError: the recording has no further connection, or was left before its end.
        """
        if self._place >= len(self._rows):
            raise ScriptError("the recording has no further connection")
        self._raise_failure()
        self._open = True
        self._quiet.clear()
        self._played.clear()
        # What leads to the connection is not waited for.
        self._waits = False
        if self._place == 0:
            self._last = (self.clock.monotonic(), None)
        self._player = asyncio.get_running_loop().create_task(self._play(), name="rtaudio-replay")

    async def confirm(self) -> None:
        """Wait for the first event of the service, where one comes without more being sent."""
        await self._quiet.wait()
        self._waits = self._paced

    async def send_event(self, event: Mapping[str, Any]) -> None:
        """Compare an event with what the recording's client had sent.

        Raises:
            TransportError: not connected.
            ScriptError: the recording has something else here.
        """
        if not self._open:
            raise TransportError(f"cannot send: the transport is {self.status}")
        self._raise_failure()
        if self._ignores_sound and event.get("type") == _APPEND:
            return
        sent = redact(msgspec.json.decode(msgspec.json.encode(dict(event))))
        place = self._next_sent()
        if place is None:
            self._fail(f"{sent['type']} was sent, but the recording's client had sent no more")
        number, row = self._rows[place]
        problem = _difference(row, sent)
        if problem is not None:
            self._fail(f"row {number}: {problem}")
        assert row.event is not None
        if isinstance(row.event.get("event_id"), str) and isinstance(event.get("event_id"), str):
            self._event_ids[row.event["event_id"]] = event["event_id"]
        self._sent.add(place)
        self._quiet.clear()
        self._news.set()

    async def close(self) -> None:
        """Stop playing; where the recording's client had closed here too, that is played."""
        if not self._open:
            return
        self._open = False
        if self._player is not None and self._player is not asyncio.current_task():
            self._player.cancel()
            await asyncio.wait([self._player])
        row = self._row()
        if row is not None and row.how == "closed":
            self._step()

    # What a test asks.

    async def wait_played(self) -> None:
        """Wait until all of the recording was played, but for a close that is the client's.

        Raises:
            ScriptError: the client has sent something else than in the recording.
        """
        await self._played.wait()
        self._raise_failure()

    def assert_complete(self) -> None:
        """Check that all of the recording was played.

        Raises:
            ScriptError: something is left, or the client has sent something else.
        """
        self._raise_failure()
        row = self._row()
        if row is not None:
            raise ScriptError(f"not played: row {self._number()}, {row!r}")

    # Playing.

    async def _play(self) -> None:
        while self._open and self._failure is None:
            row = self._row()
            if row is None or row.how == "closed":
                self._played.set()
                await self._changed()
            elif row.dir == "out":
                if self._place not in self._sent:
                    await self._changed()
                else:
                    self._step()
            else:
                # Others have their turn between two events, as over a network.
                await self.clock.sleep(self._gap_s(row))
                self._step()
                self._arrive(row)
                self._waits = self._paced
                self._quiet.set()

    def _arrive(self, row: RecordedRow) -> None:
        if row.event is not None:
            self.receive(self._filled(row))
            return
        self._open = False
        if self._row() is None:
            self._played.set()
        lost = ConnectionLost("the connection was lost in the recording", code=row.code)
        self.lost(None if row.how == "ended" else lost)

    def _gap_s(self, row: RecordedRow) -> float:
        """How long to wait before a row."""
        played_at, before = self._last
        if not self._waits or before is None:
            return 0.0
        if row.at_s is None or before.at_s is None:
            return 0.0
        return played_at + row.at_s - before.at_s - self.clock.monotonic()

    def _filled(self, row: RecordedRow) -> dict[str, Any]:
        """The event, with silence for sound that was left out, and with this client's own ids."""
        event = dict(row.event or {})
        if row.sound_bytes is not None and event.get("delta") == "":
            event["delta"] = base64.b64encode(bytes(row.sound_bytes)).decode("ascii")
        error = event.get("error")
        if isinstance(error, dict) and error.get("event_id") in self._event_ids:
            event["error"] = {**error, "event_id": self._event_ids[error["event_id"]]}
        return event

    async def _changed(self) -> None:
        self._quiet.set()
        self._news.clear()
        await self._news.wait()

    def _row(self) -> RecordedRow | None:
        return self._rows[self._place][1] if self._place < len(self._rows) else None

    def _number(self) -> int:
        return self._rows[min(self._place, len(self._rows) - 1)][0]

    def _step(self) -> None:
        self._sent.discard(self._place)
        self._last = (self.clock.monotonic(), self._row())
        self._place += 1

    def _next_sent(self) -> int | None:
        """The place of the next row that this connection's client is to send."""
        for place in range(self._place, len(self._rows)):
            row = self._rows[place][1]
            if row.dir == "end":
                return None
            if row.dir == "out" and place not in self._sent:
                return place
        return None

    def _fail(self, problem: str) -> NoReturn:
        self._failure = ScriptError(problem)
        for event in (self._news, self._quiet, self._played):
            event.set()
        raise self._failure

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def _is_append(row: RecordedRow) -> bool:
    return row.dir == "out" and row.event is not None and row.event["type"] == _APPEND


def _difference(row: RecordedRow, sent: dict[str, Any]) -> str | None:
    """How an event differs from a recorded one; None where it does not."""
    recorded = dict(row.event or {})
    size = None
    if row.sound_bytes is not None:
        sent, size = without_sound(sent)
    for event in (recorded, sent):
        event.pop("event_id", None)
    if recorded.get("type") != sent.get("type"):
        return f"{recorded.get('type')} was expected, {sent.get('type')} was sent"
    if size != row.sound_bytes:
        return f"{row.sound_bytes} bytes of sound were expected, {size} were sent"
    where = _first_difference(recorded, sent)
    return None if where is None else f"{recorded['type']} differs at {where}"


def _first_difference(recorded: Any, sent: Any, path: str = "") -> str | None:
    """Where two JSON values differ: the place only, as the values may be private."""
    if isinstance(recorded, dict) and isinstance(sent, dict):
        for key in [*recorded, *(key for key in sent if key not in recorded)]:
            place = f"{path}.{key}" if path else key
            if key not in sent:
                return f"{place}: not sent"
            if key not in recorded:
                return f"{place}: not in the recording"
            found = _first_difference(recorded[key], sent[key], place)
            if found is not None:
                return found
        return None
    if isinstance(recorded, list) and isinstance(sent, list) and len(recorded) == len(sent):
        for number, (one, other) in enumerate(zip(recorded, sent, strict=True)):
            found = _first_difference(one, other, f"{path}[{number}]")
            if found is not None:
                return found
        return None
    same = recorded == sent and isinstance(recorded, bool) == isinstance(sent, bool)
    return None if same else path
