"""Sound to race with: speech, recorded or made up, and sums of tones whose resampling is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from rtaudio.audio import load, resample

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from rtaudio.audio import Samples

__all__ = ["Material", "multitone", "synthetic_speech", "tone_levels"]

SAMPLE_RATE = 24_000
SECONDS = 6

# Formants in Hz of five vowels (a, e, i, o, u), rounded from Peterson and Barney, "Control methods
# used in a study of the vowels", JASA 24 (1952), table II, men.
VOWELS = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (270, 2290, 3010),
    (570, 840, 2410),
    (300, 870, 2240),
)
FORMANT_WIDTH_HZ = 90.0
SYLLABLE_S = 0.18


@dataclass(frozen=True, slots=True)
class Material:
    """The speech that is raced with.

    Attributes:
        samples: mono int16 at 24 kHz, at least a second.
        source: where it is from, for the report.
    """

    samples: Samples
    source: str

    @classmethod
    def synthetic(cls) -> Material:
        """Speech-like sound that is the same everywhere."""
        return cls(synthetic_speech(SECONDS), "synthetic: five vowels, noise and pauses")

    @classmethod
    def from_file(cls, path: Path) -> Material:
        """The first seconds of a recording.

        Raises:
            AudioError: it cannot be read.
        """
        clip = load(path)
        mono = clip.samples if clip.channels == 1 else clip.samples.mean(axis=1).astype(np.int16)
        samples = resample(mono.reshape(-1), clip.sample_rate, SAMPLE_RATE, quality="high")
        return cls(samples[: SECONDS * SAMPLE_RATE], path.name)

    def at(self, sample_rate: int, seconds: float) -> Samples:
        """The first `seconds` at another rate; repeated where the speech is shorter."""
        wanted = round(seconds * sample_rate)
        sound = self.samples
        if sample_rate != SAMPLE_RATE:
            sound = resample(sound, SAMPLE_RATE, sample_rate, quality="high")
        return np.resize(sound, wanted)


@cache
def synthetic_speech(seconds: float, sample_rate: int = SAMPLE_RATE) -> Samples:
    """Make sound that codecs and resamplers treat much as speech: voiced, hissing and silent parts.

    Voice is a sum of the harmonics of a gliding pitch, each as loud as the vowel's formants let it
    through; every fourth syllable is noise, every seventh a pause. No randomness from outside: the
    same arguments give the same samples.
    """
    count = round(seconds * sample_rate)
    t = np.arange(count) / sample_rate
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.7 * t) + 10 * np.sin(2 * np.pi * 2.3 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    syllable = (t / SYLLABLE_S).astype(int)
    formants = np.array(VOWELS, float)[syllable % len(VOWELS)]
    voice = np.zeros(count)
    for harmonic in range(1, 30):
        at = harmonic * pitch
        level = np.zeros(count)
        for number in range(3):
            level += 0.5**number / (1 + ((at - formants[:, number]) / FORMANT_WIDTH_HZ) ** 2)
        voice += level * np.sin(harmonic * phase)
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(count))
    spectrum[np.fft.rfftfreq(count, 1 / sample_rate) < 2500] = 0
    hiss = 0.3 * np.fft.irfft(spectrum, count)
    envelope = np.sin(np.pi * (t / SYLLABLE_S % 1)) ** 0.5
    sound = np.where(syllable % 4 == 3, hiss, voice) * np.where(syllable % 7 == 6, 0, envelope)
    return np.asarray(np.rint(sound / np.abs(sound).max() * 20_000), np.int16)


def multitone(tones_hz: tuple[int, ...], sample_rate: int, seconds: float, peak: float) -> Samples:
    """A sum of equally loud tones.

    Args:
        tones_hz: whole numbers, so that any whole second holds whole periods of each.
        sample_rate: in Hz.
        seconds: length.
        peak: the largest sample allowed, at most 32767; the sum is scaled to reach it.
    """
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    phases = np.random.default_rng(2).uniform(0, 2 * np.pi, len(tones_hz))
    total = np.zeros(len(t))
    for tone, phase in zip(tones_hz, phases, strict=True):
        total += np.sin(2 * np.pi * tone * t + phase)
    return np.asarray(np.rint(total * (peak / np.abs(total).max())), np.int16)


def tone_levels(second: Samples) -> NDArray[np.float64]:
    """Amplitude at each whole Hz of exactly one second of sound, in units of a sample.

    Every tone of a whole number of Hz makes whole periods in it, so each falls on one bin and no
    window is needed: what stands in any other bin is not the signal's.
    """
    return np.asarray(np.abs(np.fft.rfft(second.astype(np.float64))) * (2 / len(second)))
