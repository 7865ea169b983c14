"""Simulated networks: what they do to packets, and that what is counted of players is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtaudio.bench.cases import Absent
from rtaudio.bench.networks import (
    FRAME_S,
    NETWORKS,
    PACKETS,
    PLAYED_AFTER_S,
    PLAYERS,
    TRANSIT_S,
    Network,
    measure_network,
    measure_networks,
)

if TYPE_CHECKING:
    from rtaudio.bench.signals import Material


class Punctual:
    """Plays each packet so many beats after the earliest possible; what is missing is silence."""

    def __init__(self, beats: int) -> None:
        self.beats, self.beat = beats, 0
        self.there: set[int] = set()

    def push(self, number: int, arrival_s: float) -> None:
        assert arrival_s >= number * FRAME_S + TRANSIT_S
        self.there.add(number)

    def play(self, now_s: float) -> float | None:
        number = self.beat - 2 - self.beats
        self.beat += 1
        return now_s - number * FRAME_S - TRANSIT_S if number in self.there else None


def test_a_player_that_is_always_as_late_is_found_to_be(material: Material) -> None:
    row = measure_network(material, "x", lambda _: Punctual(3), NETWORKS[0])
    late_s = 2 * FRAME_S + PLAYED_AFTER_S - TRANSIT_S + 3 * FRAME_S
    assert row.delay_ms == pytest.approx(1000 * late_s)
    assert row.worst_delay_ms == pytest.approx(1000 * late_s)
    assert row.gap_ms == row.missing == 0


def test_what_is_lost_is_missing_and_its_longest_run_is_the_gap(material: Material) -> None:
    network = Network("x", loss=0.1, burst=2)
    lost = np.ones(PACKETS, bool)
    lost[[number for _, number in network.arrivals()]] = False
    row = measure_network(material, "x", lambda _: Punctual(0), network)
    assert 0.05 < lost.mean() < 0.15
    assert row.missing == pytest.approx(lost.mean())
    runs = "".join("x" if each else " " for each in lost).split()
    assert 1.5 < np.mean([len(run) for run in runs]) < 2.5
    assert row.gap_ms == 20 * max(map(len, runs))


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_networks_keep_the_order_and_their_own_bounds(network: Network) -> None:
    arrivals = network.arrivals()
    assert arrivals == network.arrivals()
    assert arrivals == sorted(arrivals)
    late_ms = [1000 * (at_s - number * FRAME_S - TRANSIT_S) for at_s, number in arrivals]
    assert min(late_ms) >= -1e-6
    assert max(late_ms) <= max(network.jitter_ms, network.stall_ms) + network.jitter_ms + 1e-6
    assert max(late_ms) >= max(network.jitter_ms, network.stall_ms) * 0.9 - 1e-6


def test_ours_conceal_what_was_lost_and_no_more_where_nothing_is_late(material: Material) -> None:
    network = Network("x", loss=0.02)
    lost = 1 - len(network.arrivals()) / PACKETS
    for name in ("rtaudio playout", "rtaudio packets"):
        row = measure_network(material, name, PLAYERS[name], network)
        assert row.ours
        assert row.missing <= lost + 5 / PACKETS
        assert row.gap_ms <= 40


def test_players_that_are_not_installed_are_left_out(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_: object) -> Punctual:
        raise Absent("x cannot be imported")

    monkeypatch.setitem(PLAYERS, "aiortc", absent)
    rows = measure_networks(material, NETWORKS[:1])
    assert [row.contender for row in rows] == ["rtaudio playout", "rtaudio packets"]
