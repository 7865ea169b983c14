"""Subtitles: short captions, in order, covering the text."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from rtaudio.transcribe.captions import (
    CAPTION_CHARACTERS,
    captions,
    render_srt,
    render_txt,
    render_vtt,
)
from rtaudio.transcribe.rows import Row, RowSegment


def row(*segments: tuple[float, float, str]) -> Row:
    return Row("a.wav", "", 9.0, [RowSegment(*segment) for segment in segments], None)


def test_short_segments_are_one_caption_each() -> None:
    assert render_srt(row((0.0, 1.25, "Yes."), (3661.5, 3662.0, "No."))) == (
        "1\n00:00:00,000 --> 00:00:01,250\nYes.\n\n2\n01:01:01,500 --> 01:01:02,000\nNo.\n"
    )


def test_vtt_has_a_header_and_escapes_its_markup() -> None:
    assert render_vtt(row((0.0, 1.0, "a < b & c"))) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\na &lt; b &amp; c\n"
    )


def test_nothing_said_gives_empty_files() -> None:
    assert (render_txt(row()), render_srt(row()), render_vtt(row())) == ("", "", "WEBVTT\n")


def test_text_has_one_paragraph_per_segment() -> None:
    assert render_txt(row((0, 1, "One."), (1, 2, "Two."))) == "One.\nTwo.\n"


def test_a_long_segment_is_split_at_the_ends_of_sentences() -> None:
    first = "It was the best of times, it was the worst of times."
    second = "It was the age of wisdom, it was the age of foolishness."
    parts = captions(row((10.0, 20.0, f"{first} {second}")))
    assert [" ".join(part.lines) for part in parts] == [first, second]
    assert parts[0].start_s == 10.0
    assert parts[0].end_s == parts[1].start_s
    assert parts[1].end_s == 20.0


@given(text=st.text(st.sampled_from("ab  ,.。é"), min_size=1, max_size=600))
def test_captions_keep_every_character_and_stay_short(text: str) -> None:
    parts = captions(row((1.0, 31.0, text)))
    joined = "".join("".join(part.lines) for part in parts)
    assert re.sub(r"\s", "", joined) == re.sub(r"\s", "", text)
    assert all(0 < sum(map(len, part.lines)) <= CAPTION_CHARACTERS for part in parts)
    assert all(line.strip() for part in parts for line in part.lines)
    times = [time for part in parts for time in (part.start_s, part.end_s)]
    assert times == sorted(times)
