"""Reading and writing sound files, whole, damaged and absent."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtaudio.audio import AudioClip, load, load_partial, save
from rtaudio.errors import AudioError

SAMPLES = Path(__file__).parent.parent.parent / "samples"
CLIPS = sorted(p for p in SAMPLES.iterdir() if p.suffix not in {".md", ".py", ".jsonl"})


def noise(seconds: float, sample_rate: int, channels: int = 1) -> AudioClip:
    n = int(seconds * sample_rate)
    samples = np.random.default_rng(3).integers(-20000, 20000, (n, channels), np.int16)
    return AudioClip(samples[:, 0] if channels == 1 else samples, sample_rate)


@pytest.mark.parametrize("path", CLIPS, ids=lambda p: p.name)
def test_every_sample_decodes_whole_and_loud(path: Path) -> None:
    clip, problem = load_partial(path)
    assert problem is None
    assert clip.duration > 5
    assert np.abs(clip.samples.astype(int)).max() > 3000


def first_half(path: Path, folder: Path) -> Path:
    cut = folder / path.name
    data = path.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    return cut


@pytest.mark.parametrize("path", [p for p in CLIPS if p.suffix != ".m4a"], ids=lambda p: p.name)
def test_half_a_file_gives_its_half_and_a_reason(path: Path, tmp_path: Path) -> None:
    clip, problem = load_partial(first_half(path, tmp_path))
    assert clip.duration == pytest.approx(load(path).duration / 2, rel=0.3)
    if path.suffix != ".mp3":  # frames without a stated length: half of one is a whole MP3
        assert problem is not None


def test_half_an_mp4_lacks_its_table_of_contents_and_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"origin\.m4a"):
        load_partial(first_half(SAMPLES / "origin.m4a", tmp_path))


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize(("sample_rate", "channels"), [(8000, 1), (44100, 2), (16000, 1)])
def test_lossless_files_come_back_as_they_were(
    suffix: str, sample_rate: int, channels: int, tmp_path: Path
) -> None:
    clip = noise(0.7, sample_rate, channels)
    save(tmp_path / f"a{suffix}", clip)
    assert load(tmp_path / f"a{suffix}") == clip


def test_opus_files_keep_length_and_pitch(tmp_path: Path) -> None:
    tone = (9000 * np.sin(2 * np.pi * 440 * np.arange(24000) / 24000)).astype(np.int16)
    save(tmp_path / "a.opus", AudioClip(tone, 24000))
    clip = load(tmp_path / "a.opus")
    assert clip.sample_rate == 48000
    assert clip.duration == pytest.approx(1.0, abs=0.03)
    spectrum = np.abs(np.fft.rfft(clip.samples[:48000].astype(float)))
    assert np.argmax(spectrum) * 48000 / len(clip.samples[:48000]) == pytest.approx(440, abs=2)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "letter.mp3").write_text("Dear Sir, this is no music. " * 50)
    for name in ("missing.wav", "empty.wav", "letter.mp3", "."):
        with pytest.raises(AudioError):
            load(tmp_path / name)


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.flac"
    save(target, noise(0.1, 16000))
    before = target.read_bytes()
    with pytest.raises(AudioError):
        save(target, noise(0.1, 16000, channels=9))
    with pytest.raises(AudioError, match=r"\.xyz"):
        save(tmp_path / "a.xyz", noise(0.1, 16000))
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


@settings(max_examples=60)
@given(data=st.binary(max_size=2000))
def test_arbitrary_bytes_raise_audio_errors_and_nothing_else(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.wav"
    path.write_bytes(b"RIFF" + data)
    with contextlib.suppress(AudioError):
        load_partial(path)


@pytest.mark.parametrize("suffix", [".opus", ".ogg"])
def test_an_empty_clip_is_no_opus_file(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="empty clip"):
        save(tmp_path / f"a{suffix}", AudioClip(np.zeros(0, np.int16), 48000))
    assert list(tmp_path.iterdir()) == []
