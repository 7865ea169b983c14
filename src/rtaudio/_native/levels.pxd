"""Small per-sample work on PCM16: levels, gain and mixing; and what `channels` shares with it."""

from cpython.buffer cimport Py_buffer
from libc.stdint cimport int32_t, int64_t

from rtaudio._native._types cimport f32, s16


cdef extern from "levels.h" nogil:
    # In and out may not overlap, but where it is said.
    ctypedef struct rta_level_kernels:
        # Exact for fewer than 2^33 samples.
        int64_t (*sum_of_squares)(const s16 *samples, Py_ssize_t count) noexcept nogil
        # 0..32768
        int32_t (*peak)(const s16 *samples, Py_ssize_t count) noexcept nogil
        # Mean of the channels, halves rounded upwards; in and out may be the same.
        void (*to_mono)(
            const s16 *samples, Py_ssize_t samples_per_channel, int channels, s16 *out
        ) noexcept nogil
        void (*interleave)(
            const s16 *left, const s16 *right, Py_ssize_t samples_per_channel, s16 *out
        ) noexcept nogil
        # Channel c to the samples from out + c * samples_per_channel on.
        void (*split)(
            const s16 *samples, Py_ssize_t samples_per_channel, int channels, s16 *out
        ) noexcept nogil
        # sums[i] += samples[i]
        void (*add)(const s16 *samples, Py_ssize_t count, int32_t *sums) noexcept nogil
        void (*saturate)(const int32_t *values, Py_ssize_t count, s16 *out) noexcept nogil
        # To nearest, halves to even, saturated; |factor| < 2^16.
        void (*scale)(
            const s16 *samples, Py_ssize_t count, double factor, s16 *out
        ) noexcept nogil
        # sums[i] += samples[i] * factor, in this order
        void (*add_scaled)(
            const s16 *samples, Py_ssize_t count, double factor, double *sums
        ) noexcept nogil
        # To nearest, halves to even, saturated; |values| < 2^31.
        void (*round_to_s16)(const double *values, Py_ssize_t count, s16 *out) noexcept nogil
        # Full scale is 1.0; saturated, what is no number is 0.
        void (*s16_to_f32)(const s16 *samples, Py_ssize_t count, f32 *out) noexcept nogil
        void (*f32_to_s16)(const f32 *values, Py_ssize_t count, s16 *out) noexcept nogil

    rta_level_kernels rta_pick_level_kernels(int level) noexcept


cdef enum:
    # Samples from which a call takes about 1 ms (0.3 to 1 ns per sample), the point from which
    # giving up the GIL pays for taking it back.
    RELEASE_GIL_FROM = 1 << 20

# `flat` in the shape of `model`, where that is an array of two dimensions.
cdef object shaped(object flat, Py_buffer *model)

# AudioError where a result of `needed` samples does not fit.
cdef int check_room(Py_ssize_t needed, Py_ssize_t room) except -1
