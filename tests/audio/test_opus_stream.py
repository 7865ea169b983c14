from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.audio import AudioFormat, OpusDecoder, OpusEncoder, opus_packet_info
from rtaudio.audio.opus_stream import PacketDecoder, PacketEncoder
from rtaudio.errors import OpusError

PCM = AudioFormat("pcm16", 24000)
OPUS = AudioFormat("opus", 48000)
TONE = (8000 * np.sin(np.arange(24_000) * 2 * np.pi * 440 / 24_000)).astype(np.int16)


@given(st.lists(st.integers(1, 5000), max_size=8))
def test_packets_do_not_depend_on_how_the_sound_was_cut(cuts: list[int]) -> None:
    data = TONE.tobytes()[:20_000]
    whole = PacketEncoder(PCM, OPUS)
    expected = [*whole.process(data), *whole.flush()]
    encoder, packets, start = PacketEncoder(PCM, OPUS), [], 0
    for cut in [*cuts, len(data)]:
        packets += encoder.process(data[start : start + cut])
        start += cut
    assert [*packets, *encoder.flush()] == expected


def test_each_packet_is_20_ms_and_the_last_is_filled_up() -> None:
    encoder = PacketEncoder(PCM, OPUS)
    packets = [*encoder.process(TONE.tobytes()[:2000]), *encoder.flush()]
    infos = [opus_packet_info(packet) for packet in packets]
    # 1000 samples are 41.7 ms, and the resampler's tail is a few more.
    assert [info.frames * info.frame_ms for info in infos] == [20, 20, 20]


def test_after_a_flush_or_a_reset_it_begins_anew() -> None:
    data = TONE.tobytes()
    first = PacketEncoder(PCM, OPUS)
    fresh = [*first.process(data), *first.flush()]
    assert [*first.process(data), *first.flush()] == fresh
    first.process(data[:1234])
    first.reset()
    assert [*first.process(data), *first.flush()] == fresh


def test_packets_of_any_length_become_the_sound_that_was_encoded() -> None:
    encoder, decoder = OpusEncoder(48000, channels=2), OpusDecoder(48000, channels=2)
    stereo = np.repeat(TONE, 2).reshape(-1, 2)
    stream = PacketDecoder(AudioFormat("opus", 48000, 2), AudioFormat("pcm16", 48000))
    for length in (480, 960, 2880):
        packet = encoder.encode(stereo[:length])
        decoded = np.frombuffer(stream.process(packet), np.int16)
        assert np.array_equal(decoded, decoder.decode(packet)[:, 0])


def test_what_is_no_packet_is_refused_and_the_stream_goes_on() -> None:
    stream = PacketDecoder(OPUS, PCM)
    with pytest.raises(OpusError):
        stream.process(b"\xff" * 5)
    assert len(stream.process(OpusEncoder(48000).encode(TONE[:960]))) == 960
