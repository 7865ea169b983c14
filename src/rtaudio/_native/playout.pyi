from typing import Literal, NoReturn, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

from rtaudio._native.jitter_results import JitterStats

__all__ = ["PlayoutBuffer"]

_Pcm: TypeAlias = Buffer | NDArray[np.int16]
_Sound: TypeAlias = Buffer | NDArray[np.uint8] | NDArray[np.int16]

@final
class PlayoutBuffer:
    def __new__(
        cls,
        encoding: Literal["opus", "pcmu", "pcma", "pcm16"],
        sample_rate: int,
        channels: int = 1,
        *,
        deep_plc: bool = False,
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
    def sample_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def is_playing(self) -> bool: ...
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
    def read(self, n: int, now_s: float) -> NDArray[np.int16]: ...
    def read_into(self, out: _Pcm, now_s: float) -> int: ...
    def reset(self) -> None: ...
    def __reduce__(self) -> NoReturn: ...
