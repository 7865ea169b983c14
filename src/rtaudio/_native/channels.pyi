from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = [
    "split_channels",
    "to_float32",
    "to_float32_into",
    "to_int16",
    "to_int16_into",
    "to_mono",
    "to_mono_into",
    "to_stereo",
    "to_stereo_into",
]

_Pcm: TypeAlias = Buffer | NDArray[np.int16]
_Floats: TypeAlias = Buffer | NDArray[np.float32]

def to_mono(pcm: _Pcm, channels: int) -> NDArray[np.int16]: ...
def to_mono_into(pcm: _Pcm, channels: int, out: _Pcm) -> int: ...
def to_stereo(left: _Pcm, right: _Pcm | None = None) -> NDArray[np.int16]: ...
def to_stereo_into(left: _Pcm, right: _Pcm | None, out: _Pcm) -> int: ...
def split_channels(pcm: _Pcm, channels: int) -> NDArray[np.int16]: ...
def to_float32(pcm: _Pcm) -> NDArray[np.float32]: ...
def to_float32_into(pcm: _Pcm, out: _Floats) -> int: ...
def to_int16(samples: _Floats) -> NDArray[np.int16]: ...
def to_int16_into(samples: _Floats, out: _Pcm) -> int: ...
