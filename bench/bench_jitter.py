"""Jitter buffers: time per packet, and what they make of bad networks, which takes no times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtaudio.bench.cases import Absent
from rtaudio.bench.jitter import JITTER
from rtaudio.bench.networks import NETWORKS, PLAYERS, Network, measure_network

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.bench.report import NetworkRow
    from rtaudio.bench.signals import Material


@pytest.mark.family(JITTER)
def test_jitter(race: Callable[[], None]) -> None:
    race()


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@pytest.mark.parametrize("name", PLAYERS)
def test_network(
    name: str, network: Network, speech: Material, keep_network: Callable[[NetworkRow], None]
) -> None:
    try:
        keep_network(measure_network(speech, name, PLAYERS[name], network))
    except Absent as absent:
        pytest.skip(str(absent))
