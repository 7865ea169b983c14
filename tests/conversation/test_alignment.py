"""What was heard of an answer that was cut off, in words."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.conversation import ContentPart, Conversation, Item
from rtaudio.conversation.alignment import Alignment, heard_words
from rtaudio.protocol import decode_server_event, encode_event


def align(*story: str | float) -> tuple[str, Alignment]:
    """Words (str) and sound (milliseconds) as they arrived."""
    alignment = Alignment()
    text = ""
    for each in story:
        if isinstance(each, str):
            alignment.words(len(each))
            text += each
        else:
            alignment.sound.ms += each
    return text, alignment


def heard(end_ms: float, *story: str | float) -> str:
    text, alignment = align(*story)
    return heard_words(text, end_ms, alignment.sound.ms, tuple(alignment.marks))


def test_words_are_taken_to_come_ahead_of_their_sound():
    story = ("Once upon", 1000.0, " a time in the middle of nowhere", 1000.0, " the end", 500.0)
    assert heard(1000, *story) == "Once upon"
    assert heard(500, *story) == "Once"
    assert heard(1999, *story) == "Once upon a time in the middle of"
    assert heard(2000, *story) == "Once upon a time in the middle of nowhere"
    assert heard(2400, *story) == "Once upon a time in the middle of nowhere the"


@pytest.mark.parametrize(
    "story",
    [("one two ", "three four", 600.0, 400.0), (600.0, 400.0, "one two ", "three four")],
    ids=["words first", "sound first"],
)
def test_where_words_and_sound_do_not_alternate_their_proportion_counts(story):
    assert heard(500, *story) == "one two"
    assert heard(999, *story) == "one two three"


def test_the_end_is_whole_although_positions_are_whole_milliseconds():
    assert heard(42, "all of it", 42.8) == "all of it"
    assert heard(41, "all of it", 42.8) == "all of"


def test_nothing_was_heard_of_what_was_cut_at_its_beginning():
    assert heard(0, "all of it", 42.8) == ""
    assert heard_words("all of it", 0, None, ()) == ""


def test_without_a_length_everything_counts_as_heard():
    assert heard_words("all of it", 10, None, ()) == "all of it"


def test_scripts_without_spaces_are_cut_between_characters():
    assert heard(500, "昔々あるところに", 1000.0) == "昔々ある"
    # A vowel sign stays with its consonant.
    assert heard_words("ที่นี่", 500, 1000, ()) == "ที่"


def test_marks_stay_few_however_long_the_answer():
    _, alignment = align(*("ten chars ", 100.0) * 1000)
    assert len(alignment.marks) <= 32
    text = "ten chars " * 1000
    said = heard_words(text, 50_000, alignment.sound.ms, tuple(alignment.marks))
    assert abs(len(said) - 5000) <= 10


pieces = st.one_of(st.text("ab 昔", min_size=1, max_size=12), st.floats(0.1, 500.0))


@given(st.lists(pieces, max_size=80), st.lists(st.integers(0, 20_000), max_size=8))
def test_what_was_heard_is_a_beginning_of_what_was_said_and_grows_with_the_position(story, ends):
    text, alignment = align(*story)
    marks = tuple(alignment.marks)
    cuts = [heard_words(text, end, alignment.sound.ms, marks) for end in sorted(ends)]
    assert all(text.startswith(cut) for cut in cuts)
    assert [len(cut) for cut in cuts] == sorted(len(cut) for cut in cuts)
    if alignment.sound.ms >= 1:
        assert heard_words(text, int(alignment.sound.ms), alignment.sound.ms, marks) == text


def test_an_item_that_was_not_interrupted_was_heard_as_it_was_said():
    parts = (ContentPart(type="output_audio", transcript="all of it"),)
    item = Item(item_id="a", role="assistant", content=parts, audio_ms=100.0)
    assert item.heard == item.said == "all of it"


def feed(conversation: Conversation, kind: str, **fields: Any) -> None:
    event = decode_server_event(encode_event({"type": kind, "event_id": "e", **fields}))
    conversation.receive(event, 0.0)


def test_an_interrupted_answer_is_read_from_history_as_said_and_as_heard():
    conversation = Conversation()
    item = {"id": "a", "type": "message", "role": "assistant", "content": []}
    place = {"response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}
    feed(conversation, "conversation.item.added", item=item)
    for words, milliseconds in (("Once upon", 400), (" a time", 400), (" there was", 400)):
        feed(conversation, "response.output_audio_transcript.delta", delta=words, **place)
        sound = base64.b64encode(bytes(milliseconds * 48)).decode()
        feed(conversation, "response.output_audio.delta", delta=sound, **place)
    conversation.history.snapshot()
    truncated = {"item_id": "a", "content_index": 0, "audio_end_ms": 800}
    feed(conversation, "conversation.item.truncated", **truncated)
    # The service sends it back without its transcript.
    empty = {**item, "status": "incomplete", "content": [{"type": "output_audio"}]}
    feed(conversation, "conversation.item.retrieved", item=empty)
    (kept,) = conversation.history.snapshot()
    assert (kept.audio_ms, kept.audio_end_ms) == (1200.0, 800)
    assert kept.said == "Once upon a time there was"
    assert kept.heard == "Once upon a time"
