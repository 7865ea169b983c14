"""Whether a file holds as much sound as it says.

A file that was cut short often decodes without any error: there is just less of it. Containers that
state their length give it away. Where a length is only an estimate, nothing is concluded from it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import InputContainer

__all__ = ["shortfall"]

# How much shorter than stated, in seconds, is still whole. Exact containers count samples; in the
# others the stated length may include what encoders add in front and behind (the most is HE-AAC's,
# under 0.2 s).
_EXACT_S: Final = 0.02
_ROUGH_S: Final = 0.25

_TOLERANCE_S: Final = {
    "aiff": _EXACT_S,
    "au": _EXACT_S,
    "flac": _EXACT_S,
    "w64": _EXACT_S,
    "matroska,webm": _ROUGH_S,
    "mov,mp4,m4a,3gp,3g2,mj2": _ROUGH_S,
    "mp3": _ROUGH_S,
    "ogg": _ROUGH_S,
}

# Programs that write WAV to a pipe cannot know its length, and put 0 or a huge number instead.
_WAV_UNKNOWN: Final = 0x7FFF_0000
# Some count the header as sound.
_WAV_HEADER_BYTES: Final = 64

_OGG_MAX_PAGE_BYTES: Final = 27 + 255 + 255 * 255  # RFC 3533 section 6
_OGG_END_OF_STREAM: Final = 0x04  # header type flag, same section

_MP3_HEAD_BYTES: Final = 4096  # more than the largest frame


def shortfall(
    path: Path, container: InputContainer, stream: AudioStream, decoded_s: float
) -> str | None:
    """Say what is missing from a file, or None where nothing shows.

    Args:
        path: the file.
        container: the same, open.
        stream: its audio stream, after decoding.
        decoded_s: seconds of sound that could be decoded.
    """
    kind = container.format.name
    if kind == "wav":
        return _wav_shortfall(path)
    tolerance = _TOLERANCE_S.get(kind)
    if tolerance is None or (kind == "mp3" and not _mp3_states_length(path)):
        return None
    stated_s: float | None = None
    if stream.duration is not None and stream.time_base is not None:
        stated_s = float(stream.duration * stream.time_base)
    elif container.duration is not None and len(container.streams) == 1:
        # Matroska states one length for all its streams; video may be the longer one.
        stated_s = container.duration / 1_000_000  # av.time_base
    if stated_s is not None and decoded_s < stated_s - tolerance:
        return (
            f"the file is truncated or damaged: it states {stated_s:.2f} s of sound and "
            f"{decoded_s:.2f} s could be decoded"
        )
    if kind == "ogg" and not _ogg_has_end(path):
        return f"the file is truncated: its stream does not end, after {decoded_s:.2f} s"
    return None


def _wav_shortfall(path: Path) -> str | None:
    """Compare the data chunk's size with what is there: FFmpeg believes the file's size alone."""
    file_bytes = path.stat().st_size
    bytes_per_second = 0
    long_size: int | None = None
    with path.open("rb") as file:
        file.seek(12)  # "RIFF", size, "WAVE"
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            if name == b"data":
                stated = long_size if long_size is not None and size == 0xFFFF_FFFF else size
                break
            body = file.read(min(size, 64))
            if name == b"fmt " and len(body) >= 12:
                (bytes_per_second,) = struct.unpack_from("<I", body, 8)
            elif name == b"ds64" and len(body) >= 16:  # RF64, EBU Tech 3306
                (long_size,) = struct.unpack_from("<Q", body, 8)
            file.seek(size - len(body) + size % 2, 1)
        else:
            return None
        present = file_bytes - file.tell()
    if stated != long_size and stated >= _WAV_UNKNOWN:
        return None
    if not bytes_per_second or stated - present <= _WAV_HEADER_BYTES:
        return None
    return (
        f"the file is truncated: its header promises {stated / bytes_per_second:.2f} s of sound "
        f"and {present / bytes_per_second:.2f} s are there"
    )


def _ogg_has_end(path: Path) -> bool:
    """Whether the last page is whole and marked as its stream's last."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _OGG_MAX_PAGE_BYTES))
        tail = file.read()
    start = tail.rfind(b"OggS")
    page = tail[start:]
    if start < 0 or len(page) < 27:
        return False
    segments = page[26]
    whole = 27 + segments + sum(page[27 : 27 + segments])
    return len(page) >= whole and bool(page[5] & _OGG_END_OF_STREAM)


def _mp3_states_length(path: Path) -> bool:
    """Whether the first frame counts the others; otherwise FFmpeg guesses from the bit rate."""
    with path.open("rb") as file:
        tag = file.read(10)
        if tag[:3] == b"ID3" and len(tag) == 10:
            # Seven bits a byte (ID3v2.4 section 6.2).
            size = sum(
                (byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True)
            )
            file.seek(10 + size)
        else:
            file.seek(0)
        head = file.read(_MP3_HEAD_BYTES)
    return any(mark in head for mark in (b"Xing", b"Info", b"VBRI"))
