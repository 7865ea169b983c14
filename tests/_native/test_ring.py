"""The ring buffer against a deque."""

from __future__ import annotations

import copy
from collections import deque

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rtaudio._native.ring import RingBuffer
from rtaudio.errors import AudioError


class RingAgainstDeque(RuleBasedStateMachine):
    """Every sample written is numbered, so a misplaced one shows."""

    @initialize(
        capacity=st.integers(1, 20),
        channels=st.integers(1, 3),
        overflow=st.sampled_from(["error", "drop_oldest", "drop_newest"]),
    )
    def start(self, capacity, channels, overflow):
        self.ring = RingBuffer(capacity, channels, overflow)
        self.model: deque[tuple[int, ...]] = deque()
        self.next = 0

    def samples(self, n: int) -> np.ndarray:
        count = n * self.ring.channels
        values = np.arange(self.next, self.next + count).astype(np.int16)
        self.next += count
        return values.reshape(n, self.ring.channels)

    def expect(self, got: np.ndarray, n: int) -> None:
        wanted = [value for frame in list(self.model)[:n] for value in frame]
        assert got.dtype == np.int16
        assert got.ndim == 1
        assert got.tolist() == wanted

    @rule(n=st.integers(0, 45), as_bytes=st.booleans())
    def write(self, n, as_bytes):
        frames = self.samples(n)
        data = frames.tobytes() if as_bytes else frames
        room = self.ring.capacity - len(self.model)
        frames = [tuple(frame) for frame in frames.tolist()]
        if n > room and self.ring.overflow == "error":
            with pytest.raises(AudioError, match=f"got {n} samples per channel"):
                self.ring.write(data)
            return
        if self.ring.overflow == "drop_newest":
            frames = frames[:room]
        elif self.ring.overflow == "drop_oldest":
            frames = frames[max(0, n - self.ring.capacity) :]
        assert self.ring.write(data) == len(frames)
        self.model.extend(frames)
        while len(self.model) > self.ring.capacity:
            self.model.popleft()

    def forget(self, n: int) -> None:
        for _ in range(min(n, len(self.model))):
            self.model.popleft()

    @rule(n=st.integers(0, 25))
    def read(self, n):
        self.expect(self.ring.read(n), n)
        self.forget(n)

    @rule(n=st.integers(0, 25))
    def peek(self, n):
        self.expect(self.ring.peek(n), n)

    @rule(n=st.integers(0, 25))
    def read_into(self, n):
        out = np.full(n * self.ring.channels, -7, np.int16)
        count = self.ring.read_into(out)
        assert count == min(n, len(self.model))
        self.expect(out[: count * self.ring.channels], n)
        assert (out[count * self.ring.channels :] == -7).all()
        self.forget(n)

    @rule(n=st.integers(0, 25))
    def skip(self, n):
        assert self.ring.skip(n) == min(n, len(self.model))
        self.forget(n)

    @rule()
    def clear(self):
        self.ring.clear()
        self.model.clear()

    @invariant()
    def counts_agree(self):
        assert len(self.ring) == len(self.model)
        assert self.ring.free == self.ring.capacity - len(self.model)


TestRingAgainstDeque = RingAgainstDeque.TestCase
TestRingAgainstDeque.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_refused_write_stores_nothing():
    ring = RingBuffer(4)
    ring.write(np.array([1, 2, 3], np.int16))
    with pytest.raises(AudioError, match="1 of 4 are free"):
        ring.write(np.array([4, 5], np.int16))
    assert ring.read(9).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0,), "capacity of 0"),
        ((-5,), "capacity of -5"),
        ((2**62,), "cannot be addressed"),
        ((10, 0), "got 0 channels"),
        ((10, 9), "got 9 channels"),
        ((10, 1, "block"), "overflow='block'"),
        ((10, 1, None), "overflow=None"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, words):
    with pytest.raises(AudioError, match=words):
        RingBuffer(*arguments)


@pytest.mark.parametrize("method", ["read", "peek", "skip"])
def test_negative_counts_are_refused(method):
    with pytest.raises(AudioError, match="got -1 samples"):
        getattr(RingBuffer(4), method)(-1)


def test_wrong_buffers_are_refused():
    ring = RingBuffer(4, channels=2)
    with pytest.raises(AudioError, match="multiple of 4"):
        ring.write(b"123456")
    with pytest.raises(AudioError, match="read-only"):
        ring.read_into(bytes(8))
    with pytest.raises(AudioError, match="format 'f'"):
        ring.write(np.zeros(2, np.float32))


def test_properties_tell_how_it_was_made_and_it_cannot_be_copied():
    ring = RingBuffer(4, channels=2, overflow="drop_oldest")
    assert (ring.capacity, ring.channels, ring.overflow, ring.free) == (4, 2, "drop_oldest", 4)
    assert repr(ring) == "<RingBuffer 0/4 samples, 2 channel(s), overflow='drop_oldest'>"
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.copy(ring)
