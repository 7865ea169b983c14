"""Clips: samples with their rate."""

from __future__ import annotations

import numpy as np
import pytest

from rtaudio.audio import AudioClip, AudioFormat, resample
from rtaudio.errors import AudioError


def test_a_clip_knows_its_shape_and_length() -> None:
    clip = AudioClip(np.zeros((24000, 2), np.int16), 48000)
    assert (clip.channels, clip.duration, clip.sample_rate) == (2, 0.5, 48000)


def test_its_representation_holds_no_sound() -> None:
    assert repr(AudioClip(np.full(800, 77, np.int16), 8000)) == (
        "AudioClip(0.100 s, 8000 Hz, channels=1)"
    )


def test_mono_and_resampled_clips_are_what_the_kernels_give() -> None:
    samples = np.random.default_rng(1).integers(-9000, 9000, (4800, 2), np.int16)
    mono = AudioClip(samples, 48000).mono()
    assert mono.channels == 1
    expected = resample(np.ascontiguousarray(mono.samples), 48000, 16000)
    assert np.array_equal(mono.resampled(16000).samples.reshape(-1), expected)
    assert mono.resampled(48000) is mono


def test_clips_are_equal_when_rate_channels_and_samples_are() -> None:
    samples = np.arange(100, dtype=np.int16)
    clip = AudioClip(samples, 8000)
    assert clip == AudioClip(samples[:, None].copy(), 8000)  # one channel is mono either way
    assert clip != AudioClip(samples, 16000)
    assert clip != AudioClip(samples[:-1], 8000)
    assert clip != AudioClip(np.stack([samples, samples], axis=1), 8000)
    assert clip != samples.tobytes()
    with pytest.raises(TypeError, match="unhashable"):
        hash(clip)


def test_a_stereo_clip_keeps_both_channels_when_resampled() -> None:
    tone = (9000 * np.sin(np.arange(4410) * 0.05)).astype(np.int16)
    # Columns lie apart in memory here.
    clip = AudioClip(np.stack([tone, np.zeros_like(tone)]).T, 44100).resampled(24000)
    assert clip.samples.shape == (2400, 2)
    assert np.abs(clip.samples[:, 0]).max() > 8000
    assert not clip.samples[:, 1].any()


@pytest.mark.parametrize("samples", [np.zeros(4), np.zeros((2, 2, 2), np.int16), b"abcd"])
def test_other_arrays_are_refused(samples: object) -> None:
    with pytest.raises(AudioError):
        AudioClip(samples, 8000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments", [("mp3", 8000), ("pcm16", 0), ("pcm16", 8000, 0), ("pcm16", 8000.5)]
)
def test_formats_are_checked(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r"got|expected|is"):
        AudioFormat(*arguments)  # type: ignore[arg-type]
