"""The Whisper recogniser: which model it takes, and that its text is faster-whisper's own."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from rtaudio.audio import load, resample
from rtaudio.errors import ConfigError
from rtaudio.server.engines import whisper
from rtaudio.server.engines.base import Drafter
from rtaudio.server.engines.whisper import WhisperRecogniser, resolve_model

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    (tmp_path / "model.bin").write_bytes(b"not really")
    return tmp_path


def test_a_folder_with_a_model_is_taken_as_it_is(model_folder: Path) -> None:
    assert resolve_model(model_folder) == str(model_folder)
    assert resolve_model(str(model_folder)) == str(model_folder)


@pytest.mark.parametrize("name", ["small.en", "owner/name"])
def test_a_name_is_left_to_faster_whisper(name: str) -> None:
    assert resolve_model(name) == name


@pytest.mark.parametrize("path", ["", "./nothing", "/no/such/folder", "~/nothing", "a/b/c"])
def test_a_path_without_a_model_is_refused(path: str) -> None:
    with pytest.raises(ConfigError, match=r"model\.bin"):
        resolve_model(path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.bin"):
        resolve_model(tmp_path)


def test_without_the_installed_model_the_smallest_name_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert resolve_model() == "tiny"


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'rtaudio\[local\]'"):
        WhisperRecogniser()


@pytest.mark.parametrize("option", ["workers", "threads"])
def test_no_workers_are_too_few(option: str, model_folder: Path) -> None:
    with pytest.raises(ConfigError, match=option):
        WhisperRecogniser(model_folder, **{option: 0})  # type: ignore[arg-type]


def test_a_broken_model_is_named_when_it_is_loaded(model_folder: Path) -> None:
    recogniser = WhisperRecogniser(model_folder)
    with pytest.raises(ConfigError, match="cannot load"):
        recogniser.load()


def test_the_text_is_the_one_of_faster_whisper_itself() -> None:
    faster_whisper = pytest.importorskip("faster_whisper")
    installed = whisper._installed_model()
    if installed is None:
        pytest.skip("the package with the test model is not installed")
    clip = load(SAMPLES / "walden.opus")
    samples = resample(clip.samples, clip.sample_rate, 16000)
    recogniser = WhisperRecogniser(language="en")
    pieces = list(recogniser.transcribe(samples))
    direct = faster_whisper.WhisperModel(str(installed), device="cpu", cpu_threads=1)
    segments, _ = direct.transcribe(samples.astype(np.float32) / 32768)
    assert "".join(pieces) == "".join(segment.text for segment in segments).strip()
    assert pieces


def test_a_draft_has_the_words_with_their_times() -> None:
    pytest.importorskip("faster_whisper")
    if whisper._installed_model() is None:
        pytest.skip("the package with the test model is not installed")
    clip = load(SAMPLES / "pride.wav")
    samples = resample(clip.samples, clip.sample_rate, 16000)
    recogniser = WhisperRecogniser(language="en")
    assert isinstance(recogniser, Drafter)
    segments = recogniser.draft(samples[: 16000 * 4])
    text = "".join(segment.text for segment in segments)
    assert text.startswith(" ")
    final = "".join(recogniser.transcribe(samples))
    begun = [word.strip(".,").lower() for word in text.split()][:3]
    assert begun == [word.strip(".,").lower() for word in final.split()][:3]
    ends = [segment.end_s for segment in segments]
    assert ends == sorted(ends)
    assert 2 < ends[-1] <= 4.1
