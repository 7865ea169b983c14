"""A conversation with its sound, saved, written as a recording, and gone on with."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio import AudioRetention, ConfigError, History, RealtimeAgent, RealtimeSession
from rtaudio.audio import AudioClip, load
from rtaudio.transports import ScriptedModel, ScriptedTransport

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 24_000
ASKED = np.arange(SECOND, dtype=np.int16)
ANSWERED = (np.arange(SECOND) % 1000).astype(np.int16)


async def talk(keep: Any, *, interrupted: bool = True) -> RealtimeSession:
    """A question of a second and its answer, of which the caller may hear no more than a moment."""
    transport = ScriptedTransport()
    model = ScriptedModel(transport)
    session = RealtimeSession(RealtimeAgent("a"), transport=transport, history_store_audio=keep)
    async with session:
        await session.send_audio(ASKED)
        model.hears("How far is it?", start_ms=100, end_ms=900)
        speech = ANSWERED.tobytes()
        item_id = model.says("Far, very far.", audio=speech, end=not interrupted)
        if interrupted:
            await session.interrupt()
            model.truncates(item_id, transport.calls[-1].event["audio_end_ms"])
            model.ends("cancelled")
    return session


@pytest.mark.parametrize("codec", ["pcm16", "opus"])
async def test_a_history_comes_back_with_its_sound(tmp_path: Path, codec: Any) -> None:
    session = await talk(AudioRetention(codec))
    session.history.save(tmp_path / "talk.zip")
    loaded = History.load(tmp_path / "talk.zip")
    assert loaded == session.history
    assert type(loaded) is type(session.history)
    sound = loaded[0].content[0].audio
    assert sound is not None
    assert sound.duration == pytest.approx(0.8)
    if codec == "pcm16":
        assert sound == AudioClip(ASKED[2400:21_600], SECOND)


async def test_what_was_saved_has_only_what_was_heard(tmp_path: Path) -> None:
    session = await talk(True)
    session.history.save(tmp_path / "talk.zip")
    answer = History.load(tmp_path / "talk.zip")[1]
    clip = answer.content[0].audio
    assert clip is not None
    assert answer.audio_end_ms is not None
    assert clip.duration == answer.audio_end_ms / 1000


async def test_another_session_goes_on_and_hears_the_users_voice(tmp_path: Path) -> None:
    (await talk(True)).history.save(tmp_path / "talk.zip")
    transport = ScriptedTransport()
    loaded = History.load(tmp_path / "talk.zip")
    async with RealtimeSession(None, transport=transport, history=loaded) as session:
        assert session.history == loaded
        created = [c.event["item"] for c in transport.calls if c.event.get("item")]
    (content,) = created[0]["content"]
    assert content["type"] == "input_audio"
    assert content["transcript"] == "How far is it?"
    assert base64.b64decode(content["audio"]) == ASKED[2400:21_600].tobytes()


async def test_a_recording_has_both_sides_at_their_time(tmp_path: Path) -> None:
    session = await talk(True, interrupted=False)
    session.recording(tmp_path / "talk.wav")
    clip = load(tmp_path / "talk.wav")
    left, right = clip.samples[:, 0], clip.samples[:, 1]
    assert np.array_equal(left[:19_200], ASKED[2400:21_600])
    # The answer came as soon as the question had been sent: 0.9 s behind its first kept sample.
    begin = int(np.flatnonzero(right)[0]) - 1  # the first of its samples is 0
    assert begin >= 21_590
    assert np.array_equal(right[begin : begin + SECOND], ANSWERED)
    assert len(right) - begin - SECOND <= 2


async def test_without_sound_there_is_nothing_to_record(tmp_path: Path) -> None:
    session = await talk(False)
    with pytest.raises(ConfigError, match="history_store_audio"):
        session.recording(tmp_path / "talk.wav")
    assert all(part.audio is None for item in session.history for part in item.content)
