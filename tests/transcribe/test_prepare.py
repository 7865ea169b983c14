"""From files to turns: any rate and channel count, silence, and files that end early."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtaudio.errors import AudioError
from rtaudio.transcribe.prepare import MIN_TURN_S, prepare
from rtaudio.transcribe.segment import Span

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RATE = 16000


def tone(seconds: float, sample_rate: int) -> NDArray[np.int16]:
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    return (8000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)


def write_wav(path: Path, samples: NDArray[np.int16], sample_rate: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1] if samples.ndim == 2 else 1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(samples.tobytes())
    return path


@pytest.mark.parametrize("sample_rate", [8000, 16000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_everything_becomes_mono_at_the_wanted_rate(
    tmp_path: Path, sample_rate: int, channels: int
) -> None:
    samples = tone(2.0, sample_rate)
    if channels == 2:
        samples = np.stack([samples, samples], axis=1)
    prepared = prepare(write_wav(tmp_path / "a.wav", samples, sample_rate), RATE)
    assert prepared.samples.shape == (2 * RATE,)
    assert prepared.duration_s == 2.0
    assert prepared.spans == [Span(0.0, 2.0)]
    assert prepared.problem is None
    middle = slice(RATE // 2, RATE)
    assert np.abs(prepared.samples[middle] - tone(2.0, RATE)[middle].astype(int)).max() < 400


def test_silence_has_a_duration_and_no_turns(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", np.zeros(3 * RATE, np.int16), RATE)
    prepared = prepare(path, RATE)
    assert (prepared.duration_s, prepared.spans) == (3.0, [])


def test_a_span_is_borrowed_by_its_times(tmp_path: Path) -> None:
    prepared = prepare(write_wav(tmp_path / "a.wav", tone(1.0, RATE), RATE), RATE)
    piece = prepared.pcm(Span(0.25, 0.5))
    assert np.shares_memory(piece, prepared.samples)
    assert (piece == prepared.samples[4000:8000]).all()


def test_a_turn_too_short_for_a_service_is_padded_with_silence(tmp_path: Path) -> None:
    prepared = prepare(write_wav(tmp_path / "a.wav", tone(0.01, RATE), RATE), RATE)
    piece = prepared.pcm(prepared.spans[0])
    assert piece.shape == (round(MIN_TURN_S * RATE),)
    assert (piece[:160] == prepared.samples).all()
    assert not piece[160:].any()


def test_a_truncated_file_gives_what_is_there_and_the_problem(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "a.wav", tone(4.0, RATE), RATE)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    prepared = prepare(path, RATE)
    assert prepared.duration_s == pytest.approx(2.0, abs=0.1)
    assert prepared.problem
    assert len(prepared.spans) == 1


@pytest.mark.parametrize("content", [None, b"", b"these are words, not sound" * 50])
def test_what_holds_no_sound_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.wav"):
        prepare(path, RATE)
