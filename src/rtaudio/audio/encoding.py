"""From a clip to a sound file."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.audio.frame import AudioFrame

from rtaudio.audio.whole_file import whole_file
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from av.audio.stream import AudioStream

    from rtaudio.audio.clip import AudioClip

__all__ = ["write_file"]

_OPUS_SAMPLE_RATE = 48_000  # Hz; what Ogg/Opus counts in (RFC 7845 section 4)
_FLAC_MAX_SAMPLE_RATE = 655_350  # Hz, RFC 9639 section 8.2
_FLAC_MAX_CHANNELS = 8
_WAV_MAX_BYTES = 0xFFFF_FFFF - 64  # 32-bit sizes, less the headers
# FFmpeg's usual layout of each number of channels.
_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
_BLOCK = 48_000  # samples per channel handed to an encoder at a time


def write_file(path: Path, clip: AudioClip) -> None:
    """Write a clip in the format that the extension names.

    Raises:
        AudioError: there is no such format, or it cannot hold the clip.
        OSError: the file cannot be written.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise AudioError(
            f"got extension {path.suffix!r}; sound is saved as {', '.join(sorted(_WRITERS))}"
        )
    try:
        with whole_file(path) as partial:
            write(partial, clip)
    except av.FFmpegError as error:
        raise AudioError(f"it could not be encoded ({error.strerror})") from error


def _write_wav(path: Path, clip: AudioClip) -> None:
    if clip.samples.nbytes > _WAV_MAX_BYTES:
        raise AudioError("the clip is over the 4 GiB that a WAV file can hold; save it as .flac")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(clip.channels)
        file.setsampwidth(2)
        file.setframerate(clip.sample_rate)
        file.writeframes(np.ascontiguousarray(clip.samples, "<i2").data)


def _write_flac(path: Path, clip: AudioClip) -> None:
    if clip.channels > _FLAC_MAX_CHANNELS or clip.sample_rate > _FLAC_MAX_SAMPLE_RATE:
        raise AudioError(
            f"got {clip.channels} channels at {clip.sample_rate} Hz; FLAC holds up to "
            f"{_FLAC_MAX_CHANNELS} at up to {_FLAC_MAX_SAMPLE_RATE} Hz"
        )
    _encode(path, clip, container="flac", codec="flac")


def _write_opus(path: Path, clip: AudioClip) -> None:
    if clip.channels > 2:
        raise AudioError(f"got {clip.channels} channels; Opus is saved with 1 or 2")
    if not len(clip.samples):
        # The muxer writes its headers with the first packet: without one the file has no bytes.
        raise AudioError("got an empty clip; an Opus file needs at least one sample")
    _encode(path, clip.resampled(_OPUS_SAMPLE_RATE), container="ogg", codec="libopus")


def _encode(path: Path, clip: AudioClip, *, container: str, codec: str) -> None:
    layout = _LAYOUTS[clip.channels - 1]
    with av.open(f"file:{path}", "w", format=container) as file:
        stream = cast("AudioStream", file.add_stream(codec, rate=clip.sample_rate, layout=layout))
        # Both encoders take it, so nothing is converted.
        stream.codec_context.format = av.AudioFormat("s16")
        for start in range(0, len(clip.samples), _BLOCK):
            block = np.ascontiguousarray(clip.samples[start : start + _BLOCK])
            frame = AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout=layout)
            frame.sample_rate = clip.sample_rate
            frame.pts = start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


_WRITERS: dict[str, Callable[[Path, AudioClip], None]] = {
    ".wav": _write_wav,
    ".flac": _write_flac,
    ".ogg": _write_opus,
    ".opus": _write_opus,
}
