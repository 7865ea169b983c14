from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtaudio import ConfigError, ConnectionLost, RealtimeAgent, RealtimeSession, TransportError
from rtaudio.transports import (
    ConnectOptions,
    FakeClock,
    RecordedRow,
    RecordingTransport,
    ReplayTransport,
    ScriptedModel,
    ScriptedTransport,
    read_recording,
)
from rtaudio.transports.base import TransportSink
from rtaudio.transports.scripted import ScriptError


def out(kind: str, **fields: Any) -> RecordedRow:
    return RecordedRow(dir="out", event={"type": kind, **fields})


def into(kind: str, at_s: float | None = None, **fields: Any) -> RecordedRow:
    return RecordedRow(dir="in", at_s=at_s, event={"type": kind, **fields})


def end(how: Any, **fields: Any) -> RecordedRow:
    return RecordedRow(dir="end", how=how, **fields)


class Told:
    """What a transport reports."""

    def __init__(self, transport: Any) -> None:
        self.events: list[str] = []
        self.lost: list[Any] = []
        transport.attach(
            TransportSink(
                event=lambda event, _raw: self.events.append(event.type),
                garbage=lambda _error, raw: self.events.append(raw["type"]),
                status=lambda _status: None,
                lost=self.lost.append,
            )
        )


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_events_come_once_all_was_sent_that_had_been_sent_before_them() -> None:
    rows = [into("a"), out("x"), out("y"), into("b"), into("c"), out("z"), into("d")]
    transport = ReplayTransport(rows)
    told = Told(transport)
    await transport.open(ConnectOptions(), None)
    await settle()
    assert told.events == ["a"]
    await transport.send_event({"type": "x"})
    await settle()
    assert told.events == ["a"]
    await transport.send_event({"type": "y", "event_id": "mine"})
    await settle()
    assert told.events == ["a", "b", "c"]
    with pytest.raises(ScriptError, match=r"not played: row 6, RecordedRow\(out, z\)"):
        transport.assert_complete()
    await transport.send_event({"type": "z"})
    await transport.wait_played()
    transport.assert_complete()
    await transport.shut()


async def test_a_client_that_hurries_ahead_gets_what_it_did_not_wait_for() -> None:
    transport = ReplayTransport([out("x"), into("a"), out("y"), into("b")])
    told = Told(transport)
    await transport.open(ConnectOptions(), {"type": "x"})
    await transport.send_event({"type": "y"})
    await transport.wait_played()
    assert told.events == ["a", "b"]
    await transport.shut()


async def test_what_leads_to_a_connection_is_not_waited_for() -> None:
    clock = FakeClock()
    rows = [into("a", 1.0), RecordedRow(dir="end", at_s=2.0, how="ended"), into("b", 9.0)]
    transport = ReplayTransport(rows, paced=True, clock=clock)
    told = Told(transport)
    await transport.open(ConnectOptions(), None)
    await clock.advance(1.0)
    assert told.lost == [None]
    await transport.open(ConnectOptions(), None)
    assert told.events == ["a", "b"]
    await transport.shut()


@pytest.mark.parametrize(
    ("event", "difference"),
    [
        ({"type": "y"}, "row 2: x was expected, y was sent"),
        ({"type": "x", "a": {"b": [1, 2]}}, r"row 2: x differs at a.b\[1\]$"),
        ({"type": "x", "a": {"b": [1]}}, "row 2: x differs at a.b$"),
        ({"type": "x", "a": {}}, "row 2: x differs at a.b: not sent"),
        ({"type": "x", "a": {"b": [1, 3], "c": 0}}, "a.c: not in the recording"),
        ({"type": "x", "a": {"b": [True, 3]}}, r"differs at a.b\[0\]"),
    ],
)
async def test_what_differs_from_the_recording_is_named_with_its_row(
    event: dict[str, Any], difference: str
) -> None:
    transport = ReplayTransport([into("a"), out("x", a={"b": [1, 3]}), into("b")])
    told = Told(transport)
    await transport.open(ConnectOptions(), None)
    with pytest.raises(ScriptError, match=difference):
        await transport.send_event(event)
    await settle()
    assert told.events == ["a"]
    with pytest.raises(ScriptError, match="row 2"):
        await transport.wait_played()
    with pytest.raises(ScriptError, match="row 2"):
        transport.assert_complete()
    await transport.shut()


async def test_more_than_was_recorded_is_refused_and_nothing_goes_out_after_the_end() -> None:
    transport = ReplayTransport([out("x"), end("closed")])
    await transport.open(ConnectOptions(), {"type": "x"})
    with pytest.raises(ScriptError, match="had sent no more"):
        await transport.send_event({"type": "y"})
    await transport.shut()
    with pytest.raises(TransportError, match="disconnected"):
        await transport.send_event({"type": "x"})
    with pytest.raises(ScriptError, match="no further connection"):
        await transport.open(ConnectOptions(), None)


async def test_connections_end_as_they_had_ended() -> None:
    rows = [into("a"), end("lost", code="1006"), out("x"), end("ended"), into("b"), end("closed")]
    transport = ReplayTransport(rows)
    told = Told(transport)
    await transport.open(ConnectOptions(), None)
    await settle()
    lost = told.lost.pop()
    assert isinstance(lost, ConnectionLost)
    assert lost.code == "1006"
    await transport.open(ConnectOptions(), None)
    await transport.send_event({"type": "x"})
    await settle()
    assert told.lost == [None]
    await transport.open(ConnectOptions(), None)
    await transport.wait_played()
    assert told.events == ["a", "b"]
    await transport.shut()
    transport.assert_complete()


async def test_an_attempt_that_had_failed_fails() -> None:
    transport = ReplayTransport([out("x"), end("lost", code="1008")])
    with pytest.raises(ConnectionLost) as caught:
        await transport.open(ConnectOptions(), {"type": "x"})
    assert caught.value.code == "1008"
    assert transport.status == "disconnected"


async def test_events_keep_the_recordings_pace_by_the_clock() -> None:
    clock = FakeClock()
    rows = [into("a", 2.0), into("b", 2.5), into("c", 4.0)]
    transport = ReplayTransport(rows, paced=True, clock=clock)
    told = Told(transport)
    await transport.open(ConnectOptions(), None)
    assert told.events == ["a"]
    for step, expected in ((0.4, "a"), (0.1, "ab"), (1.4, "ab"), (0.1, "abc")):
        await clock.advance(step)
        assert told.events == list(expected)
    await transport.shut()


async def test_sound_is_compared_or_ignored_as_wanted() -> None:
    append = {"type": "input_audio_buffer.append", "audio": "AQIDBA=="}
    rows = [RecordedRow(dir="out", event=append), into("a")]
    transport = ReplayTransport(rows)
    await transport.open(ConnectOptions(), None)
    with pytest.raises(ScriptError, match="append differs at audio"):
        await transport.send_audio(b"\1\2")
    await transport.shut()
    transport = ReplayTransport(rows, sound="ignore")
    told = Told(transport)
    await transport.open(ConnectOptions(), None)
    for _ in range(3):
        await transport.send_audio(b"\1\2")
    await transport.wait_played()
    assert told.events == ["a"]
    await transport.shut()


async def test_sound_that_was_left_out_is_silence_of_the_same_length() -> None:
    place = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0}
    delta = {"type": "response.output_audio.delta", "event_id": "e", "delta": "", **place}
    append = {"type": "input_audio_buffer.append", "audio": ""}
    transport = ReplayTransport(
        [
            RecordedRow(dir="in", event=delta, sound_bytes=480),
            RecordedRow(dir="out", event=append, sound_bytes=4),
        ]
    )
    pieces: list[bytes] = []
    transport.attach(
        TransportSink(
            event=lambda event, _raw: pieces.append(event.audio),  # type: ignore[union-attr]
            garbage=lambda _error, _raw: None,
            status=lambda _status: None,
            lost=lambda _error: None,
        )
    )
    await transport.open(ConnectOptions(), None)
    assert pieces == [bytes(480)]
    await transport.send_audio(b"\1\2\3\4")
    with pytest.raises(ScriptError, match="no more"):
        await transport.send_audio(b"\1\2")
    await transport.shut()


async def test_an_error_names_the_event_of_this_client_that_it_answers() -> None:
    error = {"type": "invalid_request_error", "message": "no", "event_id": "theirs"}
    rows = [out("x", event_id="theirs"), into("error", event_id="e", error=error)]
    transport = ReplayTransport(rows)
    seen: list[Any] = []
    transport.attach(
        TransportSink(
            event=lambda event, _raw: seen.append(event.error.event_id),  # type: ignore[union-attr]
            garbage=lambda _error, _raw: None,
            status=lambda _status: None,
            lost=lambda _error: None,
        )
    )
    await transport.open(ConnectOptions(), {"type": "x", "event_id": "mine"})
    await transport.wait_played()
    assert seen == ["mine"]
    await transport.shut()


async def test_a_recorded_conversation_takes_the_same_course_again(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    agent = RealtimeAgent("Porter", "Answer in one sentence.")

    async def talk(session: RealtimeSession) -> None:
        await session.send_message("Where is the station?")
        await settle()

    inner = ScriptedTransport()
    model = ScriptedModel(inner)
    async with RealtimeSession(agent, transport=RecordingTransport(inner, path)) as session:
        await talk(session)
        model.reads("Where is the station?")
        model.says("Down the road.", audio=bytes(9600))
        first = session.history, session.usage
    replay = ReplayTransport(path)
    async with RealtimeSession(agent, transport=replay) as session:
        sound = bytearray()
        session.on("audio", lambda event: sound.extend(event.data))
        await talk(session)
        await replay.wait_played()
        assert (session.history, session.usage) == first
        assert bytes(sound) == bytes(9600)
    replay.assert_complete()


async def test_rows_without_times_or_ends_can_be_played(tmp_path: Path) -> None:
    path = tmp_path / "field.jsonl"
    path.write_text('{"dir":"in","event":{"type":"a"}}\n{"dir":"out","event":{"type":"x"}}\n')
    transport = ReplayTransport(path, paced=True)
    told = Told(transport)
    await transport.open(ConnectOptions(), None)
    await transport.send_event({"type": "x"})
    await transport.wait_played()
    assert told.events == ["a"]
    await transport.shut()
    transport.assert_complete()


def test_what_is_no_recording_is_refused() -> None:
    with pytest.raises(ConfigError, match="no rows"):
        ReplayTransport([])
    with pytest.raises(ConfigError, match="'compare' or 'ignore', got 'x'"):
        ReplayTransport([out("x")], sound="x")  # type: ignore[arg-type]


EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["a", "b", "error", "session.created", "response.done"])},
    optional={
        "text": st.text(max_size=8),
        "authorization": st.text(max_size=8),
        "session": st.dictionaries(st.text(max_size=3), st.integers() | st.none(), max_size=2),
        "url": st.sampled_from(["https://u@h/a?key=1", "wss://h"]),
    },
)
CONNECTIONS = st.lists(
    st.tuples(
        st.lists(
            st.tuples(st.sampled_from(["in", "out"]), st.integers(0, 3000), EVENTS),
            min_size=1,
            max_size=6,
        ),
        st.sampled_from(["closed", "ended", "lost"]),
    ),
    min_size=1,
    max_size=3,
)


async def drive(transport: RecordingTransport, rows: list[RecordedRow], clock: FakeClock) -> None:
    """Play the client's part of rows, at their times."""
    await transport.open(ConnectOptions(), None)
    for row in rows:
        await clock.advance(max(0.0, (row.at_s or 0.0) - clock.monotonic()))
        if row.dir == "out":
            await transport.send_event(row.event or {})
        elif row.how == "closed":
            await transport.shut()
    await clock.advance(0.0)


@settings(max_examples=50, deadline=None)
@given(connections=CONNECTIONS)
def test_a_recording_of_a_replay_is_the_recording(connections: Any) -> None:
    async def check(folder: Path) -> None:
        # The first recording is of a service that says what hypothesis wants it to say.
        clock, inner = FakeClock(), ScriptedTransport()
        first = RecordingTransport(inner, folder / "first.jsonl", clock=clock)
        for steps, how in connections:
            await first.open(ConnectOptions(), None)
            for number, (direction, ms, event) in enumerate(steps):
                # What comes first is not waited for.
                await clock.advance(ms / 1000 if number else 0.0)
                if direction == "out":
                    await first.send_event(event)
                else:
                    inner.emit(event)
            if how == "closed":
                await first.shut()
            else:
                inner.disconnect(None if how == "ended" else ConnectionLost("x", code="1006"))
        rows = read_recording(folder / "first.jsonl")

        clock = FakeClock()
        replay = ReplayTransport(rows, paced=True, clock=clock)
        second = RecordingTransport(replay, folder / "second.jsonl", clock=clock)
        while rows:
            ends = next(number for number, row in enumerate(rows) if row.dir == "end")
            await drive(second, rows[: ends + 1], clock)
            rows = rows[ends + 1 :]
        replay.assert_complete()
        assert read_recording(folder / "second.jsonl") == read_recording(folder / "first.jsonl")

    with TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))
