"""A first-in first-out store of interleaved PCM16 with a fixed capacity.

One thread may write while another reads. `include/ring.h` says how; here stand the two sides' calls.
"""

from libc.stdint cimport int64_t

from rtaudio._native._types cimport s16


cdef extern from "ring.h" nogil:
    ctypedef struct rta_ring:
        s16 *values
        int64_t capacity
        int64_t channels
        bint overwrites
        int64_t written
        int64_t overruns
        int64_t refused
        int64_t read
        int64_t underruns
        int64_t missed

    # Either side.
    int64_t rta_ring_oldest(const rta_ring *ring) noexcept
    int64_t rta_ring_stored(const rta_ring *ring) noexcept
    int64_t rta_ring_dropped(const rta_ring *ring) noexcept
    int64_t RTA_RING_PEEK(int64_t field) noexcept
    # The producer. `count` fits, unless the ring overwrites.
    int64_t rta_ring_room(const rta_ring *ring) noexcept
    int64_t rta_ring_write(rta_ring *ring, const s16 *samples, int64_t count) noexcept
    void RTA_RING_STORE(int64_t field, int64_t value) noexcept
    void RTA_RING_COUNT(int64_t field, int64_t by) noexcept
    # The consumer.
    int64_t rta_ring_copy_oldest(
        const rta_ring *ring, s16 *to, int64_t count, int64_t *position
    ) noexcept
    void rta_ring_release(rta_ring *ring, int64_t start, int64_t position) noexcept
    void rta_ring_underrun(rta_ring *ring, int64_t missed) noexcept


cdef class RingBuffer:
    # Its memory is allocated once and freed with the object.
    cdef rta_ring _ring
    cdef int _overflow
    # The producer's: views of free space that are held, and how much the last one lent.
    cdef Py_ssize_t _write_views, _offered
    # The consumer's: views of stored samples that are held.
    cdef Py_ssize_t _peek_views

    # Producer: append; returns samples per channel kept, -1 with AudioError where overflow is an
    # error. `samples` must not point into this ring.
    cdef Py_ssize_t push(self, const s16 *samples, Py_ssize_t samples_per_channel) except -1
    # Consumer: copy the oldest, and remove them unless `peek`; returns how many there were.
    cdef Py_ssize_t pull(self, s16 *out, Py_ssize_t samples_per_channel, bint peek) noexcept nogil
    # The def layer of read and peek.
    cdef object _take(self, object n, bint peek)
    cdef int _check_no_peek_views(self) except -1
