"""Levels in dBFS and the downmix to one channel.

0 dBFS is an amplitude of 32768, for peak and for RMS alike: a full-scale square wave has an RMS of
0 dBFS, a full-scale sine one of -3.01 dBFS. Silence has no logarithm; it is reported as
`SILENCE_DBFS`, which lies below everything that 16 bits can hold over a second or so, and so is
anything quieter still. A finite value keeps means and percentiles over frames finite too.
"""

cimport cython
from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport log10
from libc.stdint cimport int64_t

import numpy as np

from rtaudio._native._buffer cimport (
    PcmView,
    borrow_pcm,
    check_channels,
    new_pcm,
    release_pcm,
)
from rtaudio._native._types cimport s16

from rtaudio.errors import AudioError

__all__ = ["SILENCE_DBFS", "frame_rms", "peak_dbfs", "rms_dbfs", "to_mono"]

SILENCE_DBFS = -120.0

cdef double FLOOR_DBFS = SILENCE_DBFS
cdef double FULL_SCALE = 32768.0

cdef enum:
    # Samples from which a call takes about 1 ms (0.3 to 1 ns per sample), the point from which
    # giving up the GIL pays for taking it back.
    RELEASE_GIL_FROM = 1 << 20


@cython.cdivision(True)  # count is checked to be above 0
cdef inline double rms_dbfs_s16(const s16 *samples, Py_ssize_t count) noexcept nogil:
    cdef double mean_square
    if count <= 0:
        return FLOOR_DBFS
    mean_square = <double>rta_sum_of_squares_s16(samples, count) / count
    if mean_square <= 0.0:
        return FLOOR_DBFS
    return max(FLOOR_DBFS, 10.0 * log10(mean_square / (FULL_SCALE * FULL_SCALE)))


cdef inline void frame_rms_s16(
    const s16 *samples, Py_ssize_t count, Py_ssize_t hop, float *out
) noexcept nogil:
    """One value per hop > 0, the last over whatever is left; `out` holds ceil(count / hop)."""
    cdef Py_ssize_t start = 0
    cdef Py_ssize_t frame = 0
    while start < count:
        out[frame] = <float>rms_dbfs_s16(samples + start, min(hop, count - start))
        start += hop
        frame += 1


def to_mono(pcm, int channels):
    """Mix interleaved channels down to one: their mean, halves rounded upwards.

    Args:
        pcm: interleaved PCM16 as bytes-like, or int16 array of one or two dimensions.
        channels: 1 to 8; with 1 the samples are copied.

    Returns:
        A fresh one-dimensional int16 array of the same number of samples per channel.

    Raises:
        AudioError: `pcm` is not PCM16 of this many channels, or `channels` is out of range.
    """
    cdef PcmView source, target
    check_channels(channels)
    borrow_pcm(pcm, channels, &source)
    try:
        result = new_pcm(source.samples_per_channel, 1, 1, &target)
        if source.samples_per_channel * channels < RELEASE_GIL_FROM:
            rta_to_mono_s16(source.samples, source.samples_per_channel, channels, target.samples)
        else:
            with nogil:
                rta_to_mono_s16(
                    source.samples, source.samples_per_channel, channels, target.samples
                )
        release_pcm(&target)
    finally:
        release_pcm(&source)
    return result


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
    cdef Py_buffer target
    if hop < 1:
        raise AudioError(f"got a hop of {hop} samples; it must be 1 or more")
    borrow_pcm(pcm, 1, &source)
    try:
        result = np.empty(-(-source.samples_per_channel // hop), np.float32)
        PyObject_GetBuffer(result, &target, PyBUF_WRITABLE)
        if source.samples_per_channel < RELEASE_GIL_FROM:
            frame_rms_s16(source.samples, source.samples_per_channel, hop, <float *>target.buf)
        else:
            with nogil:
                frame_rms_s16(source.samples, source.samples_per_channel, hop, <float *>target.buf)
        PyBuffer_Release(&target)
    finally:
        release_pcm(&source)
    return result


def rms_dbfs(pcm):
    """Measure the RMS level of all samples.

    Args:
        pcm: PCM16 as bytes-like or int16 array of one dimension; channels count alike.

    Returns:
        dBFS, `SILENCE_DBFS` to 0; `SILENCE_DBFS` for no samples.

    Raises:
        AudioError: `pcm` is not PCM16.
    """
    cdef PcmView source
    cdef double level
    borrow_pcm(pcm, 1, &source)
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
        pcm: PCM16 as bytes-like or int16 array of one dimension; channels count alike.

    Returns:
        dBFS, `SILENCE_DBFS` to 0; `SILENCE_DBFS` for no samples.

    Raises:
        AudioError: `pcm` is not PCM16.
    """
    cdef PcmView source
    cdef double peak
    borrow_pcm(pcm, 1, &source)
    if source.samples_per_channel < RELEASE_GIL_FROM:
        peak = rta_peak_s16(source.samples, source.samples_per_channel)
    else:
        with nogil:
            peak = rta_peak_s16(source.samples, source.samples_per_channel)
    release_pcm(&source)
    if peak == 0.0:
        return FLOOR_DBFS
    return 20.0 * log10(peak / FULL_SCALE)
