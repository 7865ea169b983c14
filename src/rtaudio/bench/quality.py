"""What a resampler does to sound: pass band, images and aliases, measured through PCM16.

All tones are whole numbers of Hz and one second is analysed, so every tone, and every image and
alias of it, falls on one bin of the spectrum exactly; no window blurs them. A weak second tone
keeps rounding to 16 bits from being a distortion of the first: it spreads the error over many bins.
So single lines can be seen further down than the 98 dB that the noise of PCM16 leaves in sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rtaudio.bench.cases import Absent
from rtaudio.bench.report import QualityRow
from rtaudio.bench.resample import RATIOS, ratio_name
from rtaudio.bench.signals import multitone, tone_levels
from rtaudio.bench.streams import CHUNK_S, RESAMPLERS, ResamplerPeer, stream_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rtaudio.audio import Samples

__all__ = ["measure_qualities", "measure_quality"]

SECONDS = 3  # the one in the middle is analysed
FLAT_TO = 0.85  # relative to the lower Nyquist frequency; like everything below
EDGE_TOLERANCE_DB = 0.1
FAR = 1.15

TONE_PEAK = 24_000.0
MULTITONE_PEAK = 28_000.0
COMPANION_PEAK = 1_000.0
COMPANION_AT = 0.217
PASS_BAND = np.concatenate([np.linspace(0.01, 0.84, 80), np.linspace(0.845, 0.999, 78)])
IN_BAND = (0.11, 0.31, 0.5, 0.7, 0.85)
NEAR = (1.01, 1.04, 1.08, 1.12)
FAR_TONES = 8


def measure_qualities(
    ratios: Sequence[tuple[int, int]] = RATIOS, peers: Sequence[ResamplerPeer] = RESAMPLERS
) -> list[QualityRow]:
    """The quality of every live stream there is; those absent are left out.

    What has no stream of its own is measured on whole signals.
    """
    rows = []
    for peer in peers:
        try:
            rows += [measure_quality(peer, *ratio) for ratio in ratios]
        except Absent:
            continue
    return rows


def measure_quality(peer: ResamplerPeer, rate_in: int, rate_out: int) -> QualityRow:
    """Send tones through fresh streams and look at the spectra.

    Raises:
        Absent: the peer is not installed.
    """
    nyquist = min(rate_in, rate_out) / 2

    def spectrum(signal: Samples) -> NDArray[np.float64]:
        return tone_levels(_resampled(peer, signal, rate_in, rate_out)[rate_out : 2 * rate_out])

    tones = sorted({round(fraction * nyquist) for fraction in PASS_BAND})
    signal = multitone(tuple(tones), rate_in, SECONDS, MULTITONE_PEAK)
    gains = 20 * np.log10(
        np.maximum(spectrum(signal)[tones], 1e-9) / tone_levels(signal[:rate_in])[tones]
    )
    off = np.abs(gains)
    beyond = np.flatnonzero(off > EDGE_TOLERANCE_DB)
    last = int(beyond[0]) - 1 if len(beyond) else len(tones) - 1
    flat = np.array(tones) <= FLAT_TO * nyquist

    def spurs(fraction: float) -> tuple[float, float]:
        """Below a tone: the strongest other line, and everything else together, in dB."""
        tone, companion = round(fraction * nyquist), round(COMPANION_AT * nyquist)
        main = multitone((tone,), rate_in, SECONDS, TONE_PEAK)
        weak = multitone((companion,), rate_in, SECONDS, COMPANION_PEAK)
        levels = spectrum(main + weak)
        # A steady offset is no image; and the companion is not to blame.
        levels[[0, companion]] = 0
        if tone < len(levels) and fraction < 1:
            levels[tone] = 0
        return _db(TONE_PEAK / levels.max()), _db(TONE_PEAK / float(np.linalg.norm(levels)))

    inside = [spurs(fraction) for fraction in IN_BAND]
    highest = 0.99 * (rate_in / 2) / nyquist
    falls = rate_in > rate_out
    return QualityRow(
        contender=peer.name,
        ours=peer.ours,
        ratio=ratio_name(rate_in, rate_out),
        edge=max(tones[last], 0) / nyquist if last >= 0 else 0.0,
        ripple_db=float(off[flat].max()),
        image_db=min(spur for spur, _ in inside),
        alias_db=min(spurs(f)[0] for f in np.linspace(FAR, highest, FAR_TONES)) if falls else None,
        near_alias_db=min(spurs(f)[0] for f in NEAR) if falls else None,
        snr_db=min(rest for _, rest in inside),
    )


def _resampled(peer: ResamplerPeer, signal: Samples, rate_in: int, rate_out: int) -> Samples:
    if not peer.streams:
        assert peer.whole is not None
        return peer.whole(signal, rate_in, rate_out)
    size = round(rate_in * CHUNK_S)
    return np.concatenate(stream_chunks(peer.open(rate_in, rate_out), signal, size))


def _db(ratio: float) -> float:
    return float(20 * np.log10(ratio))
