"""Sound kept as it arrives."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtaudio.audio import AudioFormat, alaw_decode, load, load_partial, ulaw_decode, ulaw_encode
from rtaudio.audio.recording import OpusRecorder, OpusRecording, PcmRecorder, PcmRecording
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    from rtaudio.audio.recording import Recorder, Recording

SAMPLES = Path(__file__).parent.parent.parent / "samples"
SPEECH = load(SAMPLES / "alice.flac").mono()
RATES = [8000, 11025, 16000, 24000, 44100, 48000, 96000]


def fed(recorder: Recorder, data: bytes, seed: int = 0) -> Recorder:
    rng = np.random.default_rng(seed)
    at = 0
    while at < len(data):
        size = int(rng.integers(1, 9000))
        recorder.write(data[at : at + size])
        at += size
    return recorder


def likeness(a: np.ndarray, b: np.ndarray) -> tuple[float, int]:
    """The best correlation, and the shift in samples at which it is found."""
    length = min(len(a), len(b))
    found = []
    for lag in range(-20, 21):
        left = a[max(0, lag) : length + min(0, lag)].astype(float)
        right = b[max(0, -lag) : length - max(0, lag)].astype(float)
        found.append((float(left @ right / np.sqrt((left @ left) * (right @ right))), lag))
    return max(found)


def reloaded(recording: Recording) -> Recording:
    file = io.BytesIO()
    recording.write(file)
    return type(recording).load(file.getvalue(), recording.sample_rate, recording.samples)


def test_pcm_comes_back_bit_for_bit_however_it_was_cut() -> None:
    pcm = SPEECH.resampled(24000).samples
    recorder = fed(PcmRecorder(AudioFormat("pcm16", 24000)), pcm.tobytes())
    assert np.array_equal(recorder.read(5000), pcm[:5000])
    assert np.array_equal(recorder.finish(len(pcm)).read(), pcm)
    recording = recorder.finish(7001)
    assert np.array_equal(recording.read(), pcm[:7001])
    assert np.array_equal(recording.cut(99).read(), pcm[:99])
    assert recording.nbytes == 14002


@pytest.mark.parametrize(("encoding", "decode"), [("pcmu", ulaw_decode), ("pcma", alaw_decode)])
def test_telephone_sound_is_kept_decoded(encoding, decode) -> None:
    codes = bytes(range(256)) * 20
    recorder = fed(PcmRecorder(AudioFormat(encoding, 8000)), codes)
    assert np.array_equal(recorder.finish(len(codes)).read(), decode(codes))


@pytest.mark.parametrize("rate", RATES)
def test_opus_is_as_long_as_the_sound_and_in_step_with_it(rate: int) -> None:
    pcm = SPEECH.resampled(rate).samples
    recorder = fed(OpusRecorder(AudioFormat("pcm16", rate)), pcm.tobytes())
    decoded = recorder.finish(len(pcm)).read()
    assert len(decoded) == len(pcm)
    correlation, lag = likeness(pcm, decoded)
    assert lag == 0
    assert correlation > 0.97


def test_opus_of_a_telephone_line_is_in_step_too() -> None:
    pcm = SPEECH.resampled(8000).samples
    recorder = fed(OpusRecorder(AudioFormat("pcmu", 8000)), ulaw_encode(pcm))
    correlation, lag = likeness(pcm, recorder.finish(len(pcm)).read())
    assert (lag, correlation > 0.97) == (0, True)


def test_opus_does_not_depend_on_how_it_was_cut_up() -> None:
    pcm = SPEECH.resampled(24000).samples[:50_001]
    whole = OpusRecorder(AudioFormat("pcm16", 24000))
    whole.write(pcm.tobytes())
    pieces = fed(OpusRecorder(AudioFormat("pcm16", 24000)), pcm.tobytes(), seed=3)
    assert np.array_equal(whole.finish(50_001).read(), pieces.finish(50_001).read())


@pytest.mark.parametrize("samples", [0, 1, 323, 324, 325, 480, 12_345])
def test_opus_is_exact_to_a_sample_whether_cut_before_or_after_its_end(samples: int) -> None:
    pcm = SPEECH.resampled(24000).samples[:24_000]
    recorder = fed(OpusRecorder(AudioFormat("pcm16", 24000)), pcm.tobytes())
    whole = recorder.finish(24_000)
    short = whole.cut(samples)
    assert short.samples == len(short.read()) == samples
    assert np.array_equal(short.read(), whole.read()[:samples])
    assert short.nbytes <= whole.nbytes * (samples + 1500) / 24_000 + 100
    early = fed(OpusRecorder(AudioFormat("pcm16", 24000)), pcm[:samples].tobytes())
    assert len(early.finish(samples).read()) == samples


def test_opus_can_be_read_while_it_grows_but_for_the_last_thirty_milliseconds() -> None:
    pcm = SPEECH.resampled(24000).samples
    recorder = OpusRecorder(AudioFormat("pcm16", 24000))
    assert len(recorder.read(0)) == 0
    recorder.write(pcm[:24_000].tobytes())
    heard = recorder.read(24_000)
    assert 24_000 - 720 < len(heard) <= 24_000
    assert len(recorder.read(1000)) == 1000
    recorder.write(pcm[24_000:].tobytes())
    assert np.array_equal(recorder.finish(len(pcm)).read()[: len(heard)], heard)


@pytest.mark.parametrize("rate", [8000, 24000])
@pytest.mark.parametrize("kind", ["speech", "noise", "tones", "silence"])
def test_an_hour_of_opus_takes_at_most_twelve_megabytes(rate: int, kind: str) -> None:
    time = np.arange(8 * rate) / rate
    pcm = {
        "speech": SPEECH.resampled(rate).samples,
        "noise": np.random.default_rng(1).integers(-12000, 12000, 8 * rate).astype(np.int16),
        "tones": sum(3000 * np.sin(2 * np.pi * f * time) for f in (220, 550, 1330, 3210)).astype(
            np.int16
        ),
        "silence": np.zeros(8 * rate, np.int16),
    }[kind]
    recording = fed(OpusRecorder(AudioFormat("pcm16", rate)), pcm.tobytes()).finish(len(pcm))
    assert recording.nbytes / (len(pcm) / rate) * 3600 <= 12e6


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("kind", [PcmRecorder, OpusRecorder])
def test_a_file_gives_the_same_sound_again_and_opens_in_players(
    kind: type, rate: int, tmp_path: Path
) -> None:
    pcm = SPEECH.resampled(rate).samples[: rate + 11]
    recording = fed(kind(AudioFormat("pcm16", rate)), pcm.tobytes()).finish(len(pcm))
    assert np.array_equal(reloaded(recording).read(), recording.read())
    assert reloaded(recording.cut(777)).samples == 777
    path = tmp_path / f"a{recording.suffix}"
    with path.open("wb") as file:
        recording.write(file)
    clip, problem = load_partial(path)
    assert problem is None
    assert clip.duration == pytest.approx(len(pcm) / rate, abs=1 / 8000)
    assert clip.channels == 1


@pytest.mark.parametrize("kind", [PcmRecording, OpusRecording])
def test_a_damaged_file_is_refused(kind: type) -> None:
    for data in (b"", b"RIFF", b"RIFF1234WAVEfmt ", b"OggS" + bytes(40), bytes(100)):
        with pytest.raises(AudioError):
            kind.load(data, 24000, 10)
