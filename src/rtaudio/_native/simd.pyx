"""Which vector instructions the kernels use.

The environment variable RTAUDIO_SIMD, read once when this module is imported, lowers the level; it
cannot raise it above what the processor has. Lowering it is for measuring and for looking into faults:
every level gives bit-identical results. The one exception is the resampler, which uses fused
multiply-adds on all levels that have them, which is all but x86-64's baseline: these agree to the bit,
and a sample from baseline is at most 1 off, fewer than one in 1000 of full-scale noise.
"""

import os

from rtaudio.errors import ConfigError

__all__ = ["LEVELS", "detected_level", "simd_level"]

LEVELS = tuple(RTA_LEVEL_NAMES[level].decode("ascii") for level in range(RTA_LEVEL_COUNT))

cdef int _detected = rta_detect_level()


cdef int _choose(object wanted) except -1:
    if not wanted:
        return _detected
    if wanted not in LEVELS:
        raise ConfigError(
            f"got RTAUDIO_SIMD={wanted!r}; on this machine it must be one of {', '.join(LEVELS)}"
        )
    return min(_detected, <int>LEVELS.index(wanted))


cdef int _active = _choose(os.environ.get("RTAUDIO_SIMD"))


cdef int active_level() noexcept nogil:
    return _active


def simd_level():
    """Return the name of the level in use: one of `LEVELS`."""
    return LEVELS[_active]


def detected_level():
    """Return the name of the highest level that this processor has: one of `LEVELS`."""
    return LEVELS[_detected]
