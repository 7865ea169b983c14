from typing import Literal, NoReturn, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = ["Resampler", "resample"]

_Pcm: TypeAlias = Buffer | NDArray[np.int16]

@final
class Resampler:
    def __new__(
        cls,
        sample_rate_in: int,
        sample_rate_out: int,
        channels: int = 1,
        quality: Literal["fast", "balanced", "high"] = "balanced",
    ) -> Self: ...
    def process(self, data: _Pcm) -> NDArray[np.int16]: ...
    def process_into(self, data: _Pcm, out: _Pcm) -> int: ...
    def flush(self) -> NDArray[np.int16]: ...
    def reset(self) -> None: ...
    def output_length(self, samples_per_channel: int) -> int: ...
    def __reduce__(self) -> NoReturn: ...
    @property
    def delay(self) -> float: ...
    @property
    def sample_rate_in(self) -> int: ...
    @property
    def sample_rate_out(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def quality(self) -> Literal["fast", "balanced", "high"]: ...

def resample(
    data: _Pcm,
    sample_rate_in: int,
    sample_rate_out: int,
    quality: Literal["fast", "balanced", "high"] = "balanced",
    *,
    channels: int | None = None,
) -> NDArray[np.int16]: ...
