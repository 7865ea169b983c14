"""What the fuzz targets share: decisions from the fuzzer's bytes, buffers without slack."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

import atheris
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Reader", "exact", "fuzz"]

T = TypeVar("T")


class Reader:
    """Takes decisions and data from the front of the fuzzer's bytes; zeros follow their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def number(self, size: int) -> int:
        """A signed number of `size` bytes, little endian."""
        return int.from_bytes(bytes(self.byte() for _ in range(size)), "little", signed=True)

    def choose(self, choices: Sequence[T]) -> T:
        return choices[self.byte() % len(choices)]

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._data))


def exact(data: bytes) -> memoryview:
    """The same bytes where nothing follows them: a bytes object ends in a zero of its own."""
    return memoryview(np.frombuffer(data, np.uint8).copy())


def fuzz(target: Callable[[bytes], None]) -> None:
    """Hand the process to libFuzzer; its options are those of the command line."""
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
