"""Real calls over bad networks; `make soak` makes longer ones, over more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from patient_time import patient_time
from sound_match import match
from udp_relay import Faults, UdpRelay

if TYPE_CHECKING:
    from rtaudio.audio import Samples

pytest.importorskip(
    "aiortc", reason="RTP FAULTS ARE NOT TESTED: aiortc is missing; pip install -e '.[webrtc]'"
)

from rtp_soak import NETWORKS, RATE, call, compare, speech

PACKET = bytes([0x80, 96]) + bytes(10)


@pytest.mark.parametrize("network", NETWORKS)
async def test_a_call_survives_a_bad_network_and_only_what_was_lost_is_missing(
    network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda *_, **__: ["127.0.0.1"])
    faults = NETWORKS[network]
    async with patient_time():
        recorded = await call(network, faults, seconds=4, seed=4)
    result = compare(recorded)
    assert result.problems == [], result
    # Both ways all was spoken, at its pace, and what should befall packets did.
    for _said, _heard, tally, _stats in recorded.ways.values():
        assert 295 <= tally.packets <= 305
        assert bool(tally.lost) == bool(faults.loss or faults.burst)
        assert bool(tally.late) == bool(faults.late)
        assert bool(tally.twice) == bool(faults.twice)


# The comparison itself.


@pytest.fixture(scope="module")
def said() -> Samples:
    return speech(6.0)


def missing(covered: list[bool | None]) -> int:
    return covered.count(False)


def test_the_same_sound_later_is_found_whole(said: Samples) -> None:
    found = match(said, np.concatenate([np.zeros(RATE // 5, np.int16), said]), RATE)
    assert found.alike == 1.0
    assert found.delay_s == pytest.approx(0.2, abs=0.001)
    assert found.repeated_s == 0
    assert missing(found.covered) <= 1


def test_a_stretch_that_is_left_out_is_missing(said: Samples) -> None:
    cut = np.concatenate([said[: 2 * RATE], said[2 * RATE + RATE // 5 :]])
    found = match(said, cut, RATE)
    assert 5 <= missing(found.covered) <= 12
    assert found.repeated_s == 0


def test_a_stretch_that_comes_twice_is_found(said: Samples) -> None:
    again = np.concatenate([said[: 2 * RATE], said[2 * RATE - RATE // 4 :]])
    found = match(said, again, RATE)
    assert 0.1 < found.repeated_s < 0.4
    assert missing(found.covered) <= 1


def test_what_was_never_said_is_unlike_it(said: Samples) -> None:
    noise = np.random.default_rng(1).normal(0, 4000, len(said)).astype(np.int16)
    found = match(said, noise, RATE)
    assert found.alike < 0.05
    assert missing(found.covered) > 100


# The relay itself.


def fates(seed: int, faults: Faults, count: int = 5000) -> list[list[float]]:
    relay = UdpRelay(seed)
    relay.befall(faults)
    return [relay.fate("up", PACKET, number * 0.02) for number in range(count)]


def test_the_same_seed_brings_the_same_faults_and_another_one_others() -> None:
    faults = NETWORKS["all at once"]
    assert fates(1, faults) == fates(1, faults)
    assert fates(1, faults) != fates(2, faults)


def test_losses_are_as_many_and_in_such_stretches_as_asked() -> None:
    single = [not each for each in fates(3, Faults(loss=0.05))]
    assert 0.04 < np.mean(single) < 0.06
    bursts = [not each for each in fates(3, Faults(burst=0.01, burst_length=5))]
    begins = sum(now and not before for before, now in zip([False, *bursts], bursts, strict=False))
    assert 3.5 < sum(bursts) / begins < 6.5


def test_jitter_swaps_nothing_and_lateness_does() -> None:
    even = [each[0] for each in fates(3, Faults(delay_s=0.01, jitter_s=0.2))]
    assert even == sorted(even)
    late = [each[0] for each in fates(3, Faults(late=0.1))]
    assert late != sorted(late)


def test_a_datagram_that_comes_twice_comes_twice() -> None:
    twice = [len(each) == 2 for each in fates(3, Faults(twice=0.1))]
    assert 0.08 < np.mean(twice) < 0.12
