"""The resampler against a float64 oracle, against soxr, and against its own promises."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from rtaudio._native.filter_design import QUALITIES, half_width, prototype
from rtaudio._native.resample import Resampler, resample
from rtaudio.errors import AudioError

SPEECH_RATES = [
    (24000, 16000),
    (16000, 24000),
    (8000, 24000),
    (48000, 24000),
    (24000, 48000),
    (24000, 8000),
    (44100, 24000),
    (48000, 16000),
]
# By phases in groups of 2, 3 and 4, up to where phases end; then by rows, and between rows.
PHASE_RATES = [(24000, 32000), (24000, 23000), (8000, 192000), (192000, 8000), (48000, 40000)]
ODD_RATES = [(44100, 48000), (11025, 8000), (48000, 47999), (192000, 4001), (4000, 191999)]

# Where the pass band ends, relative to the lower Nyquist, and the stop band in dB, as promised.
PASS_BAND = {"fast": 0.75, "balanced": 0.85, "high": 0.93}
STOP_BAND_DB = {"fast": 60.0, "balanced": 96.0, "high": 125.0}


def noise(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(-32768, 32768, count).astype(np.int16)


def tones(sample_rate: int, count: int, top_hz: float, seed: int = 2) -> np.ndarray:
    """Sines up to `top_hz`, faded in and out so that the edges hold no other frequencies."""
    random = np.random.default_rng(seed)
    times = np.arange(count) / sample_rate
    frequencies = random.uniform(0.01, 1.0, 30)[:, np.newaxis] * top_hz
    phases = random.uniform(0, 2 * np.pi, 30)[:, np.newaxis]
    signal = np.sin(2 * np.pi * frequencies * times + phases).sum(axis=0) * np.hanning(count)
    return np.rint(signal / np.abs(signal).max() * 30000).astype(np.int16)


def ratio(sample_rate_in: int, sample_rate_out: int) -> tuple[int, int]:
    common = math.gcd(sample_rate_in, sample_rate_out)
    return sample_rate_out // common, sample_rate_in // common


def oracle(
    samples: np.ndarray, sample_rate_in: int, sample_rate_out: int, quality: str, delay: int
) -> np.ndarray:
    """The defining sum of one channel in float64, straight from the formula of the filter."""
    up, down = ratio(sample_rate_in, sample_rate_out)
    reach = math.ceil(half_width(up, down, quality)) + 2
    padded = np.concatenate([np.zeros(2 * reach), samples.astype(np.float64), np.zeros(2 * reach)])
    result = np.empty(-(-len(samples) * up // down))
    offsets = np.arange(-reach, reach + 1)
    for k in range(len(result)):
        whole, part = divmod(k * down, up)
        centre = whole - delay
        weights = prototype(part / up - offsets, up, down, quality)
        window = padded[centre + reach : centre + 3 * reach + 1]
        result[k] = window @ weights / weights.sum()
    return np.clip(result, -32768, 32767)


# --- the values ---------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("rates", [*SPEECH_RATES, *PHASE_RATES, *ODD_RATES])
def test_whole_signal_is_the_defining_sum_rounded(rates, quality):
    samples = noise(max(30, rates[0] // 150))
    exact = oracle(samples, *rates, quality, 0)
    # Half for rounding; the rest is float32, and linear interpolation between rows of a table.
    slack = 0.75 if ratio(*rates)[0] > 1000 else 0.52
    assert np.abs(resample(samples, *rates, quality) - exact).max() <= slack


@pytest.mark.parametrize("rates", [(24000, 16000), (8000, 24000), (44100, 48000), (48000, 47999)])
def test_stream_is_the_same_sum_delayed(rates):
    samples = noise(400)
    stream = Resampler(*rates)
    delay = round(stream.delay * rates[0])
    exact = oracle(samples, *rates, "balanced", delay)
    assert np.abs(stream.process(samples) - exact).max() <= 0.52


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("rates", SPEECH_RATES)
def test_band_limited_sound_agrees_with_soxr(rates, quality):
    samples = tones(rates[0], rates[0], 0.74 * min(rates) / 2)
    ours = resample(samples, *rates, quality).astype(np.float64)
    theirs = soxr.resample(samples, *rates, quality="HQ").astype(np.float64)
    assert len(ours) == len(theirs)
    error = ours - theirs
    snr_db = 10 * np.log10(np.mean(theirs**2) / np.mean(error**2))
    # Both round to 16 bits, which leaves about 80 dB under this signal, and soxr adds dither. What
    # is below that is the ripple of our pass bands: 0.01 dB of "fast", 0.0015 of "balanced".
    assert snr_db > {"fast": 54, "balanced": 72, "high": 76}[quality]


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("rates", [(24000, 16000), (48000, 8000), (44100, 24000), (48000, 47999)])
def test_tones_above_the_new_nyquist_vanish(rates, quality):
    times = np.arange(rates[0] // 4) / rates[0]
    alias = rates[1] / 2 + 0.5 * (rates[0] - rates[1]) / 2
    if rates[0] - rates[1] < 1000:
        alias = rates[1] / 2 + 0.25
    samples = np.rint(32767 * np.sin(2 * np.pi * alias * times)).astype(np.int16)
    edge = rates[1] // 20  # where the tone is switched on and off
    rest = resample(samples, *rates, quality)[edge:-edge]
    allowed = 32768 * 10 ** (-STOP_BAND_DB[quality] / 20)
    # One unit more for what rounding the tone to 16 bits left below the new Nyquist.
    assert np.abs(rest).max() <= math.floor(allowed + 0.5) + 1


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("rates", [(8000, 24000), (16000, 24000), (24000, 48000), (8000, 44100)])
def test_images_of_a_tone_are_as_far_down_as_promised(rates, quality):
    count = rates[0]
    frequency = round(0.7 * rates[0] / 2)
    times = np.arange(count) / rates[0]
    samples = np.rint(32000 * np.sin(2 * np.pi * frequency * times)).astype(np.int16)
    spectrum = np.abs(np.fft.rfft(resample(samples, *rates, quality) * np.blackman(rates[1])))
    images = [abs(n * rates[0] + sign * frequency) for n in (1, 2) for sign in (-1, 1)]
    lines = [spectrum[line] for line in images if line < rates[1] / 2]
    assert lines
    # Rounding leaves spurious lines at about -110 dB; the filter's own tests look below them.
    limit = max(-STOP_BAND_DB[quality], -105.0)
    assert 20 * np.log10(max(lines) / spectrum.max()) < limit


@pytest.mark.parametrize("rates", [*SPEECH_RATES, (48000, 47999)])
@pytest.mark.parametrize("quality", QUALITIES)
def test_pass_band_tones_keep_their_level_within_a_tenth_of_a_decibel(rates, quality):
    pass_band = PASS_BAND[quality]
    for relative in (0.02, 0.5, pass_band):
        frequency = relative * min(rates) / 2
        samples = np.rint(
            20000 * np.sin(2 * np.pi * frequency * np.arange(rates[0] // 4) / rates[0])
        ).astype(np.int16)
        result = resample(samples, *rates, quality).astype(np.float64)
        result = result[len(result) // 5 : -len(result) // 5]
        times = np.arange(len(result)) / rates[1]
        basis = np.exp(-2j * np.pi * frequency * times) * np.hanning(len(result))
        level = 2 * abs(result @ basis) / np.hanning(len(result)).sum()
        assert abs(20 * np.log10(level / 20000)) < 0.1


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("rates", [(24000, 16000), (8000, 24000), (48000, 47999)])
def test_full_scale_saturates_and_never_wraps(rates, quality):
    for pattern in ([-32768], [32767], [-32768] * 20 + [32767] * 20):
        samples = np.resize(np.array(pattern, np.int16), 300)
        exact = oracle(samples, *rates, quality, 0)
        assert np.abs(resample(samples, *rates, quality) - exact).max() <= 1.0
    middle = resample(np.full(2000, -32768, np.int16), *rates, quality)
    middle = middle[len(middle) // 3 : -len(middle) // 3]
    assert (middle == -32768).all()


# --- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("rates", SPEECH_RATES)
def test_every_20_ms_in_gives_exactly_its_20_ms_out(rates, quality):
    stream = Resampler(*rates, 1, quality)
    chunk = noise(rates[0] // 50)
    assert [len(stream.process(chunk)) for _ in range(5)] == [rates[1] // 50] * 5


@pytest.mark.parametrize("rates", [(24000, 16000), (8000, 24000), (48000, 8000), (24000, 48000)])
def test_stream_with_its_tail_equals_the_whole_signal_after_the_delay(rates):
    samples = noise(3001)
    stream = Resampler(*rates)
    streamed = np.concatenate([stream.process(samples), stream.flush()])
    delay = stream.delay * rates[1]
    assert delay == pytest.approx(round(delay))
    whole = resample(samples, *rates)
    assert streamed[round(delay) :].tolist() == whole.tolist()


def test_an_impulse_comes_out_the_delay_later():
    for rates in SPEECH_RATES:
        stream = Resampler(*rates)
        samples = np.zeros(rates[0] // 10, np.int16)
        samples[0] = 30000
        result = np.concatenate([stream.process(samples), stream.flush()])
        assert abs(np.argmax(result) / rates[1] - stream.delay) <= 0.5 / rates[1] + 1e-9


@pytest.mark.parametrize("rates", [*SPEECH_RATES, *ODD_RATES])
@pytest.mark.parametrize("count", [1, 2, 159, 1000])
def test_lengths_are_the_ceiling_of_the_ratio(rates, count):
    samples = noise(count)
    stream = Resampler(*rates)
    assert stream.output_length(count) == math.ceil(count * rates[1] / rates[0])
    assert len(stream.process(samples)) == math.ceil(count * rates[1] / rates[0])
    delay = round(stream.delay * rates[0])
    up, down = ratio(*rates)
    assert len(stream.flush()) == -(-(count + delay) * up // down) - -(-count * up // down)
    assert len(resample(samples, *rates)) == -(-count * up // down)


def test_latency_limits_of_the_live_path():
    for rates in SPEECH_RATES:
        limit = 0.006 if 8000 in rates else 0.003
        assert 0 < Resampler(*rates).delay <= limit


# --- streams ------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(
    rates=st.tuples(st.integers(4000, 192000), st.integers(4000, 192000))
    | st.sampled_from([*SPEECH_RATES, *PHASE_RATES, *ODD_RATES]),
    quality=st.sampled_from(["fast", "balanced"]),
    channels=st.integers(1, 4),
    cuts=st.lists(st.integers(0, 400) | st.integers(0, 5), max_size=12),
    seed=st.integers(0, 1000),
)
def test_output_does_not_depend_on_how_the_input_is_cut(rates, quality, channels, cuts, seed):
    total = 700
    frames = noise(total * channels, seed).reshape(total, channels)
    stream = Resampler(*rates, channels, quality)
    at_once = np.concatenate([stream.process(frames), stream.flush()])
    pieces, start = [], 0
    for cut in [*cuts, total]:
        piece = frames[start : start + cut]
        expected = stream.output_length(len(piece))
        pieces.append(stream.process(piece))
        assert len(pieces[-1]) == expected
        start += len(piece)
    pieces.append(stream.flush())
    assert np.concatenate(pieces).tolist() == at_once.tolist()


def test_blocks_inside_one_long_chunk_leave_no_seam():
    samples = noise(50_000)
    for rates in [(24000, 16000), (44100, 48000), (192000, 8000), (4000, 96000), (48000, 40000)]:
        stream = Resampler(*rates, 1, "high")
        at_once = stream.process(samples)
        stream.reset()
        pieces = [stream.process(samples[start : start + 777]) for start in range(0, 50_000, 777)]
        assert (np.concatenate(pieces) == at_once).all()


@pytest.mark.parametrize("channels", [2, 3, 8])
def test_channels_are_converted_apart(channels):
    frames = noise(900 * channels).reshape(900, channels)
    stream = Resampler(24000, 16000, channels)
    result = stream.process(frames)
    assert result.shape == (600, channels)
    for channel in range(channels):
        alone = Resampler(24000, 16000).process(frames[:, channel].copy())
        assert (result[:, channel] == alone).all()
    stream.reset()
    assert (stream.process(frames.tobytes()) == result.ravel()).all()
    whole = resample(frames, 24000, 16000)
    assert whole.shape == (600, channels)
    assert (resample(frames.ravel(), 24000, 16000, channels=channels) == whole.ravel()).all()


def test_flush_and_reset_leave_a_new_stream():
    samples = noise(500)
    stream = Resampler(24000, 16000)
    first = stream.process(samples)
    tail = stream.flush()
    assert len(tail) > 0
    assert len(stream.flush()) == 0
    assert (stream.process(samples) == first).all()
    stream.reset()
    assert (stream.process(samples) == first).all()
    assert (stream.flush() == tail).all()


def test_process_into_writes_the_same_and_nothing_more():
    samples = noise(960)
    expected = Resampler(48000, 16000, 2).process(samples)
    stream = Resampler(48000, 16000, 2)
    out = np.full(400, 99, np.int16)
    assert stream.process_into(samples, out) == 160
    assert (out[:320] == expected).all()
    assert (out[320:] == 99).all()


def test_too_little_room_leaves_the_stream_unchanged():
    samples = noise(480)
    stream = Resampler(24000, 16000)
    with pytest.raises(AudioError, match="room for 319 samples per channel; this chunk of 480"):
        stream.process_into(samples, np.empty(319, np.int16))
    with pytest.raises(AudioError, match="read-only"):
        stream.process_into(samples, bytes(640))
    with pytest.raises(AudioError, match="format 'f'"):
        stream.process(np.zeros(480, np.float32))
    assert (stream.process(samples) == Resampler(24000, 16000).process(samples)).all()


def test_equal_rates_pass_through_without_delay():
    samples = noise(1001)
    stream = Resampler(24000, 24000)
    assert stream.delay == 0.0
    assert (stream.process(samples) == samples).all()
    assert len(stream.flush()) == 0
    assert (resample(samples, 48000, 48000, "high") == samples).all()


def test_nothing_in_gives_nothing_out():
    stream = Resampler(8000, 48000, 2)
    assert stream.process(b"").shape == (0,)
    assert stream.flush().shape == (0,)
    assert resample(b"", 8000, 48000).shape == (0,)
    assert resample(np.empty((0, 2), np.int16), 8000, 48000).shape == (0, 2)


def test_a_whole_signal_that_runs_without_the_interpreter_lock_is_the_same():
    samples = noise(400_000)
    whole = resample(samples, 24000, 16000)
    stream = Resampler(24000, 16000)
    streamed = np.concatenate([stream.process(samples), stream.flush()])
    assert (streamed[round(stream.delay * 16000) :] == whole).all()


# --- arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3999, 16000), "sample_rate_in=3999 Hz; it must be 4000 to 192000"),
        ((16000, 192001), "sample_rate_out=192001 Hz"),
        ((0, 16000), "sample_rate_in=0"),
        ((-8000, 16000), "sample_rate_in=-8000"),
        ((10**30, 16000), "it must be 4000 to 192000"),
        ((24000.0, 16000), "must be an integer, in Hz"),
        ((24000, "16000"), "must be an integer, in Hz"),
        ((24000, True), "must be an integer, in Hz"),
        ((24000, 16000, 0), "got 0 channels"),
        ((24000, 16000, 9), "got 9 channels"),
        ((24000, 16000, 1.5), "got 1.5 channels; it must be an integer"),
        ((24000, 16000, True), "got True channels"),
        ((24000, 16000, 2**40), "got 1099511627776 channels; it must be 1 to 8"),
        ((24000, 16000, 1, 3), "quality=3; it must be one of"),
        ((24000, 16000, 1, "best"), "quality='best'; it must be one of fast, balanced, high"),
        ((24000, 16000, 1, None), "quality=None"),
    ],
)
def test_arguments_out_of_range_are_named(arguments, words):
    with pytest.raises(AudioError, match=words):
        Resampler(*arguments)
    if len(arguments) == 2:
        with pytest.raises(AudioError, match=words):
            resample(b"", *arguments)


def test_wrong_sound_is_refused():
    with pytest.raises(AudioError, match="format 'd'"):
        resample(np.zeros(10), 24000, 16000)
    with pytest.raises(AudioError, match="multiple of 4"):
        Resampler(24000, 16000, 2).process(b"123456")
    with pytest.raises(AudioError, match="got 9 channels"):
        resample(np.zeros((4, 9), np.int16), 24000, 16000)
    for wrong in (-1, 2**44 + 1, 2**80):
        with pytest.raises(AudioError, match=f"got {wrong} samples; a count must be 0 to"):
            Resampler(24000, 16000).output_length(wrong)
    with pytest.raises(AudioError, match="a count must be an integer"):
        Resampler(24000, 16000).output_length(1.0)
    assert Resampler(4000, 192000).output_length(2**44) == 48 * 2**44


def test_properties_tell_how_it_was_made_and_it_cannot_be_copied():
    stream = Resampler(44100, 24000, channels=2, quality="high")
    assert (stream.sample_rate_in, stream.sample_rate_out) == (44100, 24000)
    assert (stream.channels, stream.quality) == (2, "high")
    assert repr(stream) == "<Resampler 44100 Hz to 24000 Hz, 2 channel(s), quality='high'>"
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.copy(stream)
