"""The input buffer: positions, bounds, and independence of how sound arrives."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.audio import AudioFormat
from rtaudio.server.listening.input_buffer import BufferFull, InputBuffer

PCM_16K = AudioFormat("pcm16", 16000)
PCM_24K = AudioFormat("pcm16", 24000)


def ramp(begin: int, end: int) -> bytes:
    return np.arange(begin, end, dtype=np.int16).tobytes()


def test_taking_returns_the_stretch_and_drops_what_is_before_its_end() -> None:
    buffer = InputBuffer(PCM_16K, 16000, max_s=1.0)
    buffer.append(ramp(0, 1000))
    assert buffer.take(200, 600).tobytes() == ramp(200, 600)
    assert (buffer.start, buffer.end) == (600, 1000)


def test_positions_beyond_what_is_held_mean_its_edge() -> None:
    buffer = InputBuffer(PCM_16K, 16000, max_s=1.0)
    buffer.append(ramp(0, 100))
    assert buffer.take(-50, 5000).tobytes() == ramp(0, 100)
    assert buffer.take(0, 50).size == 0


def test_where_the_oldest_may_go_there_is_always_room() -> None:
    buffer = InputBuffer(PCM_16K, 16000, max_s=0.1, overflow="drop_oldest")
    for start in range(0, 5000, 1000):
        buffer.append(ramp(start, start + 1000))
    assert (buffer.start, buffer.end) == (3400, 5000)
    assert buffer.take(0, 5000).tobytes() == ramp(3400, 5000)


def test_the_clock_goes_on_over_a_clear_and_a_change_of_format() -> None:
    buffer = InputBuffer(PCM_24K, 16000, max_s=10.0)
    buffer.append(bytes(2 * 24000))
    buffer.clear()
    assert buffer.start == buffer.end
    buffer.change_format(AudioFormat("pcmu", 8000))
    buffer.append(bytes(8000))
    assert buffer.end == pytest.approx(32000, abs=200)


def test_half_a_sample_waits_for_its_other_half_until_a_clear() -> None:
    buffer = InputBuffer(PCM_16K, 16000, max_s=1.0)
    sound = ramp(1000, 1100)
    assert buffer.append(sound[:101]).tobytes() == sound[:100]
    assert buffer.append(sound[101:111]).tobytes() == sound[100:110]
    buffer.clear()
    assert buffer.append(sound).tobytes() == sound


def test_sound_beyond_the_bound_is_refused_whole() -> None:
    buffer = InputBuffer(PCM_24K, 16000, max_s=1.0)
    buffer.append(bytes(2 * 12000))
    held = buffer.end
    with pytest.raises(BufferFull):
        buffer.append(bytes(2 * 12480))
    assert buffer.end == held
    buffer.clear()
    buffer.append(bytes(2 * 12480))


@given(cuts=st.lists(st.integers(0, 9600), max_size=8), seed=st.integers(0, 2**32 - 1))
def test_what_is_held_does_not_depend_on_how_sound_was_cut(cuts: list[int], seed: int) -> None:
    sound = np.random.default_rng(seed).integers(-32768, 32767, 4800, np.int16).tobytes()
    whole = InputBuffer(PCM_24K, 16000, max_s=1.0)
    returned = whole.append(sound)
    pieces = InputBuffer(PCM_24K, 16000, max_s=1.0)
    edges = [0, *sorted(cuts), len(sound)]
    parts = [pieces.append(sound[a:b]) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(parts), returned)
    assert np.array_equal(pieces.take(0, pieces.end), whole.take(0, whole.end))
