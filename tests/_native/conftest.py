"""What several tests of the Opus kernels share: sound, and the reference binding."""

from __future__ import annotations

import ctypes.util
import importlib
import sys
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.audio import libopus_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rtaudio.audio import Samples

SAMPLES = Path(__file__).parent.parent.parent / "samples"


@pytest.fixture(scope="session")
def speechlike() -> Callable[..., Samples]:
    """Makes a gliding tone with noise under a syllable-like envelope, interleaved int16."""

    def make(sample_rate: int, seconds: float, channels: int = 1) -> Samples:
        n = round(sample_rate * seconds)
        t = np.arange(n) / sample_rate
        voice = np.sin(2 * np.pi * (140 * t + 20 * np.sin(5 * t)))
        voice += 0.3 * np.sin(2 * np.pi * 900 * t)
        noise = np.random.default_rng(7).normal(0, 0.02, n)
        envelope = 9000 * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))
        mono = (envelope * voice + 3000 * noise).astype(np.int16)
        return np.repeat(mono, channels)

    return make


@pytest.fixture(scope="session")
def speech() -> Samples:
    """Four seconds of recorded speech, 24 kHz mono: libopus knows it for a voice."""
    with wave.open(str(SAMPLES / "pride.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (24000, 1)
        return np.frombuffer(file.readframes(24000 * 4), np.int16)


@pytest.fixture(scope="module")
def opuslib() -> Iterator[Any]:
    """The reference binding, pointed at the libopus that the kernels use."""
    find = ctypes.util.find_library
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ctypes.util, "find_library", lambda n: libopus_path() if n == "opus" else find(n)
        )
        for name in [name for name in sys.modules if name.startswith("opuslib")]:
            patch.delitem(sys.modules, name)
        yield importlib.import_module("opuslib")
