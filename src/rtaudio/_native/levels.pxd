"""Small per-sample work on PCM16: levels and downmix."""

from libc.stdint cimport int32_t, int64_t

from rtaudio._native._types cimport s16


cdef extern from "levels.h" nogil:
    # Exact for fewer than 2^33 samples.
    int64_t rta_sum_of_squares_s16(const s16 *samples, Py_ssize_t count) noexcept
    # 0..32768
    int32_t rta_peak_s16(const s16 *samples, Py_ssize_t count) noexcept
    # Mean of the channels, halves rounded upwards; in and out may be the same.
    void rta_to_mono_s16(
        const s16 *samples, Py_ssize_t samples_per_channel, int channels, s16 *out
    ) noexcept
