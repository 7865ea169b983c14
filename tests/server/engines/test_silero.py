"""Silero's probabilities, against faster-whisper's own use of the same model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtaudio.audio import load, resample
from rtaudio.server.engines.silero import SileroDetector

vad = pytest.importorskip("faster_whisper.vad")

SAMPLES = Path(__file__).parents[3] / "samples"
WINDOW = 512


@pytest.fixture(scope="module")
def speech() -> np.ndarray[Any, Any]:
    clip = load(SAMPLES / "pride.wav")
    sound = resample(clip.samples, clip.sample_rate, 16000)
    return sound[: 150 * WINDOW]


def test_probabilities_are_those_of_the_reference(speech: np.ndarray[Any, Any]) -> None:
    expected = vad.get_vad_model()(speech.astype(np.float32) / 32768)
    found = SileroDetector().stream().probabilities(speech)
    assert found == pytest.approx(expected.ravel().tolist(), abs=1e-4)
    assert max(found) > 0.9


def test_probabilities_do_not_depend_on_the_size_of_calls(speech: np.ndarray[Any, Any]) -> None:
    whole = SileroDetector().stream().probabilities(speech)
    stream = SileroDetector().stream()
    pieces = np.split(speech, [WINDOW, 3 * WINDOW, 3 * WINDOW, 70 * WINDOW])
    assert [p for piece in pieces for p in stream.probabilities(piece)] == pytest.approx(
        whole, abs=1e-4
    )


def test_silence_and_steady_noise_are_not_speech() -> None:
    noise = np.random.default_rng(1).integers(-300, 300, 100 * WINDOW, np.int16)
    for sound in (np.zeros(100 * WINDOW, np.int16), noise):
        assert max(SileroDetector().stream().probabilities(sound)) < 0.5


def test_an_incomplete_window_is_refused() -> None:
    with pytest.raises(ValueError, match="512"):
        SileroDetector().stream().probabilities(np.zeros(513, np.int16))
