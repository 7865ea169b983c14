"""Cuts at random under a session that goes on speaking: nothing may be lost, nothing come twice.

Somebody speaks in turns of random length, as fast as the connection takes it, through a proxy that
breaks every connection at a byte drawn at random, by a reset or in good order: in handshakes, in
the middle of frames, between a commit and its answer. In the end the sound of the items that the
application was told of must be what it sent, sample by sample: turn by turn where it commits, and
but for silence where the service detects turns.

Usage: python tests/support/soak.py [--cuts 1000] [--seed 1] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from fault_proxy import FaultProxy
from recording_service import RecordingService

from rtaudio import RealtimeAgent, RealtimeSession, ReconnectPolicy
from rtaudio.transports import WebSocketTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Result", "Turns", "soak"]

Turns = Literal["committed", "detected"]

_POLICY = ReconnectPolicy(initial_delay_s=0.001, max_delay_s=0.005, max_attempts=100_000)
_SILENCE = bytes(2 * 24 * 150)
# The first bytes of a connection are its handshake, so some cuts fall into that.
_LONGEST_CONNECTION = 60_000


class Result(NamedTuple):
    """What a soak found.

    Attributes:
        engine: of the WebSocket.
        turns: how they ended.
        cuts: how often a connection was broken.
        reconnections: how often another one stood.
        sent_turns: what the application said.
        sent_samples: the same in samples, silence aside.
        repeated: items that a session had made when it broke, and nobody was told of.
        lost: samples that were sent and are in no item, or not where they should be.
        twice: samples that are in two items.
        seconds: it took.
    """

    engine: str
    turns: Turns
    cuts: int
    reconnections: int
    sent_turns: int
    sent_samples: int
    repeated: int
    lost: int
    twice: int
    seconds: float


async def soak(engine: Any, turns: Turns, *, cuts: int, seed: int) -> Result:
    """Speak until so many connections were broken, and compare.

    Args:
        engine: of the WebSocket.
        turns: whether the application commits, or the service detects.
        cuts: connections to break.
        seed: for what is said and where it is broken.
    """
    chance = random.Random(seed)
    begin = time.monotonic()
    told: list[str] = []
    arrived = asyncio.Event()
    reconnections = 0

    def committed(event: Any) -> None:
        told.append(event.item_id)
        arrived.set()

    def reconnected(_event: Any) -> None:
        nonlocal reconnections
        reconnections += 1

    async with RecordingService() as service, FaultProxy(service.port) as proxy:
        proxy.draw = _Draw(chance, cuts)
        detection = {"type": "server_vad"} if turns == "detected" else None
        session = RealtimeSession(
            RealtimeAgent("a"),
            transport=WebSocketTransport(proxy.url, engine=engine),
            config={"audio": {"input": {"turn_detection": detection}}},
            reconnect=_POLICY,
        )
        session.on("input_audio_committed", committed)
        session.on("reconnected", reconnected)
        session.on("error", _raise)
        while True:
            try:
                await session.connect()
            except Exception:
                continue  # a first attempt is not repeated by itself
            break
        said: list[bytes] = []
        while proxy.broken < cuts:
            said.append(_turn(chance))
            for piece in _pieces(said[-1], chance):
                await session.send_audio(piece)
                if chance.random() < 0.2:
                    await asyncio.sleep(0)
            if turns == "committed":
                await session.commit_audio()
            else:
                await session.send_audio(_SILENCE)
            while len(said) - len(told) > 5:
                arrived.clear()
                await arrived.wait()
        while len(told) < len(said):
            arrived.clear()
            await arrived.wait()
        await session.close()
        lost, twice = _compare(said, [service.items[each] for each in told])
        return Result(
            engine=engine,
            turns=turns,
            cuts=proxy.broken,
            reconnections=reconnections,
            sent_turns=len(said),
            sent_samples=sum(map(len, said)) // 2,
            repeated=len(service.items) - len(told),
            lost=lost,
            twice=twice,
            seconds=round(time.monotonic() - begin, 1),
        )


class _Draw:
    """Where and how the next connection is broken; after the last, no more."""

    def __init__(self, chance: random.Random, cuts: int) -> None:
        self._chance = chance
        self._left = cuts

    def __call__(self, proxy: FaultProxy) -> None:
        proxy.cut_up = proxy.cut_down = None
        if self._left:
            self._left -= 1
            proxy.how = self._chance.choice(["reset", "close"])
            where = self._chance.randrange(_LONGEST_CONNECTION)
            if self._chance.random() < 0.7:
                proxy.cut_up = where
            else:
                proxy.cut_down = where // 20


def _raise(event: Any) -> None:
    raise AssertionError(f"an error reached the application: {event.error!r}")


def _turn(chance: random.Random) -> bytes:
    """Samples without zeros, on whole milliseconds."""
    size = chance.randrange(20, 300) * 24
    noise = np.random.default_rng(chance.getrandbits(32)).integers(1, 32_767, size)
    return noise.astype(np.int16).tobytes()


def _pieces(turn: bytes, chance: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(turn):
        size = chance.randrange(1, 60) * 48
        yield turn[at : at + size]
        at += size


def _compare(said: list[bytes], heard: list[bytes]) -> tuple[int, int]:
    """Samples that are missing where they should be, and those that are there more than once."""
    if said == heard:
        return 0, 0
    sent = np.frombuffer(b"".join(said), np.int16)
    got = np.frombuffer(b"".join(heard), np.int16)
    got = got[got != 0]
    if len(sent) == len(got):
        return int(np.count_nonzero(sent != got)), 0
    return max(1, len(sent) - len(got)), max(0, len(got) - len(sent))


def main() -> None:
    """Run all, show what was found, and fail where anything was lost or came twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    results = []
    for engine in ("websockets", "picows"):
        for turns in ("committed", "detected"):
            result = asyncio.run(soak(engine, turns, cuts=wanted.cuts, seed=wanted.seed))  # type: ignore[arg-type]
            results.append(result._asdict())
            print(", ".join(f"{name} {value}" for name, value in results[-1].items()), flush=True)
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(results, indent=1) + "\n")
    if any(each["lost"] or each["twice"] for each in results):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
