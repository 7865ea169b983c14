"""Twenty milliseconds written to a buffer and read from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtaudio.bench.ring import RING

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.family(RING)
def test_ring(race: Callable[[], None]) -> None:
    race()
