import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = ["as_pcm16"]

def as_pcm16(data: Buffer, channels: int = 1) -> NDArray[np.int16]: ...
