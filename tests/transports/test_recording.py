from __future__ import annotations

import base64
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio import ConfigError, ConnectionLost, RealtimeAgent, RealtimeSession
from rtaudio.protocol import decode_server_event
from rtaudio.transports import (
    ConnectOptions,
    FakeClock,
    RecordingTransport,
    ScriptedModel,
    ScriptedTransport,
    read_recording,
)

if TYPE_CHECKING:
    from pathlib import Path

SOUND = bytes(range(256)) * 20


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


async def test_what_passes_both_ways_is_written_down_with_its_time(tmp_path: Path) -> None:
    inner, clock, path = ScriptedTransport(), FakeClock(50.0), tmp_path / "a.jsonl"
    transport = RecordingTransport(inner, path, clock=clock)
    await transport.open(ConnectOptions(), {"type": "session.update", "session": {}})
    await clock.advance(0.25)
    inner.emit({"type": "session.created", "event_id": "e", "session": {}})
    await transport.send_audio(b"\1\2\3\4")
    inner.emit(decode_server_event('{"type": "unheard.of", "x": 1}'), b"garbage", "[]")
    inner.emit({"type": "conversation.item.deleted", "item_id": 7})
    await clock.advance(1.0)
    await transport.shut()
    assert rows_of(path) == [
        {"dir": "out", "at_s": 0.0, "event": {"type": "session.update", "session": {}}},
        {
            "dir": "in",
            "at_s": 0.25,
            "event": {"type": "session.created", "event_id": "e", "session": {}},
        },
        {
            "dir": "out",
            "at_s": 0.25,
            "event": {"type": "input_audio_buffer.append", "audio": "AQIDBA=="},
        },
        {"dir": "in", "at_s": 0.25, "event": {"type": "unheard.of", "x": 1}},
        {
            "dir": "in",
            "at_s": 0.25,
            "event": {"type": "conversation.item.deleted", "item_id": 7},
        },
        {"dir": "end", "at_s": 1.25, "how": "closed"},
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [row.dir for row in read_recording(path)] == ["out", "in", "out", "in", "in", "end"]


async def test_sound_can_be_left_out_and_leaves_its_length(tmp_path: Path) -> None:
    inner, path = ScriptedTransport(), tmp_path / "a.jsonl"
    model = ScriptedModel(inner)
    transport = RecordingTransport(inner, path, audio=False)
    async with RealtimeSession(None, transport=transport) as session:
        await session.send_audio(SOUND)
        model.says("hello", audio=SOUND)
        part = {
            "type": "output_audio",
            "audio": base64.b64encode(SOUND).decode(),
            "transcript": "x",
        }
        item = {"id": "i", "type": "message", "role": "assistant", "content": [part]}
        inner.emit({"type": "conversation.item.retrieved", "event_id": "e", "item": item})
    text = path.read_text("utf-8")
    assert base64.b64encode(SOUND[:300]).decode() not in text
    sizes = [(row.dir, row.sound_bytes) for row in read_recording(path) if row.sound_bytes]
    assert sizes == [("out", 5120), ("in", 4800), ("in", 320)]
    assert part["audio"]


async def test_no_secret_reaches_the_file(tmp_path: Path) -> None:
    inner, path = ScriptedTransport(), tmp_path / "a.jsonl"
    asked: list[Any] = []

    async def connect(options: ConnectOptions) -> None:
        assert callable(options.api_key)
        asked.append(await options.api_key())  # type: ignore[misc]
        await ScriptedTransport.connect(inner, options)

    inner.connect = connect  # type: ignore[method-assign]
    transport = RecordingTransport(inner, path)
    options = ConnectOptions(api_key=lambda: "topsecretkey", url="wss://h/?t=urlsecret")
    tool = {"type": "mcp", "authorization": "mcpsecret", "headers": {"a": "headersecret"}}
    await transport.open(options, {"type": "session.update", "session": {"tools": [tool]}})
    error = {"type": "x", "message": "Bad key topsecretkey"}
    inner.emit({"type": "error", "event_id": "e", "error": error})
    await transport.shut()
    assert asked == ["topsecretkey"]
    assert "secret" not in path.read_text("utf-8")
    assert "secret" not in repr(transport) + repr(read_recording(path))


async def test_each_connection_ends_in_a_row_of_its_own(tmp_path: Path) -> None:
    inner, path = ScriptedTransport(), tmp_path / "a.jsonl"
    transport = RecordingTransport(inner, path)
    for error in (ConnectionLost("x", code="1006"), None):
        await transport.open(ConnectOptions(), {"type": "a"})
        inner.disconnect(error)
    inner.fail_next_call("connect", OSError("refused before anything passed"))
    with pytest.raises(OSError, match="refused"):
        await transport.open(ConnectOptions(), {"type": "b"})
    inner.fail_next_call("send_event", OSError("the greeting broke it"))
    with pytest.raises(OSError, match="greeting"):
        await transport.open(ConnectOptions(), {"type": "c"})
    await transport.open(ConnectOptions(), {"type": "d"})
    await transport.shut()
    await transport.shut()
    kinds = [row.how if row.event is None else row.event["type"] for row in read_recording(path)]
    assert kinds == ["a", "lost", "a", "ended", "c", "lost", "d", "closed"]
    assert read_recording(path)[1].code == "1006"


async def test_a_file_that_exists_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("precious")
    transport = RecordingTransport(ScriptedTransport(), path)
    with pytest.raises(ConfigError, match="exists already"):
        await transport.open(ConnectOptions(), None)
    assert path.read_text() == "precious"
    transport = RecordingTransport(ScriptedTransport(), tmp_path / "no" / "a.jsonl")
    with pytest.raises(ConfigError, match="cannot be written"):
        await transport.open(ConnectOptions(), None)


async def test_a_full_disk_ends_the_recording_at_a_whole_row_and_not_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    inner = ScriptedTransport()
    transport = RecordingTransport(inner, path)
    write = os.write
    async with RealtimeSession(RealtimeAgent("a"), transport=transport) as session:
        monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:10]))
        await session.send_message("hello")
        monkeypatch.undo()
        await session.send_message("again")
    assert len(inner.calls) > 5
    assert transport.failure is not None
    assert [row.dir for row in read_recording(path)] == ["out"]
    assert path.read_bytes().endswith(b"}\n")


def test_files_that_hold_no_recording_are_refused_by_row(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = '{"dir":"in","event":{"type":"x"}}\n'
    for bad in (
        '{"dir":"up","event":{"type":"x"}}',
        '{"dir":"in"}',
        '{"dir":"in","event":{}}',
        "{",
    ):
        path.write_text(f"{good}\n{bad}\n{good}")
        with pytest.raises(ConfigError, match="row 3 of"):
            read_recording(path)
    path.write_text(good + good[:20])
    assert len(read_recording(path)) == 1
    with pytest.raises(ConfigError, match="cannot read"):
        read_recording(tmp_path / "missing")
