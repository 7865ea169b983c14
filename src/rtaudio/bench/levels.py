"""Small sums over samples: loudness, peak and mixing down, on 20 ms of sound."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rtaudio._native.channels import to_mono
from rtaudio._native.levels import peak_dbfs, rms_dbfs
from rtaudio.bench.cases import Contender, Group, Trial, need
from rtaudio.bench.signals import SAMPLE_RATE, Material

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MONO", "PEAK", "RMS", "groups"]

RMS = "level rms"
PEAK = "level peak"
MONO = "stereo to mono"

CHUNK = SAMPLE_RATE // 50
REPEATS = 50  # per call
FULL_SCALE = 32768.0
TOLERANCE_DB = 0.01


def groups(material: Material) -> list[Group]:
    """RMS and peak of mono, and stereo mixed to mono."""
    sound = material.at(SAMPLE_RATE, 1.0)
    mono = sound[-CHUNK:].copy()
    # The second channel is the first, 20 ms earlier.
    stereo = np.stack([mono, sound[-2 * CHUNK : -CHUNK]], axis=1).copy()
    wide = mono.astype(np.float64)
    rms = 20 * math.log10(math.sqrt(float(np.mean(wide**2))) / FULL_SCALE)
    peak = 20 * math.log10(float(np.abs(wide).max()) / FULL_SCALE)
    return [
        _group(
            RMS,
            mono,
            rms_dbfs,
            lambda x: _db(math.sqrt(np.mean(np.square(x, dtype=np.float64)))),
            lambda audioop, x: _db(audioop.rms(x, 2)),
            partial(_level_problem, rms),
        ),
        _group(
            PEAK,
            mono,
            peak_dbfs,
            # abs() of -32768 overflows in int16: the usual idiom needs a wider type.
            lambda x: _db(int(np.abs(x.astype(np.int32)).max())),
            lambda audioop, x: _db(audioop.max(x, 2)),
            partial(_level_problem, peak),
        ),
        _group(
            MONO,
            stereo,
            lambda x: to_mono(x, 2),
            lambda x: x.mean(axis=1).astype(np.int16),
            lambda audioop, x: audioop.tomono(x, 2, 0.5, 0.5),
            partial(_mono_problem, stereo),
        ),
    ]


def _db(level: float) -> float:
    return 20 * math.log10(max(level, 1e-3) / FULL_SCALE)


def _group(
    family: str,
    data: Any,
    ours: Callable[[Any], Any],
    idiom: Callable[[Any], Any],
    stdlib: Callable[[Any, Any], Any],
    check: Callable[[Any], str | None],
) -> Group:
    def with_audioop() -> Trial:
        return _trial(partial(stdlib, need("audioop")), data.tobytes())

    contenders = (
        Contender("rtaudio", lambda: _trial(ours, data), "rtaudio", ours=True),
        Contender("numpy idiom", lambda: _trial(idiom, data), "numpy"),
        Contender("audioop", with_audioop),
    )
    return Group("levels", family, "", "20 ms", REPEATS, contenders, check)


def _trial(function: Callable[[Any], Any], data: Any) -> Trial:
    def call() -> None:
        for _ in range(REPEATS):
            function(data)

    return Trial(call, lambda: function(data))


def _level_problem(expected_db: float, result: float) -> str | None:
    if abs(result - expected_db) <= TOLERANCE_DB:
        return None
    return f"{result:.2f} dBFS, where it is {expected_db:.2f}"


def _mono_problem(stereo: Any, result: Any) -> str | None:
    mono = np.frombuffer(result, np.int16)
    exact = stereo.astype(np.float64).mean(axis=1)
    if mono.shape != exact.shape:
        return f"{len(exact)} pairs became {len(mono)} samples"
    # Rounding halves down, up or towards zero is all the same here.
    worst = np.abs(mono - exact).max()
    return None if worst <= 0.5 else f"off by {worst:g} of a sample"
