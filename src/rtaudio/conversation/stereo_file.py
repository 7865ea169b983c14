"""A conversation as one stereo file in the order of time: the user left, the agent right."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rtaudio.audio import AudioClip, save
from rtaudio.errors import AudioError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from rtaudio.audio.types import Samples
    from rtaudio.conversation.sound import Sound

__all__ = ["write_stereo"]

_LEFT, _RIGHT = 0, 1
_FRAME_BYTES = 4  # two channels of PCM16


class _Stretch(NamedTuple):
    """Samples that were heard without a gap, from a time on."""

    start_s: float
    begin: int
    end: int


def write_stereo(path: str | os.PathLike[str], sounds: Iterable[Sound]) -> None:
    """Write all sound whose time is known, with silence where nobody spoke.

    Only one part's sound is in memory at a time, however long the conversation is.

    Args:
        path: its extension picks the format, as with `rtaudio.audio.save`. The sample rate is the
            highest of any sound.
        sounds: what was kept.

    Raises:
        AudioError: there is no sound, or the file cannot be written; an older one is then left
            alone.
    """
    found = [(sound, list(_stretches(sound))) for sound in sounds if sound.kept]
    found = [(sound, stretches) for sound, stretches in found if stretches]
    if not found:
        raise AudioError(f"{path}: there is no sound to write yet")
    rate = max(sound.sample_rate for sound, _ in found)
    start_s = min(stretches[0].start_s for _, stretches in found)
    end_s = max(
        last.start_s + (last.end - last.begin) / sound.sample_rate for sound, (*_, last) in found
    )
    length = round((end_s - start_s) * rate) + 1
    try:
        # On disk, and sparse: silence takes no room in it.
        with tempfile.TemporaryFile(dir=Path(path).parent) as file:
            file.truncate(length * _FRAME_BYTES)
            both = np.memmap(file, np.int16, "r+", shape=(length, 2))
            for sound, stretches in found:
                side = both[:, _LEFT if sound.role == "user" else _RIGHT]
                _lay(side, sound, stretches, start_s, rate)
            save(path, AudioClip(both, rate))
            del both, side
    except OSError as error:
        raise AudioError(f"{path}: it cannot be written ({error.strerror or error})") from error


def _stretches(sound: Sound) -> Iterator[_Stretch]:
    marks = sound.timeline
    edges = [*(mark.position for mark in marks), sound.samples]
    for mark, end in zip(marks, edges[1:], strict=True):
        if end > mark.position:
            yield _Stretch(mark.start_s, mark.position, end)


def _lay(
    side: Samples, sound: Sound, stretches: Iterable[_Stretch], start_s: float, rate: int
) -> None:
    clip = sound.clip()
    if clip is None:
        return
    for stretch in stretches:
        spoken = AudioClip(clip.samples[stretch.begin : stretch.end], clip.sample_rate)
        samples = spoken.resampled(rate).samples
        begin = round((stretch.start_s - start_s) * rate)
        room = side[begin : begin + len(samples)]
        room[:] = samples[: len(room)]
