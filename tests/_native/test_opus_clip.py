"""Whole clips through Opus: the same as frame by frame, and losses made up for."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtaudio.audio import OpusDecoder, OpusEncoder, OpusPackets, decode_packets, encode_clip
from rtaudio.errors import AudioError, OpusError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rtaudio.audio import Samples


def frame_by_frame(packets: Sequence[bytes | None], channels: int = 1) -> Samples:
    """What `decode_packets` does at 24 kHz, by the decoder's own methods, for packets of 20 ms."""
    decoder = OpusDecoder(24000, channels)
    parts = []
    for i, packet in enumerate(packets):
        after = packets[i + 1] if i + 1 < len(packets) else None
        if packet is not None:
            parts.append(decoder.decode(packet))
        elif after is not None:
            parts.append(decoder.decode(after, fec=True))
        else:
            parts.append(decoder.conceal(480))
    return np.concatenate(parts)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frame_ms", [2.5, 20, 60, 120])
def test_packets_are_those_of_an_encoder_fed_frame_by_frame(
    speechlike: Callable[..., Samples], channels: int, frame_ms: float
) -> None:
    pcm = speechlike(16000, 0.5, channels)
    packets = encode_clip(pcm, 16000, channels, frame_ms=frame_ms, bitrate=24000, complexity=4)
    frame = round(16 * frame_ms)
    encoder = OpusEncoder(16000, channels, bitrate=24000, complexity=4)
    assert (packets.frame, packets.pre_skip) == (frame, encoder.lookahead)
    assert packets.samples_per_channel == len(pcm) // channels
    padded = np.zeros(len(packets) * frame * channels, np.int16)
    padded[: len(pcm)] = pcm
    assert packets == [encoder.encode(block) for block in padded.reshape(len(packets), -1)]


@given(st.integers(0, 1500), st.sampled_from([2.5, 10, 20, 60]))
@settings(max_examples=40)
def test_the_packets_hold_the_clip_and_its_lookahead_whatever_its_length(
    samples: int, frame_ms: float
) -> None:
    packets = encode_clip(bytes(2 * samples), 24000, frame_ms=frame_ms, complexity=0)
    needed = samples + packets.pre_skip if samples else 0
    assert len(packets) * packets.frame - packets.frame < needed or not packets
    assert len(packets) * packets.frame >= needed
    pcm = decode_packets(
        packets, 24000, pre_skip=packets.pre_skip, samples_per_channel=packets.samples_per_channel
    )
    assert pcm.shape == (samples,)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_round_trip_gives_the_clip_back_in_time(
    speechlike: Callable[..., Samples], channels: int
) -> None:
    pcm = speechlike(48000, 0.7, channels).reshape(-1, channels)
    packets = encode_clip(pcm, 48000, channels, application="lowdelay", bitrate=128000)
    heard = decode_packets(
        packets,
        48000,
        channels,
        pre_skip=packets.pre_skip,
        samples_per_channel=packets.samples_per_channel,
    )
    assert heard.size == pcm.size
    assert np.corrcoef(pcm.ravel(), heard.ravel())[0, 1] > 0.98


def test_an_empty_clip_has_no_packets() -> None:
    packets = encode_clip(b"", 24000)
    assert packets == []
    assert packets.samples_per_channel == 0
    assert decode_packets([], 24000, 2).shape == (0, 2)


def test_the_sound_is_not_shown(speech: Samples) -> None:
    packets = encode_clip(speech, 24000, complexity=0)
    assert repr(packets) == (
        "<OpusPackets: 201 packets, 96000 samples per channel at 24000 Hz, channels=1>"
    )
    assert isinstance(packets, OpusPackets)


@pytest.mark.parametrize("channels", [1, 2])
def test_sound_is_that_of_a_decoder_fed_packet_by_packet(channels: int, speech: Samples) -> None:
    packets = list(encode_clip(speech, 24000, fec=True, bitrate=32000))
    assert (decode_packets(packets, 24000, channels) == frame_by_frame(packets, channels)).all()


def test_losses_are_made_up_for_as_by_the_decoders_own_methods(speech: Samples) -> None:
    packets = list(encode_clip(speech, 24000, fec=True, bitrate=32000, complexity=5))

    @given(st.sets(st.integers(1, len(packets) - 1)))
    @settings(max_examples=20)
    def lose(lost: set[int]) -> None:
        rest = [None if i in lost else packet for i, packet in enumerate(packets)]
        assert (decode_packets(rest, 24000) == frame_by_frame(rest)).all()

    lose()


def test_what_fec_recovers_is_closer_than_what_is_concealed(speech: Samples) -> None:
    packets = encode_clip(speech, 24000, fec=True, bitrate=32000)
    lossy = [None if i % 10 == 5 else packet for i, packet in enumerate(packets)]
    whole = decode_packets(packets, 24000).astype(float)
    recovered, concealed = decode_packets(lossy, 24000), decode_packets(lossy, 24000, fec=False)
    assert np.square(recovered - whole).sum() < np.square(concealed - whole).sum() / 2


def test_what_was_lost_lasts_as_long_as_the_packet_before_or_at_the_start_the_one_after() -> None:
    short = encode_clip(bytes(960), 24000, frame_ms=10)[0]
    long = encode_clip(bytes(960), 24000, frame_ms=40)[0]
    assert len(decode_packets([None, None, long], 24000)) == 3 * 960
    assert len(decode_packets([short, None, long], 24000)) == 240 + 240 + 960
    assert len(decode_packets([long, None, short, None, None], 24000)) == 960 * 2 + 240 * 3


def test_any_buffer_of_bytes_is_a_packet_and_any_iterable_a_stream(speech: Samples) -> None:
    packets = encode_clip(speech[:9600], 24000)
    kinds: list[Callable[[bytes], Any]] = [bytes, bytearray, memoryview]
    mixed = (kinds[i % 3](packet) for i, packet in enumerate(packets))
    assert (decode_packets(mixed, 24000) == decode_packets(packets, 24000)).all()


def test_a_part_of_the_sound_can_be_asked_for(speech: Samples) -> None:
    packets = encode_clip(speech[:4800], 24000)
    whole = decode_packets(packets, 24000)
    part = decode_packets(packets, 24000, pre_skip=100, samples_per_channel=700)
    assert (part == whole[100:800]).all()
    assert decode_packets(packets, 24000, pre_skip=10**9).shape == (0,)
    assert (decode_packets(packets, 24000, samples_per_channel=10**9) == whole).all()


@given(st.lists(st.none() | st.binary(max_size=60), max_size=8), st.booleans())
def test_any_bytes_are_sound_or_an_opus_error(packets: list[bytes | None], fec: bool) -> None:
    try:
        pcm = decode_packets(packets, 48000, fec=fec)
    except OpusError:
        return
    assert len(pcm) <= 5760 * len(packets)


@pytest.mark.parametrize(
    ("packets", "named"),
    [
        ([None, None], "lost packets only"),
        ([b"\x00ab", b""], "packet 1, of 0 bytes"),
        ([b"\x00ab", None, b"\x03\x00"], "packet 2, of 2 bytes"),
    ],
)
def test_a_packet_that_is_none_is_named_by_its_place(packets: Any, named: str) -> None:
    with pytest.raises(OpusError, match=named):
        decode_packets(packets, 24000)


@pytest.mark.parametrize(
    "options",
    [
        {"frame_ms": 30},
        {"frame_ms": True},
        {"frame_ms": "20"},
        {"frame_ms": [20]},
        {"complexity": 11},
        {"sample_rate": 44100},
        {"channels": 2, "pcm": bytes(6)},
        {"pcm": np.zeros(480, np.float32)},
    ],
)
def test_wrong_options_of_a_clip_are_refused(options: Any) -> None:
    with pytest.raises(AudioError):
        encode_clip(**{"pcm": bytes(960), "sample_rate": 24000, **options})


@pytest.mark.parametrize(
    "options",
    [{"pre_skip": -1}, {"pre_skip": 1.0}, {"samples_per_channel": -1}, {"fec": 1}, {"channels": 0}],
)
def test_wrong_options_of_a_stream_are_refused(options: Any) -> None:
    with pytest.raises(OpusError):
        decode_packets([b"\x00ab"], **{"sample_rate": 24000, **options})


@pytest.mark.parametrize("decoding", [False, True])
def test_other_threads_run_meanwhile(speech: Samples, decoding: bool) -> None:
    def note(gate: threading.Lock, ran: threading.Event) -> None:
        with gate:
            ran.set()

    packets = encode_clip(speech, 24000, complexity=0)
    interval = sys.getswitchinterval()
    # From here on a thread gets the GIL only where another one lets go of it.
    sys.setswitchinterval(600)
    try:
        for _ in range(100):
            gate, ran = threading.Lock(), threading.Event()
            gate.acquire()
            thread = threading.Thread(target=note, args=(gate, ran))
            thread.start()
            gate.release()
            if decoding:
                decode_packets(packets, 24000)
            else:
                encode_clip(speech, 24000)
            meanwhile = ran.is_set()
            thread.join()
            if meanwhile:
                return
    finally:
        sys.setswitchinterval(interval)
    pytest.fail("no other thread ran during any of 100 calls")
