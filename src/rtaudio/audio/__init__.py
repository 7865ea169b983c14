"""Sound: formats, clips, files, conversion, codecs and buffers."""

from __future__ import annotations

from rtaudio._native.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from rtaudio._native.libopus import libopus_features, libopus_path, libopus_version
from rtaudio._native.opus_clip import OpusPackets, decode_packets, encode_clip
from rtaudio._native.opus_decoder import OpusDecoder
from rtaudio._native.opus_encoder import OpusEncoder
from rtaudio._native.resample import Resampler, resample
from rtaudio._native.ring import RingBuffer
from rtaudio.audio.clip import AudioClip
from rtaudio.audio.converter import AudioConverter
from rtaudio.audio.files import load, load_partial, save
from rtaudio.audio.format import AudioFormat, Encoding
from rtaudio.audio.types import BytesLike, PcmLike, Samples

__all__ = [
    "AudioClip",
    "AudioConverter",
    "AudioFormat",
    "BytesLike",
    "Encoding",
    "OpusDecoder",
    "OpusEncoder",
    "OpusPackets",
    "PcmLike",
    "Resampler",
    "RingBuffer",
    "Samples",
    "alaw_decode",
    "alaw_encode",
    "decode_packets",
    "encode_clip",
    "libopus_features",
    "libopus_path",
    "libopus_version",
    "load",
    "load_partial",
    "resample",
    "save",
    "ulaw_decode",
    "ulaw_encode",
]
