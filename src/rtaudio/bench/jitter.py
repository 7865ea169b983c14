"""A jitter buffer's work per packet: taken in on one side, given out on the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from rtaudio.audio import JitterBuffer, PlayoutBuffer, ulaw_decode, ulaw_encode
from rtaudio.bench.cases import Contender, Group, Trial, need

if TYPE_CHECKING:
    from rtaudio.bench.signals import Material

__all__ = ["JITTER", "groups"]

JITTER = "jitter buffer"
SAMPLE_RATE = 8000
CHUNK = SAMPLE_RATE // 50
FRAME_S = 0.02
REPEATS = 50  # per call

Run = Callable[[], bytes]
"""Takes `REPEATS` packets in, and returns the bytes that were given out."""


def groups(material: Material) -> list[Group]:
    """One group: mu-law packets of 20 ms that come on time, each played some 60 ms later."""
    sound = material.at(SAMPLE_RATE, 4)[: REPEATS * CHUNK * 3]
    codes = [ulaw_encode(part) for part in np.split(sound, 3 * REPEATS)]
    contenders = (
        Contender("rtaudio push, pull", partial(_trial, codes, _jitter), "rtaudio", ours=True),
        Contender(
            "rtaudio push, read_into", partial(_trial, codes, _playout), "rtaudio", ours=True
        ),
        Contender("aiortc", partial(_trial, codes, _aiortc), "aiortc"),
    )
    return [Group("jitter", JITTER, "", "packet", REPEATS, contenders, partial(_problem, codes))]


def _trial(codes: list[bytes], open_buffer: Callable[[list[bytes]], Run]) -> Trial:
    return Trial(open_buffer(codes), lambda: _some(open_buffer(codes)))


def _some(run: Run) -> bytes:
    return b"".join(run() for _ in range(2))


def _problem(codes: list[bytes], result: bytes) -> str | None:
    """What came out must be what went in from the first packet on, as codes or as PCM16."""
    whole = b"".join(codes)
    for wanted in (whole, ulaw_decode(whole).tobytes()):
        if len(result) > 0.9 * len(wanted) * 2 / 3 and wanted.startswith(result):
            return None
    return "what comes out is not what went in"


def _jitter(codes: list[bytes]) -> Run:
    buffer = JitterBuffer("pcmu", SAMPLE_RATE, min_delay_ms=60)
    numbers = count()

    def run() -> bytes:
        parts = []
        push, pull = buffer.push, buffer.pull
        for _ in range(REPEATS):
            number = next(numbers)
            now_s = number * FRAME_S
            push(codes[number % len(codes)], now_s, number & 0xFFFF, number * CHUNK & 0xFFFFFFFF)
            packet = pull(now_s).packet
            if packet is not None:
                parts.append(packet)
        return b"".join(parts)

    return run


def _playout(codes: list[bytes]) -> Run:
    buffer = PlayoutBuffer("pcmu", SAMPLE_RATE, min_delay_ms=60)
    numbers = count()
    out = np.zeros(CHUNK, np.int16)

    def run() -> bytes:
        parts = []
        push, read_into = buffer.push, buffer.read_into
        for _ in range(REPEATS):
            number = next(numbers)
            now_s = number * FRAME_S
            push(codes[number % len(codes)], now_s, number & 0xFFFF, number * CHUNK & 0xFFFFFFFF)
            read_into(out, now_s)
            if buffer.is_playing:
                parts.append(out.tobytes())
        return b"".join(parts)

    return run


def _aiortc(codes: list[bytes]) -> Run:
    buffer_class = need("aiortc.jitterbuffer").JitterBuffer
    packet_class = need("aiortc.rtp").RtpPacket
    buffer = buffer_class(capacity=16, prefetch=4)  # as its receiver makes it for sound
    numbers = count()

    def run() -> bytes:
        parts = []
        add = buffer.add
        for _ in range(REPEATS):
            number = next(numbers)
            packet = packet_class(
                sequence_number=number & 0xFFFF, timestamp=number * CHUNK & 0xFFFFFFFF
            )
            packet._data = codes[number % len(codes)]
            frame = add(packet)[1]
            if frame is not None:
                parts.append(frame.data)
        return b"".join(parts)

    return run
