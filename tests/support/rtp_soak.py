"""Calls over bad networks: what was heard at both ends is compared with what was said.

Two real peers on this machine, each with our line for sound, speak and listen all the time, and
send each other numbered events, through a relay that loses, delays, swaps and doubles datagrams.
The call must survive, every event must arrive once and in order, and of the sound nothing may be
missing but what was lost on the way, and nothing may come twice. Time waits for the work: what else
the machine does changes nothing, and a call takes no longer than its sound takes to be coded.

Usage: python tests/support/rtp_soak.py [--seconds 60] [--seed 1] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import gc
import json
import os
import random
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from call_peer import CallPeer
from patient_time import patient_time
from sound_match import match
from udp_relay import Faults, Tally, UdpRelay

from rtaudio.audio import load, resample, to_mono
from rtaudio.transports import ConnectOptions, WebRTCTransport
from rtaudio.transports.base import TransportSink

if TYPE_CHECKING:
    from rtaudio.audio import JitterStats, Samples

__all__ = ["NETWORKS", "Heard", "Recorded", "Result", "call", "compare", "speech"]

RATE = 24_000
FRAME_S = 0.02
_SPEECH = Path(__file__).parents[2] / "samples" / "alice.flac"
_GREETING = {"type": "session.update", "session": {"type": "realtime"}}
# How long a call goes well before and behind the faults.
_CALM_S = 1.0
_TICK_S = 0.2
# What of a call may be missing, unlike or made up for no reason given here.
_SLACK = 0.03

NETWORKS = {
    "good": Faults(),
    "loss": Faults(loss=0.05),
    "bursts": Faults(burst=0.015, burst_length=4),
    "jitter": Faults(delay_s=0.02, jitter_s=0.06),
    "disorder": Faults(late=0.05, late_s=0.045),
    "doubles": Faults(twice=0.1),
    "all at once": Faults(
        loss=0.02, burst=0.005, delay_s=0.02, jitter_s=0.03, late=0.02, twice=0.02
    ),
}


class Recorded(NamedTuple):
    """A call that is over.

    Attributes:
        network: its name.
        survived: whether it still stood in the end, at both ends.
        events: sent, in both directions together.
        events_wrong: of those, missing, doubled or out of order.
        ways: `up` and `down`: what was said, what was heard, and what befell the packets, by the
            relay and by the jitter buffer.
    """

    network: str
    survived: bool
    events: int
    events_wrong: int
    ways: dict[str, tuple[bytes, bytes, Tally, JitterStats]]


class Heard(NamedTuple):
    """What became of the sound in one direction.

    Attributes:
        packets: sent.
        lost: share of them that never arrived.
        twice: share that arrived twice.
        gaps: packets that the jitter buffer had not when they were due.
        recovered: lost packets that were had from the copy in the next one.
        concealed: share of what was heard that was made up.
        late: packets that came too late.
        alike: share of what was heard, pauses aside, that was said.
        missing: share of what was said and arrived, pauses and what is beside losses aside, that
            was not heard.
        repeated_ms: heard again after it was heard.
        delay_spread_ms: between the shortest and the longest delay.
        buffer_ms: the jitter buffer's delay in the end.
    """

    packets: int
    lost: float
    twice: float
    gaps: int
    recovered: int
    concealed: float
    late: int
    alike: float
    missing: float
    repeated_ms: float
    delay_spread_ms: float
    buffer_ms: float


class Result(NamedTuple):
    """What a call found.

    Attributes:
        network: its name.
        survived: whether it still stood in the end, at both ends.
        events: sent, in both directions together.
        events_wrong: of those, missing, doubled or out of order.
        up: the sound to the service.
        down: the sound from it.
    """

    network: str
    survived: bool
    events: int
    events_wrong: int
    up: Heard
    down: Heard

    @property
    def problems(self) -> list[str]:
        """What is wrong with it that its network does not explain."""
        problems = [] if self.survived else ["the call ended"]
        if self.events_wrong:
            problems.append(f"{self.events_wrong} events wrong")
        for name, way in (("up", self.up), ("down", self.down)):
            late = way.late / way.packets
            bounds = {
                "missing": (way.missing, _SLACK + 4 * late),
                "unlike": (1 - way.alike, _SLACK + 3 * way.lost + 2 * late),
                "concealed": (way.concealed, _SLACK + 1.5 * way.lost + 2 * late),
                "repeated": (way.repeated_ms, 60),
                "gaps": (way.gaps, round(way.lost * way.packets)),
            }
            problems += [
                f"{name}: {what} {value:.4g}, more than {most:.4g}"
                for what, (value, most) in bounds.items()
                if value > most
            ]
        return problems


@functools.cache
def _speech() -> Samples:
    clip = load(_SPEECH)
    return resample(to_mono(clip.samples, clip.channels), clip.sample_rate, RATE)


def speech(seconds: float, skip_s: float = 0.0) -> Samples:
    """Some speech, over and over, from a place on."""
    samples = np.roll(_speech(), -round(skip_s * RATE))
    count = round(seconds * RATE)
    return np.tile(samples, count // len(samples) + 1)[:count]


class _Ticks:
    """Numbered events, and how many of those that came were not the next one."""

    def __init__(self) -> None:
        self.sent = 0
        self.come: list[int] = []
        self.changed = asyncio.Event()

    def next(self) -> dict[str, Any]:
        self.sent += 1
        return {"type": "soak.tick", "number": self.sent}

    def take(self, event: dict[str, Any]) -> None:
        if event.get("type") == "soak.tick":
            self.come.append(event["number"])
            self.changed.set()

    async def settle(self) -> int:
        """Wait for those on their way; how many are wrong."""
        try:
            async with asyncio.timeout(20):
                while len(self.come) < self.sent:
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            pass
        wanted = range(1, self.sent + 1)
        wrong = sum(a != b for a, b in zip(self.come, wanted, strict=False))
        return wrong + abs(len(self.come) - self.sent)


async def call(network: str, faults: Faults, *, seconds: float, seed: int) -> Recorded:
    """Speak over this network.

    Args:
        network: its name.
        faults: what it does for so many `seconds`.
        seconds: the same.
        seed: for the faults, for all else that comes at random, and where in the speech it begins.
    """
    random.seed(seed)  # for when reports are sent
    length = seconds + 2 * _CALM_S
    said, heard = bytearray(), bytearray()
    up, down = _Ticks(), _Ticks()
    relay = UdpRelay(seed)
    async with CallPeer(relay) as peer:
        peer.took = up.take
        transport = WebRTCTransport(peer.url)
        transport.attach(
            TransportSink(
                event=lambda _event, raw: down.take(json.loads(bytes(raw, "utf-8"))),  # type: ignore[arg-type]
                garbage=lambda _error, _raw: None,
                status=lambda _status: None,
                lost=lambda error: down.take({"type": "lost", "error": error}),
                sound=heard.extend,
                sent=said.extend,
            )
        )
        await transport.open(ConnectOptions(), _GREETING)
        assert peer.line is not None
        speaking = asyncio.gather(
            transport.send_audio(speech(length, seed)),
            peer.outgoing.feed(speech(length, seed + 7)),
        )
        loop = asyncio.get_running_loop()
        begin, ticks = loop.time(), 0
        while (now := loop.time() - begin) < length:
            relay.befall(faults if _CALM_S <= now < _CALM_S + seconds else Faults())
            await transport.send_event(up.next())
            peer.send(down.next())
            ticks += 1
            await asyncio.sleep(max(0.0, ticks * _TICK_S - now))
        relay.befall(Faults())
        wrong = await up.settle() + await down.settle()
        await speaking
        survived = transport.status == "connected" and peer.state == "connected"
        stats = peer.line.jitter_stats, transport.jitter_stats
        await transport.shut()
    relay.close()
    if stats[1] is None:
        raise AssertionError(f"{network}: the call did not survive")
    return Recorded(
        network=network,
        survived=survived,
        events=up.sent + down.sent,
        events_wrong=wrong,
        ways={
            "up": (bytes(said), b"".join(peer.heard), relay.tally("up"), stats[0]),
            "down": (b"".join(peer.said), bytes(heard), relay.tally("down"), stats[1]),
        },
    )


def compare(recorded: Recorded) -> Result:
    """Compare what was heard with what was said; takes a while."""
    ways = {name: _compare(*way) for name, way in recorded.ways.items()}
    return Result(*recorded[:4], **ways)


def _compare(said: bytes, heard: bytes, tally: Tally, stats: JitterStats) -> Heard:
    found = match(np.frombuffer(said, np.int16), np.frombuffer(heard, np.int16), RATE)
    first = tally.first or 0
    lost = {(number - first) % 65536 for number in tally.lost}
    # What is beside a loss is blended with what was made up for it.
    beside = {number + step for number in lost for step in (-2, -1, 0, 1, 2)}
    arrived = [
        was_heard
        for number, was_heard in enumerate(found.covered[:-50])
        if was_heard is not None and number not in beside
    ]
    return Heard(
        packets=tally.packets,
        lost=round(len(tally.lost) / tally.packets, 4),
        twice=round(tally.twice / tally.packets, 4),
        gaps=stats.lost,
        recovered=stats.recovered,
        concealed=round(stats.concealed_ms / (len(heard) / 2 / RATE * 1000), 4),
        late=stats.late,
        alike=round(found.alike, 4),
        missing=round(1 - sum(arrived) / len(arrived), 4),
        repeated_ms=round(found.repeated_s * 1000),
        delay_spread_ms=round(found.delay_spread_s * 1000),
        buffer_ms=round(stats.delay_ms, 1),
    )


@patient_time()
async def memory(*, seconds: float, seed: int) -> dict[str, float]:
    """A long call over the worst network, of which nothing is kept: what memory grows by."""
    relay = UdpRelay(seed)
    async with CallPeer(relay) as peer:
        peer.outgoing.left = lambda _pcm: None
        peer.heard = _Nothing()
        transport = WebRTCTransport(peer.url)
        await transport.open(ConnectOptions(), _GREETING)
        relay.befall(NETWORKS["all at once"])
        piece = speech(1.0)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        before: tuple[int, int] | None = None
        tracemalloc.start()
        while loop.time() - begin < seconds:
            await asyncio.gather(transport.send_audio(piece), peer.outgoing.feed(piece))
            if before is None and loop.time() - begin > seconds / 3:
                before = _memory()
        after = _memory()
        tracemalloc.stop()
        assert before is not None
        await transport.shut()
    relay.close()
    return {
        "seconds": round(seconds * 2 / 3, 1),
        "traced_kib": round((after[0] - before[0]) / 1024, 1),
        "resident_kib": round((after[1] - before[1]) / 1024, 1),
    }


class _Nothing(list[bytes]):
    """Keeps none of what it is given."""

    def append(self, each: bytes, /) -> None:
        pass


def _memory() -> tuple[int, int]:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return tracemalloc.get_traced_memory()[0], pages * os.sysconf("SC_PAGE_SIZE")


@patient_time()
async def _all(seconds: float, seed: int) -> list[Recorded]:
    calls = (call(name, faults, seconds=seconds, seed=seed) for name, faults in NETWORKS.items())
    return list(await asyncio.gather(*calls))


def main() -> None:
    """Make all calls at once, then a long one, show what was found, and fail where it is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    import aioice.ice

    aioice.ice.get_host_addresses = lambda *_, **__: ["127.0.0.1"]
    results = [compare(each) for each in asyncio.run(_all(wanted.seconds, wanted.seed))]
    for result in results:
        verdict = "; ".join(result.problems) or "good"
        print(f"{result.network}: {verdict}; events {result.events}")
        for way in ("up", "down"):
            told = getattr(result, way)._asdict()
            print(f"  {way}: " + ", ".join(f"{name} {value}" for name, value in told.items()))
    grown = asyncio.run(memory(seconds=wanted.seconds, seed=wanted.seed))
    print("memory:", ", ".join(f"{name} {value}" for name, value in grown.items()))
    if wanted.json is not None:
        told = [
            {**each._asdict(), "up": each.up._asdict(), "down": each.down._asdict()}
            for each in results
        ]
        wanted.json.write_text(json.dumps({"calls": told, "memory": grown}, indent=1) + "\n")
    if any(result.problems for result in results) or grown["traced_kib"] > 200:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
