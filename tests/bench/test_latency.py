"""Measured latency, on resamplers whose delay is known to the sample."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtaudio.bench.cases import Absent
from rtaudio.bench.latency import measure_latencies, measure_latency
from rtaudio.bench.streams import RESAMPLERS, ResamplerPeer, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.audio import Samples

RATE = 24_000
CHUNK = RATE // 50
NOTHING = np.zeros(0, np.int16)


def peer(open_stream: Callable[[int, int], Stream], name: str = "fake") -> ResamplerPeer:
    return ResamplerPeer(name, "fake", open_stream, None, "fake")


def delaying(samples: int) -> ResamplerPeer:
    """Gives every chunk back at once; the signal comes so many samples late."""

    def open_stream(_rate_in: int, _rate_out: int) -> Stream:
        late = np.zeros(samples, np.int16)

        def process(chunk: Samples) -> Samples:
            nonlocal late
            both = np.concatenate([late, chunk])
            late = both[len(chunk) :]
            return both[: len(chunk)]

        return Stream(process, lambda: late)

    return peer(open_stream)


def hoarding(chunks: int) -> ResamplerPeer:
    """Gives nothing until it has so many chunks, then all of them; the signal is not late."""

    def open_stream(_rate_in: int, _rate_out: int) -> Stream:
        kept: deque[Samples] = deque()

        def everything() -> Samples:
            given = np.concatenate([NOTHING, *kept])
            kept.clear()
            return given

        def process(chunk: Samples) -> Samples:
            kept.append(chunk)
            return everything() if len(kept) == chunks else NOTHING

        return Stream(process, everything)

    return peer(open_stream)


@pytest.mark.parametrize("samples", [0, 1, 24, 240])
def test_delay_of_the_signal_is_found_and_no_chunk_is_irregular(samples: int) -> None:
    row = measure_latency(delaying(samples), RATE, RATE)
    expected_ms = 1000 * samples / RATE
    assert row.filter_ms == pytest.approx(expected_ms, abs=0.005)
    assert row.worst_ms == pytest.approx(expected_ms, abs=0.005)
    assert row.least_ms == pytest.approx(expected_ms, abs=0.005)
    assert (row.empty, row.irregular, row.chunks) == (0, 0, 150)


def test_bursts_are_worst_just_before_they_come_and_every_chunk_is_irregular() -> None:
    row = measure_latency(hoarding(3), RATE, RATE)
    assert row.filter_ms == pytest.approx(0, abs=0.005)
    assert row.worst_ms == pytest.approx(40, abs=0.005)
    assert row.least_ms == pytest.approx(0, abs=0.005)
    assert (row.empty, row.irregular, row.chunks) == (100, 150, 150)


def test_ours_hold_back_nothing_and_are_as_late_as_they_say() -> None:
    ours = [each for each in RESAMPLERS if each.ours]
    assert ours
    from rtaudio.audio import Resampler

    for each in ours:
        row = measure_latency(each, 24_000, 16_000)
        says_ms = 1000 * Resampler(24_000, 16_000, quality=each.name.split()[1]).delay
        assert row.worst_ms == pytest.approx(says_ms, abs=0.1)
        assert row.least_ms == row.worst_ms
        assert row.empty == row.irregular == 0


def test_absent_peers_are_left_out() -> None:
    def absent(_rate_in: int, _rate_out: int) -> Stream:
        raise Absent("not installed")

    rows = measure_latencies([(RATE, RATE)], [peer(absent, "gone"), delaying(5)])
    assert [row.contender for row in rows] == ["fake"]
