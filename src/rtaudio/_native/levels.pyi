from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = ["SILENCE_DBFS", "frame_rms", "peak_dbfs", "rms_dbfs", "to_mono"]

_Pcm: TypeAlias = Buffer | NDArray[np.int16]

SILENCE_DBFS: float

def to_mono(pcm: _Pcm, channels: int) -> NDArray[np.int16]: ...
def frame_rms(pcm: _Pcm, hop: int) -> NDArray[np.float32]: ...
def rms_dbfs(pcm: _Pcm) -> float: ...
def peak_dbfs(pcm: _Pcm) -> float: ...
