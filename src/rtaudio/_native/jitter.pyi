from typing import Literal, NoReturn, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

from rtaudio._native.jitter_results import JitterStats, Playout

__all__ = ["JitterBuffer"]

_Sound: TypeAlias = Buffer | NDArray[np.uint8] | NDArray[np.int16]

@final
class JitterBuffer:
    def __new__(
        cls,
        encoding: Literal["opus", "pcmu", "pcma", "pcm16"],
        clock_rate: int | None = None,
        channels: int = 1,
        *,
        min_delay_ms: float = 10,
        max_delay_ms: float = 500,
        initial_delay_ms: float = 60,
        late_share: float = 0.02,
        capacity: int = 256,
        overflow: Literal["error", "drop_oldest", "drop_newest"] = "drop_oldest",
        live: bool = True,
    ) -> Self: ...
    @property
    def encoding(self) -> str: ...
    @property
    def clock_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def target_ms(self) -> float: ...
    @property
    def stats(self) -> JitterStats: ...
    def push(
        self,
        packet: _Sound,
        arrival_s: float,
        sequence: int | None = None,
        timestamp: int | None = None,
        ssrc: int | None = None,
    ) -> bool: ...
    def end_utterance(self) -> None: ...
    def pull(self, now_s: float) -> Playout: ...
    def reset(self) -> None: ...
    def __len__(self) -> int: ...
    def __reduce__(self) -> NoReturn: ...
