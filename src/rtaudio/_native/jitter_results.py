"""What a jitter buffer tells: its counters, and what to play next."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["JitterStats", "Playout"]


class JitterStats(NamedTuple):
    """What a buffer has seen, and where it stands.

    `received` is the sum of what was played, `duplicated`, `late` and `discarded`, and of what is
    still held.

    Attributes:
        received: packets that arrived, without malformed ones. Sound that is pushed without
            sequence numbers is cut into packets of up to 20 ms.
        played: packets given out.
        lost: sequence numbers passed over for which nothing has arrived.
        late: packets that came when something else had been played in their stead.
        duplicated: packets that had been there already.
        reordered: packets with a lower sequence number than one before.
        discarded: packets that came in time and were not played: to shorten the delay, by the
            overflow policy, at a reset, or because their number seemed to be another stream's.
        malformed: packets that the encoding cannot be, or that the decoder refused.
        restarts: times that the sender began anew, by its source, sequence numbers or timestamps.
        concealed: frames for which nothing was there in time.
        concealed_ms: their length.
        recovered: lost frames taken from the copy (FEC) in the packet after.
        shortened_ms: sound taken out because the delay was longer than needed.
        lengthened_ms: sound put in because it was shorter; only by a `PlayoutBuffer`.
        delay_ms: how much later the last packet was played than the quickest one could have been.
        target_ms: what that delay is to be.
        jitter_ms: the interarrival jitter of RFC 3550, section 6.4.1.
    """

    received: int
    played: int
    lost: int
    late: int
    duplicated: int
    reordered: int
    discarded: int
    malformed: int
    restarts: int
    concealed: int
    concealed_ms: float
    recovered: int
    shortened_ms: float
    lengthened_ms: float
    delay_ms: float
    target_ms: float
    jitter_ms: float


class Playout(NamedTuple):
    """What is to be played next.

    Attributes:
        kind: "packet": decode it. "fec": decode the frame before this packet from the copy in it
            (`OpusDecoder.decode(packet, fec=True)`); the packet itself follows. "conceal": nothing
            is there; fill in. "comfort": the sender is silent; play comfort noise or silence.
            "silence": nothing has arrived yet, or nothing for so long that concealment has faded.
        packet: the bytes of "packet" and "fec", otherwise None.
        ticks: how much sound it stands for, in samples at the clock rate.
    """

    kind: Literal["packet", "fec", "conceal", "comfort", "silence"]
    packet: bytes | None
    ticks: int
