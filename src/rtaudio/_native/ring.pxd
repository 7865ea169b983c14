"""A first-in first-out store of interleaved PCM16 with a fixed capacity.

Owned by one thread at a time: calls on ordinary builds of CPython exclude one another through the
GIL, nothing here locks on its own.
"""

from rtaudio._native._types cimport s16


cdef class RingBuffer:
    # Memory: allocated once, freed with the object, never lent out.
    cdef s16 *_samples
    # Samples per channel: what fits, where the oldest one stands, how many there are.
    cdef Py_ssize_t _capacity, _start, _count
    cdef int _channels
    cdef int _overflow

    # Append; returns samples per channel kept, -1 with AudioError when overflow is an error.
    # `samples` must not point into this ring.
    cdef Py_ssize_t push(self, const s16 *samples, Py_ssize_t samples_per_channel) except -1
    # Copy the oldest without removing them; returns how many there were, at most what was asked.
    cdef Py_ssize_t copy_out(self, s16 *out, Py_ssize_t samples_per_channel) noexcept nogil
    # Remove the oldest; returns how many there were, at most what was asked.
    cdef Py_ssize_t drop(self, Py_ssize_t samples_per_channel) noexcept nogil
    # The def layer of read and peek.
    cdef object _take(self, Py_ssize_t n, bint remove)
