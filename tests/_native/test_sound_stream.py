"""The kernel that reads the pieces of a part, against json and base64, and what it counts in."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio._native.sound_stream import Playhead, SoundLength, SoundStream

FIELDS = {
    "type": "response.output_audio.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 3,
}


def message(pcm: bytes, **fields: Any) -> bytes:
    delta = base64.b64encode(pcm).decode()
    return json.dumps({**FIELDS, "delta": delta, **fields}).encode()


def sound(data: bytes, response_id: str, item_id: str, content_index: int) -> bytes:
    assert (response_id, item_id, content_index) == ("resp_1", "item_1", 3)
    return data


def opened(*lengths: SoundLength, waits: bool = True) -> tuple[SoundStream, Playhead]:
    stream, head = SoundStream(), Playhead(waits=waits)
    stream.open("resp_1", "item_1", 3, 48.0, head, lengths, sound)
    return stream, head


@given(st.lists(st.binary(max_size=500), max_size=5), st.permutations([*FIELDS, "delta"]))
def test_pieces_of_the_part_are_read_and_counted(sounds: list[bytes], order: list[str]) -> None:
    part, item = SoundLength(), SoundLength()
    item.ms = 7.0
    stream, head = opened(part, item)
    for pcm in sounds:
        event = json.loads(message(pcm))
        assert stream.read(json.dumps({name: event[name] for name in order}), 1.0) == pcm
    total = sum(map(len, sounds))
    assert (stream.pieces, stream.bytes) == (len(sounds), total)
    assert part.ms == pytest.approx(total / 48)
    assert item.ms == pytest.approx(7.0 + total / 48)
    assert not sounds or head.dry_at == pytest.approx(1.0 + total / 48_000)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, bytes.decode])
def test_a_message_comes_in_any_kind_of_buffer_or_as_text(kind: Any) -> None:
    stream, _ = opened()
    assert stream.read(kind(message(b"ab")), 0.0) == b"ab"


@pytest.mark.parametrize(
    "other",
    [
        message(b"ab", response_id="resp_2"),
        message(b"ab", item_id="item_2"),
        message(b"ab", item_id="item_12"),
        message(b"ab", item_id=""),
        message(b"ab", content_index=0),
        message(b"ab", delta="!"),
        message(b"ab", type="response.output_audio.done"),
        message(b"ab").replace(b'"output_index": 0, ', b""),
        message(b"ab")[:-1],
        b"",
        "é",
        memoryview(b"abcd").cast("H"),
    ],
)
def test_anything_else_is_left_alone_and_not_counted(other: Any) -> None:
    length = SoundLength()
    stream, head = opened(length)
    assert stream.read(other, 5.0) is None
    assert (stream.pieces, stream.bytes, length.ms, head.dry_at) == (0, 0, 0.0, 0.0)
    assert stream.read(message(b"ab"), 5.0) == b"ab"


def test_a_closed_stream_reads_nothing_until_it_is_opened_again() -> None:
    stream, head = opened()
    assert stream.read(message(b"ab"), 0.0) == b"ab"
    stream.close()
    assert (stream.response_id, stream.item_id) == ("", "")
    assert stream.read(message(b"ab", response_id="", item_id=""), 0.0) is None
    stream.open("resp_1", "item_1", 3, 48.0, head, (), sound)
    assert stream.read(message(b"ab"), 0.0) == b"ab"
    assert stream.pieces == 2


def test_a_part_whose_ids_are_not_of_ascii_is_not_opened() -> None:
    stream = SoundStream()
    stream.open("é", "item_1", 3, 48.0, Playhead(), (), sound)
    assert stream.read(message(b"ab", response_id="é"), 0.0) is None


def test_what_cannot_be_opened_is_refused() -> None:
    stream = SoundStream()
    with pytest.raises(ValueError, match="above 0, got 0"):
        stream.open("r", "i", 0, 0.0, Playhead(), (), sound)
    with pytest.raises(TypeError, match="SoundLength, got int"):
        stream.open("r", "i", 0, 48.0, Playhead(), (1,), sound)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        stream.open("r", "i", 0, 48.0, None, (), sound)  # type: ignore[arg-type]


@pytest.mark.parametrize(("waits", "second"), [(True, 9.0), (False, 9.0)])
def test_a_piece_begins_to_play_when_it_is_there_and_all_before_it_was_played(
    waits: bool, second: float
) -> None:
    head = Playhead(waits=waits)
    head.dry_at = 1.0
    assert head.advance(500.0, 0.25) == 1.0
    assert head.dry_at == 1.5
    # After a gap a clock that waits begins anew; the other has gone on meanwhile.
    assert head.advance(500.0, 9.0) == second
    assert head.dry_at == (9.5 if waits else 2.0)


def test_the_stream_tells_when_its_latest_piece_begins_to_play() -> None:
    stream, _ = opened()
    stream.read(message(bytes(4800)), 2.0)
    assert stream.start_s == 2.0
    stream.read(message(bytes(4800)), 2.0)
    assert stream.start_s == pytest.approx(2.1)


@pytest.mark.parametrize("thing", [SoundLength(), Playhead(), SoundStream()])
def test_none_of_it_can_be_copied(thing: object) -> None:
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.copy(thing)
