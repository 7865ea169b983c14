from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest

from rtaudio import AudioError
from rtaudio.audio import AudioFormat, load
from rtaudio.conversation.sound import Sound
from rtaudio.conversation.stereo_file import write_stereo

if TYPE_CHECKING:
    from pathlib import Path

    from rtaudio.audio.types import Samples

RATE = 8000


def sound_of(
    role: Literal["user", "assistant"],
    *pieces: tuple[float | None, int, int],
    rate: int = RATE,
    cut: int | None = None,
) -> Sound:
    """A sound of pieces (time, samples, value)."""
    sound = Sound(role, "i", 0, AudioFormat("pcm16", rate), "pcm16")
    for start_s, samples, value in pieces:
        sound.append(np.full(samples, value, np.int16).tobytes(), start_s)
    sound.finish()
    if cut is not None:
        sound.cut(cut)
    return sound


def written(path: Path, *sounds: Sound) -> tuple[Samples, Samples, int]:
    write_stereo(path, sounds)
    clip = load(path)
    assert clip.channels == 2
    return clip.samples[:, 0], clip.samples[:, 1], clip.sample_rate


def spans(channel: Samples) -> list[tuple[int, int, int]]:
    """Where it is not silent, as (first, behind the last, value)."""
    edges = np.flatnonzero(np.diff(channel, prepend=np.int16(0), append=np.int16(0)))
    pairs = [(int(a), int(b)) for a, b in itertools.pairwise(edges)]
    return [(a, b, int(channel[a])) for a, b in pairs if channel[a]]


def test_each_side_stands_at_its_time(tmp_path: Path) -> None:
    left, right, rate = written(
        tmp_path / "talk.wav",
        sound_of("assistant", (101.5, 800, 7)),
        sound_of("user", (100.0, 1600, 5)),
        sound_of("user", (102.0, 80, 6)),
    )
    assert rate == RATE
    assert spans(left) == [(0, 1600, 5), (16_000, 16_080, 6)]
    assert spans(right) == [(12_000, 12_800, 7)]


def test_gaps_inside_a_sound_stay_gaps(tmp_path: Path) -> None:
    _, right, _ = written(
        tmp_path / "talk.wav", sound_of("assistant", (50.0, 800, 7), (50.1, 800, 7), (51.0, 80, 7))
    )
    assert spans(right) == [(0, 1600, 7), (8000, 8080, 7)]


def test_what_was_cut_is_not_heard(tmp_path: Path) -> None:
    sound = sound_of("assistant", (50.0, 800, 7), (51.0, 800, 7), cut=900)
    _, right, _ = written(tmp_path / "talk.wav", sound)
    assert spans(right) == [(0, 800, 7), (8000, 8100, 7)]


def test_the_file_has_the_highest_rate_of_any_sound(tmp_path: Path) -> None:
    left, right, rate = written(
        tmp_path / "talk.flac",
        sound_of("user", (1.0, 8000, 1000)),
        sound_of("assistant", (2.0, 24_000, 7), rate=24_000),
    )
    assert rate == 24_000
    assert spans(right) == [(24_000, 48_000, 7)]
    assert np.all(np.abs(left[2400:21_600] - 1000) <= 2)
    assert not left[24_100:].any()


@pytest.mark.parametrize("suffix", ["wav", "flac", "opus", "ogg"])
def test_the_extension_picks_the_format(tmp_path: Path, suffix: str) -> None:
    sound = sound_of("user", (0.0, 8000, 100))
    left, _, rate = written(tmp_path / f"talk.{suffix}", sound)
    assert abs(len(left) / rate - 1) < 0.01


def test_without_sound_or_a_known_time_there_is_nothing_to_write(tmp_path: Path) -> None:
    dropped = sound_of("user", (0.0, 80, 1))
    dropped.drop()
    for sounds in ([], [dropped], [sound_of("user", (None, 80, 1))]):
        with pytest.raises(AudioError, match=r"talk\.wav.*no sound"):
            write_stereo(tmp_path / "talk.wav", sounds)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"nowhere.talk\.wav.*cannot be written"):
        write_stereo(tmp_path / "nowhere" / "talk.wav", [sound_of("user", (0.0, 80, 1))])
