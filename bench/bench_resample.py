"""Resampling of 20 ms chunks as they come, and of whole signals, at eight pairs of rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtaudio.bench.resample import STREAM, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.family(STREAM)
def test_live(race: Callable[[], None]) -> None:
    race()


@pytest.mark.family(WHOLE)
def test_whole(race: Callable[[], None]) -> None:
    race()
