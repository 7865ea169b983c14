from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtaudio import AudioError, ConfigError, History
from rtaudio.audio import AudioClip, load
from rtaudio.conversation import ContentPart, Item
from rtaudio.protocol import McpError

if TYPE_CHECKING:
    from pathlib import Path

RAMP = AudioClip(np.arange(4800, dtype=np.int16), 24000)
STEREO = AudioClip(np.arange(960, dtype=np.int16).reshape(-1, 2), 44100)


def made(kind: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


texts = st.none() | st.text()
parts = made(
    ContentPart,
    type=st.sampled_from(["input_text", "input_audio", "input_image", "output_text"]),
    text=texts,
    transcript=texts,
    image_url=texts,
    detail=texts,
    audio=st.none() | st.just(RAMP) | st.just(STEREO),
)
errors = made(
    McpError,
    type=st.sampled_from(["protocol_error", "http_error", "tool_execution_error"]),
    message=texts,
)
items = made(
    Item,
    item_id=st.text(min_size=1),
    type=st.sampled_from(["message", "function_call", "mcp_call", "mcp_approval_request"]),
    role=st.sampled_from([None, "system", "user", "assistant"]),
    status=st.sampled_from([None, "in_progress", "completed", "incomplete"]),
    content=st.lists(parts, max_size=3).map(tuple),
    previous_item_id=texts,
    audio_end_ms=st.none() | st.integers(0, 10**6),
    audio_ms=st.none() | st.floats(0, 1e6),
    audio_marks=st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 1000)), max_size=3).map(tuple),
    name=texts,
    call_id=texts,
    arguments=texts | st.dictionaries(st.text(), st.integers() | st.text(), max_size=2),
    output=texts,
    error=st.none() | errors,
    server_label=texts,
    approved=st.none() | st.booleans(),
)


def saved(path: Path, *entries: Item) -> History:
    History(entries).save(path)
    return History.load(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(items, max_size=4, unique_by=lambda item: item.item_id))
def test_whatever_is_saved_comes_back(tmp_path: Path, given: list[Item]) -> None:
    assert saved(tmp_path / "talk.zip", *given) == tuple(given)


def test_the_file_opens_with_ordinary_programs(tmp_path: Path) -> None:
    said = ContentPart(type="input_audio", transcript="hello", audio=RAMP)
    saved(tmp_path / "talk.zip", Item(item_id="i", content=(said,)))
    with zipfile.ZipFile(tmp_path / "talk.zip") as archive:
        index = json.loads(archive.read("history.json"))
        archive.extractall(tmp_path)
    (item,) = index["items"]
    assert item["content"][0]["transcript"] == "hello"
    assert load(tmp_path / item["content"][0]["audio"]["file"]) == RAMP


def test_sound_is_read_when_it_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "talk.zip"
    said = ContentPart(type="input_audio", audio=STEREO)
    (item,) = saved(path, Item(item_id="i", content=(said,)))
    clip = item.content[0].audio
    assert clip is not None
    assert (clip.sample_rate, clip.channels, clip.duration) == (44100, 2, STEREO.duration)
    assert np.array_equal(clip.samples, STEREO.samples)
    path.unlink()
    assert clip.duration == STEREO.duration
    with pytest.raises(AudioError, match=r"talk\.zip.*cannot be read"):
        _ = clip.samples


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "talk.zip"
    saved(path, Item(item_id="old"))
    monkeypatch.setattr(zipfile.ZipFile, "writestr", _disk_full)
    with pytest.raises(OSError, match="No space"):
        History([Item(item_id="new")]).save(path)
    monkeypatch.undo()
    assert [item.item_id for item in History.load(path)] == ["old"]
    assert [each.name for each in tmp_path.iterdir()] == ["talk.zip"]


def _disk_full(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


def rewrite(path: Path, change: Any) -> None:
    """Save a history with one sound, and change its index."""
    said = ContentPart(type="input_audio", audio=RAMP)
    History([Item(item_id="i", content=(said,))]).save(path)
    with zipfile.ZipFile(path) as archive:
        index = json.loads(archive.read("history.json"))
        sound = archive.read(index["items"][0]["content"][0]["audio"]["file"])
    change(index)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("history.json", json.dumps(index))
        archive.writestr("audio/0000-0.wav", sound)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda index: index.update(version=7), "version 7"),
        (lambda index: index.update(format="else"), "not a history"),
        (lambda index: index["items"].append(index["items"][0]), "one id"),
        (lambda index: index["items"][0].update(status="happy"), "not a history"),
        (
            lambda index: index["items"][0]["content"][0]["audio"].update(file="../x.wav"),
            "is missing",
        ),
        (
            lambda index: index["items"][0]["content"][0]["audio"].update(sample_rate=0),
            "not a history",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, change: Any, says: str) -> None:
    path = tmp_path / "talk.zip"
    rewrite(path, change)
    with pytest.raises(ConfigError, match=says):
        History.load(path)


def test_another_kind_of_file_is_refused_and_a_missing_one_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_bytes(msgspec.json.encode({"items": []}))
    with pytest.raises(ConfigError, match=r"talk\.json is not a history"):
        History.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(ConfigError, match="not a history"):
        History.load(path)
    with pytest.raises(FileNotFoundError):
        History.load(tmp_path / "none")


def test_damaged_sound_is_an_audio_error_when_it_is_listened_to(tmp_path: Path) -> None:
    path = tmp_path / "talk.zip"
    rewrite(path, lambda index: index["items"][0]["content"][0]["audio"].update(channels=1))
    with zipfile.ZipFile(path) as archive:
        index = archive.read("history.json")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("history.json", index)
        archive.writestr("audio/0000-0.wav", b"RIFF")
    clip = History.load(path)[0].content[0].audio
    assert clip is not None
    with pytest.raises(AudioError, match="damaged"):
        _ = clip.samples
