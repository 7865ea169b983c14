"""Opus packets at one end of a stream of audio bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rtaudio._native.opus_decoder import OpusDecoder
from rtaudio._native.opus_encoder import OpusEncoder
from rtaudio.audio.converter import AudioConverter
from rtaudio.audio.format import AudioFormat

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from rtaudio.audio.types import PcmLike

__all__ = ["PacketDecoder", "PacketEncoder"]

_FRAMES_PER_SECOND = 50


class PacketDecoder:
    """Packets in, bytes in another format out.

    Args:
        source: an Opus format.
        target: any other; channels as with `AudioConverter`.
    """

    def __init__(self, source: AudioFormat, target: AudioFormat) -> None:
        pcm = AudioFormat("pcm16", source.sample_rate, source.channels)
        self._decoder = OpusDecoder(source.sample_rate, source.channels)
        self._converter = AudioConverter(pcm, target)

    def process(self, packet: PcmLike) -> bytes:
        """Decode the next packet, of any length that Opus has.

        Raises:
            OpusError: it is no packet.
        """
        return self._converter.process(self._decoder.decode(cast("Buffer", packet)).reshape(-1))

    def flush(self) -> bytes:
        """End the stream: return what was held back."""
        self._decoder.reset()
        return self._converter.flush()

    def reset(self) -> None:
        """Forget the stream so far."""
        self._decoder.reset()
        self._converter.reset()


class PacketEncoder:
    """Bytes in any format in, packets of 20 ms out, whatever the pieces that come in.

    Args:
        source: any format but Opus; channels as with `AudioConverter`.
        target: an Opus format.
    """

    def __init__(self, source: AudioFormat, target: AudioFormat) -> None:
        pcm = AudioFormat("pcm16", target.sample_rate, target.channels)
        self._encoder = OpusEncoder(target.sample_rate, target.channels)
        self._converter = AudioConverter(source, pcm)
        self._frame_bytes = pcm.bytes_per_second // _FRAMES_PER_SECOND
        self._rest = b""  # the beginning of a frame

    def process(self, data: bytes) -> list[bytes]:
        """Encode all frames that are whole now."""
        pcm = self._rest + self._converter.process(data)
        whole = len(pcm) - len(pcm) % self._frame_bytes
        self._rest = pcm[whole:]
        return [
            self._encoder.encode(pcm[start : start + self._frame_bytes])
            for start in range(0, whole, self._frame_bytes)
        ]

    def flush(self) -> list[bytes]:
        """End the stream: encode the rest, with silence up to a whole frame."""
        pcm = self._rest + self._converter.flush()
        self._rest = b""
        pcm += bytes(-len(pcm) % self._frame_bytes)
        packets = [
            self._encoder.encode(pcm[start : start + self._frame_bytes])
            for start in range(0, len(pcm), self._frame_bytes)
        ]
        self._encoder.reset()
        return packets

    def reset(self) -> None:
        """Forget the stream so far."""
        self._rest = b""
        self._encoder.reset()
        self._converter.reset()
