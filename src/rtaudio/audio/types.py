"""What callers may hand over as sound."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["BytesLike", "PcmLike", "Quality", "Samples"]

Samples: TypeAlias = NDArray[np.int16]
"""PCM16 as an array: shape `(n,)` in mono or `(n, channels)`."""

BytesLike: TypeAlias = bytes | bytearray | memoryview
"""Encoded sound, contiguous."""

PcmLike: TypeAlias = BytesLike | Samples
"""PCM16, native (little) endian, channels interleaved."""

Quality: TypeAlias = Literal["fast", "balanced", "high"]
"""How far a resampler's pass band and stop band reach; see `Resampler`."""
