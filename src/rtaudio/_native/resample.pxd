"""Streaming polyphase resampler of interleaved PCM16.

A Resampler is owned by one thread at a time; filter tables are shared and read only.
"""

from libc.stdint cimport int32_t, int64_t

from rtaudio._native._types cimport s16


cdef extern from "resample.h" nogil:
    enum: RTA_PERIOD_STEP

    ctypedef struct rta_fir_filter:
        const float *table
        const int32_t *starts
        Py_ssize_t taps
        int32_t up
        int32_t down
        int32_t intervals
        int32_t width
        int32_t inverse

    ctypedef struct rta_resample_kernels:
        void (*split)(
            const s16 *samples,
            Py_ssize_t count,
            Py_ssize_t rows,
            Py_ssize_t at,
            float *out,
            Py_ssize_t stride,
        ) noexcept nogil
        void (*phases)(
            const rta_fir_filter *filter,
            Py_ssize_t group,
            const float *samples,
            Py_ssize_t stride,
            Py_ssize_t periods,
            float *out,
            Py_ssize_t out_stride,
        ) noexcept nogil
        void (*rows)(
            const rta_fir_filter *filter,
            const float *samples,
            int32_t fraction,
            Py_ssize_t count,
            float *out,
        ) noexcept nogil
        void (*between_rows)(
            const rta_fir_filter *filter,
            const float *samples,
            int32_t fraction,
            Py_ssize_t count,
            float *out,
        ) noexcept nogil
        void (*join)(
            const float *values,
            Py_ssize_t stride,
            Py_ssize_t rows,
            Py_ssize_t at,
            Py_ssize_t count,
            s16 *out,
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
    # History: _span * _channels rows, _history_stride apart. Input sample i of channel c, counted
    # from the start of the block, lies in row (i mod _span) * _channels + c, place _past + i / _span.
    # _span is `down` where the filter works by phases, else 1. Freed with self.
    cdef float *_history
    cdef Py_ssize_t _span, _past, _history_stride
    cdef Py_ssize_t _block  # places that a block has room for
    # Outputs before they are collected and rounded. Freed with self.
    cdef float *_results
    cdef Py_ssize_t _results_stride
    # The next input sample, counted as above (below 0: still in what is past), and the time of the
    # next output in units of 1 / up samples, 0 or more. By phases this is a multiple of `down`.
    cdef Py_ssize_t _filled
    cdef int64_t _phase
    # Whether anything came in, to know an untouched stream.
    cdef bint _fed
    # Dimensions of the arrays to return: those of the last input.
    cdef int _ndim

    # Lay out the history and the results; `first_start` is the least of the filter's starts.
    cdef int allocate(self, Py_ssize_t first_start) except -1
    # Samples per channel that `run` would write for so many more in.
    cdef Py_ssize_t count_outputs(self, Py_ssize_t samples_per_channel) noexcept nogil
    # Consume all of `samples` (NULL: silence) and write what became due; `out` holds
    # count_outputs() of every channel and does not overlap `samples`. Returns what it wrote.
    cdef Py_ssize_t run(
        self, const s16 *samples, Py_ssize_t samples_per_channel, s16 *out
    ) noexcept nogil
    # Parts of `run`: write the next `count` outputs, all due; let go of what no output needs.
    cdef void by_phases(self, Py_ssize_t count, s16 *out) noexcept nogil
    cdef void by_rows(self, Py_ssize_t count, s16 *out) noexcept nogil
    cdef void shift(self) noexcept nogil
    # Back to the state of a new stream; `skipped` is the delay to leave out (0 for a live one).
    cdef void rewind(self, Py_ssize_t skipped) noexcept nogil
