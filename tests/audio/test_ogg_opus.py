"""Ogg files of our packets, read back by us and by FFmpeg."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.audio import decode_packets, encode_clip, load_partial
from rtaudio.audio.ogg_opus import OggOpus, read_ogg_opus, write_ogg_opus
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from pathlib import Path


def speech_like(samples: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    slow = np.repeat(rng.normal(0, 4000, samples // 40 + 1), 40)[:samples]
    return slow.astype(np.int16)


def file_of(packets: list[bytes], pre_skip: int, samples: int) -> bytes:
    file = io.BytesIO()
    write_ogg_opus(file, packets, frame=960, pre_skip=pre_skip, samples=samples, sample_rate=24000)
    return file.getvalue()


def checksum(page: bytes) -> int:
    """Bit by bit, as RFC 3533 has it."""
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
            crc &= 0xFFFFFFFF
    return crc


@given(st.lists(st.binary(min_size=1, max_size=1300), min_size=1, max_size=130))
def test_packets_of_any_size_come_back(packets: list[bytes]) -> None:
    samples = len(packets) * 960 - 320
    assert read_ogg_opus(file_of(packets, 312, samples)) == OggOpus(packets, 312, samples)


def test_every_page_has_the_checksum_of_the_standard() -> None:
    data = file_of([b"abc" * 40] * 120, 312, 100_000)
    starts = [at for at in range(len(data)) if data[at : at + 4] == b"OggS"]
    assert len(starts) == 5
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        page = data[start:end]
        blank = page[:22] + bytes(4) + page[26:]
        assert int.from_bytes(page[22:26], "little") == checksum(blank)


@pytest.mark.parametrize("samples", [1, 479, 24_000, 100_123])
def test_ffmpeg_finds_the_file_whole_and_as_long_as_the_sound(samples: int, tmp_path: Path) -> None:
    pcm = speech_like(samples)
    packets = encode_clip(pcm, 24000, bitrate=24_000, application="audio", complexity=0)
    path = tmp_path / "a.opus"
    path.write_bytes(file_of(packets, packets.pre_skip * 2, samples * 2))
    clip, problem = load_partial(path)
    assert problem is None
    assert (clip.sample_rate, len(clip.samples)) == (48000, samples * 2)
    ours = decode_packets(
        packets, 48000, pre_skip=packets.pre_skip * 2, samples_per_channel=samples * 2
    )
    assert np.abs(ours.astype(int) - clip.samples).max() <= 2  # two decoders


def test_a_file_cut_anywhere_or_with_a_flipped_bit_is_refused() -> None:
    data = file_of([b"xyz" * 30] * 60, 312, 50_000)
    for end in range(len(data)):
        with pytest.raises(AudioError):
            read_ogg_opus(data[:end])
    for at in range(0, len(data), 7):
        broken = bytearray(data)
        broken[at] ^= 16
        with pytest.raises(AudioError):
            read_ogg_opus(bytes(broken))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_audio_errors_and_nothing_else(data: bytes) -> None:
    for each in (data, b"OggS" + data):
        with pytest.raises(AudioError):
            read_ogg_opus(each)
