"""What resamplers add to live sound: latency, and what is not in the sound. No times, only rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtaudio.bench.cases import Absent
from rtaudio.bench.latency import measure_latency
from rtaudio.bench.quality import measure_quality
from rtaudio.bench.resample import RATIOS
from rtaudio.bench.streams import RESAMPLERS, ResamplerPeer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.bench.report import LatencyRow, QualityRow

every_peer = pytest.mark.parametrize("peer", RESAMPLERS, ids=lambda peer: peer.name)


@every_peer
def test_latency(peer: ResamplerPeer, keep_latency: Callable[[LatencyRow], None]) -> None:
    if not peer.streams:
        pytest.skip(f"{peer.name} has no stream")
    for ratio in RATIOS:
        try:
            row = measure_latency(peer, *ratio)
        except Absent as absent:
            pytest.skip(str(absent))
        keep_latency(row)


@every_peer
def test_quality(peer: ResamplerPeer, keep_quality: Callable[[QualityRow], None]) -> None:
    for ratio in RATIOS:
        try:
            row = measure_quality(peer, *ratio)
        except Absent as absent:
            pytest.skip(str(absent))
        keep_quality(row)
