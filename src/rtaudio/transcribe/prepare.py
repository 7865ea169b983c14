"""From a file to the audio that is sent: decode, mix to mono, resample once, choose the turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rtaudio._native.channels import to_mono
from rtaudio._native.levels import frame_rms
from rtaudio.audio import load_partial, resample
from rtaudio.transcribe.segment import HOP_S, Span, plan_spans

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["MIN_TURN_S", "Prepared", "prepare"]

MIN_TURN_S = 0.12
"""Services refuse to commit less than 100 ms; the rest is room for rounding."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file, ready to be sent.

    Attributes:
        samples: int16 mono, shape `(samples,)`, at `sample_rate`.
        sample_rate: in Hz.
        duration_s: seconds of audio that could be decoded.
        spans: the turns, in order; none for silence.
        problem: why decoding stopped before the file's end, or None.
    """

    samples: NDArray[np.int16]
    sample_rate: int
    duration_s: float
    spans: list[Span]
    problem: str | None

    def pcm(self, span: Span) -> NDArray[np.int16]:
        """Return the samples of a span, borrowed; a very short one with silence behind it."""
        first = round(span.start_s * self.sample_rate)
        samples = self.samples[first : round(span.end_s * self.sample_rate)]
        missing = round(MIN_TURN_S * self.sample_rate) - len(samples)
        return np.pad(samples, (0, missing)) if missing > 0 else samples


def prepare(path: Path, sample_rate: int) -> Prepared:
    """Decode a file and plan its turns; blocking, meant for a thread.

    Args:
        path: any file PyAV can open.
        sample_rate: the rate wanted on the wire, in Hz. Audio is resampled once, straight to it.

    Raises:
        AudioError: nothing could be decoded: the file is missing, empty or not audio.
    """
    clip, problem = load_partial(path)
    duration_s = clip.duration
    samples = clip.samples.reshape(-1)
    if clip.channels > 1:
        samples = to_mono(samples.data, clip.channels)
    if clip.sample_rate != sample_rate:
        samples = resample(samples.data, clip.sample_rate, sample_rate)
    levels = frame_rms(samples.data, round(HOP_S * sample_rate))
    spans = plan_spans(levels, len(samples) / sample_rate)
    return Prepared(samples, sample_rate, duration_s, spans, problem)
