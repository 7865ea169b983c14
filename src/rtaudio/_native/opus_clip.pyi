from collections.abc import Iterable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__all__ = ["OpusPackets", "decode_packets", "encode_clip"]

_Pcm: TypeAlias = Buffer | NDArray[np.int16]
_Codes: TypeAlias = Buffer | NDArray[np.uint8]
_Application: TypeAlias = Literal["voip", "audio", "lowdelay"]
_RateControl: TypeAlias = Literal["constrained_vbr", "vbr", "cbr"]
_Bandwidth: TypeAlias = Literal["narrowband", "mediumband", "wideband", "superwideband", "fullband"]
_Signal: TypeAlias = Literal["voice", "music"]

class OpusPackets(list[bytes]):
    sample_rate: int
    channels: int
    frame: int
    pre_skip: int
    samples_per_channel: int
    def __init__(
        self,
        packets: Iterable[bytes],
        *,
        sample_rate: int,
        channels: int,
        frame: int,
        pre_skip: int,
        samples_per_channel: int,
    ) -> None: ...

def encode_clip(
    pcm: _Pcm,
    sample_rate: int,
    channels: int = 1,
    *,
    frame_ms: float = 20,
    application: _Application = "voip",
    bitrate: int | None = None,
    complexity: int = 10,
    rate_control: _RateControl = "constrained_vbr",
    fec: bool = False,
    packet_loss_percent: int | None = None,
    dtx: bool = False,
    bandwidth: _Bandwidth | None = None,
    max_bandwidth: _Bandwidth = "fullband",
    signal: _Signal | None = None,
    dred_ms: int = 0,
) -> OpusPackets: ...
def decode_packets(
    packets: Iterable[_Codes | None],
    sample_rate: int,
    channels: int = 1,
    *,
    fec: bool = True,
    pre_skip: int = 0,
    samples_per_channel: int | None = None,
    deep_plc: bool = False,
) -> NDArray[np.int16]: ...
