"""Telephony codes: 20 ms at 8 kHz, mu-law both ways and A-law both ways."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rtaudio.audio import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from rtaudio.bench.cases import Contender, Group, Trial, need

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.bench.signals import Material

__all__ = ["DECODE", "ENCODE", "groups"]

ENCODE = "G.711 encode"
DECODE = "G.711 decode"

SAMPLE_RATE = 8000
CHUNK = SAMPLE_RATE // 50
REPEATS = 50  # per call

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = np.arange(256).astype(np.uint8)


class _Law(NamedTuple):
    name: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    values: Any  # int16 of shape (256,): what each code stands for
    half_steps: Any  # int of shape (256,): half of the step that each code covers
    slack: int
    stdlib_encode: str
    stdlib_decode: str


def _ulaw_values() -> Any:
    """ITU-T G.711, table 2: segment, four bits of step, a bias of 33 on the 14-bit scale."""
    code = ~EVERY_CODE
    segment, step = (code >> 4) & 7, (code & 15).astype(int)
    size = (((2 * step + 33) << segment.astype(int)) - 33) * 4
    return np.where(code & 0x80, -size, size).astype(np.int16)


def _alaw_values() -> Any:
    """ITU-T G.711, table 1: even bits inverted; the first two segments share one step size."""
    code = EVERY_CODE ^ 0x55
    segment, step = ((code >> 4) & 7).astype(int), (code & 15).astype(int)
    size = np.where(segment == 0, 2 * step + 1, (2 * step + 33) << np.maximum(segment - 1, 0)) * 8
    return np.where(code & 0x80, size, -size).astype(np.int16)


_ULAW_HALVES = 4 << ((~EVERY_CODE >> 4) & 7).astype(int)
_ALAW_HALVES = 8 << np.maximum((((EVERY_CODE ^ 0x55) >> 4) & 7).astype(int) - 1, 0)

LAWS = (
    _Law(
        "mu-law", ulaw_encode, ulaw_decode, _ulaw_values(), _ULAW_HALVES, 4, "lin2ulaw", "ulaw2lin"
    ),
    _Law(
        "A-law", alaw_encode, alaw_decode, _alaw_values(), _ALAW_HALVES, 8, "lin2alaw", "alaw2lin"
    ),
)


def groups(material: Material) -> list[Group]:
    """Encoding and decoding; the two laws are variants of one family each."""
    pcm = material.at(SAMPLE_RATE, 1.0)[-CHUNK:].copy()
    made = []
    for law in LAWS:
        codes = bytes(law.encode(pcm))
        made += [
            _group(ENCODE, law, pcm, EVERY_SAMPLE, law.encode, _encoding_problem),
            _group(DECODE, law, codes, EVERY_CODE.tobytes(), law.decode, _decoding_problem),
        ]
    return made


def _group(
    family: str,
    law: _Law,
    data: Any,
    everything: Any,
    ours: Callable[[Any], Any],
    problem: Callable[[_Law, Any], str | None],
) -> Group:
    encodes = family == ENCODE

    def stdlib() -> Trial:
        convert = getattr(need("audioop"), law.stdlib_encode if encodes else law.stdlib_decode)
        return _trial(lambda sound: convert(sound, 2), bytes(data), bytes(everything))

    def take() -> Trial:
        if encodes:
            table = _encoding_table(law)
            return _trial(lambda sound: table[sound.view(np.uint16)], data, everything)
        table = law.values
        as_array = partial(np.frombuffer, dtype=np.uint8)
        return _trial(lambda codes: table[as_array(codes)], data, everything)

    contenders = (
        Contender("rtaudio", lambda: _trial(ours, data, everything), "rtaudio", ours=True),
        Contender("audioop", stdlib),
        Contender("numpy take", take, "numpy"),
    )
    return Group(
        "g711", family, law.name, "20 ms at 8 kHz", REPEATS, contenders, partial(problem, law)
    )


def _trial(convert: Callable[[Any], Any], data: Any, everything: Any) -> Trial:
    def call() -> None:
        for _ in range(REPEATS):
            convert(data)

    return Trial(call, lambda: convert(everything))


def _encoding_table(law: _Law) -> Any:
    """The code of each sample, indexed by the sample's bits as an unsigned number."""
    order = np.argsort(EVERY_SAMPLE.view(np.uint16))
    return np.frombuffer(law.encode(EVERY_SAMPLE), np.uint8)[order]


def _decoding_problem(law: _Law, result: Any) -> str | None:
    values = np.frombuffer(result, np.int16)
    return None if np.array_equal(values, law.values) else "not the standard's values"


def _encoding_problem(law: _Law, result: Any) -> str | None:
    """Each sample must lie within the step of the code that it was given."""
    codes = np.frombuffer(result, np.uint8)
    if len(codes) != len(EVERY_SAMPLE):
        return f"{len(EVERY_SAMPLE)} samples became {len(codes)} codes"
    values = law.values.astype(int)
    # What is louder than the loudest code stands for gets that code.
    given = np.clip(EVERY_SAMPLE.astype(int), values.min(), values.max())
    off = np.abs(values[codes] - given) - law.half_steps[codes]
    # One step of the 14-bit (mu) or 13-bit (A) scale, where rounding to it may go either way.
    worst = int(off.max())
    return f"a sample is {worst} beyond the step of its code" if worst > law.slack else None
