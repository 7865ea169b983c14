"""Recordings of sessions: one JSON row for each event, as it went over the wire.

    {"dir":"out","at_s":0.012,"event":{"type":"session.update",...}}
    {"dir":"in","at_s":0.107,"event":{"type":"session.created",...}}
    {"dir":"end","at_s":9.31,"how":"closed"}

`dir` is `out` for what the session sent, `in` for what the service sent. A connection that ended
has an `end` row: `closed` by us, `ended` by the service in good order, or `lost`; a file whose last
row is another one was cut off. There is never half a row. Secrets are removed (`redaction.py`), and
nothing is recorded but events: no keys, headers or addresses of the connection.
"""

from __future__ import annotations

import base64
import binascii
import logging
import os
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from rtaudio.errors import ConfigError
from rtaudio.protocol import encode_event
from rtaudio.transports.api_key import resolve_api_key
from rtaudio.transports.redaction import redact
from rtaudio.transports.wrapping import WrappingTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Buffer

    from rtaudio.errors import ProtocolError
    from rtaudio.protocol import ServerEvent, UnknownEvent
    from rtaudio.transports.api_key import ApiKey
    from rtaudio.transports.base import ConnectOptions, RawMessage, RealtimeTransport
    from rtaudio.transports.clock import Clock

__all__ = ["RecordedRow", "RecordingTransport", "read_recording", "without_sound"]

_log = logging.getLogger("rtaudio.transports")

# Events that carry sound, and the field in which they do.
_SOUND_FIELDS = {"input_audio_buffer.append": "audio", "response.output_audio.delta": "delta"}


class RecordedRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of a recording.

    Attributes:
        dir: `in`, `out` or `end`.
        at_s: seconds since the first connection began; None in files that do not say.
        event: the event in wire form; None in an `end` row.
        sound_bytes: how much sound the event carried, where that was left out.
        how: in an `end` row, how the connection ended.
        code: in an `end` row that tells of a loss, the service's error code or the close code.
    """

    dir: Literal["in", "out", "end"]
    at_s: float | None = None
    event: dict[str, Any] | None = None
    sound_bytes: int | None = None
    how: Literal["closed", "ended", "lost"] | None = None
    code: str | None = None

    def __post_init__(self) -> None:
        if (self.event is None) != (self.dir == "end") or (self.how is None) == (self.dir == "end"):
            raise ValueError("a row has an event, or is an end and says how")
        if self.event is not None and not isinstance(self.event.get("type"), str):
            raise ValueError("an event has a type")

    def __repr__(self) -> str:
        kind = self.how if self.event is None else self.event["type"]
        return f"RecordedRow({self.dir}, {kind})"


def read_recording(path: str | os.PathLike[str]) -> list[RecordedRow]:
    """Read a recording. A row that was cut off at the end of the file is left out.

    Args:
        path: a JSON Lines file, of `RecordingTransport` or of anything that writes its rows.

    Raises:
        ConfigError: the file cannot be read, or one of its rows is no row.
    """
    try:
        lines = Path(path).read_bytes().split(b"\n")
    except OSError as error:
        raise ConfigError(
            f"cannot read the recording {os.fspath(path)!r}: {error.strerror}"
        ) from None
    rows: list[RecordedRow] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rows.append(msgspec.json.decode(line, type=RecordedRow))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            if number == len(lines):
                break
            # Not the library's own text: it may repeat what stands in the row.
            raise ConfigError(
                f"row {number} of {os.fspath(path)!r} is no row of a recording "
                f"({type(error).__name__}); a row is "
                '{"dir": "in" or "out", "event": {"type": ...}}'
            ) from None
    return rows


def without_sound(event: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
    """An event without its sound, and how many bytes that was; None where it has none."""
    field = _SOUND_FIELDS.get(event["type"])
    if field is not None and isinstance(event.get(field), str):
        try:
            size = len(base64.b64decode(event[field]))
        except (binascii.Error, ValueError):
            size = 0
        return {**event, field: ""}, size
    item = event.get("item")
    if isinstance(item, dict) and isinstance(item.get("content"), list):
        event = deepcopy(event)
        for part in event["item"]["content"]:
            if isinstance(part, dict) and isinstance(part.get("audio"), str):
                part["audio"] = None
    return event, None


class RecordingTransport(WrappingTransport):
    """Writes down all that passes another transport. See the module's text.

        transport = RecordingTransport(WebSocketTransport(), "talk.jsonl")
        async with RealtimeSession(agent, transport=transport) as session: ...

    The file is readable for its owner only, as it holds what people say. Rows are written at once;
    a disk that is full ends the recording, not the session (`failure`). Frames that are no JSON are
    left out.

    Args:
        inner: the transport that does the work.
        path: the file, which must not exist yet. Further connections of the same transport go
            behind those before them.
        audio: whether to keep sound; without it rows say how much there was.
        clock: the time by which rows are stamped; None for that of `inner`.

    Attributes:
        failure: why the recording broke off; None while all is well.
    """

    def __init__(
        self,
        inner: RealtimeTransport,
        path: str | os.PathLike[str],
        *,
        audio: bool = True,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(inner, clock=clock)
        self._path = Path(path)
        self._keeps_sound = audio
        self._keys = set(filter(None, [os.environ.get("OPENAI_API_KEY")]))
        self._began_at: float | None = None
        self._file: int | None = None
        self._has_rows = False
        self._stands = False
        self.failure: OSError | None = None

    async def connect(self, options: ConnectOptions) -> None:
        """Open the file and connect the inner transport.

        Raises:
            ConfigError: the file exists already, or cannot be made.
        """
        self._open_file()
        if options.api_key is not None:
            # Read here, so that it can be found wherever the service repeats it.
            options = msgspec.structs.replace(options, api_key=self._watch(options.api_key))
        self._has_rows = self._stands = False
        await super().connect(options)

    async def confirm(self) -> None:
        """Wait until the inner transport's session is accepted."""
        await super().confirm()
        self._stands = True

    async def send_event(self, event: Mapping[str, Any]) -> None:
        """Write an event down, and to the inner transport."""
        self._keep("out", dict(event))
        await super().send_event(event)

    async def send_audio(self, pcm: Buffer) -> None:
        """Write sound down, and send it over the inner transport."""
        sound = base64.b64encode(pcm).decode("ascii")
        self._keep("out", {"type": "input_audio_buffer.append", "audio": sound})
        await super().send_audio(pcm)

    async def close(self) -> None:
        """Close the inner transport and the file."""
        try:
            await super().close()
        finally:
            self._end("closed" if self._stands else "lost")

    def _on_event(self, event: ServerEvent | UnknownEvent, raw: RawMessage) -> None:
        if self._file is not None:
            self._keep("in", _as_mapping(raw))
        super()._on_event(event, raw)

    def _on_garbage(self, error: ProtocolError, raw: RawMessage) -> None:
        if self._file is not None:
            try:
                event = _as_mapping(raw)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                event = {}
            if isinstance(event.get("type"), str):
                self._keep("in", event)
        super()._on_garbage(error, raw)

    def _on_lost(self, error: Exception | None) -> None:
        code = getattr(error, "code", None)
        self._end("ended" if error is None else "lost", code)
        super()._on_lost(error)

    # The file.

    def _watch(self, key: ApiKey) -> ApiKey:
        async def watched() -> str:
            found = await resolve_api_key(key)
            if found is not None:
                self._keys.add(found)
            return found  # type: ignore[return-value]  # None leaves it to the inner transport

        return watched

    def _open_file(self) -> None:
        if self._file is not None:
            return
        flags = os.O_WRONLY | os.O_APPEND
        if self._began_at is None:
            flags |= os.O_CREAT | os.O_EXCL
        try:
            self._file = os.open(self._path, flags, 0o600)
        except FileExistsError:
            raise ConfigError(
                f"path {os.fspath(self._path)!r} exists already; a recording needs a new file"
            ) from None
        except OSError as error:
            raise ConfigError(
                f"path {os.fspath(self._path)!r} cannot be written: {error.strerror}"
            ) from None
        if self._began_at is None:
            self._began_at = self.clock.monotonic()

    def _keep(self, direction: Literal["in", "out"], event: dict[str, Any]) -> None:
        event = redact(event, self._keys)
        size = None
        if not self._keeps_sound:
            event, size = without_sound(event)
        self._write(RecordedRow(dir=direction, at_s=self._at_s(), event=event, sound_bytes=size))
        self._has_rows = True

    def _end(self, how: Literal["closed", "ended", "lost"], code: str | None = None) -> None:
        if self._has_rows:
            self._write(RecordedRow(dir="end", at_s=self._at_s(), how=how, code=code))
            self._has_rows = False
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _at_s(self) -> float:
        return round(self.clock.monotonic() - (self._began_at or 0.0), 6)

    def _write(self, row: RecordedRow) -> None:
        if self._file is None or self.failure is not None:
            return
        text = msgspec.json.encode(row) + b"\n"
        try:
            size = os.fstat(self._file).st_size
            try:
                written = os.write(self._file, text)
                if written != len(text):
                    raise OSError(0, "no room for a whole row")
            except OSError:
                os.ftruncate(self._file, size)
                raise
        except OSError as error:
            self.failure = error
            _log.warning("the recording broke off: %s", error.strerror)


def _as_mapping(raw: RawMessage) -> dict[str, Any]:
    """What arrived, as a mapping of its own."""
    text = encode_event(raw) if isinstance(raw, (msgspec.Struct, dict)) else raw  # type: ignore[arg-type]
    decoded: dict[str, Any] = msgspec.json.decode(text, type=dict)  # type: ignore[arg-type]
    return decoded
