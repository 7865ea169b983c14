"""The Opus decoder on any packets: PCM of the length the packet states, or an OpusError.

The first bytes choose rate and channels. Then come steps: what to do, with how long a packet, the
packet. Two decoders take the same steps, one by `decode` and one by `decode_into`, and must agree.
"""

from __future__ import annotations

import numpy as np
from common import Reader, exact, fuzz

from rtaudio.audio import OpusDecoder
from rtaudio.errors import OpusError

RATES = (8000, 12000, 16000, 24000, 48000)
FILL = 0x5A5A
MAX_STEPS = 6


def stated_length(packet: bytes, sample_rate: int) -> int | None:
    """Samples per channel by the table of contents (RFC 6716, section 3.1); None: cannot be."""
    if not packet:
        return None
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        length = (400, 800, 1600, 2400)[config & 3]  # in units of 1/40 ms
    elif config < 16:
        length = (400, 800)[config & 1]
    else:
        length = (100, 200, 400, 800)[config & 3]
    if code == 3 and len(packet) < 2:
        return None
    frames = (1, 2, 2, packet[1] & 63 if code == 3 else 0)[code]
    if not 0 < frames * length <= 4800:
        return None
    return frames * length * sample_rate // 40000


def check_packet(one: OpusDecoder, two: OpusDecoder, packet: bytes, room: int, fec: bool) -> None:
    length = stated_length(packet, one.sample_rate)
    out = np.full(room * two.channels, FILL, np.int16)
    try:
        pcm = one.decode(packet, fec)
    except OpusError:
        pcm = None
    else:
        assert pcm.dtype == np.int16
        assert pcm.shape == ((length,) if one.channels == 1 else (length, one.channels))
    before = None if length is None else room < length
    try:
        written = two.decode_into(exact(packet), out, fec)
    except OpusError:
        assert pcm is None or before, "decode_into refused what decode took"
        assert (out == FILL).all() or pcm is None
        if pcm is not None:  # it still has to follow the other one's state
            two.decode(packet, fec)
        return
    assert pcm is not None, "decode refused what decode_into took"
    count = written * two.channels
    assert written == length
    assert (out[:count] == pcm.ravel()).all()
    assert (out[count:] == FILL).all()


def check_gap(one: OpusDecoder, two: OpusDecoder, length: int) -> None:
    unit = one.sample_rate // 400
    possible = 0 < length <= 48 * unit and length % unit == 0
    try:
        pcm = one.conceal(length)
    except OpusError:
        assert not possible, f"{length} samples were refused"
        return
    assert possible, f"{length} samples were taken"
    assert len(pcm) == length
    assert (two.conceal(length) == pcm).all()


def target(data: bytes) -> None:
    plan = Reader(data)
    first = plan.byte()
    rate, channels = RATES[first % 5], 1 + first // 5 % 2
    one, two = OpusDecoder(rate, channels=channels), OpusDecoder(rate, channels=channels)
    for _ in range(MAX_STEPS):
        if not plan:
            break
        step = plan.byte()
        if step % 8 == 7:
            check_gap(one, two, plan.number(2))
        elif step % 8 == 6:
            check_gap(one, two, rate // 400 * (plan.byte() % 49))
        elif step % 8 == 5:
            one.reset()
            two.reset()
        else:
            room = plan.number(1) * 8 if step & 64 else rate * 12 // 100
            size = plan.byte() if step & 128 else plan.number(2) & 2047
            check_packet(one, two, plan.take(size), max(room, 0), fec=bool(step & 32))


if __name__ == "__main__":
    fuzz(target)
