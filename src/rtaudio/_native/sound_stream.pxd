"""The sound of an answer, taken from the wire piece by piece."""

from rtaudio._native._types cimport u8
from rtaudio._native.wire cimport DeltaFields


cdef class SoundLength:
    cdef public double ms


cdef class Playhead:
    cdef public bint waits
    cdef public double dry_at  # monotonic seconds

    cdef double _advance(self, double length_ms, double now) noexcept


cdef class SoundStream:
    # The part whose sound streams in.
    cdef readonly str response_id
    cdef readonly str item_id
    cdef readonly Py_ssize_t content_index
    cdef double _bytes_per_ms
    cdef Playhead _playhead  # None while the stream is closed
    cdef tuple _lengths  # of SoundLength
    cdef object _make
    # Of the piece that was read last, and of all.
    cdef readonly double start_s
    cdef readonly Py_ssize_t pieces
    cdef readonly Py_ssize_t bytes

    cdef object _read(self, const u8 *text, Py_ssize_t length, double now)
    cdef bint _is_next(self, const DeltaFields *fields) noexcept
    cdef void _count(self, Py_ssize_t length, double now) noexcept
