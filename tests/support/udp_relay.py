"""A path for datagrams between two WebRTC peers on this machine, as bad as a test wants it.

It stands in the session descriptions: each peer is told the relay's ports instead of the other's,
and everything between them passes here, ICE, DTLS, events and sound.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

__all__ = ["Faults", "Tally", "UdpRelay"]

Way = Literal["up", "down"]

_CANDIDATE = re.compile(r"^(a=candidate:\S+ \d+ udp \d+ )(\S+) (\d+)( typ host.*)$", re.M | re.I)
_FIRST_RTP, _LAST_RTP = 128, 191
_REPORTS = range(192, 224)


class Faults(NamedTuple):
    """What befalls datagrams; probabilities are 0 to 1, times seconds.

    Attributes:
        loss: a datagram is lost, whatever befell others.
        burst: a stretch of losses begins with it.
        burst_length: datagrams in such a stretch, on average.
        delay_s: all of them take so long.
        jitter_s: and up to so much longer, without overtaking each other.
        late: a datagram takes `late_s` longer, and others overtake it.
        late_s: how much.
        twice: a datagram comes a second time, up to 30 ms later.
    """

    loss: float = 0.0
    burst: float = 0.0
    burst_length: float = 4.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    late: float = 0.0
    late_s: float = 0.05
    twice: float = 0.0


@dataclass
class Tally:
    """What befell the packets of sound in one direction.

    Attributes:
        first: sequence number of the first that was sent; None before it.
        packets: all that were sent, while there were faults or not.
        lost: sequence numbers of those that never arrived.
        late: how many others may overtake.
        twice: how many came twice.
    """

    first: int | None = None
    packets: int = 0
    lost: set[int] = field(default_factory=set)
    late: int = 0
    twice: int = 0


class _Fortune:
    """Decides what befalls the datagrams of one kind, the same for the same seed."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)
        self._lost_in_row = 0
        self._latest = 0.0

    def fate(self, faults: Faults, now: float) -> list[float]:
        """When a datagram arrives: never, once or twice."""
        chance = self._chance
        # As many draws for every datagram, so that one fault does not change the others.
        loss, burst, length, jitter, late, twice, again = (chance.random() for _ in range(7))
        if not self._lost_in_row and burst < faults.burst:
            self._lost_in_row = 1 + int(2 * (faults.burst_length - 1) * length + 0.5)
        if self._lost_in_row:
            self._lost_in_row -= 1
            return []
        if loss < faults.loss:
            return []
        at = max(self._latest, now + faults.delay_s + faults.jitter_s * jitter)
        if late < faults.late:
            at += faults.late_s
        else:
            self._latest = at
        return [at, at + 0.03 * again] if twice < faults.twice else [at]

    def overtaken(self, arrivals: list[float]) -> bool:
        """Whether others that are on their way already, or will be, come sooner."""
        return bool(arrivals) and arrivals[0] > self._latest


class _Direction:
    def __init__(self, seed: str) -> None:
        self.faults = Faults()
        self.tally = Tally()
        # Of its own, as everything else comes at random and would change what befalls the sound.
        self._sound = _Fortune(f"{seed} sound")
        self._rest = _Fortune(f"{seed} rest")

    def fate(self, datagram: bytes, now: float) -> list[float]:
        """When a datagram arrives: never, once or twice."""
        sound = len(datagram) > 11 and _FIRST_RTP <= datagram[0] <= _LAST_RTP
        if not sound or datagram[1] in _REPORTS:
            return self._rest.fate(self.faults, now)
        arrivals = self._sound.fate(self.faults, now)
        self._count(datagram, arrivals)
        return arrivals

    def _count(self, datagram: bytes, arrivals: list[float]) -> None:
        number = int.from_bytes(datagram[2:4], "big")
        if self.tally.first is None:
            self.tally.first = number
        self.tally.packets += 1
        self.tally.twice += len(arrivals) > 1
        self.tally.late += self._sound.overtaken(arrivals)
        if not arrivals:
            self.tally.lost.add(number)


class _Port(asyncio.DatagramProtocol):
    """A socket that stands for a peer: what comes in for it goes to it, from the other's."""

    transport: asyncio.DatagramTransport

    def __init__(self, relay: UdpRelay, way: Way, address: tuple[str, int]) -> None:
        self._relay = relay
        self.way = way
        self.address = address

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._relay.forward(self, data, (address[0], address[1]))


class UdpRelay:
    """The path. `up` is from the peer that makes the offer, `down` to it.

    Args:
        seed: for all that is drawn.
    """

    def __init__(self, seed: int) -> None:
        self._directions = {"up": _Direction(f"{seed} up"), "down": _Direction(f"{seed} down")}
        self._ports: list[_Port] = []
        self._timers: set[asyncio.TimerHandle] = set()

    def befall(self, faults: Faults) -> None:
        """From now on datagrams fare like this, in both directions."""
        for direction in self._directions.values():
            direction.faults = faults

    def tally(self, way: Way) -> Tally:
        """What befell the packets of sound so far."""
        return self._directions[way].tally

    def fate(self, way: Way, datagram: bytes, now: float) -> list[float]:
        """Decide when the next datagram arrives: never, once or twice."""
        return self._directions[way].fate(datagram, now)

    async def rewrite(self, sdp: str, way: Way) -> str:
        """Stand in a session description in its peer's place.

        Args:
            sdp: an offer or answer, with candidates.
            way: of the datagrams that are sent to its peer: `down` for an offer's.
        """
        ports: dict[str, int] = {}
        for found in _CANDIDATE.finditer(sdp):
            address = found[2], int(found[3])
            _, port = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda address=address: _Port(self, way, address),  # type: ignore[misc]
                local_addr=("127.0.0.1", 0),
            )
            self._ports.append(port)
            ports[found[3]] = port.transport.get_extra_info("sockname")[1]
        return _CANDIDATE.sub(lambda found: f"{found[1]}127.0.0.1 {ports[found[3]]}{found[4]}", sdp)

    def forward(self, port: _Port, data: bytes, sender: tuple[str, int]) -> None:
        """A datagram came from a peer, for the one behind this port."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        arrivals = self.fate(port.way, data, now)
        # It comes from where the other side believes its peer to be.
        behind = next((each for each in self._ports if each.address == sender), None)
        if behind is None:
            return  # of a peer that nobody was told of
        for at in arrivals:
            if at <= now:
                behind.transport.sendto(data, port.address)
                continue
            timer = loop.call_at(at, self._deliver, behind, data, port.address)
            self._timers.add(timer)
            if len(self._timers) > 1000:
                self._timers = {each for each in self._timers if each.when() > now}

    def _deliver(self, behind: _Port, data: bytes, address: tuple[str, int]) -> None:
        if not behind.transport.is_closing():
            behind.transport.sendto(data, address)

    def close(self) -> None:
        """End it; what is on its way is lost."""
        for timer in self._timers:
            timer.cancel()
        for port in self._ports:
            port.transport.close()
