"""Samples of every kind brought to int16, and lengths that containers state."""

from __future__ import annotations

import struct
import wave
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from rtaudio.audio import load, load_partial
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream


def riff(path: Path, tag: int, bits: int, data: bytes, stated: int | None = None) -> Path:
    """Write a mono WAV of 8000 Hz with this format tag; `stated` is the size its header claims."""
    width = bits // 8
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, 1, 8000, 8000 * width, width, bits)
    body = head + struct.pack("<4sI", b"data", len(data) if stated is None else stated) + data
    path.write_bytes(struct.pack("<4sI4s", b"RIFF", len(body) + 4, b"WAVE") + body)
    return path


def test_bytes_floats_and_wide_samples_are_rounded_and_saturated(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    floats = np.array([0.0, 0.5, -1.0, 1.0, 7.5, -7.5, 1.4 / 32768, 1.6 / 32768], "<f4")
    expected = [0, 16384, -32768, 32767, 32767, -32768, 1, 2]
    assert load(riff(path, 3, 32, floats.tobytes())).samples.tolist() == expected
    wide = np.array([0, 1 << 15, (1 << 15) - 1, -(1 << 31), (1 << 31) - 1], "<i4")
    assert load(riff(path, 1, 32, wide.tobytes())).samples.tolist() == [0, 1, 0, -32768, 32767]
    narrow = bytes([128, 0, 255, 129])
    assert load(riff(path, 1, 8, narrow)).samples.tolist() == [0, -32768, 127 << 8, 256]


def test_not_a_number_becomes_silence(tmp_path: Path) -> None:
    floats = np.array([np.nan, 0.25], "<f4")
    assert load(riff(tmp_path / "a.wav", 3, 32, floats.tobytes())).samples.tolist() == [0, 8192]


def test_stereo_keeps_its_channels_in_order(tmp_path: Path) -> None:
    samples = np.stack([np.arange(900), -np.arange(900)], axis=1).astype("<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(22050)
        file.writeframes(samples.tobytes())
    clip = load(tmp_path / "a.wav")
    assert clip.sample_rate == 22050
    assert np.array_equal(clip.samples, samples)


def mp3_of_a_tone(path: Path, sample_rate: int, layout: str, amplitude: int) -> bytes:
    """Two seconds without the frame that states a length; FFmpeg decodes MP3 to planar floats."""
    mono = amplitude * np.sin(np.arange(2 * sample_rate) * 2 * np.pi * 440 / sample_rate)
    samples = np.stack([mono, -mono / 2], axis=1) if layout == "stereo" else mono[:, None]
    options = {"write_xing": "0", "id3v2_version": "0"}
    with av.open(str(path), "w", format="mp3", options=options) as file:
        stream = cast("AudioStream", file.add_stream("libmp3lame", sample_rate, layout=layout))
        planes = np.ascontiguousarray(samples.T.astype(np.int16))
        frame = AudioFrame.from_ndarray(planes, format="s16p", layout=layout)
        frame.sample_rate = sample_rate
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path.read_bytes()


def test_planar_stereo_is_interleaved_in_memory(tmp_path: Path) -> None:
    mp3_of_a_tone(tmp_path / "a.mp3", 44100, "stereo", 8000)
    clip = load(tmp_path / "a.mp3")
    assert clip.samples.flags.c_contiguous  # the kernels take nothing else
    left, right = clip.samples[10000:-10000].astype(float).T
    assert abs(left.std() / right.std() - 2) < 0.05
    assert np.corrcoef(left, right)[0, 1] < -0.99


def test_a_file_that_changes_rate_and_channels_midway_keeps_those_it_began_with(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.mp3"
    first = mp3_of_a_tone(path, 44100, "mono", 8000)
    path.write_bytes(first + mp3_of_a_tone(path, 24000, "stereo", 16000))
    clip = load(path)
    assert (clip.sample_rate, clip.channels) == (44100, 1)
    assert 4.0 <= clip.duration < 4.2  # and what the two encoders add
    # The later part is 16000 and its inverted half, so their average is a quarter: 4000.
    loud, quiet = clip.samples[20000:60000], clip.samples[120000:160000]
    assert abs(loud.astype(float).std() / quiet.astype(float).std() - 2) < 0.1
    # Twice 440 crossings a second: the tone keeps its pitch.
    crossings = np.count_nonzero(np.diff(np.signbit(quiet))) / (40000 / 44100)
    assert abs(crossings - 880) < 4


@pytest.mark.parametrize("stated", [0, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_a_wav_from_a_pipe_that_knows_no_length_is_whole(stated: int, tmp_path: Path) -> None:
    path = riff(tmp_path / "a.wav", 1, 16, np.ones(8000, "<i2").tobytes(), stated)
    clip, problem = load_partial(path)
    assert problem is None
    assert clip.duration == 1.0


def test_a_wav_that_lost_its_end_says_how_much(tmp_path: Path) -> None:
    path = riff(tmp_path / "a.wav", 1, 16, np.ones(8000, "<i2").tobytes(), 32000)
    clip, problem = load_partial(path)
    assert clip.duration == 1.0
    assert problem is not None
    assert "2.00 s" in problem
    assert "1.00 s" in problem


@pytest.mark.parametrize(
    ("suffix", "container", "codec", "options"),
    [
        (".mp3", "mp3", "libmp3lame", {}),  # with a first frame that counts the others
        (".m4a", "ipod", "aac", {"movflags": "faststart"}),  # table of contents in front
    ],
)
def test_half_a_file_that_states_its_length_gives_half_and_a_reason(
    suffix: str, container: str, codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    whole, half = tmp_path / f"whole{suffix}", tmp_path / f"half{suffix}"
    tone = (8000 * np.sin(np.arange(3 * 44100) * 0.05)).astype(np.int16)
    with av.open(str(whole), "w", format=container, options=options) as file:
        stream = cast("AudioStream", file.add_stream(codec, rate=44100, layout="mono"))
        frame = AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 44100, 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    assert load(whole).duration == pytest.approx(3, abs=0.05)
    data = whole.read_bytes()
    half.write_bytes(data[: len(data) // 2])
    clip, problem = load_partial(half)
    assert clip.duration == pytest.approx(1.5, rel=0.2)
    assert problem is not None
    assert "truncated" in problem
    with pytest.raises(AudioError, match=r"half.*load_partial"):
        load(half)


def test_names_that_look_like_addresses_are_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    riff(Path("concat:b.wav"), 1, 16, np.ones(800, "<i2").tobytes())
    assert load("concat:b.wav").duration == 0.1


def test_a_playlist_is_not_followed(tmp_path: Path) -> None:
    playlist = tmp_path / "a.m3u8"
    playlist.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(AudioError, match=r"a\.m3u8"):
        load(playlist)
