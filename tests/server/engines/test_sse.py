"""Data out of streams of server-sent events."""

from __future__ import annotations

import pytest

from rtaudio.errors import TransportError
from rtaudio.server.engines.sse import EventData

STREAM = b""": a comment\r\n\r\ndata: one\n\nevent: x\nid: 7\ndata:two\ndata:  lines\n\n\
data\n\nretry: 9\n\ndata: thr\xc3\xa9e\r\rdata: [DONE]\r\n\r\ndata: cut"""


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_data_comes_out_the_same_however_the_stream_is_cut(size: int) -> None:
    events = EventData()
    found = []
    for start in range(0, len(STREAM), size):
        found += events.feed(STREAM[start : start + size])
    assert found == ["one", "two\n lines", "", "thrée", "[DONE]"]


def test_an_event_that_never_ends_is_an_error() -> None:
    events = EventData()
    assert events.feed(b"data: " + bytes(1_000_000)) == []
    with pytest.raises(TransportError, match="more than 1048576 bytes"):
        events.feed(bytes(100_000))


def test_many_events_in_one_stream_have_no_bound() -> None:
    events = EventData()
    piece = b"data: " + b"x" * 100_000 + b"\n\n"
    assert sum(len(events.feed(piece)) for _ in range(30)) == 30


def test_what_is_not_utf8_is_an_error() -> None:
    with pytest.raises(TransportError, match="UTF-8"):
        EventData().feed(b"data: \xff\n\n")
