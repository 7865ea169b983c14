"""Turn detection over a detector whose probabilities are written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rtaudio.server.listening.turns import SpeechStarted, SpeechStopped, TurnDetector, VadSettings

WINDOW = 512  # samples, 32 ms at 16 kHz


class SampleIsProbability:
    """Takes the first sample of a window for its probability in percent."""

    sample_rate = 16000
    window = WINDOW

    def stream(self) -> SampleIsProbability:
        return self

    def probabilities(self, samples: np.ndarray[Any, Any]) -> list[float]:
        return [int(window[0]) / 100 for window in samples.reshape(-1, WINDOW)]


def sound(*percents: int) -> np.ndarray[Any, Any]:
    return np.repeat(np.array(percents, np.int16), WINDOW)


def turns(samples: np.ndarray[Any, Any], **settings: Any) -> list[SpeechStarted | SpeechStopped]:
    detector = TurnDetector(SampleIsProbability(), VadSettings(**settings), position=0)
    return detector.feed(samples)


def test_a_turn_begins_with_its_padding_and_ends_after_its_silence() -> None:
    found = turns(
        sound(*[0] * 20, *[90] * 10, *[0] * 10), prefix_padding_ms=64, silence_duration_ms=96
    )
    assert found == [SpeechStarted(18 * WINDOW), SpeechStopped(33 * WINDOW, 30 * WINDOW)]


def test_padding_never_reaches_before_the_first_sample() -> None:
    assert turns(sound(0, 90), prefix_padding_ms=300) == [SpeechStarted(0)]


def test_padding_never_reaches_into_the_turn_before() -> None:
    found = turns(sound(90, 0, 90), prefix_padding_ms=300, silence_duration_ms=32)
    assert found == [SpeechStarted(0), SpeechStopped(2 * WINDOW, WINDOW), SpeechStarted(2 * WINDOW)]


def test_a_short_pause_does_not_end_a_turn() -> None:
    assert turns(sound(90, 0, 0, 90, 0, 0), silence_duration_ms=96) == [SpeechStarted(0)]


def test_a_voice_just_under_the_threshold_keeps_a_turn_open_but_begins_none() -> None:
    assert turns(sound(*[40] * 9), threshold=0.5, silence_duration_ms=32) == []
    assert turns(sound(90, *[40] * 9), threshold=0.5, silence_duration_ms=32) == [SpeechStarted(0)]


def test_a_turn_can_end_at_the_lowest_threshold() -> None:
    found = turns(sound(90, 0), threshold=0.05, silence_duration_ms=32)
    assert found == [SpeechStarted(0), SpeechStopped(2 * WINDOW, WINDOW)]


def test_after_a_restart_speech_that_goes_on_begins_a_new_turn() -> None:
    detector = TurnDetector(SampleIsProbability(), VadSettings(), position=0)
    assert detector.feed(sound(90, 90)) == [SpeechStarted(0)]
    detector.restart(2 * WINDOW)
    assert detector.feed(sound(90)) == [SpeechStarted(2 * WINDOW)]


def test_positions_count_from_where_the_stream_began() -> None:
    detector = TurnDetector(SampleIsProbability(), VadSettings(), position=1000)
    assert detector.feed(sound(90)) == [SpeechStarted(1000)]


@given(
    percents=st.lists(st.sampled_from([0, 30, 40, 60, 90]), max_size=40),
    cuts=st.lists(st.integers(0, 40 * WINDOW), max_size=12),
)
def test_turns_do_not_depend_on_how_the_stream_is_cut(percents: list[int], cuts: list[int]) -> None:
    whole = sound(*percents)
    detector = TurnDetector(SampleIsProbability(), VadSettings(silence_duration_ms=96), position=0)
    pieces = np.split(whole, sorted(min(cut, whole.size) for cut in cuts))
    found = [event for piece in pieces for event in detector.feed(piece)]
    assert found == turns(whole, silence_duration_ms=96)
