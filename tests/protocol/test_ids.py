"""Ids in the service's own shape."""

from __future__ import annotations

import re

import pytest

from rtaudio.protocol import new_id


@pytest.mark.parametrize(("prefix", "length"), [("event", 21), ("item_", 21), ("call", 16)])
def test_an_id_has_its_prefix_and_length(prefix: str, length: int) -> None:
    kind = prefix.rstrip("_")
    assert re.fullmatch(rf"{kind}_[A-Za-z0-9]{{{length}}}", new_id(prefix))


def test_ids_do_not_repeat() -> None:
    assert len({new_id("item") for _ in range(1000)}) == 1000
