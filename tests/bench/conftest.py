"""One sound for all cases: making it takes longer than most of the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtaudio.bench.signals import Material
from rtaudio.bench.suite import make_groups

if TYPE_CHECKING:
    from rtaudio.bench.cases import Group


@pytest.fixture(scope="session")
def material() -> Material:
    return Material.synthetic()


@pytest.fixture(scope="session")
def groups(material: Material) -> dict[str, Group]:
    return {group.name: group for group in make_groups(material)}
