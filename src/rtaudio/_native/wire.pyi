from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = ["decode_audio_delta", "encode_append"]

_Pcm: TypeAlias = Buffer | NDArray[np.int16]

def encode_append(pcm: _Pcm, event_id: str | None = None) -> bytes: ...
def decode_audio_delta(
    message: bytes | bytearray | memoryview | str,
) -> tuple[str | None, str, str, int, int, bytes] | None: ...
