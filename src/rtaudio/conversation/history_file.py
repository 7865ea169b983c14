"""A history as one file: a zip archive with the items as JSON and their sound beside it.

`history.json` holds the items; the sound of their parts is in `audio/`, one file each, as WAV or,
where it was kept so, as Opus in Ogg. All of it opens with ordinary programs.
"""

from __future__ import annotations

import io
import wave
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from rtaudio import protocol  # noqa: TC001, msgspec reads annotations when it decodes
from rtaudio.audio import AudioClip
from rtaudio.audio.recording import OpusRecording
from rtaudio.audio.whole_file import whole_file
from rtaudio.conversation.items import ContentPart, Item, ItemStatus, Role, kept_sound
from rtaudio.conversation.sound import Sound
from rtaudio.errors import AudioError, ConfigError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from rtaudio.audio.types import Samples

__all__ = ["ArchivedClip", "load_items", "save_items"]

_VERSION = 1
_INDEX = "history.json"
# An index beyond this is not one of ours: ten million words. It is read into memory as a whole.
_MAX_INDEX_BYTES = 256 * 2**20


class ArchivedClip(AudioClip):
    """A clip in a saved history, read from there at each access to its samples.

    It equals any clip of the same sound, and the kept sound of a session that it was saved from.
    """

    __slots__ = ("_archive", "_channels", "_length", "_name")
    __hash__ = None

    def __init__(self, archive: Path, row: _SoundRow) -> None:
        # Not the samples: they are read when somebody wants them.
        self._archive = archive
        self._name = row.file
        self._sample_rate = row.sample_rate
        self._channels = row.channels
        self._length = row.samples

    @property
    def _samples(self) -> Samples:  # type: ignore[override]
        try:
            with zipfile.ZipFile(self._archive) as archive:
                data = archive.read(self._name)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise AudioError(f"{self._archive}: {self._name} cannot be read ({error})") from error
        if self._name.endswith(".opus"):
            return OpusRecording.load(data, self._sample_rate, self._length).read()
        return _read_wav(data, self._channels)

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return self._channels

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self._length / self._sample_rate

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other.clip() if isinstance(other, Sound) else other)


class _SoundRow(msgspec.Struct, frozen=True):
    file: str
    sample_rate: int
    channels: int
    samples: int  # per channel

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.channels) < 1 or self.samples < 0:
            raise ValueError("a sound has a sample rate, channels and a length")


class _PartRow(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    type: str
    text: str | None = None
    transcript: str | None = None
    image_url: str | None = None
    detail: str | None = None
    audio: _SoundRow | None = None


class _ItemRow(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    item_id: str
    type: str = "message"
    role: Role | None = None
    status: ItemStatus | None = None
    content: tuple[_PartRow, ...] = ()
    previous_item_id: str | None = None
    audio_end_ms: int | None = None
    audio_ms: float | None = None
    audio_marks: tuple[tuple[float, int], ...] = ()
    name: str | None = None
    call_id: str | None = None
    arguments: str | dict[str, Any] | None = None
    output: str | None = None
    error: protocol.McpError | None = None
    server_label: str | None = None
    approved: bool | None = None


class _Index(msgspec.Struct, frozen=True, kw_only=True):
    format: Literal["rtaudio history"]
    version: int
    items: tuple[_ItemRow, ...]


def save_items(path: str | os.PathLike[str], items: Iterable[Item]) -> None:
    """Write items to a file, which appears whole or not at all; see `History.save`."""
    with whole_file(Path(path)) as partial, zipfile.ZipFile(partial, "w") as archive:
        rows = tuple(
            _ItemRow(
                content=tuple(
                    _part_row(archive, f"audio/{number:04}-{index}", part)
                    for index, part in enumerate(item.content)
                ),
                **{name: getattr(item, name) for name in _ITEM_FIELDS},
            )
            for number, item in enumerate(items)
        )
        index = msgspec.json.encode(_Index(format="rtaudio history", version=_VERSION, items=rows))
        text = msgspec.json.format(index, indent=1)
        archive.writestr(_INDEX, text, compress_type=zipfile.ZIP_DEFLATED)


def load_items(path: str | os.PathLike[str]) -> list[Item]:
    """Read the items of a file; see `History.load`."""
    place = Path(path).resolve()
    try:
        with zipfile.ZipFile(place) as archive:
            if archive.getinfo(_INDEX).file_size > _MAX_INDEX_BYTES:
                raise ConfigError(f"{place}: its {_INDEX} is too long for a saved history")
            index = msgspec.json.decode(archive.read(_INDEX), type=_Index)
            names = frozenset(archive.namelist())
    except (KeyError, zipfile.BadZipFile, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place} is not a history that was saved: {error}") from error
    if index.version != _VERSION:
        raise ConfigError(
            f"{place} was saved in version {index.version} of the format; this rtaudio reads "
            f"version {_VERSION}"
        )
    items = [_item(place, row, names) for row in index.items]
    if len({item.item_id for item in items}) < len(items):
        raise ConfigError(f"{place}: two of its items have one id")
    return items


_ITEM_FIELDS = [name for name in _ItemRow.__struct_fields__ if name != "content"]
_PART_FIELDS = [name for name in _PartRow.__struct_fields__ if name != "audio"]


def _part_row(archive: zipfile.ZipFile, stem: str, part: ContentPart) -> _PartRow:
    fields = {name: getattr(part, name) for name in _PART_FIELDS}
    return _PartRow(audio=_add_sound(archive, stem, kept_sound(part)), **fields)


def _add_sound(
    archive: zipfile.ZipFile, stem: str, held: Sound | AudioClip | None
) -> _SoundRow | None:
    recording = held.current() if isinstance(held, Sound) else None
    if recording is not None:
        name = stem + recording.suffix
        data = io.BytesIO()
        recording.write(data)
        archive.writestr(name, data.getvalue())
        return _SoundRow(name, recording.sample_rate, 1, recording.samples)
    clip = held.clip() if isinstance(held, Sound) else held
    if clip is None:
        return None
    archive.writestr(f"{stem}.wav", _wav(clip))
    return _SoundRow(f"{stem}.wav", clip.sample_rate, clip.channels, len(clip.samples))


def _item(place: Path, row: _ItemRow, names: frozenset[str]) -> Item:
    parts = []
    for part in row.content:
        sound = part.audio
        if sound is not None and sound.file not in names:
            raise ConfigError(f"{place}: the sound {sound.file!r} of {row.item_id!r} is missing")
        fields = {name: getattr(part, name) for name in _PART_FIELDS}
        clip = None if sound is None else ArchivedClip(place, sound)
        parts.append(ContentPart(audio=clip, **fields))
    fields = {name: getattr(row, name) for name in _ITEM_FIELDS}
    return Item(content=tuple(parts), **fields)


def _wav(clip: AudioClip) -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as sound:
        sound.setnchannels(clip.channels)
        sound.setsampwidth(2)
        sound.setframerate(clip.sample_rate)
        sound.writeframes(np.ascontiguousarray(clip.samples).tobytes())
    return data.getvalue()


def _read_wav(data: bytes, channels: int) -> Samples:
    try:
        with wave.open(io.BytesIO(data)) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    except (wave.Error, EOFError) as error:
        raise AudioError(f"the WAV file is damaged ({error or 'it is cut short'})") from error
    return samples if channels == 1 else samples.reshape(-1, channels)
