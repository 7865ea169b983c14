"""Sound: formats, clips, files, conversion, codecs and buffers."""

from __future__ import annotations

from rtaudio._native.channels import (
    split_channels,
    to_float32,
    to_float32_into,
    to_int16,
    to_int16_into,
    to_mono,
    to_mono_into,
    to_stereo,
    to_stereo_into,
)
from rtaudio._native.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from rtaudio._native.jitter import JitterBuffer
from rtaudio._native.jitter_results import JitterStats, Playout
from rtaudio._native.levels import (
    active_frames,
    apply_gain,
    apply_gain_into,
    energy_vad,
    frame_rms,
    mix,
    mix_into,
    peak_dbfs,
    rms_dbfs,
)
from rtaudio._native.libopus import libopus_features, libopus_path, libopus_version
from rtaudio._native.opus_clip import OpusPackets, decode_packets, encode_clip
from rtaudio._native.opus_decoder import OpusDecoder
from rtaudio._native.opus_encoder import OpusEncoder
from rtaudio._native.opus_packet import OpusPacketInfo, opus_packet_info
from rtaudio._native.playout import PlayoutBuffer
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
    "JitterBuffer",
    "JitterStats",
    "OpusDecoder",
    "OpusEncoder",
    "OpusPacketInfo",
    "OpusPackets",
    "PcmLike",
    "Playout",
    "PlayoutBuffer",
    "Resampler",
    "RingBuffer",
    "Samples",
    "active_frames",
    "alaw_decode",
    "alaw_encode",
    "apply_gain",
    "apply_gain_into",
    "decode_packets",
    "encode_clip",
    "energy_vad",
    "frame_rms",
    "libopus_features",
    "libopus_path",
    "libopus_version",
    "load",
    "load_partial",
    "mix",
    "mix_into",
    "opus_packet_info",
    "peak_dbfs",
    "resample",
    "rms_dbfs",
    "save",
    "split_channels",
    "to_float32",
    "to_float32_into",
    "to_int16",
    "to_int16_into",
    "to_mono",
    "to_mono_into",
    "to_stereo",
    "to_stereo_into",
    "ulaw_decode",
    "ulaw_encode",
]
