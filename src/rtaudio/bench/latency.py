"""How late a live resampler is, and how evenly it gives back what it is fed.

Fed 20 ms at a time, a stream that has taken T seconds and given N samples holds back T - N / rate
seconds. That sound cannot be played yet. On top comes the delay of the signal within the output,
which is constant: filters that start at once delay it by half their length, those that wait for the
whole filter do not. The sum is what a listener notices; the worst chunk decides how much must be
buffered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rtaudio.bench.cases import Absent
from rtaudio.bench.report import LatencyRow
from rtaudio.bench.resample import RATIOS, ratio_name
from rtaudio.bench.streams import CHUNK_S, RESAMPLERS, ResamplerPeer, stream_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtaudio.audio import Samples

__all__ = ["measure_latencies", "measure_latency"]

SECONDS = 3
# Where the pulse stands that tells the signal's delay, and how wide it is.
PULSE_AT_S = 1.5
PULSE_WIDTH_S = 0.008
PULSE_HEIGHT = 16_000
# The centre is found from this much sound around the peak, so that dither elsewhere has no weight.
CENTRE_WINDOW_S = 0.012
# Until then a stream may still be filling up: `least_ms` is taken from here on.
RUNNING_AFTER_S = 0.5


def measure_latencies(
    ratios: Sequence[tuple[int, int]] = RATIOS, peers: Sequence[ResamplerPeer] = RESAMPLERS
) -> list[LatencyRow]:
    """The latency of every stream there is; those absent, and those that are none, are left out."""
    rows = []
    for peer in peers:
        if not peer.streams:
            continue
        try:
            rows += [measure_latency(peer, *ratio) for ratio in ratios]
        except Absent:
            continue
    return rows


def measure_latency(peer: ResamplerPeer, rate_in: int, rate_out: int) -> LatencyRow:
    """Feed a pulse in silence to a fresh stream, in chunks of 20 ms.

    Raises:
        Absent: the peer is not installed.
    """
    size = round(rate_in * CHUNK_S)
    parts = stream_chunks(peer.open(rate_in, rate_out), _pulse(rate_in), size)
    given = np.array([len(part) for part in parts[:-1]])
    fed_s = np.arange(1, len(given) + 1) * size / rate_in
    held_s = fed_s - np.cumsum(given) / rate_out
    delay_s = _centre_s(np.concatenate(parts), rate_out) - PULSE_AT_S
    running = held_s[fed_s > RUNNING_AFTER_S]
    return LatencyRow(
        contender=peer.name,
        ours=peer.ours,
        ratio=ratio_name(rate_in, rate_out),
        worst_ms=float(held_s.max() + delay_s) * 1000,
        least_ms=float(running.min() + delay_s) * 1000,
        filter_ms=delay_s * 1000,
        empty=int((given == 0).sum()),
        irregular=int((given != round(size * rate_out / rate_in)).sum()),
        chunks=len(given),
    )


def _pulse(sample_rate: int) -> Samples:
    t = np.arange(SECONDS * sample_rate) / sample_rate - PULSE_AT_S
    inside = np.abs(t) < PULSE_WIDTH_S / 2
    shape = np.where(inside, np.cos(np.pi * t / PULSE_WIDTH_S) ** 2, 0)
    return np.asarray(np.rint(PULSE_HEIGHT * shape), np.int16)


def _centre_s(output: Samples, sample_rate: int) -> float:
    """The centre of mass of the pulse in the output, in seconds from its start."""
    sound = output.astype(np.float64)
    peak = int(sound.argmax())
    first = max(0, peak - round(CENTRE_WINDOW_S * sample_rate))
    part = sound[first : peak + round(CENTRE_WINDOW_S * sample_rate) + 1]
    return (first + float(np.sum(np.arange(len(part)) * part) / part.sum())) / sample_rate
