"""The Opus kernel against opuslib on the same libopus, and against bad input."""

from __future__ import annotations

import ctypes.util
import importlib
import sys
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.audio import OpusDecoder, OpusEncoder, libopus_path, libopus_version
from rtaudio.errors import AudioError, OpusError

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = Path(__file__).parent.parent.parent / "samples"
SPEECH_RATE = 24000  # Hz, of the recording used
RATES = (8000, 12000, 16000, 24000, 48000)


def speechlike(sample_rate: int, seconds: float, channels: int = 1) -> np.ndarray[Any, Any]:
    """A gliding tone with noise under a syllable-like envelope, interleaved int16."""
    n = int(sample_rate * seconds)
    t = np.arange(n) / sample_rate
    voice = np.sin(2 * np.pi * (140 * t + 20 * np.sin(5 * t))) + 0.3 * np.sin(2 * np.pi * 900 * t)
    noise = np.random.default_rng(7).normal(0, 0.02, n)
    mono = (9000 * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t)) * voice + 3000 * noise).astype(np.int16)
    return np.repeat(mono, channels)


@pytest.fixture(scope="module")
def opuslib() -> Iterator[Any]:
    """The reference binding, pointed at the libopus that the kernel uses."""
    find = ctypes.util.find_library
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            ctypes.util, "find_library", lambda n: libopus_path() if n == "opus" else find(n)
        )
        for name in [name for name in sys.modules if name.startswith("opuslib")]:
            patch.delitem(sys.modules, name)
        yield importlib.import_module("opuslib")


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("application", ["voip", "audio", "lowdelay"])
def test_packets_and_sound_are_those_of_opuslib(
    opuslib: Any, sample_rate: int, channels: int, application: str
) -> None:
    frame = sample_rate // 50
    pcm = speechlike(sample_rate, 0.4, channels)
    ours = OpusEncoder(sample_rate, channels=channels, application=application, complexity=10)
    name = "restricted_lowdelay" if application == "lowdelay" else application
    theirs = opuslib.Encoder(sample_rate, channels, name)
    theirs.complexity = 10
    decode, reference = OpusDecoder(sample_rate, channels), opuslib.Decoder(sample_rate, channels)
    for start in range(0, len(pcm), frame * channels):
        block = pcm[start : start + frame * channels]
        packet = ours.encode(block)
        assert packet == theirs.encode(block.tobytes(), frame)
        assert decode.decode(packet).tobytes() == reference.decode(packet, frame)


def test_a_round_trip_keeps_the_sound() -> None:
    pcm = speechlike(24000, 1.0)
    encoder, decoder = OpusEncoder(24000, application="lowdelay", bitrate=96000), OpusDecoder(24000)
    heard = np.concatenate([decoder.decode(encoder.encode(b)) for b in pcm.reshape(-1, 480)])
    lag = encoder.lookahead
    sent, heard = pcm[4800:-lag].astype(float), heard[4800 + lag :].astype(float)
    assert np.corrcoef(sent, heard)[0, 1] > 0.98


def test_the_into_forms_give_the_same_as_the_others() -> None:
    pcm = speechlike(16000, 0.2).reshape(-1, 320)
    one, other = OpusEncoder(16000), OpusEncoder(16000)
    decode, decode_into = OpusDecoder(16000), OpusDecoder(16000)
    buffer, out = bytearray(1500), np.zeros(320, np.int16)
    for block in pcm:
        packet = one.encode(block)
        assert buffer[: other.encode_into(block, buffer)] == packet
        assert decode_into.decode_into(packet, out) == 320
        assert out.tobytes() == decode.decode(packet).tobytes()


def test_a_reset_encoder_and_decoder_equal_new_ones() -> None:
    block = speechlike(48000, 0.02)
    encoder, decoder = OpusEncoder(48000), OpusDecoder(48000)
    first = encoder.encode(block)
    sound = decoder.decode(first).copy()
    encoder.encode(block)
    decoder.decode(first)
    encoder.reset()
    decoder.reset()
    assert encoder.encode(block) == first
    assert decoder.decode(first).tobytes() == sound.tobytes()


def test_a_lost_packet_is_concealed_with_sound_of_the_asked_length() -> None:
    encoder, decoder = OpusEncoder(24000), OpusDecoder(24000)
    for block in speechlike(24000, 0.3).reshape(-1, 480):
        decoder.decode(encoder.encode(block))
    concealed = decoder.conceal(480)
    assert concealed.shape == (480,)
    assert np.abs(concealed).max() > 100


def test_lost_frames_come_back_from_the_next_packet_as_opuslib_has_them(opuslib: Any) -> None:
    # Recorded speech: libopus puts no copy beside frames that it does not take for voice.
    with wave.open(str(SAMPLES / "pride.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (SPEECH_RATE, 1)
        speech = np.frombuffer(file.readframes(SPEECH_RATE * 4), np.int16)
    frame = SPEECH_RATE // 50
    encoder = OpusEncoder(SPEECH_RATE, bitrate=32000, fec=True)
    packets = [encoder.encode(block) for block in speech.reshape(-1, frame)]
    whole, fec, concealing = (OpusDecoder(SPEECH_RATE) for _ in range(3))
    reference = opuslib.Decoder(SPEECH_RATE, 1)
    wrong_with_fec = wrong_without = 0.0
    for i, packet in enumerate(packets[:-1]):
        sent = whole.decode(packet).astype(float)
        if i % 10 != 5:
            assert fec.decode(packet).tobytes() == reference.decode(packet, frame)
            concealing.decode(packet)
            continue
        recovered = fec.decode(packets[i + 1], fec=True)
        assert recovered.tobytes() == reference.decode(packets[i + 1], frame, decode_fec=True)
        wrong_with_fec += np.square(recovered - sent).sum()
        wrong_without += np.square(concealing.conceal(frame) - sent).sum()
    assert wrong_with_fec < wrong_without / 2


@pytest.mark.parametrize("gap", [0, 481, 2940, -480, 480.0])
def test_a_gap_of_no_possible_length_is_refused(gap: Any) -> None:
    with pytest.raises(OpusError, match=r"multiple of 60, up to 2880"):
        OpusDecoder(24000).conceal(gap)


def test_too_little_room_for_the_sound_is_refused() -> None:
    packet = OpusEncoder(24000).encode(np.zeros(480, np.int16))
    with pytest.raises(OpusError, match=r"room for 10 .* has 480"):
        OpusDecoder(24000).decode_into(packet, np.zeros(10, np.int16))


def test_threads_that_share_an_encoder_each_get_whole_packets() -> None:
    encoder = OpusEncoder(16000, complexity=0)
    block = speechlike(16000, 0.02)

    def encode_many() -> list[bytes]:
        return [encoder.encode(block) for _ in range(200)]

    with ThreadPoolExecutor(4) as pool:
        packets = [
            packet
            for done in [pool.submit(encode_many) for _ in range(4)]
            for packet in done.result()
        ]
    assert len(packets) == 800
    decoder = OpusDecoder(16000)
    assert {decoder.decode(packet).shape for packet in packets} == {(320,)}


def test_garbage_packets_raise_opus_errors_and_nothing_else() -> None:
    decoder = OpusDecoder(48000)

    @given(st.binary(min_size=1, max_size=300))
    def feed(packet: bytes) -> None:
        try:
            decoded = decoder.decode(packet)
        except OpusError:
            return
        assert 0 < len(decoded) <= 5760

    feed()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"sample_rate": 44100}, "44100"),
        ({"sample_rate": 24000, "channels": 3}, "3"),
        ({"sample_rate": 24000, "application": "music"}, "music"),
        ({"sample_rate": 24000, "complexity": 11}, "11"),
        ({"sample_rate": 24000, "bitrate": 1}, "1"),
    ],
)
def test_wrong_settings_are_named(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(AudioError, match=named):
        OpusEncoder(**arguments)


def test_a_frame_of_another_length_is_refused_with_the_lengths_that_are_right() -> None:
    with pytest.raises(AudioError, match=r"481.*480"):
        OpusEncoder(24000).encode(np.zeros(481, np.int16))


def test_an_empty_packet_is_refused() -> None:
    with pytest.raises(OpusError):
        OpusDecoder(24000).decode(b"")


def test_the_librarys_version_and_place_are_known() -> None:
    assert libopus_version()[0].isdigit()
    assert "opus" in libopus_path()
