from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = [
    "MAX_GAIN_DB",
    "MAX_MIXED",
    "SILENCE_DBFS",
    "active_frames",
    "apply_gain",
    "apply_gain_into",
    "energy_vad",
    "frame_rms",
    "mix",
    "mix_into",
    "peak_dbfs",
    "rms_dbfs",
]

_Pcm: TypeAlias = Buffer | NDArray[np.int16]
_Floats: TypeAlias = Buffer | NDArray[np.float32]

SILENCE_DBFS: float
MAX_GAIN_DB: float
MAX_MIXED: int

def frame_rms(pcm: _Pcm, hop: int) -> NDArray[np.float32]: ...
def rms_dbfs(pcm: _Pcm) -> float: ...
def peak_dbfs(pcm: _Pcm) -> float: ...
def active_frames(
    levels_dbfs: _Floats, threshold_dbfs: float, reach: int = 0
) -> NDArray[np.bool_]: ...
def energy_vad(pcm: _Pcm, hop: int, threshold_dbfs: float, reach: int = 0) -> NDArray[np.bool_]: ...
def mix(
    *signals: _Pcm,
    gains_db: Sequence[float] | None = None,
    factors: Sequence[float] | None = None,
) -> NDArray[np.int16]: ...
def mix_into(
    out: _Pcm,
    *signals: _Pcm,
    gains_db: Sequence[float] | None = None,
    factors: Sequence[float] | None = None,
) -> int: ...
def apply_gain(
    pcm: _Pcm, gain_db: float | None = None, *, factor: float | None = None
) -> NDArray[np.int16]: ...
def apply_gain_into(
    pcm: _Pcm, gain_db: float | None = None, out: _Pcm | None = None, *, factor: float | None = None
) -> int: ...
