"""Streaming polyphase resampler of interleaved PCM16.

A Resampler is owned by one thread at a time; filter tables are shared and read only.
"""

from libc.stdint cimport int32_t

from rtaudio._native._types cimport s16


cdef extern from "resample.h" nogil:
    ctypedef struct rta_fir_filter:
        const float *table
        Py_ssize_t taps
        int32_t up
        int32_t down
        int32_t intervals

    ctypedef struct rta_resample_kernels:
        void (*fir)(
            const rta_fir_filter *filter,
            const float *samples,
            Py_ssize_t position,
            int32_t fraction,
            Py_ssize_t count,
            float *out,
        ) noexcept nogil
        void (*load)(
            const s16 *samples, Py_ssize_t stride, Py_ssize_t count, float *out
        ) noexcept nogil
        void (*store)(
            const float *values, Py_ssize_t count, s16 *out, Py_ssize_t stride
        ) noexcept nogil

    rta_resample_kernels rta_pick_resample_kernels(int level) noexcept


cdef class Resampler:
    # The filter, and the object that owns its table.
    cdef rta_fir_filter _filter
    cdef object _design
    cdef Py_ssize_t _filter_delay  # input samples
    # What the caller asked for.
    cdef int _sample_rate_in, _sample_rate_out, _channels
    cdef str _quality
    cdef bint _equal_rates
    # Per channel: taps - 1 past samples, then room for one block. Allocated once, freed with self.
    cdef float *_history
    cdef Py_ssize_t _history_stride, _block
    # Where the next output stands, from the first sample of the next block on: position + fraction
    # / up. How many samples came in, to know an untouched stream.
    cdef Py_ssize_t _position
    cdef int32_t _fraction
    cdef bint _fed
    # Dimensions of the arrays to return: those of the last input.
    cdef int _ndim

    # Samples per channel that `run` would write for so many more in.
    cdef Py_ssize_t count_outputs(self, Py_ssize_t samples_per_channel) noexcept nogil
    # Consume all of `samples` (NULL: silence) and write what became due; `out` holds
    # count_outputs() of every channel and does not overlap `samples`. Returns what it wrote.
    cdef Py_ssize_t run(
        self, const s16 *samples, Py_ssize_t samples_per_channel, s16 *out
    ) noexcept nogil
    # Back to the state of a new stream; `position` is the delay to leave out (0 for a live one).
    cdef void rewind(self, Py_ssize_t position) noexcept nogil
