"""Buffering between sound that arrives and sound that is wanted: write 20 ms, read 20 ms."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rtaudio.audio import RingBuffer
from rtaudio.bench.cases import Contender, Group, Trial
from rtaudio.bench.signals import SAMPLE_RATE, Material

if TYPE_CHECKING:
    from rtaudio.audio import Samples

__all__ = ["RING", "groups"]

RING = "ring buffer"
CHUNK = SAMPLE_RATE // 50
CHUNK_BYTES = 2 * CHUNK
WAITING = 3  # chunks that lie in the buffer all the time, as in a jitter buffer
REPEATS = 50  # per call
CAPACITY = SAMPLE_RATE // 2

# Samples written between the check's reads of one chunk each: uneven, one chunk on average, and in
# total far more than the capacity.
UNEVEN = (480, 100, 860, 479, 481, 1, 959) * 20

Run = Callable[[Sequence[Any]], Any]
"""Writes each chunk and reads 20 ms after it; returns what was read last. The idioms stand inline
in the loop, as they do in applications, so that they pay for no call that is not theirs."""


def groups(material: Material) -> list[Group]:
    """One group: a write and a read, with three chunks waiting."""
    sound = material.at(SAMPLE_RATE, 4)
    contenders = (
        Contender("rtaudio read_into", partial(_trial, sound, _ring_into), "rtaudio", ours=True),
        Contender("rtaudio read", partial(_trial, sound, _ring), "rtaudio", ours=True),
        Contender("bytearray", partial(_trial, sound, _bytearray)),
        Contender("deque of chunks", partial(_trial, sound, _deque)),
        Contender("numpy concatenate", partial(_trial, sound, _concatenate), "numpy"),
    )
    return [Group("ring", RING, "", "20 ms", REPEATS, contenders, partial(_problem, sound))]


def _trial(sound: Samples, open_buffer: Callable[[list[Samples]], tuple[Run, type]]) -> Trial:
    def pieces(sizes: Sequence[int], kind: type) -> list[Any]:
        cut = np.split(sound, np.cumsum(sizes))[:-1]
        return [part.tobytes() if kind is bytes else part.copy() for part in cut]

    waiting = pieces([CHUNK] * WAITING, np.ndarray)
    run, kind = open_buffer(waiting)
    chunks = pieces([CHUNK] * REPEATS, kind)

    def result() -> bytes:
        again, _ = open_buffer(waiting)
        written = pieces([CHUNK] * WAITING + list(UNEVEN), kind)[WAITING:]
        return b"".join(bytes(memoryview(again([part])).cast("B")) for part in written)

    return Trial(lambda: run(chunks), result)


def _problem(sound: Samples, result: bytes) -> str | None:
    wanted = sound[: len(UNEVEN) * CHUNK].tobytes()
    return None if result == wanted else "what is read is not what was written"


def _ring_into(waiting: list[Samples]) -> tuple[Run, type]:
    ring = RingBuffer(CAPACITY)
    for chunk in waiting:
        ring.write(chunk)
    out = np.zeros(CHUNK, np.int16)

    def run(chunks: Sequence[Any]) -> Any:
        write, read_into = ring.write, ring.read_into
        for chunk in chunks:
            write(chunk)
            read_into(out)
        return out

    return run, np.ndarray


def _ring(waiting: list[Samples]) -> tuple[Run, type]:
    ring = RingBuffer(CAPACITY)
    for chunk in waiting:
        ring.write(chunk)

    def run(chunks: Sequence[Any]) -> Any:
        write, read = ring.write, ring.read
        for chunk in chunks:
            write(chunk)
            out = read(CHUNK)
        return out

    return run, np.ndarray


def _bytearray(waiting: list[Samples]) -> tuple[Run, type]:
    buffer = bytearray(b"".join(chunk.tobytes() for chunk in waiting))

    def run(chunks: Sequence[Any]) -> Any:
        nonlocal buffer
        for chunk in chunks:
            buffer += chunk
            out = bytes(buffer[:CHUNK_BYTES])
            del buffer[:CHUNK_BYTES]
        return out

    return run, bytes


def _deque(waiting: list[Samples]) -> tuple[Run, type]:
    buffer = deque(chunk.tobytes() for chunk in waiting)

    def run(chunks: Sequence[Any]) -> Any:
        for chunk in chunks:
            buffer.append(chunk)
            out = buffer.popleft()
            if len(out) != CHUNK_BYTES:
                while len(out) < CHUNK_BYTES:
                    out += buffer.popleft()
                if len(out) > CHUNK_BYTES:
                    buffer.appendleft(out[CHUNK_BYTES:])
                    out = out[:CHUNK_BYTES]
        return out

    return run, bytes


def _concatenate(waiting: list[Samples]) -> tuple[Run, type]:
    buffer = np.concatenate(waiting)

    def run(chunks: Sequence[Any]) -> Any:
        nonlocal buffer
        for chunk in chunks:
            buffer = np.concatenate((buffer, chunk))
            out, buffer = buffer[:CHUNK], buffer[CHUNK:]
        return out

    return run, np.ndarray
