from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = [
    "alaw_decode",
    "alaw_decode_into",
    "alaw_encode",
    "alaw_encode_into",
    "ulaw_decode",
    "ulaw_decode_into",
    "ulaw_encode",
    "ulaw_encode_into",
]

_Pcm: TypeAlias = Buffer | NDArray[np.int16]
_Codes: TypeAlias = Buffer | NDArray[np.uint8]

def ulaw_encode(pcm: _Pcm) -> bytes: ...
def ulaw_encode_into(pcm: _Pcm, out: _Codes) -> int: ...
def ulaw_decode(data: _Codes) -> NDArray[np.int16]: ...
def ulaw_decode_into(data: _Codes, out: _Pcm) -> int: ...
def alaw_encode(pcm: _Pcm) -> bytes: ...
def alaw_encode_into(pcm: _Pcm, out: _Codes) -> int: ...
def alaw_decode(data: _Codes) -> NDArray[np.int16]: ...
def alaw_decode_into(data: _Codes, out: _Pcm) -> int: ...
