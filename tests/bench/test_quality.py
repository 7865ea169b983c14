"""Measured quality, on filters whose response is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtaudio.bench.quality import measure_qualities, measure_quality
from rtaudio.bench.streams import RESAMPLERS, ResamplerPeer, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.audio import Samples

RATE = 8000


def whole_signal(convert: Callable[[Samples], Samples], name: str = "fake") -> ResamplerPeer:
    """A stream that keeps everything until the end, so that a filter needs no state."""

    def open_stream(_rate_in: int, _rate_out: int) -> Stream:
        kept: list[Samples] = []

        def process(chunk: Samples) -> Samples:
            kept.append(chunk)
            return chunk[:0]

        return Stream(process, lambda: convert(np.concatenate(kept)))

    return ResamplerPeer(name, "fake", open_stream, None, "fake")


def rounded(signal: np.ndarray) -> Samples:
    return np.clip(np.rint(signal), -32768, 32767).astype(np.int16)


def test_sound_left_as_it_is_is_flat_and_clean_as_far_as_16_bits_go() -> None:
    row = measure_quality(whole_signal(lambda signal: signal), RATE, RATE)
    assert row.edge > 0.99
    assert row.ripple_db == pytest.approx(0, abs=1e-9)
    assert row.image_db > 100
    assert 85 < row.snr_db < 100
    assert row.alias_db is row.near_alias_db is None


def test_a_rolled_off_pass_band_has_the_edge_and_ripple_of_its_filter() -> None:
    # (x[n-1] + x[n+1]) * a + x[n] has a gain of 1 + 2a cos(w), relative to w = 0 falling.
    a = 0.01

    def soften(signal: Samples) -> Samples:
        x = signal.astype(float)
        y = x.copy()
        y[1:-1] += a * (x[:-2] + x[2:])
        return rounded(y)

    def gain_db(fraction: float) -> float:
        return float(20 * np.log10(1 + 2 * a * np.cos(np.pi * fraction)))

    row = measure_quality(whole_signal(soften), RATE, RATE)
    # Loudest and quietest up to 0.85 are +2a at the bottom and nearly -2a at the top.
    assert row.ripple_db == pytest.approx(max(gain_db(0.01), -gain_db(0.85)), abs=0.005)
    # Beyond 0.1 dB from the first tone on.
    assert gain_db(0.01) > 0.1
    assert row.edge == 0


def test_the_edge_is_where_the_level_leaves_a_tenth_of_a_decibel() -> None:
    def cut_at_06(signal: Samples) -> Samples:
        spectrum = np.fft.rfft(signal)
        hz = np.fft.rfftfreq(len(signal), 1 / RATE)
        spectrum[hz > 0.6 * RATE / 2] *= 0.5
        return rounded(np.fft.irfft(spectrum, len(signal)))

    row = measure_quality(whole_signal(cut_at_06), RATE, RATE)
    assert row.edge == pytest.approx(0.6, abs=0.015)
    assert row.ripple_db == pytest.approx(6.02, abs=0.05)


def test_aliases_of_samples_thrown_away_are_as_loud_as_their_tones() -> None:
    row = measure_quality(whole_signal(lambda signal: signal[::2]), 2 * RATE, RATE)
    assert row.alias_db == pytest.approx(0, abs=0.1)
    assert row.near_alias_db == pytest.approx(0, abs=0.1)
    # Within the pass band nothing is wrong with it.
    assert row.image_db > 90
    assert row.edge > 0.99


def test_images_of_linear_interpolation_are_found_where_theory_has_them() -> None:
    def linear(signal: Samples) -> Samples:
        at = np.arange(2 * len(signal)) / 2
        return rounded(np.interp(at, np.arange(len(signal)), signal.astype(float)))

    row = measure_quality(whole_signal(linear), RATE, 2 * RATE)
    # A tone at w of the new rate comes out times cos^2(w/2), its image at pi - w times sin^2(w/2);
    # dB are relative to the tone that went in.
    w = np.pi * 0.85 / 2
    assert row.image_db == pytest.approx(-20 * np.log10(np.sin(w / 2) ** 2), abs=0.2)
    assert row.alias_db is None


def test_noise_is_seen_in_the_signal_to_noise_ratio() -> None:
    noise = np.random.default_rng(3).normal(0, 24.0, 10 * RATE)

    def hiss(signal: Samples) -> Samples:
        return rounded(signal + noise[: len(signal)])

    row = measure_quality(whole_signal(hiss), RATE, RATE)
    # A tone of 24 000 has a root mean square of 24 000 / sqrt 2.
    assert row.snr_db == pytest.approx(20 * np.log10(1000 / np.sqrt(2)), abs=0.5)


def test_our_balanced_quality_is_what_it_says() -> None:
    (balanced,) = (peer for peer in RESAMPLERS if peer.name == "rtaudio balanced")
    (row,) = measure_qualities([(24_000, 16_000)], [balanced])
    assert row.edge >= 0.85
    assert row.ripple_db <= 0.1
    assert row.image_db >= 96
    assert row.alias_db is not None
    assert row.alias_db >= 96
