from collections.abc import Callable
from typing import Any, NoReturn, Self, final

from typing_extensions import Buffer

__all__ = ["Playhead", "SoundLength", "SoundStream"]

@final
class SoundLength:
    ms: float
    def __reduce__(self) -> NoReturn: ...

@final
class Playhead:
    waits: bool
    dry_at: float
    def __new__(cls, *, waits: bool = True) -> Self: ...
    def __reduce__(self) -> NoReturn: ...
    def advance(self, length_ms: float, now: float) -> float: ...

@final
class SoundStream:
    @property
    def response_id(self) -> str: ...
    @property
    def item_id(self) -> str: ...
    @property
    def content_index(self) -> int: ...
    @property
    def start_s(self) -> float: ...
    @property
    def pieces(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    def open(
        self,
        response_id: str,
        item_id: str,
        content_index: int,
        bytes_per_ms: float,
        playhead: Playhead,
        lengths: tuple[SoundLength, ...],
        make: Callable[..., object],
    ) -> None: ...
    def close(self) -> None: ...
    def __reduce__(self) -> NoReturn: ...
    def read(self, message: Buffer | str, now: float) -> Any: ...
