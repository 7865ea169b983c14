"""Resampling: live in chunks of 20 ms, and of whole signals."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rtaudio.bench.cases import Contender, Group, Trial, need
from rtaudio.bench.signals import Material, multitone, tone_levels
from rtaudio.bench.streams import CHUNK_S, RESAMPLERS, ResamplerPeer, stream_chunks

if TYPE_CHECKING:
    from rtaudio.audio import Samples

__all__ = ["RATIOS", "STREAM", "WHOLE", "groups", "ratio_name", "resampling_problem"]

STREAM = "resample stream"
WHOLE = "resample whole"

RATIOS = (
    (24_000, 16_000),
    (16_000, 24_000),
    (8_000, 24_000),
    (48_000, 24_000),
    (24_000, 48_000),
    (24_000, 8_000),
    (44_100, 24_000),
    (48_000, 16_000),
)
"""Pairs of rates in Hz that speech applications meet; compared is the geometric mean over them."""

CHUNKS = 50  # per call: one second
WHOLE_SECONDS = 10

# The check: tones up to 0.6 of the lower Nyquist frequency, which every quality passes unchanged.
TONES = (0.05, 0.13, 0.27, 0.41, 0.6)
MAX_GAIN_ERROR_DB = 0.5
MIN_SNR_DB = 55.0
CHECK_SECONDS = 3
# Where the seconds begin that are examined. They overlap, so that what is wrong on the border of
# one lies inside another; half a second at either end is longer than anybody takes to settle.
EXAMINED_FROM_S = (0.5, 1.0, 1.5)
# A live stream may be late, but not lose sound; whole signals must have their length.
MAX_LENGTH_ERROR_S = 0.05


def ratio_name(rate_in: int, rate_out: int) -> str:
    """Such as `44.1>24`, in kHz."""
    return f"{rate_in / 1000:g}>{rate_out / 1000:g}"


def groups(material: Material) -> list[Group]:
    """A live and a whole-signal group for each pair of rates."""
    made = []
    for family in (STREAM, WHOLE):
        live = family == STREAM
        for rate_in, rate_out in RATIOS:
            trial = partial(_stream_trial if live else _whole_trial, material, rate_in, rate_out)
            contenders = tuple(
                Contender(peer.name, partial(trial, peer), peer.package, peer.ours)
                for peer in RESAMPLERS
                if live or peer.whole is not None
            )
            units = CHUNKS if live else round(WHOLE_SECONDS / CHUNK_S)
            check = partial(resampling_problem, rate_in, rate_out)
            name = ratio_name(rate_in, rate_out)
            made.append(Group("resample", family, name, "20 ms", units, contenders, check))
    return made


def _stream_trial(material: Material, rate_in: int, rate_out: int, peer: ResamplerPeer) -> Trial:
    size = round(rate_in * CHUNK_S)
    process = peer.open(rate_in, rate_out).process
    sound = material.at(rate_in, CHUNKS * CHUNK_S)
    chunks = [sound[at : at + size].copy() for at in range(0, len(sound), size)]

    def call() -> None:
        for chunk in chunks:
            process(chunk)

    def result() -> Samples:
        signal = _test_signal(rate_in, rate_out)
        return np.concatenate(stream_chunks(peer.open(rate_in, rate_out), signal, size))

    return Trial(call, result)


def _whole_trial(material: Material, rate_in: int, rate_out: int, peer: ResamplerPeer) -> Trial:
    need(peer.module)
    whole = peer.whole
    assert whole is not None
    sound = material.at(rate_in, WHOLE_SECONDS)
    return Trial(
        lambda: whole(sound, rate_in, rate_out),
        lambda: whole(_test_signal(rate_in, rate_out), rate_in, rate_out),
    )


def _tones(rate_in: int, rate_out: int) -> tuple[int, ...]:
    nyquist = min(rate_in, rate_out) // 2
    return tuple(round(fraction * nyquist) for fraction in TONES)


def _test_signal(rate_in: int, rate_out: int) -> Samples:
    return multitone(_tones(rate_in, rate_out), rate_in, CHECK_SECONDS, peak=24_000)


def resampling_problem(rate_in: int, rate_out: int, output: Samples) -> str | None:
    """Look for lost sound, wrong levels, clicks and noise in a resampled `multitone`.

    Args:
        rate_in: of the test signal, in Hz.
        rate_out: of the output, in Hz.
        output: everything the resampler gave, at any delay up to 0.9 s.

    Returns:
        What is wrong, or None.
    """
    if output.dtype != np.int16:
        return f"gives {output.dtype}, not int16"
    seconds = len(output) / rate_out
    if abs(seconds - CHECK_SECONDS) > MAX_LENGTH_ERROR_S:
        return f"{CHECK_SECONDS} s became {seconds:.3f} s"
    tones = list(_tones(rate_in, rate_out))
    given = tone_levels(_test_signal(rate_in, rate_out)[:rate_in])
    for begin in EXAMINED_FROM_S:
        first = round(begin * rate_out)
        levels = tone_levels(output[first : first + rate_out])
        signal = float(np.sum(levels[tones] ** 2))
        noise = max(float(np.sum(levels**2)) - signal, 1e-9)
        snr = 10 * np.log10(max(signal, 1e-9) / noise)
        if snr < MIN_SNR_DB:
            return f"noise and clicks only {snr:.0f} dB down"
        gains = 20 * np.log10(levels[tones] / given[tones])
        if np.abs(gains).max() > MAX_GAIN_ERROR_DB:
            return f"a tone in the pass band changed by {gains[np.abs(gains).argmax()]:.1f} dB"
    return None
