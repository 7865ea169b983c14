from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = ["OpusPacketInfo", "opus_packet_info"]

_Codes: TypeAlias = Buffer | NDArray[np.uint8]
_Mode: TypeAlias = Literal["silk", "hybrid", "celt"]
_Bandwidth: TypeAlias = Literal["narrowband", "mediumband", "wideband", "superwideband", "fullband"]

class OpusPacketInfo(NamedTuple):
    config: int
    mode: _Mode
    bandwidth: _Bandwidth
    channels: int
    frames: int
    frame_ms: float
    samples_per_channel: int
    has_fec: bool

def opus_packet_info(packet: _Codes, sample_rate: int = 48000) -> OpusPacketInfo: ...
