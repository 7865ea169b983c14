"""Channels and float samples: mono, stereo, one by one, and full scale as 1.0.

Sound is interleaved. What treats every sample alike takes arrays of any one or two dimensions, and
returns the shape that it was given.
"""

import numpy as np

from rtaudio._native._buffer cimport (
    FloatView,
    PcmView,
    as_channels,
    borrow_floats,
    borrow_floats_out,
    borrow_pcm,
    borrow_pcm_out,
    new_pcm,
    release_floats,
    release_pcm,
)
from rtaudio._native.levels cimport (
    RELEASE_GIL_FROM,
    check_room,
    rta_level_kernels,
    rta_pick_level_kernels,
    shaped,
)
from rtaudio._native.simd cimport active_level

from rtaudio.errors import AudioError

__all__ = [
    "split_channels",
    "to_float32",
    "to_float32_into",
    "to_int16",
    "to_int16_into",
    "to_mono",
    "to_mono_into",
    "to_stereo",
    "to_stereo_into",
]

cdef rta_level_kernels KERNELS = rta_pick_level_kernels(active_level())


# --- channels -------------------------------------------------------------------------------------


cdef object _to_mono(object pcm, object channels, object out, bint fresh):
    """Downmix into `out` and return the length, or return a fresh array instead."""
    cdef PcmView source, target
    cdef int count = as_channels(channels)
    cdef Py_ssize_t length
    borrow_pcm(pcm, count, &source)
    try:
        length = source.samples_per_channel
        if fresh:
            out = new_pcm(length, 1, 1, &target)
        else:
            borrow_pcm_out(out, 1, &target)
        try:
            check_room(length, target.samples_per_channel)
            if length * count < RELEASE_GIL_FROM:
                KERNELS.to_mono(source.samples, length, count, target.samples)
            else:
                with nogil:
                    KERNELS.to_mono(source.samples, length, count, target.samples)
        finally:
            release_pcm(&target)
    finally:
        release_pcm(&source)
    return out if fresh else length


def to_mono(pcm, channels):
    """Mix interleaved channels down to one: their mean, halves rounded upwards.

    Args:
        pcm: interleaved PCM16 as bytes-like, or int16 array of one or two dimensions.
        channels: 1 to 8; with 1 the samples are copied.

    Returns:
        A fresh one-dimensional int16 array of the same number of samples per channel.

    Raises:
        AudioError: `pcm` is not PCM16 of this many channels, or `channels` is out of range.
    """
    return _to_mono(pcm, channels, None, True)


def to_mono_into(pcm, channels, out):
    """Mix interleaved channels down to one in a writable PCM16 buffer, without allocating.

    Args:
        pcm: as for `to_mono`.
        channels: as for `to_mono`.
        out: writable PCM16, at least as many samples as `pcm` has per channel; it may be the same
            memory as `pcm`.

    Returns:
        Samples written.

    Raises:
        AudioError: as for `to_mono`, or `out` is not writable PCM16 or too small.
    """
    return _to_mono(pcm, channels, out, False)


cdef object _to_stereo(object left, object right, object out, bint fresh):
    """Interleave into `out` and return the length, or return a fresh array instead."""
    cdef PcmView source, other, target
    cdef Py_ssize_t length
    borrow_pcm(left, 1, &source)
    try:
        borrow_pcm(left if right is None else right, 1, &other)
        try:
            length = source.samples_per_channel
            if length != other.samples_per_channel:
                raise AudioError(
                    f"got {length} samples for the left and {other.samples_per_channel} for the "
                    "right; both must be of one length"
                )
            if fresh:
                out = new_pcm(2 * length, 1, 1, &target)
            else:
                borrow_pcm_out(out, 1, &target)
            try:
                check_room(2 * length, target.samples_per_channel)
                if length < RELEASE_GIL_FROM:
                    KERNELS.interleave(source.samples, other.samples, length, target.samples)
                else:
                    with nogil:
                        KERNELS.interleave(source.samples, other.samples, length, target.samples)
            finally:
                release_pcm(&target)
        finally:
            release_pcm(&other)
    finally:
        release_pcm(&source)
    return out if fresh else length


def to_stereo(left, right=None):
    """Put two mono signals into one of two channels.

    Args:
        left: mono PCM16 as bytes-like or int16 array.
        right: the same, as long as `left`; None for the same sound on both sides.

    Returns:
        A fresh int16 array of interleaved samples, twice as long.

    Raises:
        AudioError: a signal is not mono PCM16, or their lengths differ.
    """
    return _to_stereo(left, right, None, True)


def to_stereo_into(left, right, out):
    """Put two mono signals into a writable PCM16 buffer of two channels, without allocating.

    Args:
        left: as for `to_stereo`.
        right: as for `to_stereo`.
        out: writable, one-dimensional PCM16, at least twice as long; it may not share memory with
            the signals.

    Returns:
        Samples per channel written.

    Raises:
        AudioError: as for `to_stereo`, or `out` is not writable PCM16 or too small.
    """
    return _to_stereo(left, right, out, False)


def split_channels(pcm, channels):
    """Take interleaved channels apart.

    Args:
        pcm: interleaved PCM16 as bytes-like, or int16 array of one or two dimensions.
        channels: 1 to 8.

    Returns:
        A fresh int16 array of shape (channels, samples_per_channel); each row is contiguous.

    Raises:
        AudioError: `pcm` is not PCM16 of this many channels, or `channels` is out of range.
    """
    cdef PcmView source, target
    cdef int count = as_channels(channels)
    borrow_pcm(pcm, count, &source)
    try:
        result = new_pcm(count * source.samples_per_channel, 1, 1, &target)
        if count * source.samples_per_channel < RELEASE_GIL_FROM:
            KERNELS.split(source.samples, source.samples_per_channel, count, target.samples)
        else:
            with nogil:
                KERNELS.split(source.samples, source.samples_per_channel, count, target.samples)
        release_pcm(&target)
        return result.reshape(count, source.samples_per_channel)
    finally:
        release_pcm(&source)


# --- float samples --------------------------------------------------------------------------------


cdef int _floats_of_pcm(const PcmView *source, FloatView *target) except -1:
    cdef Py_ssize_t count = source.samples_per_channel
    check_room(count, target.count)
    if count < RELEASE_GIL_FROM:
        KERNELS.s16_to_f32(source.samples, count, target.samples)
    else:
        with nogil:
            KERNELS.s16_to_f32(source.samples, count, target.samples)
    return 0


cdef int _pcm_of_floats(const FloatView *source, PcmView *target) except -1:
    cdef Py_ssize_t count = source.count
    check_room(count, target.samples_per_channel)
    if count < RELEASE_GIL_FROM:
        KERNELS.f32_to_s16(source.samples, count, target.samples)
    else:
        with nogil:
            KERNELS.f32_to_s16(source.samples, count, target.samples)
    return 0


def to_float32(pcm):
    """Convert PCM16 to float samples, full scale being 1.0.

    Args:
        pcm: PCM16 as bytes-like or int16 array.

    Returns:
        A fresh float32 array in the shape of `pcm`, of sample / 32768: -1.0 to 0.99997, exact.

    Raises:
        AudioError: `pcm` is not PCM16.
    """
    cdef PcmView source
    cdef FloatView target
    borrow_pcm(pcm, 0, &source)
    try:
        result = np.empty(source.samples_per_channel, np.float32)
        borrow_floats_out(result, &target)
        _floats_of_pcm(&source, &target)
        release_floats(&target)
        return shaped(result, &source.buffer)
    finally:
        release_pcm(&source)


def to_float32_into(pcm, out):
    """Convert PCM16 to float samples in a writable float32 buffer, without allocating.

    Args:
        pcm: as for `to_float32`.
        out: writable, contiguous float32, at least as long; it may not share memory with `pcm`.

    Returns:
        Samples written.

    Raises:
        AudioError: `pcm` is not PCM16, or `out` is not writable float32 or too small.
    """
    cdef PcmView source
    cdef FloatView target
    borrow_pcm(pcm, 0, &source)
    try:
        borrow_floats_out(out, &target)
        try:
            _floats_of_pcm(&source, &target)
        finally:
            release_floats(&target)
    finally:
        release_pcm(&source)
    return source.samples_per_channel


def to_int16(samples):
    """Convert float samples, full scale being 1.0, to PCM16.

    Args:
        samples: contiguous float32, at any address.

    Returns:
        A fresh int16 array, in the shape of `samples` where that has two dimensions and flat
        otherwise, of 32768 times each, rounded to nearest, halves to even; what is beyond full
        scale saturates, and what is not a number is 0.

    Raises:
        AudioError: `samples` is not contiguous float32.
    """
    cdef FloatView source
    cdef PcmView target
    borrow_floats(samples, &source)
    try:
        result = new_pcm(source.count, 1, 1, &target)
        _pcm_of_floats(&source, &target)
        release_pcm(&target)
        return shaped(result, &source.buffer)
    finally:
        release_floats(&source)


def to_int16_into(samples, out):
    """Convert float samples to PCM16 in a writable buffer, without allocating.

    Args:
        samples: as for `to_int16`.
        out: writable PCM16, at least as long; it may not share memory with `samples`.

    Returns:
        Samples written.

    Raises:
        AudioError: `samples` is not contiguous float32, or `out` is not writable PCM16 or too small.
    """
    cdef FloatView source
    cdef PcmView target
    borrow_floats(samples, &source)
    try:
        borrow_pcm_out(out, 0, &target)
        try:
            _pcm_of_floats(&source, &target)
        finally:
            release_pcm(&target)
    finally:
        release_floats(&source)
    return source.count
