"""Loudness, peak and mixing down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtaudio.bench.levels import MONO, PEAK, RMS

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.family(RMS)
def test_rms(race: Callable[[], None]) -> None:
    race()


@pytest.mark.family(PEAK)
def test_peak(race: Callable[[], None]) -> None:
    race()


@pytest.mark.family(MONO)
def test_mono(race: Callable[[], None]) -> None:
    race()
