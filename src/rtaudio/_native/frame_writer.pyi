from asyncio import WriteTransport
from typing import NoReturn, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = ["FrameWriter"]

_Pcm: TypeAlias = Buffer | NDArray[np.int16]

@final
class FrameWriter:
    def __new__(cls, fd: int, transport: WriteTransport) -> Self: ...
    def __reduce__(self) -> NoReturn: ...
    def send(self, text: Buffer, opcode: int = 1) -> bool: ...
    def send_append(self, pcm: _Pcm) -> bool: ...
