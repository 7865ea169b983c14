"""From a file in any container to int16 samples.

PyAV decodes; it already leaves out what encoders add around the sound (Opus pre-skip, MP3 and AAC
delay and padding). Samples are brought to int16 here rather than by FFmpeg's filters, which refuse
streams that change their format midway.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import av
import numpy as np
from av.audio.stream import AudioStream

from rtaudio._native.channels import to_mono
from rtaudio.audio.clip import AudioClip
from rtaudio.audio.declared import shortfall
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from pathlib import Path

    from av.audio.frame import AudioFrame
    from av.container import InputContainer
    from numpy.typing import NDArray

    from rtaudio.audio.types import Samples

__all__ = ["decode_file"]

# FLAC frames carry a checksum that FFmpeg only acts on when told to; without it damaged frames
# are decoded into noise.
_DECODER_OPTIONS = {"flac": {"err_detect": "crccheck+explode"}}

# A playlist is a list of addresses; opening a file must not make it a client of the network.
_OPEN_OPTIONS = {"protocol_whitelist": "file"}


@dataclass(slots=True)
class _Section:
    """Consecutive frames of one rate and number of channels."""

    sample_rate: int
    channels: int
    parts: list[Samples] = field(default_factory=list)  # each (n, channels)

    def clip(self) -> AudioClip:
        return AudioClip(np.concatenate(self.parts), self.sample_rate)


def decode_file(path: Path) -> tuple[AudioClip, str | None]:
    """Decode a file's main audio stream.

    Returns:
        The sound at the file's own rate and channels, and what is wrong with the file, if anything.

    Raises:
        AudioError: nothing could be decoded; the message does not name the file.
    """
    try:
        # "file:" keeps names such as "http:x" or "concat:y" from being taken for addresses.
        with av.open(f"file:{path}", options=_OPEN_OPTIONS) as container:
            stream = container.streams.best("audio")
            if not isinstance(stream, AudioStream):
                raise AudioError("it has no audio stream")
            if stream.codec_context is None:
                raise AudioError("there is no decoder for its audio")
            stream.codec_context.options = _DECODER_OPTIONS.get(stream.codec_context.name, {})
            sections, damage = _decode_stream(container, stream)
            if not sections:
                raise AudioError(damage or "it has no sound in it")
            decoded_s = sum(
                sum(map(len, section.parts)) / section.sample_rate for section in sections
            )
            missing = shortfall(path, container, stream, decoded_s)
    except (av.FFmpegError, OSError) as error:
        raise AudioError(f"it cannot be read as audio ({_reason(error)})") from error
    problem = "; ".join(filter(None, (missing, damage))) or None
    return _join(sections), problem


def _decode_stream(
    container: InputContainer, stream: AudioStream
) -> tuple[list[_Section], str | None]:
    """Decode all that can be; the text tells of packets that could not."""
    sections: list[_Section] = []
    damaged = 0
    first_error: Exception | None = None
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except (av.FFmpegError, OSError) as error:
            reason = f"reading stopped midway ({_reason(error)})"
            return sections, reason
        try:
            frames = packet.decode()
        except (av.FFmpegError, OSError) as error:
            damaged += 1
            first_error = first_error or error
            continue
        for frame in frames:
            if not frame.samples:
                continue
            channels = frame.layout.nb_channels
            if (
                not sections
                or sections[-1].sample_rate != frame.sample_rate
                or sections[-1].channels != channels
            ):
                sections.append(_Section(frame.sample_rate, channels))
            sections[-1].parts.append(_to_s16(frame, channels))
    if first_error is None:
        return sections, None
    return sections, f"{damaged} damaged packet(s) were left out ({_reason(first_error)})"


def _to_s16(frame: AudioFrame, channels: int) -> Samples:
    """Return a frame as int16 of shape (n, channels), rounded and saturated."""
    raw = frame.to_ndarray()  # (channels, n) where planar, (1, n * channels) where packed
    by_sample = raw.T if frame.format.is_planar else raw.reshape(-1, channels)
    # Interleaved in memory from here on: arithmetic keeps the order it is given, and the kernels
    # take nothing else. A copy, since the frame's memory is FFmpeg's.
    planes: NDArray[np.generic] = np.array(by_sample, order="C")
    if planes.dtype == np.int16:
        return planes.astype(np.int16, copy=False)
    if planes.dtype == np.uint8:
        return (planes.astype(np.int16) - 128) << 8
    if planes.dtype in (np.int32, np.int64):
        shift = planes.dtype.itemsize * 8 - 16
        # Halved before rounding, so that adding one half cannot overflow.
        rounded = ((planes.astype(np.int64) >> (shift - 1)) + 1) >> 1
        shifted: Samples = np.minimum(rounded, 32767).astype(np.int16)
        return shifted
    scaled = np.rint(planes.astype(np.float64) * 32768.0)
    limited: Samples = np.clip(np.nan_to_num(scaled), -32768, 32767).astype(np.int16)
    return limited


def _join(sections: list[_Section]) -> AudioClip:
    """Return one clip at the first section's rate and channels."""
    first, *others = [section.clip() for section in sections]
    if not others:
        return first
    clips = [first]
    for clip in others:
        fitting = clip.resampled(first.sample_rate)
        clips.append(AudioClip(_with_channels(fitting, first.channels), first.sample_rate))
    return AudioClip(np.concatenate([clip.samples for clip in clips]), first.sample_rate)


def _with_channels(clip: AudioClip, channels: int) -> Samples:
    if clip.channels == channels:
        return clip.samples
    mono = clip.samples if clip.channels == 1 else to_mono(clip.samples, clip.channels)
    return mono if channels == 1 else np.repeat(mono[:, None], channels, axis=1)


def _reason(error: Exception) -> str:
    # PyAV's errors end with the file or the function; the text alone says enough.
    text = getattr(error, "strerror", None)
    return str(text or type(error).__name__)
