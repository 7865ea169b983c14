"""The ring buffer against a deque."""

from __future__ import annotations

import copy
import gc
import shutil
import subprocess
import sys
import threading
import tracemalloc
from collections import deque
from pathlib import Path

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
        self.overruns = self.dropped = self.underruns = self.missed = 0

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
        if n > room:
            self.overruns += 1
        if n > room and self.ring.overflow == "error":
            with pytest.raises(AudioError, match=f"got {n} samples per channel"):
                self.ring.write(data)
            return
        if n > room:
            self.dropped += n - room
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

    def short(self, n: int) -> None:
        if n > len(self.model):
            self.underruns += 1
            self.missed += n - len(self.model)

    @rule(n=st.integers(0, 25))
    def read(self, n):
        self.short(n)
        self.expect(self.ring.read(n), n)
        self.forget(n)

    @rule(n=st.integers(0, 25))
    def peek(self, n):
        self.expect(self.ring.peek(n), n)

    @rule(n=st.integers(0, 25))
    def read_into(self, n):
        out = np.full(n * self.ring.channels, -7, np.int16)
        self.short(n)
        count = self.ring.read_into(out)
        assert count == min(n, len(self.model))
        self.expect(out[: count * self.ring.channels], n)
        assert (out[count * self.ring.channels :] == -7).all()
        self.forget(n)

    @rule(n=st.integers(0, 25))
    def skip(self, n):
        assert self.ring.skip(n) == min(n, len(self.model))
        self.forget(n)

    @rule(wanted=st.integers(0, 25), filled=st.integers(0, 25))
    def write_in_place(self, wanted, filled):
        if self.ring.overflow == "drop_oldest":
            with pytest.raises(AudioError, match="lends no views"):
                self.ring.write_view(wanted)
            return
        with self.ring.write_view(wanted) as view:
            lent = len(view) // self.ring.channels
            assert lent <= min(wanted, self.ring.free)
            assert lent > 0 or wanted == 0 or self.ring.free == 0
            filled = min(filled, lent)
            frames = self.samples(filled)
            view[: frames.size] = memoryview(frames.ravel())
        self.ring.commit(filled)
        self.model.extend(tuple(frame) for frame in frames.tolist())

    @rule(n=st.integers(0, 25))
    def look_in_place(self, n):
        if self.ring.overflow == "drop_oldest":
            with pytest.raises(AudioError, match="lends no views"):
                self.ring.peek_view(n)
            return
        with self.ring.peek_view(n) as view:
            assert view.readonly
            lent = len(view) // self.ring.channels
            assert lent > 0 or n == 0 or not self.model
            self.expect(np.frombuffer(view, np.int16).copy(), lent)
        assert self.ring.skip(lent) == lent
        self.forget(lent)

    @rule()
    def clear(self):
        self.ring.clear()
        self.model.clear()

    @invariant()
    def counts_agree(self):
        assert len(self.ring) == len(self.model)
        assert self.ring.free == self.ring.capacity - len(self.model)
        assert (self.ring.overruns, self.ring.dropped) == (self.overruns, self.dropped)
        assert (self.ring.underruns, self.ring.missed) == (self.underruns, self.missed)


TestRingAgainstDeque = RingAgainstDeque.TestCase
TestRingAgainstDeque.settings = settings(max_examples=150, stateful_step_count=40)


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
        ((10**30,), "cannot be addressed"),
        ((1.5,), "capacity of 1.5; it must be an integer"),
        ((True,), "capacity of True"),
        ((10, 0), "got 0 channels"),
        ((10, 9), "got 9 channels"),
        ((10, 2**40), "got 1099511627776 channels"),
        ((10, 1.0), "got 1.0 channels; it must be an integer"),
        ((10, 1, "block"), "overflow='block'"),
        ((10, 1, None), "overflow=None"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, words):
    with pytest.raises(AudioError, match=words):
        RingBuffer(*arguments)


METHODS_WITH_A_COUNT = ["read", "peek", "skip", "peek_view", "write_view", "commit"]


@pytest.mark.parametrize("method", METHODS_WITH_A_COUNT)
def test_counts_that_are_none_are_refused(method):
    for wrong in (-1, -(10**30)):
        with pytest.raises(AudioError, match=f"got {wrong} samples; a count must be 0 or more"):
            getattr(RingBuffer(4), method)(wrong)
    for wrong in (1.0, "3", None, True):
        with pytest.raises(AudioError, match="a count must be an integer"):
            getattr(RingBuffer(4), method)(wrong)


def test_a_count_beyond_all_memory_takes_what_there_is():
    ring = RingBuffer(4)
    ring.write(b"1234")
    assert len(ring.peek(10**30)) == 2
    assert ring.skip(10**30) == 2


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


# --- views ----------------------------------------------------------------------------------------


def test_nothing_is_removed_while_a_view_of_the_oldest_is_held():
    ring = RingBuffer(4)
    ring.write(np.array([1, 2, 3], np.int16))
    view = ring.peek_view(2)
    for take in (lambda: ring.read(1), lambda: ring.skip(1), ring.clear):
        with pytest.raises(AudioError, match="a peek_view of this ring is held"):
            take()
    with pytest.raises(AudioError, match="a peek_view of this ring is held"):
        ring.read_into(bytearray(2))
    assert ring.peek(4).tolist() == [1, 2, 3]
    assert ring.write(np.array([4], np.int16)) == 1
    with pytest.raises(AudioError, match="0 of 4 are free"):
        ring.write(b"ab")
    view.release()
    assert ring.read(4).tolist() == [1, 2, 3, 4]


def test_nothing_is_written_while_free_space_is_lent():
    ring = RingBuffer(4)
    view = ring.write_view(3)
    with pytest.raises(AudioError, match="a write_view of this ring is held"):
        ring.write(b"ab")
    with pytest.raises(AudioError, match="held already"):
        ring.write_view(1)
    with pytest.raises(AudioError, match="still held; release it first"):
        ring.commit(3)
    view.release()
    with pytest.raises(AudioError, match="the last write_view held 3"):
        ring.commit(4)
    ring.commit(2)
    with pytest.raises(AudioError, match="the last write_view held 0"):
        ring.commit(1)
    assert len(ring) == 2


def test_a_lent_view_cannot_be_written_and_keeps_the_ring_alive():
    ring = RingBuffer(100)
    ring.write(np.arange(100, dtype=np.int16))
    view = ring.peek_view(100)
    with pytest.raises(TypeError, match="read-only"):
        view[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        np.frombuffer(view, np.int16)[0] = 1
    del ring
    gc.collect()
    assert view.tolist() == list(range(100))


def test_writing_and_reading_into_allocate_nothing():
    ring, chunk, out = RingBuffer(960), bytes(960), bytearray(960)
    ring.write(chunk)
    ring.read_into(out)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(100):
            ring.write(chunk)
            ring.read_into(out)
        assert tracemalloc.get_traced_memory()[1] - before < 200  # the loop's own integers
    finally:
        tracemalloc.stop()


# --- threads --------------------------------------------------------------------------------------


@pytest.mark.parametrize("overflow", ["error", "drop_oldest", "drop_newest"])
def test_one_thread_may_write_while_another_reads(overflow):
    ring = RingBuffer(1000, overflow=overflow)
    total = 100_000
    done = threading.Event()

    def produce() -> None:
        sent = 0
        while sent < total:
            chunk = np.arange(sent, sent + 1 + sent % 333).astype(np.uint16).view(np.int16)
            if overflow == "error":
                chunk = chunk[: ring.free]
            kept = ring.write(chunk)
            sent += len(chunk) if overflow == "drop_oldest" else kept
        done.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    producer = threading.Thread(target=produce)
    producer.start()
    received, out = [], np.empty(250, np.int16)
    try:
        while True:
            last = done.is_set()
            count = ring.read_into(out)
            received.append(out[:count].copy())
            if last and not count:
                break
    finally:
        producer.join()
        sys.setswitchinterval(interval)
    steps = np.diff(np.concatenate(received).view(np.uint16))  # modulo 65536, as they were numbered
    if overflow == "drop_oldest":
        assert sum(map(len, received)) + ring.dropped >= total
        assert steps.min() > 0
    else:
        # What was refused was offered again, so nothing is missing and nothing comes twice.
        assert (steps == 1).all()
        assert sum(map(len, received)) >= total


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize("sanitizer", ["thread", None])
def test_two_native_threads_see_no_torn_or_lost_samples(tmp_path, sanitizer):
    include = Path(__file__).parents[2] / "src/rtaudio/_native/include"
    program = tmp_path / "stress"
    # gcc warns that the thread sanitizer does not know fences; the accesses around them are atomic.
    flags = ["-O2", "-std=gnu11", "-Wall", "-Werror", "-pthread", f"-I{include}"]
    if sanitizer:
        flags += [f"-fsanitize={sanitizer}", "-Wno-tsan"]
    source = Path(__file__).with_name("ring_stress.c")
    built = subprocess.run(
        ["gcc", *flags, str(source), "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    if sanitizer and "cannot find" in built.stderr:
        pytest.skip("the compiler has no thread sanitizer")
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    if "unexpected memory mapping" in ran.stderr:
        pytest.skip("this kernel's address layout is unknown to the thread sanitizer")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.split() == ["ok", "ok"]
