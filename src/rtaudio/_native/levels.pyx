"""Levels in dBFS, voice activity by energy, gain and mixing.

0 dBFS is an amplitude of 32768, for peak and for RMS alike: a full-scale square wave has an RMS of
0 dBFS, a full-scale sine one of -3.01 dBFS. Silence has no logarithm; it is reported as
`SILENCE_DBFS`, which lies below everything that 16 bits can hold over a second or so, and so is
anything quieter still. A finite value keeps means and percentiles over frames finite too.

Sound is interleaved. What treats every sample alike takes arrays of any one or two dimensions, and
returns the shape that it was given.
"""

cimport cython
from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport fabs, isfinite, isnan, log10
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

import math

import numpy as np

from rtaudio._native._buffer cimport (
    FloatView,
    PcmView,
    borrow_floats,
    borrow_floats_out,
    borrow_pcm,
    borrow_pcm_out,
    new_pcm,
    release_floats,
    release_pcm,
)
from rtaudio._native._types cimport f32, s16
from rtaudio._native.simd cimport active_level

from rtaudio.errors import AudioError

__all__ = [
    "MAX_GAIN_DB",
    "MAX_MIXED",
    "SILENCE_DBFS",
    "active_frames",
    "apply_gain",
    "apply_gain_into",
    "energy_vad",
    "frame_rms",
    "mix",
    "mix_into",
    "peak_dbfs",
    "rms_dbfs",
]

SILENCE_DBFS = -120.0

# A factor of 100. Beyond, anything above the noise of 16 bits would clip; rounding works up to 65535.
MAX_GAIN_DB = 40.0
MAX_MIXED = 32

cdef double MAX_FACTOR = 10.0 ** (MAX_GAIN_DB / 20.0)
cdef double FLOOR_DBFS = SILENCE_DBFS
cdef double FULL_SCALE = 32768.0

cdef enum:
    SUMMED = 512  # samples mixed at a time: at most 4 KB of sums
    MIXED = 32  # MAX_MIXED

cdef rta_level_kernels KERNELS = rta_pick_level_kernels(active_level())


cdef object shaped(object flat, Py_buffer *model):
    """`flat` in the shape of an array of two dimensions."""
    return flat if model.ndim != 2 else flat.reshape(model.shape[0], model.shape[1])


@cython.cdivision(True)  # count is checked to be above 0
cdef inline double rms_dbfs_s16(const s16 *samples, Py_ssize_t count) noexcept nogil:
    cdef double mean_square
    if count <= 0:
        return FLOOR_DBFS
    mean_square = <double>KERNELS.sum_of_squares(samples, count) / count
    if mean_square <= 0.0:
        return FLOOR_DBFS
    return max(FLOOR_DBFS, 10.0 * log10(mean_square / (FULL_SCALE * FULL_SCALE)))


cdef inline void frame_rms_s16(
    const s16 *samples, Py_ssize_t count, Py_ssize_t hop, f32 *out
) noexcept nogil:
    """One value per hop > 0, the last over whatever is left; `out` holds ceil(count / hop)."""
    cdef Py_ssize_t start = 0
    cdef Py_ssize_t frame = 0
    while start < count:
        out[frame] = <float>rms_dbfs_s16(samples + start, min(hop, count - start))
        start += hop
        frame += 1


def frame_rms(pcm, Py_ssize_t hop):
    """Measure the level of each block of a mono signal.

    Args:
        pcm: mono PCM16 as bytes-like or int16 array.
        hop: samples per block, at least 1.

    Returns:
        A float32 array of ceil(samples / hop) values in dBFS, none below `SILENCE_DBFS`. The last
        block is measured over the samples it has.

    Raises:
        AudioError: `pcm` is not mono PCM16, or `hop` is below 1.
    """
    cdef PcmView source
    cdef FloatView target
    if hop < 1:
        raise AudioError(f"got a hop of {hop} samples; it must be 1 or more")
    borrow_pcm(pcm, 1, &source)
    try:
        result = np.empty(-(-source.samples_per_channel // hop), np.float32)
        borrow_floats_out(result, &target)
        if source.samples_per_channel < RELEASE_GIL_FROM:
            frame_rms_s16(source.samples, source.samples_per_channel, hop, target.samples)
        else:
            with nogil:
                frame_rms_s16(source.samples, source.samples_per_channel, hop, target.samples)
        release_floats(&target)
    finally:
        release_pcm(&source)
    return result


def rms_dbfs(pcm):
    """Measure the RMS level of all samples.

    Args:
        pcm: PCM16 as bytes-like or int16 array; all channels count alike.

    Returns:
        dBFS, `SILENCE_DBFS` to 0; `SILENCE_DBFS` for no samples.

    Raises:
        AudioError: `pcm` is not PCM16.
    """
    cdef PcmView source
    cdef double level
    borrow_pcm(pcm, 0, &source)
    if source.samples_per_channel < RELEASE_GIL_FROM:
        level = rms_dbfs_s16(source.samples, source.samples_per_channel)
    else:
        with nogil:
            level = rms_dbfs_s16(source.samples, source.samples_per_channel)
    release_pcm(&source)
    return level


def peak_dbfs(pcm):
    """Measure the largest magnitude among all samples.

    Args:
        pcm: PCM16 as bytes-like or int16 array; all channels count alike.

    Returns:
        dBFS, `SILENCE_DBFS` to 0; `SILENCE_DBFS` for no samples.

    Raises:
        AudioError: `pcm` is not PCM16.
    """
    cdef PcmView source
    cdef double peak
    borrow_pcm(pcm, 0, &source)
    if source.samples_per_channel < RELEASE_GIL_FROM:
        peak = KERNELS.peak(source.samples, source.samples_per_channel)
    else:
        with nogil:
            peak = KERNELS.peak(source.samples, source.samples_per_channel)
    release_pcm(&source)
    if peak == 0.0:
        return FLOOR_DBFS
    return 20.0 * log10(peak / FULL_SCALE)


# --- voice activity -------------------------------------------------------------------------------


def active_frames(levels_dbfs, double threshold_dbfs, Py_ssize_t reach=0):
    """Tell which frames hold sound: those above a level, and those near them.

    Args:
        levels_dbfs: one level per frame, float32, as from `frame_rms`.
        threshold_dbfs: a frame at or below this is silence.
        reach: frames on either side of a loud one that count as sound too, for soft onsets and
            dying vowels.

    Returns:
        A fresh bool array, as long as `levels_dbfs`.

    Raises:
        AudioError: `levels_dbfs` is not float32, or `reach` is below 0.
    """
    cdef FloatView source
    cdef Py_buffer target
    cdef const f32 *levels
    cdef char *active
    cdef Py_ssize_t count, frame, marked, start
    if reach < 0:
        raise AudioError(f"got a reach of {reach} frames; it must be 0 or more")
    borrow_floats(levels_dbfs, &source)
    try:
        levels = source.samples
        count = source.count
        result = np.zeros(count, np.bool_)
        PyObject_GetBuffer(result, &target, PyBUF_WRITABLE)
        active = <char *>target.buf
        marked = 0  # frames before this one are decided
        for frame in range(count):
            if levels[frame] > threshold_dbfs:
                start = max(marked, frame - min(reach, frame))
                marked = count if reach >= count - frame else frame + reach + 1
                memset(active + start, 1, marked - start)
        PyBuffer_Release(&target)
    finally:
        release_floats(&source)
    return result


def energy_vad(pcm, Py_ssize_t hop, double threshold_dbfs, Py_ssize_t reach=0):
    """Tell which blocks of a mono signal hold sound, by their RMS alone.

    Args:
        pcm: mono PCM16 as bytes-like or int16 array.
        hop: samples per block, at least 1; 20 ms suit speech.
        threshold_dbfs: a block at or below this is silence.
        reach: blocks on either side of a loud one that count as sound too.

    Returns:
        A fresh bool array of ceil(samples / hop) values.

    Raises:
        AudioError: `pcm` is not mono PCM16, `hop` is below 1, or `reach` is below 0.
    """
    return active_frames(frame_rms(pcm, hop), threshold_dbfs, reach)


# --- gain and mixing ------------------------------------------------------------------------------


cdef double _factor_of(double gain_db) except? -1.0:
    if isnan(gain_db) or gain_db > MAX_GAIN_DB:
        raise AudioError(f"got a gain of {gain_db!r} dB; it must be at most {MAX_GAIN_DB:g}")
    return 10.0 ** (gain_db / 20.0)


cdef double _factor(double factor) except? -1.0:
    if not isfinite(factor) or fabs(factor) > MAX_FACTOR:
        raise AudioError(f"got a factor of {factor!r}; it must be {-MAX_FACTOR:g} to {MAX_FACTOR:g}")
    return factor


cdef int check_room(Py_ssize_t needed, Py_ssize_t room) except -1:
    if room < needed:
        raise AudioError(f"got room for {room} samples; this result has {needed}")
    return 0


cdef void add_s16(const PcmView *sources, int count, s16 *out, Py_ssize_t length) noexcept nogil:
    """Sum of all sources, each as long as it is, over `length` samples, by blocks."""
    cdef int32_t sums[SUMMED]
    cdef Py_ssize_t start = 0
    cdef Py_ssize_t block, present
    cdef int source
    while start < length:
        block = min(length - start, <Py_ssize_t>SUMMED)
        memset(sums, 0, block * sizeof(int32_t))
        for source in range(count):
            present = min(block, sources[source].samples_per_channel - start)
            if present > 0:
                KERNELS.add(sources[source].samples + start, present, sums)
        KERNELS.saturate(sums, block, out + start)
        start += block


cdef void scale_s16(
    const s16 *samples, Py_ssize_t count, double factor, s16 *out
) noexcept nogil:
    """By blocks, since in and out may be the same and the loop does not allow for that."""
    cdef s16 scaled[SUMMED]
    cdef Py_ssize_t start = 0
    cdef Py_ssize_t block
    while start < count:
        block = min(count - start, <Py_ssize_t>SUMMED)
        KERNELS.scale(samples + start, block, factor, scaled)
        memcpy(out + start, scaled, block * sizeof(s16))
        start += block


cdef void add_scaled_s16(
    const PcmView *sources, const double *factors, int count, s16 *out, Py_ssize_t length
) noexcept nogil:
    """Sum of all sources times their factors, as `add_s16` does it."""
    cdef double sums[SUMMED]
    cdef Py_ssize_t start = 0
    cdef Py_ssize_t block, present
    cdef int source
    while start < length:
        block = min(length - start, <Py_ssize_t>SUMMED)
        memset(sums, 0, block * sizeof(double))
        for source in range(count):
            present = min(block, sources[source].samples_per_channel - start)
            if present > 0:
                KERNELS.add_scaled(
                    sources[source].samples + start, present, factors[source], sums
                )
        KERNELS.round_to_s16(sums, block, out + start)
        start += block


cdef void mix_s16(
    const PcmView *sources, const double *factors, int count, s16 *out, Py_ssize_t length
) noexcept nogil:
    """The same result as from `add_scaled_s16`, by the shortest way."""
    cdef bint scaled = False
    cdef int source
    for source in range(count):
        scaled = scaled or factors[source] != 1.0
    if not scaled:
        add_s16(sources, count, out, length)
    elif count == 1:
        scale_s16(sources[0].samples, length, factors[0], out)
    else:
        add_scaled_s16(sources, factors, count, out, length)


cdef Py_ssize_t _common_columns(Py_ssize_t columns, const PcmView *source) except -1:
    """The second dimension of all arrays that have one, 0 if none has."""
    cdef Py_ssize_t more
    if source.ndim != 2:
        return columns
    more = source.buffer.shape[1]
    if columns and more != columns:
        raise AudioError(f"got arrays of {columns} and {more} columns to mix; it must be one number")
    return more


cdef object _mix(
    tuple signals, object gains_db, object given_factors, object out, bint fresh
):
    """Mix into `out` and return the length, or return a fresh array instead."""
    cdef PcmView sources[MIXED]
    cdef PcmView target
    cdef double factors[MIXED]
    cdef double loudest = 0.0
    cdef Py_ssize_t length = 0, columns = 0
    cdef int count = 0, source
    if not 1 <= len(signals) <= MIXED:
        raise AudioError(f"got {len(signals)} signals to mix; it must be 1 to {MIXED}")
    if gains_db is not None and given_factors is not None:
        raise AudioError("got gains in dB and factors; give one of the two")
    gains = given_factors if gains_db is None else gains_db
    if gains is not None and len(gains) != len(signals):
        raise AudioError(f"got {len(gains)} gains for {len(signals)} signals")
    for source in range(len(signals)):
        if gains is None:
            factors[source] = 1.0
        elif gains_db is None:
            factors[source] = _factor(gains[source])
        else:
            factors[source] = _factor_of(gains[source])
        loudest += fabs(factors[source])
    if loudest > MAX_FACTOR * 1.000001:  # sums of factors are rounded
        raise AudioError(
            f"got gains that add up to {20.0 * log10(loudest):.1f} dB; "
            f"all together must be at most {MAX_GAIN_DB:g}"
        )
    try:
        for signal in signals:
            borrow_pcm(signal, 0, &sources[count])
            count += 1
            length = max(length, sources[count - 1].samples_per_channel)
            columns = _common_columns(columns, &sources[count - 1])
        if columns and length % columns:
            raise AudioError(
                f"got {length} samples to mix with an array of {columns} columns; "
                f"it must be a multiple of {columns}"
            )
        if fresh:
            out = new_pcm(length, 1, 1, &target)
        else:
            borrow_pcm_out(out, 0, &target)
        try:
            check_room(length, target.samples_per_channel)
            if length * count < RELEASE_GIL_FROM:
                mix_s16(sources, factors, count, target.samples, length)
            else:
                with nogil:
                    mix_s16(sources, factors, count, target.samples, length)
        finally:
            release_pcm(&target)
    finally:
        for source in range(count):
            release_pcm(&sources[source])
    if not fresh:
        return length
    return out.reshape(length // columns, columns) if columns else out


def mix(*signals, gains_db=None, factors=None):
    """Add signals up, sample by sample, saturating.

    Args:
        *signals: 1 to `MAX_MIXED` signals, PCM16 as bytes-like or int16 arrays, of the same sample
            rate and channels. Shorter ones are silent from their end on.
        gains_db: one gain for each, in dB, -inf to `MAX_GAIN_DB`; None leaves all as they are. All
            together may not add up to more than `MAX_GAIN_DB`.
        factors: the same as factors, -100 to 100; negative ones turn a signal upside down.

    Returns:
        A fresh int16 array as long as the longest signal, of two dimensions where a signal has two.
        Each sample is the float64 sum of the products in order, rounded to nearest, halves to even.

    Raises:
        AudioError: a signal is not PCM16, their number or a gain is out of range, or both kinds of
            gains were given.
    """
    return _mix(signals, gains_db, factors, None, True)


def mix_into(out, *signals, gains_db=None, factors=None):
    """Add signals up into a writable PCM16 buffer, without allocating samples.

    Args:
        out: writable PCM16, at least as long as the longest signal; it may be one of the signals.
        *signals: as for `mix`.
        gains_db: as for `mix`.
        factors: as for `mix`.

    Returns:
        Samples written.

    Raises:
        AudioError: as for `mix`, or `out` is not writable PCM16 or too small.
    """
    return _mix(signals, gains_db, factors, out, False)


cdef object _scale(object pcm, object gain_db, object factor, object out, bint fresh):
    if (gain_db is None) == (factor is None):
        raise AudioError(f"got gain_db={gain_db!r} and factor={factor!r}; give one of the two")
    if factor is None:
        return _mix((pcm,), (gain_db,), None, out, fresh)
    return _mix((pcm,), None, (factor,), out, fresh)


def apply_gain(pcm, gain_db=None, *, factor=None):
    """Make a signal louder or quieter, saturating.

    Args:
        pcm: PCM16 as bytes-like or int16 array.
        gain_db: dB, -inf to `MAX_GAIN_DB`.
        factor: instead of `gain_db`, what to multiply with, -100 to 100.

    Returns:
        A fresh int16 array, in the shape of `pcm`: each sample's product in float64, rounded to
        nearest, halves to even.

    Raises:
        AudioError: `pcm` is not PCM16, or the gain is missing, given twice or out of range.
    """
    return _scale(pcm, gain_db, factor, None, True)


def apply_gain_into(pcm, gain_db=None, out=None, *, factor=None):
    """Make a signal louder or quieter, into a writable PCM16 buffer.

    Args:
        pcm: as for `apply_gain`.
        gain_db: as for `apply_gain`.
        out: writable PCM16, at least as long; it may be `pcm` itself.
        factor: as for `apply_gain`.

    Returns:
        Samples written.

    Raises:
        AudioError: as for `apply_gain`, or `out` is not writable PCM16 or too small.
    """
    return _scale(pcm, gain_db, factor, out, False)
