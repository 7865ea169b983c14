from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = ["as_pcm16"]

_Pcm: TypeAlias = Buffer | NDArray[np.int16]

def as_pcm16(data: _Pcm, channels: int = 1) -> NDArray[np.int16]: ...
