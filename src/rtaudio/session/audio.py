"""Sound between the application's formats and the wire's."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from rtaudio.audio import AudioConverter, opus_packet_info
from rtaudio.audio.opus_stream import PacketDecoder, PacketEncoder
from rtaudio.conversation.events import Audio, AudioInterrupted, AudioStopped, SessionEvent
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Buffer

    from rtaudio.audio.format import AudioFormat
    from rtaudio.audio.types import PcmLike

__all__ = ["InputAudio", "OutputAudio", "length_ms"]

# Buffers of plain bytes, or of native-endian 16-bit samples.
_BUFFER_FORMATS = frozenset({"B", "b", "c", "h", "<h", "=h"})


class InputAudio:
    """What the application feeds, on its way to the wire.

    Args:
        source: the application's format; None where it feeds the wire's own.
    """

    def __init__(self, source: AudioFormat | None) -> None:
        self._source = source
        self._target: AudioFormat | None = None
        self._converter: AudioConverter | PacketDecoder | None = None

    def process(self, audio: PcmLike, wire: AudioFormat) -> bytes:
        """Convert the next piece.

        Args:
            audio: bytes, bytearray, memoryview or int16 array, contiguous; copied. With Opus, one
                packet.
            wire: the format negotiated with the service.

        Raises:
            AudioError: the buffer holds something else than samples in the application's format.
        """
        if self._source is None or self._source == wire:
            return audio if isinstance(audio, bytes) else _as_bytes(audio)
        if self._converter is None or self._target != wire:
            kind = PacketDecoder if self._source.encoding == "opus" else AudioConverter
            self._converter = kind(self._source, wire)
            self._target = wire
        return self._converter.process(audio)

    def flush(self) -> bytes:
        """The rest that conversion held back; the next piece begins a new stretch of sound."""
        if self._converter is None:
            return b""
        tail = self._converter.flush()
        self._converter.reset()
        return tail

    def reset(self) -> None:
        """Forget the stretch of sound that was begun."""
        self._converter = None


class OutputAudio:
    """What the service says, on its way to the application.

    Args:
        target: the format the application wants.
    """

    def __init__(self, target: AudioFormat) -> None:
        self._target = target
        self._source: AudioFormat | None = None
        self._converter: AudioConverter | PacketEncoder | None = None
        # The sound before, less its data.
        self._last: Audio | None = None

    def adapt(self, events: Iterable[SessionEvent], wire: AudioFormat) -> list[SessionEvent]:
        """Convert the sound in events; where a stretch ends, its tail becomes an event too."""
        adapted: list[SessionEvent] = []
        for event in events:
            if isinstance(event, Audio):
                self._last = msgspec.structs.replace(event, data=b"")
                if wire == self._target:
                    adapted.append(event)
                else:
                    adapted += _each(event, self._convert(event.data, wire))
                continue
            if isinstance(event, AudioStopped):
                if self._converter is not None and self._last is not None:
                    tail = _pieces(self._converter.flush())
                    adapted += _each(self._last, [piece for piece in tail if piece])
                self.reset()
            elif isinstance(event, AudioInterrupted):
                self.reset()
            adapted.append(event)
        return adapted

    def reset(self) -> None:
        """Forget the stretch of sound that was begun."""
        self._last = None
        if self._converter is not None:
            self._converter.reset()

    def _convert(self, data: bytes, wire: AudioFormat) -> list[bytes]:
        if self._converter is None or self._source != wire:
            kind = PacketEncoder if self._target.encoding == "opus" else AudioConverter
            self._converter = kind(wire, self._target)
            self._source = wire
        return _pieces(self._converter.process(data))


def _pieces(converted: bytes | list[bytes]) -> list[bytes]:
    return converted if isinstance(converted, list) else [converted]


def _each(event: Audio, pieces: Iterable[bytes]) -> list[SessionEvent]:
    return [msgspec.structs.replace(event, data=piece) for piece in pieces]


def length_ms(audio: PcmLike, audio_format: AudioFormat) -> float:
    """How long sound in a format plays, in milliseconds.

    Raises:
        AudioError: it is no buffer, or no Opus packet where it should be one.
    """
    if audio_format.encoding == "opus":
        info = opus_packet_info(cast("Buffer", audio))
        return info.frames * info.frame_ms
    return _view(audio).nbytes * 1000 / audio_format.bytes_per_second


def _view(audio: PcmLike) -> memoryview:
    try:
        return memoryview(cast("Buffer", audio))
    except TypeError:
        raise AudioError(
            f"audio is bytes, bytearray, memoryview or an int16 array, got {type(audio).__name__}"
        ) from None


def _as_bytes(audio: PcmLike) -> bytes:
    view = _view(audio)
    if view.format not in _BUFFER_FORMATS or not view.c_contiguous:
        raise AudioError(
            f"audio is contiguous bytes or int16 samples, got items of format {view.format!r}"
            f"{'' if view.c_contiguous else ' with gaps'}"
        )
    return view.tobytes()
