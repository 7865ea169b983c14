"""Text and subtitle forms of a row.

A turn may hold half a minute of speech, far too much for one subtitle. It is split into captions of
at most two lines at the ends of sentences, clauses and words, in this order of preference. The
service reports no times inside a turn, so captions share its time by their length in characters:
speech runs at a steady 12 to 18 characters per second, which puts them right within a second or so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtaudio.transcribe.rows import Row

__all__ = ["Caption", "captions", "render_srt", "render_txt", "render_vtt"]

LINE_CHARACTERS = 42
"""The usual width of a subtitle line in broadcasting and streaming guidelines."""

CAPTION_CHARACTERS = 2 * LINE_CHARACTERS


@dataclass(frozen=True, slots=True)
class Caption:
    """What is on screen from `start_s` to `end_s`, seconds from the file's start."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]


def captions(row: Row) -> list[Caption]:
    """Split a row's segments into captions, in order and without overlap."""
    result = []
    for segment in row.segments:
        parts = list(_split(segment.text))
        total = sum(len(part) for part in parts)
        start_s = segment.start_s
        done = 0
        for part in parts:
            done += len(part)
            end_s = segment.start_s + (segment.end_s - segment.start_s) * done / total
            result.append(Caption(start_s, end_s, _two_lines(part)))
            start_s = end_s
    return result


def render_txt(row: Row) -> str:
    """Return the text, one paragraph per segment."""
    return "".join(segment.text + "\n" for segment in row.segments)


def render_srt(row: Row) -> str:
    """Return the row as SubRip subtitles."""
    return "\n".join(
        f"{number}\n{_time(caption.start_s, ',')} --> {_time(caption.end_s, ',')}\n"
        + "".join(line + "\n" for line in caption.lines)
        for number, caption in enumerate(captions(row), start=1)
    )


def render_vtt(row: Row) -> str:
    """Return the row as WebVTT; its three reserved characters are escaped."""
    cues = [
        f"\n{_time(caption.start_s, '.')} --> {_time(caption.end_s, '.')}\n"
        + "".join(_escaped(line) + "\n" for line in caption.lines)
        for caption in captions(row)
    ]
    return "WEBVTT\n" + "".join(cues)


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(seconds: float, separator: str) -> str:
    total_ms = round(seconds * 1000)
    minutes, rest_ms = divmod(total_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole_s, ms = divmod(rest_ms, 1000)
    return f"{hours:02d}:{minutes:02d}:{whole_s:02d}{separator}{ms:03d}"


def _split(text: str) -> Iterator[str]:
    """Cut text into pieces of at most `CAPTION_CHARACTERS`; a longer word is cut anywhere."""
    rest = " ".join(text.split())
    while len(rest) > CAPTION_CHARACTERS:
        at = _last_break(rest, CAPTION_CHARACTERS)
        yield rest[:at].rstrip()
        rest = rest[at:].lstrip()
    if rest:
        yield rest


def _last_break(text: str, limit: int) -> int:
    # A sentence or clause should fill a third of the caption, or captions flicker by.
    for ends in (".!?\u2026\u3002\uff01\uff1f", ",;:\u3001\uff0c"):
        for at in range(limit, limit // 3, -1):
            if text[at - 1] in ends and (text[at] == " " or ord(text[at - 1]) > 0x2FFF):
                return at
    at = text.rfind(" ", 1, limit + 1)
    return at if at > 0 else limit


def _two_lines(part: str) -> tuple[str, ...]:
    if len(part) <= LINE_CHARACTERS:
        return (part,)
    middle = len(part) // 2
    # The break nearest the middle keeps both lines short; without a space there is one line.
    breaks = [at for at, character in enumerate(part) if character == " "]
    if not breaks:
        return (part,)
    at = min(breaks, key=lambda place: abs(place - middle))
    return (part[:at], part[at + 1 :])
