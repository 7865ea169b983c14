"""Sound between JSON text and PCM, 100 ms at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtaudio.bench.wire import APPEND, DELTA

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.family(DELTA)
def test_delta(race: Callable[[], None]) -> None:
    race()


@pytest.mark.family(APPEND)
def test_append(race: Callable[[], None]) -> None:
    race()
