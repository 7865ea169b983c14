"""Opus at 24 kHz, mono: speech decoded, and encoded at complexity 10."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtaudio.bench.opus import DECODE, ENCODE

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.family(DECODE)
def test_decode(race: Callable[[], None]) -> None:
    race()


@pytest.mark.family(ENCODE)
def test_encode(race: Callable[[], None]) -> None:
    race()
