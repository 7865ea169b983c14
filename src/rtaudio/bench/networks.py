"""What jitter buffers make of bad networks: how late sound is heard, and what is missing from it.

A minute of packets, 20 ms each, travels over networks that are drawn by chance, the same for
everybody: losses come in bursts (Gilbert's model), packets wait behind each other in queues, and
some networks stop now and then. Somebody plays 20 ms every 20 ms, whatever is there. No sound is
made or measured; what counts is which packet is heard when. No times are taken.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rtaudio.audio import JitterBuffer, OpusEncoder, PlayoutBuffer
from rtaudio.bench.cases import Absent, need
from rtaudio.bench.report import NetworkRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtaudio.bench.signals import Material

__all__ = ["NETWORKS", "PLAYERS", "Network", "measure_network", "measure_networks"]

SAMPLE_RATE = 24000
FRAME = SAMPLE_RATE // 50
TICKS = 960  # of the same 20 ms, in RTP timestamps of Opus
FRAME_S = 0.02
PACKETS = 3000
TRANSIT_S = 0.03  # of the quickest packet
AFTER = 50  # beats, until the last packet has been played
PLAYED_AFTER_S = 0.007  # the player's beat, after the sender's


@dataclass(frozen=True, slots=True)
class Network:
    """What happens to packets on their way.

    Attributes:
        loss: share of packets that are lost.
        burst: how many are lost in a row, on average.
        jitter_ms: delays are spread up to here, most of them near 0, and packets stay in order.
        stall_every_s: after so long nothing arrives for `stall_ms`, then all at once; 0 for never.
    """

    name: str
    loss: float = 0.0
    burst: float = 1.0
    jitter_ms: float = 0.0
    stall_every_s: float = 0.0
    stall_ms: float = 0.0

    def arrivals(self, seed: int = 1) -> list[tuple[float, int]]:
        """When which packet arrives, in seconds since the first was sent."""
        random = np.random.default_rng(seed)
        sent = np.arange(PACKETS) * FRAME_S
        spread = random.exponential(self.jitter_ms / 3, PACKETS).clip(0, self.jitter_ms)
        arrive = np.maximum.accumulate(sent + TRANSIT_S + spread / 1000)
        if self.stall_every_s:
            for start in np.arange(self.stall_every_s, PACKETS * FRAME_S, self.stall_every_s):
                end = start + self.stall_ms / 1000
                arrive[(arrive >= start) & (arrive < end)] = end
        kept, lost = [], False
        leave, enter = 1 / self.burst, self.loss / (self.burst * (1 - self.loss))
        for number in range(PACKETS):
            lost = random.random() >= leave if lost else random.random() < enter
            if not lost:
                kept.append((float(arrive[number]), number))
        return kept


NETWORKS = (
    Network("calm"),
    Network("1 % lost", loss=0.01),
    Network("5 % lost", loss=0.05, burst=1.5),
    Network("jitter 20 ms", jitter_ms=20),
    Network("jitter 60 ms", jitter_ms=60),
    Network("3 % lost, jitter 40 ms", loss=0.03, burst=1.2, jitter_ms=40),
    Network("stalls of 200 ms", jitter_ms=5, stall_every_s=5, stall_ms=200),
)


class Player(Protocol):
    """Somebody who plays."""

    def push(self, number: int, arrival_s: float) -> None:
        """A packet arrives."""

    def play(self, now_s: float) -> float | None:
        """Play 20 ms; returns how late they are in seconds, or None where nothing real is heard."""


@dataclass(slots=True)
class _Heard:
    """What one player played."""

    late_s: list[float] = field(default_factory=list)
    silent: list[int] = field(default_factory=list)  # runs of frames without sound that was sent


def measure_networks(
    material: Material, networks: Sequence[Network] = NETWORKS
) -> list[NetworkRow]:
    """Every player on every network; those that are not installed are left out."""
    rows = []
    for name, make in PLAYERS.items():
        try:
            rows += [measure_network(material, name, make, network) for network in networks]
        except Absent:
            continue
    return rows


def measure_network(
    material: Material, name: str, make: Callable[[Material], Player], network: Network
) -> NetworkRow:
    """One player on one network.

    Raises:
        Absent: it is not installed.
    """
    player, heard = make(material), _Heard()
    arrivals = deque(network.arrivals())
    run = 0
    for beat in range(PACKETS + AFTER):
        now_s = beat * FRAME_S + PLAYED_AFTER_S
        while arrivals and arrivals[0][0] <= now_s:
            arrival_s, number = arrivals.popleft()
            player.push(number, arrival_s)
        late_s = player.play(now_s)
        if late_s is not None:
            heard.late_s.append(late_s)
            heard.silent += [run] if run and len(heard.late_s) > 1 else []
            run = 0
        else:
            run += 1
    late_ms = 1000 * np.array(heard.late_s)
    return NetworkRow(
        contender=name,
        ours=name.startswith("rtaudio"),
        network=network.name,
        delay_ms=float(late_ms.mean()),
        worst_delay_ms=float(np.quantile(late_ms, 0.99)),
        missing=1 - len(heard.late_s) / PACKETS,
        gap_ms=1000 * FRAME_S * max(heard.silent, default=0),
    )


class _Jitter:
    """Packets given out to be decoded elsewhere."""

    def __init__(self, material: Material) -> None:
        self._buffer = JitterBuffer("opus")
        self._packets = _opus(material)

    def push(self, number: int, arrival_s: float) -> None:
        _push(self._buffer, self._packets, number, arrival_s)

    def play(self, now_s: float) -> float | None:
        turn = self._buffer.pull(now_s)
        return self._buffer.stats.delay_ms / 1000 if turn.kind in ("packet", "fec") else None


class _Playout:
    """Packets decoded, concealed, shortened and lengthened."""

    def __init__(self, material: Material) -> None:
        self._buffer = PlayoutBuffer("opus", SAMPLE_RATE)
        self._packets = _opus(material)
        self._concealed = 0
        self._out = np.zeros(FRAME, np.int16)

    def push(self, number: int, arrival_s: float) -> None:
        _push(self._buffer, self._packets, number, arrival_s)

    def play(self, now_s: float) -> float | None:
        self._buffer.read_into(self._out, now_s)
        stats = self._buffer.stats
        concealed, self._concealed = stats.concealed - self._concealed, stats.concealed
        real = self._buffer.is_playing and stats.played and not concealed
        return stats.delay_ms / 1000 if real else None


class _Aiortc:
    """Its buffer as its receiver uses it: what comes out waits in a queue until it is played."""

    def __init__(self, _material: Material) -> None:
        self._packet = need("aiortc.rtp").RtpPacket
        self._buffer = need("aiortc.jitterbuffer").JitterBuffer(capacity=16, prefetch=4)
        self._queue: deque[Any] = deque()

    def push(self, number: int, _arrival_s: float) -> None:
        packet = self._packet(sequence_number=number & 0xFFFF, timestamp=number * TICKS)
        packet._data = b""
        frame = self._buffer.add(packet)[1]
        if frame is not None:
            self._queue.append(frame)

    def play(self, now_s: float) -> float | None:
        if not self._queue:
            return None
        sent_s = self._queue.popleft().timestamp / TICKS * FRAME_S
        return float(now_s - sent_s - TRANSIT_S)


PLAYERS: dict[str, Callable[[Any], Player]] = {
    "rtaudio playout": _Playout,
    "rtaudio packets": _Jitter,
    "aiortc": _Aiortc,
}


def _push(
    buffer: JitterBuffer | PlayoutBuffer, packets: list[bytes], number: int, arrival_s: float
) -> None:
    packet = packets[number % len(packets)]
    buffer.push(packet, arrival_s, number & 0xFFFF, number * TICKS & 0xFFFFFFFF)


def _opus(material: Material) -> list[bytes]:
    encoder = OpusEncoder(SAMPLE_RATE, bitrate=32000, fec=True)
    sound = material.at(SAMPLE_RATE, 4)
    whole = sound[: len(sound) // FRAME * FRAME]
    return [encoder.encode(frame) for frame in whole.reshape(-1, FRAME)]
