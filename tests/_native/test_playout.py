"""Packets to even sound: what is decoded, filled in, shortened and lengthened."""

from __future__ import annotations

import copy
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtaudio.audio import (
    JitterStats,
    OpusDecoder,
    OpusEncoder,
    PlayoutBuffer,
    alaw_encode,
    ulaw_decode,
    ulaw_encode,
)
from rtaudio.errors import AudioError, OpusError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtaudio.audio import Samples

RATE = 24000
FRAME = 480
FRAME_S = 0.02


def steady(delay_ms: int) -> Any:
    """The options of a buffer that begins and stays with this delay, or one read more."""
    return {"min_delay_ms": delay_ms, "initial_delay_ms": delay_ms}


def tone(seconds: float, hz: float = 200, rate: int = RATE) -> Samples:
    t = np.arange(round(seconds * rate)) / rate
    return (8000 * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def frequency(sound: Samples, rate: int = RATE) -> float:
    windowed = sound * np.hanning(len(sound))
    spectrum = np.abs(np.fft.rfft(windowed, 1 << 18))
    return float(np.argmax(spectrum)) * rate / (1 << 18)


def play(
    buffer: PlayoutBuffer,
    packets: Iterable[tuple[float, Any, int]],
    seconds: float,
    *,
    start_s: float = 0,
    size: int = FRAME,
    ticks: int = FRAME,
) -> Samples:
    """Push (arrival, packet, number) when it is time and read `size` samples after `size`."""
    waiting = sorted(packets, key=lambda each: each[0])
    parts = []
    for i in range(round(seconds * buffer.sample_rate / size)):
        now_s = start_s + i * size / buffer.sample_rate + 0.002
        while waiting and waiting[0][0] <= now_s:
            arrival_s, packet, number = waiting.pop(0)
            buffer.push(packet, arrival_s, number & 0xFFFF, number * ticks & 0xFFFFFFFF)
        parts.append(buffer.read(size, now_s))
    for arrival_s, packet, number in waiting:
        buffer.push(packet, arrival_s, number & 0xFFFF, number * ticks & 0xFFFFFFFF)
    return np.concatenate(parts)


def framed(sound: Samples, delay_s: Any = 0.0) -> list[tuple[float, bytes, int]]:
    frames = sound.reshape(-1, FRAME)
    delays = np.broadcast_to(delay_s, len(frames))
    return [(i * FRAME_S + float(delays[i]), frame.tobytes(), i) for i, frame in enumerate(frames)]


@pytest.fixture(scope="module")
def packets(speech: Samples) -> list[bytes]:
    encoder = OpusEncoder(RATE, bitrate=32000, fec=True)
    return [encoder.encode(frame) for frame in speech.reshape(-1, FRAME)]


# --- decoding -------------------------------------------------------------------------------------


def test_opus_is_decoded_with_its_losses_filled_in_as_a_decoder_does(packets: list[bytes]) -> None:
    """Every fifth packet of a hundred is lost, and once two in a row."""
    lost = {*range(5, 100, 5), 51}
    buffer = PlayoutBuffer("opus", RATE, **steady(60))
    arrivals = [(i * FRAME_S, packets[i], i) for i in range(100) if i not in lost]
    sound = play(buffer, arrivals, 2.06, ticks=960)
    decoder = OpusDecoder(RATE)
    expected = []
    for i in range(100):
        if i not in lost:
            expected.append(decoder.decode(packets[i]))
        elif i + 1 not in lost:
            expected.append(decoder.decode(packets[i + 1], fec=True))
        else:
            expected.append(decoder.conceal(FRAME))
    assert (sound[3 * FRAME :] == np.concatenate(expected)).all()
    assert not sound[: 3 * FRAME].any()
    stats = buffer.stats
    assert stats.lost == 20
    assert stats.recovered + stats.concealed == 20
    assert stats.recovered > 10  # some packets have no copy of the one before


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_opus_comes_out_at_any_of_its_rates(packets: list[bytes], rate: int, channels: int) -> None:
    buffer = PlayoutBuffer("opus", rate, channels, **steady(40))
    arrivals = [(i * FRAME_S, packet, i) for i, packet in enumerate(packets[:50])]
    sound = play(buffer, arrivals, 1.04, size=rate // 50, ticks=960)
    decoder = OpusDecoder(rate, channels)
    expected = np.concatenate([decoder.decode(packet) for packet in packets[:50]])
    assert (sound[2 * rate // 50 :] == expected).all()


@pytest.mark.parametrize(("encoding", "encode"), [("pcmu", ulaw_encode), ("pcma", alaw_encode)])
def test_g711_is_decoded(encoding: Any, encode: Any) -> None:
    sound = tone(1, rate=8000)
    codes = encode(sound)
    buffer = PlayoutBuffer(encoding, 8000, **steady(20))
    frames = [(i * FRAME_S, codes[160 * i : 160 * (i + 1)], i) for i in range(50)]
    heard = play(buffer, frames, 1.02, size=160, ticks=160)[160:]
    assert np.abs(heard.astype(int) - sound).max() < 300
    if encoding == "pcmu":
        assert (heard == ulaw_decode(codes)).all()


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(1, 3000), min_size=1, max_size=12),
    st.lists(st.integers(0, 4000), min_size=1, max_size=8),
    st.integers(1, 3),
)
def test_however_sound_is_cut_it_comes_out_whole(
    cuts: list[int], reads: list[int], channels: int
) -> None:
    sound = np.random.default_rng(1).integers(-9000, 9000, (sum(cuts), channels)).astype(np.int16)
    buffer = PlayoutBuffer("pcm16", RATE, channels, live=False, min_delay_ms=0, initial_delay_ms=0)
    for part in np.split(sound, np.cumsum(cuts)[:-1]):
        assert buffer.push(part, 1.0)
    buffer.end_utterance()
    now_s, parts = 1.001, []
    reads = [*reads, 480]
    while sum(map(len, parts)) < len(sound):
        n = reads.pop(0) if len(reads) > 1 else reads[0]
        part = buffer.read(n, now_s)
        assert part.shape == ((n,) if channels == 1 else (n, channels))
        parts.append(part.reshape(n, channels))
        now_s += n / RATE
    heard = np.concatenate(parts)
    assert (heard[: len(sound)] == sound).all()
    assert not heard[len(sound) :].any()
    assert not buffer.read(1000, now_s).any()
    assert not buffer.is_playing


def test_reads_of_any_size_give_the_same_sound(packets: list[bytes]) -> None:
    """With all packets there beforehand, when a read comes changes nothing."""
    results = []
    for size in (1, 77, 240, 480, 5000):
        buffer = PlayoutBuffer("opus", RATE, live=False, min_delay_ms=0, initial_delay_ms=0)
        for i, packet in enumerate(packets[:50]):
            buffer.push(packet, 0.0, i, i * 960)
        parts = [buffer.read(size, 1.0) for _ in range(20000 // size)]
        results.append(np.concatenate(parts)[:15000])
    for other in results[1:]:
        assert (other == results[0]).all()


# --- the delay ------------------------------------------------------------------------------------


def test_too_long_a_delay_is_shortened_without_a_jump_or_a_change_of_pitch() -> None:
    sound = tone(6)
    buffer = PlayoutBuffer("pcm16", RATE, initial_delay_ms=300)
    heard = play(buffer, framed(sound), 6)
    stats = buffer.stats
    assert stats.target_ms == 10
    assert stats.delay_ms < 40
    assert stats.shortened_ms == pytest.approx(302 - stats.delay_ms, abs=25)
    assert stats.concealed == stats.discarded == 0
    steady = heard[RATE // 2 : -RATE // 2].astype(int)
    assert np.abs(np.diff(steady)).max() <= np.abs(np.diff(sound.astype(int))).max() + 30
    assert frequency(heard[RATE : 2 * RATE]) == pytest.approx(200, abs=1)


def test_too_short_a_delay_is_lengthened_without_a_jump_or_a_change_of_pitch() -> None:
    sound = tone(6)
    random = np.random.default_rng(4)
    # Early jitter, of which nothing is late yet, asks for a longer delay.
    delays = np.where(np.arange(300) % 20 == 19, random.uniform(0.0, 0.018, 300), 0)
    buffer = PlayoutBuffer("pcm16", RATE, initial_delay_ms=0, min_delay_ms=100)
    heard = play(buffer, framed(sound, delays), 6)
    assert buffer.stats.delay_ms >= 99
    assert buffer.stats.concealed == 0
    buffer = PlayoutBuffer("pcm16", RATE, initial_delay_ms=0, min_delay_ms=0, late_share=0.001)
    delays = np.zeros(300)
    delays[100] = 0.12  # one stall, which is not forgotten
    delays[101:107] = 0.12 - FRAME_S * np.arange(1, 7)
    heard = play(buffer, framed(sound, delays), 6)
    assert frequency(heard[3 * RATE : 4 * RATE]) == pytest.approx(200, abs=1)


def slanted(seconds: float) -> Samples:
    """A tone on a slope of 96 per ms: a period cut out without a fade leaves a step of 500."""
    t = np.arange(round(seconds * RATE)) / RATE
    slope = 24000 * (2 * np.abs(2 * (t % 1) - 1) - 1)
    return (slope + 2000 * np.sin(2 * np.pi * 200 * t)).astype(np.int16)


def test_where_a_period_is_left_out_there_is_no_step() -> None:
    buffer = PlayoutBuffer("pcm16", RATE, initial_delay_ms=300)
    heard = play(buffer, framed(slanted(4)), 4)
    assert buffer.stats.shortened_ms > 100
    assert np.abs(np.diff(heard[RATE // 2 :].astype(int))).max() < 130


def test_where_a_period_is_played_twice_there_is_no_step() -> None:
    """The way becomes 18 ms longer, just in time; once that is known, there is too little delay."""
    delays = np.where(np.arange(1200) < 50, 0, 0.018)
    buffer = PlayoutBuffer("pcm16", RATE, initial_delay_ms=10)
    heard = play(buffer, framed(slanted(24), delays), 24)
    stats = buffer.stats
    assert 5 < stats.lengthened_ms < 60
    assert stats.concealed == stats.late == 0
    assert np.abs(np.diff(heard[RATE // 2 : -RATE].astype(int))).max() < 130


def test_speech_is_lengthened_where_periods_are_alike(speech: Samples) -> None:
    """The network becomes worse while somebody speaks; FEC needs a frame more of delay."""
    encoder = OpusEncoder(RATE, bitrate=32000, fec=True)
    sound = np.tile(speech, 4)
    lost = np.random.default_rng(8).random(len(sound) // FRAME) < 0.1
    arrivals = [
        (i * FRAME_S, encoder.encode(frame), i) for i, frame in enumerate(sound.reshape(-1, FRAME))
    ]
    buffer = PlayoutBuffer("opus", RATE, initial_delay_ms=0, min_delay_ms=0)
    heard = play(buffer, [each for each in arrivals if not lost[each[2]]], 16, ticks=960)
    stats = buffer.stats
    assert stats.lengthened_ms > 0
    assert stats.recovered > 0.6 * stats.lost
    assert np.abs(np.diff(heard.astype(int))).max() < 2 * np.abs(np.diff(speech.astype(int))).max()


@pytest.mark.parametrize("size", [240, 480, 960])
def test_the_delay_settles_instead_of_swinging(speech: Samples, size: int) -> None:
    buffer = PlayoutBuffer("pcm16", RATE)
    sound = np.tile(speech, 5)
    packets = framed(sound)
    play(buffer, packets[:200], 4, size=size)
    before = buffer.stats
    play(buffer, packets[200:], 16, start_s=4, size=size)
    after = buffer.stats
    assert after.shortened_ms - before.shortened_ms <= 15
    assert after.lengthened_ms - before.lengthened_ms <= 15
    assert after.concealed == 0
    assert after.delay_ms <= 10 + 1000 * size / RATE + 25


@pytest.mark.parametrize("batch", [5, 10])
def test_a_websocket_that_comes_in_bursts_is_played_without_gaps(batch: int) -> None:
    """Frames of a telephone, held up on their way and then sent at once."""
    sound = tone(8, rate=8000)
    codes = [ulaw_encode(frame) for frame in sound.reshape(-1, 160)]
    buffer = PlayoutBuffer("pcmu", 8000)
    concealed = []
    for i in range(len(codes)):
        if i % batch == batch - 1:
            for code in codes[i - batch + 1 : i + 1]:
                buffer.push(code, i * FRAME_S)
        buffer.read(160, i * FRAME_S + 0.002)
        concealed.append(buffer.stats.concealed)
    assert concealed[50] == concealed[-1]  # within the first second it has learnt
    assert buffer.stats.played > len(codes) - 2 * batch
    assert buffer.stats.delay_ms <= batch * 20 + 30


def test_what_is_not_live_is_not_shortened() -> None:
    sound = tone(4)
    buffer = PlayoutBuffer("pcm16", RATE, live=False, initial_delay_ms=400)
    heard = play(buffer, framed(sound), 4.4)
    assert buffer.stats.shortened_ms == 0
    start = np.flatnonzero(heard)[0] - 1
    assert (heard[start : start + len(sound)] == sound[: len(heard) - start]).all()


# --- concealment ----------------------------------------------------------------------------------


def test_a_lost_frame_of_a_voice_goes_on_at_its_pitch() -> None:
    sound = tone(2, 160)
    buffer = PlayoutBuffer("pcm16", RATE, **steady(40))
    arrivals = [each for each in framed(sound) if each[2] not in (40, 70, 71)]
    heard = play(buffer, arrivals, 2)
    assert buffer.stats.concealed == 3
    steps = np.abs(np.diff(heard[2 * FRAME + 1 :].astype(int)))
    assert steps.max() <= 2 * np.abs(np.diff(sound.astype(int))).max()
    turned = np.concatenate([sound[: 40 * FRAME], -sound[40 * FRAME :]])
    heard_turned = play(
        PlayoutBuffer("pcm16", RATE, **steady(40)),
        [each for each in framed(turned) if each[2] != 40],
        2,
    )
    steps = np.abs(np.diff(heard_turned[2 * FRAME + 1 :].astype(int)))
    assert steps.max() <= 2 * np.abs(np.diff(sound.astype(int))).max()
    filled = heard[(40 + 2) * FRAME : (41 + 2) * FRAME]
    assert np.corrcoef(filled, sound[40 * FRAME : 41 * FRAME])[0, 1] > 0.95


def test_after_a_stall_sound_fades_out_and_in_again() -> None:
    sound = tone(2)
    buffer = PlayoutBuffer("pcm16", RATE, **steady(40))
    arrivals = [
        (at_s if number < 50 else max(at_s, 1.5), *rest)
        for at_s, *rest in framed(sound)
        for number in rest[-1:]
    ]
    heard = play(buffer, arrivals, 2.4)
    steps = np.abs(np.diff(heard[2 * FRAME + 1 :].astype(int)))
    assert steps.max() <= 2 * np.abs(np.diff(sound.astype(int))).max()
    silent = heard[round(1.2 * RATE) : round(1.49 * RATE)]
    assert not silent.any()
    assert buffer.stats.lost == buffer.stats.late == 0


def test_opus_fades_to_silence_when_nothing_comes(packets: list[bytes]) -> None:
    buffer = PlayoutBuffer("opus", RATE, **steady(40))
    arrivals = [(i * FRAME_S, packet, i) for i, packet in enumerate(packets[20:70])]
    heard = play(buffer, arrivals, 2, ticks=960)
    end = 52 * FRAME
    assert heard[end : end + FRAME].any()
    assert not heard[end + 6 * FRAME - 1 :].any()
    assert not buffer.is_playing


def test_opus_is_faded_in_where_it_was_faded_out(packets: list[bytes]) -> None:
    buffer = PlayoutBuffer("opus", RATE, **steady(40))
    arrivals = [(i * FRAME_S, packets[100 + i], i) for i in range(50)]
    arrivals.append((1.5, packets[150], 50))
    heard = play(buffer, arrivals, 1.6, ticks=960)
    decoder = OpusDecoder(RATE)
    for packet in packets[100:150]:
        decoder.decode(packet)
    for _ in range(6):
        decoder.conceal(FRAME)
    frame = decoder.decode(packets[150])
    begin = round(1.5 * RATE)  # at once: it is later than it need be
    fade = RATE * 3 // 400
    ramp = np.trunc(frame[:fade].astype(float) * np.arange(fade) / fade).astype(int)
    assert np.abs(frame[:fade]).max() > 100
    assert not heard[begin - FRAME : begin].any()
    assert (heard[begin : begin + fade] == ramp).all()
    assert (heard[begin + fade : begin + FRAME] == frame[fade:]).all()


def test_a_pause_of_opus_is_filled_with_the_noise_of_the_room(speech: Samples) -> None:
    noise = np.random.default_rng(3).normal(0, 60, len(speech) + 48000)
    sound = noise + np.pad(speech, (0, 48000))
    encoder = OpusEncoder(RATE, dtx=True)
    packets = [encoder.encode(frame) for frame in sound.astype(np.int16).reshape(-1, FRAME)]
    buffer, sequence, noisy = PlayoutBuffer("opus", RATE, **steady(40)), 0, 0
    for i, packet in enumerate(packets):
        if len(packet) > 2 or len(packets[i - 1]) > 2:
            buffer.push(packet, i * FRAME_S, sequence, i * 960)
            sequence += 1
        heard = buffer.read(FRAME, i * FRAME_S + 0.002)
        if i > 250:
            noisy += heard.any()
    assert sequence < 250
    assert noisy == len(packets) - 251
    assert buffer.stats.concealed == 0


def test_silence_of_the_network_is_digital_silence() -> None:
    buffer = PlayoutBuffer("opus", RATE)
    assert not buffer.read(1000, 5.0).any()
    assert not buffer.is_playing
    assert buffer.stats.concealed == 0


def test_packets_of_other_bytes_do_not_end_the_stream(packets: list[bytes]) -> None:
    random = np.random.default_rng(6)
    buffer = PlayoutBuffer("opus", RATE, **steady(40))
    arrivals = []
    for i, packet in enumerate(packets[:100]):
        broken = bytes([packet[0]]) + random.bytes(len(packet) - 1) if i % 3 == 0 else packet
        arrivals.append((i * FRAME_S, broken, i))
    heard = play(buffer, arrivals, 2.04, ticks=960)
    assert len(heard) == 102 * FRAME
    assert buffer.stats.played == 100


# --- anything at all ------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["opus", "pcmu", "pcm16"]),
    st.sampled_from([8000, 24000, 48000]),
    st.integers(1, 2),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_any_network_and_any_reads_give_what_was_asked_for(
    encoding: Any, rate: int, channels: int, seed: int, live: bool
) -> None:
    random = np.random.default_rng(seed)
    buffer = PlayoutBuffer(encoding, rate, channels, live=live, capacity=20, max_delay_ms=150)
    encoder = OpusEncoder(rate, channels, fec=True) if encoding == "opus" else None
    ticks = 960 if encoder else rate // 50
    now_s, numbers = 0.0, list(range(60))
    for i in range(len(numbers) - 1):  # reordered here and there
        if random.random() < 0.1:
            numbers[i], numbers[i + 1] = numbers[i + 1], numbers[i]
    for number in numbers:
        pcm = random.integers(-32768, 32767, rate // 50 * channels, endpoint=True).astype(np.int16)
        packet = encoder.encode(pcm) if encoder else pcm.tobytes()
        packet = ulaw_encode(pcm) if encoding == "pcmu" else packet
        if random.random() < 0.9:
            buffer.push(packet, now_s, number, number * ticks)
        now_s += float(
            random.choice([0, 0.01, 0.02, 0.02, 0.04, 0.3], p=[0.2, 0.2, 0.2, 0.2, 0.19, 0.01])
        )
        n = int(random.integers(0, rate // 10))
        out = np.full((n, channels), 77, np.int16)
        assert buffer.read_into(out, now_s) == n
    for _ in range(100):
        now_s += 0.02
        buffer.read(rate // 50, now_s)
    stats = buffer.stats
    assert stats.received == stats.played + stats.duplicated + stats.late + stats.discarded
    assert not buffer.is_playing


def test_reading_and_pushing_allocate_nothing(packets: list[bytes]) -> None:
    buffer = PlayoutBuffer("opus", RATE)
    out = np.zeros(FRAME, np.int16)
    calls = [(packet, i * FRAME_S, i, i * 960) for i, packet in enumerate(packets)]
    first, rest = calls[:100], calls[100:]
    for packet, now_s, sequence, timestamp in first:
        buffer.push(packet, now_s, sequence, timestamp)
        buffer.read_into(out, now_s)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for packet, now_s, sequence, timestamp in rest:
            buffer.push(packet, now_s, sequence, timestamp)
            buffer.read_into(out, now_s)
        # What is left is the number that each call returns.
        assert tracemalloc.get_traced_memory()[1] - before < 300
    finally:
        tracemalloc.stop()


def test_one_thread_may_push_while_another_reads(packets: list[bytes]) -> None:
    buffer = PlayoutBuffer("opus", RATE, live=False, initial_delay_ms=0, capacity=4096)
    done = threading.Event()

    def push() -> None:
        for i in range(2000):
            buffer.push(packets[i % 200], 0.0, i, i * 960)
        done.set()

    thread = threading.Thread(target=push)
    thread.start()
    while not done.is_set() or buffer.stats.played < 2000:
        buffer.read(FRAME, 1.0)
    thread.join()
    assert buffer.stats.played == buffer.stats.received == 2000


def test_a_reset_buffer_equals_a_new_one(packets: list[bytes]) -> None:
    buffer = PlayoutBuffer("opus", RATE)
    arrivals = [(i * FRAME_S, packet, i) for i, packet in enumerate(packets[:60])]
    first = play(buffer, arrivals, 1, ticks=960)
    buffer.reset()
    assert not buffer.is_playing
    assert (play(buffer, arrivals, 1, ticks=960) == first).all()


def test_mistakes_are_named() -> None:
    with pytest.raises(AudioError, match="got encoding='flac'"):
        PlayoutBuffer("flac", RATE)  # type: ignore[arg-type]
    with pytest.raises(OpusError, match="44100"):
        PlayoutBuffer("opus", 44100)
    with pytest.raises(AudioError, match="got deep_plc=True; only Opus has it, not pcmu"):
        PlayoutBuffer("pcmu", 8000, deep_plc=True)
    buffer = PlayoutBuffer("pcm16", RATE, 2)
    with pytest.raises(AudioError, match="got -1 samples to read"):
        buffer.read(-1, 0.0)
    with pytest.raises(AudioError, match="got now_s='soon'"):
        buffer.read(480, "soon")  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="read-only bytes"):
        buffer.read_into(bytes(8), 0.0)
    with pytest.raises(AudioError, match="must be a multiple of 4 bytes"):
        buffer.read_into(bytearray(6), 0.0)
    with pytest.raises(AudioError, match="format 'f'"):
        buffer.push(np.zeros(480, np.float32), 0.0)
    with pytest.raises(AudioError, match=r"shape \(480, 1\)"):
        buffer.push(np.zeros((480, 1), np.int16), 0.0)
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.copy(buffer)
    assert isinstance(buffer.stats, JitterStats)
    assert repr(buffer) == (
        "<PlayoutBuffer pcm16, 24000 Hz, 2 channel(s), 0 packets, target 60 ms>"
    )
