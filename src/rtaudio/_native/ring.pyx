"""Ring buffer of PCM16 between a producer and a consumer with chunks of different sizes."""

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree

from rtaudio._native._buffer cimport (
    PcmView,
    as_channels,
    borrow_pcm,
    borrow_pcm_out,
    new_pcm,
    release_pcm,
)
from rtaudio._native._types cimport s16

from rtaudio.errors import AudioError

__all__ = ["RingBuffer"]

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object n, int *overflow) except? -1

cdef enum Overflow:
    OVERFLOW_ERROR
    DROP_OLDEST
    DROP_NEWEST

cdef tuple OVERFLOWS = ("error", "drop_oldest", "drop_newest")  # in the order of the enum

cdef char *S16_FORMAT = b"h"
cdef Py_ssize_t MAX_BYTES = (<size_t>-1) >> 1


cdef Py_ssize_t _count(object n) except -1:
    """A count that a caller gave; what is beyond all memory counts as much as memory holds."""
    cdef int overflow = 0
    cdef long long count
    if not isinstance(n, int) or isinstance(n, bool):
        raise AudioError(f"got {n!r} samples; a count must be an integer")
    count = PyLong_AsLongLongAndOverflow(n, &overflow)
    if overflow < 0 or (overflow == 0 and count < 0):
        raise AudioError(f"got {n} samples; a count must be 0 or more")
    return MAX_BYTES if overflow else min(count, MAX_BYTES)


@cython.final
cdef class RingBuffer:
    """A first-in first-out store of PCM16 with a fixed capacity, between two threads.

    One thread, the producer, may call `write`, `write_view` and `commit` while another, the
    consumer, calls `read`, `read_into`, `peek`, `peek_view`, `skip` and `clear`. Neither waits for
    the other. Lengths and counters may be asked for by either. Two producers or two consumers
    need a lock of their own, except under the GIL, where calls exclude each other.

    All counts are samples per channel. Reading takes what there is: asking for more than is stored
    is no error, but counts as an underrun.

    Args:
        capacity: samples per channel that fit, at least 1.
        channels: interleaved channels, 1 to 8.
        overflow: what `write` does with more than fits: "error" refuses all of it, "drop_oldest"
            makes room by forgetting the oldest, "drop_newest" keeps only what fits.

    Raises:
        AudioError: an argument is out of range.
    """

    def __cinit__(self, capacity, channels=1, overflow="error"):
        if not isinstance(capacity, int) or isinstance(capacity, bool):
            raise AudioError(f"got a capacity of {capacity!r}; it must be an integer, in samples")
        if capacity < 1:
            raise AudioError(f"got a capacity of {capacity} samples; it must be 1 or more")
        self._ring.channels = as_channels(channels)
        if overflow not in OVERFLOWS:
            raise AudioError(
                f"got overflow={overflow!r}; it must be one of {', '.join(OVERFLOWS)}"
            )
        if capacity > MAX_BYTES // (self._ring.channels * <Py_ssize_t>sizeof(s16)):
            raise AudioError(f"got a capacity of {capacity} samples; that many cannot be addressed")
        self._ring.values = <s16 *>PyMem_RawCalloc(
            capacity * self._ring.channels, sizeof(s16)
        )
        if self._ring.values == NULL:
            raise MemoryError(f"no memory for {capacity} samples of {channels} channel(s)")
        self._ring.capacity = capacity
        self._overflow = OVERFLOWS.index(overflow)
        self._ring.overwrites = self._overflow == DROP_OLDEST

    def __dealloc__(self):
        PyMem_RawFree(self._ring.values)

    def __reduce__(self):
        raise TypeError("a RingBuffer cannot be copied or pickled")

    # --- methods over C memory -------------------------------------------------------------------

    cdef Py_ssize_t push(self, const s16 *samples, Py_ssize_t samples_per_channel) except -1:
        cdef int64_t room
        if self._write_views:
            raise AudioError("a write_view of this ring is held; release it before writing")
        self._offered = 0
        if self._overflow != DROP_OLDEST:
            room = rta_ring_room(&self._ring)
            if samples_per_channel > room:
                RTA_RING_COUNT(self._ring.overruns, 1)
                if self._overflow == OVERFLOW_ERROR:
                    raise AudioError(
                        f"got {samples_per_channel} samples per channel to write; "
                        f"{room} of {self._ring.capacity} are free"
                    )
                RTA_RING_COUNT(self._ring.refused, samples_per_channel - room)
                samples_per_channel = room
        return rta_ring_write(&self._ring, samples, samples_per_channel)

    cdef Py_ssize_t pull(self, s16 *out, Py_ssize_t samples_per_channel, bint peek) noexcept nogil:
        cdef int64_t position
        cdef int64_t count = rta_ring_copy_oldest(&self._ring, out, samples_per_channel, &position)
        if not peek:
            rta_ring_release(&self._ring, position, position + count)
        return count

    cdef int _check_no_peek_views(self) except -1:
        if self._peek_views:
            raise AudioError("a peek_view of this ring is held; release it before reading on")
        return 0

    # --- the producer ----------------------------------------------------------------------------

    def write(self, data):
        """Append PCM16.

        Args:
            data: interleaved PCM16 as bytes-like or int16 array; copied.

        Returns:
            Samples per channel of `data` that are now stored: fewer than given where the overflow
            policy dropped some of them.

        Raises:
            AudioError: `data` is not PCM16 of this many channels, or does not fit and the policy is
                "error" (nothing is stored then), or a `write_view` is held.
        """
        cdef PcmView source
        borrow_pcm(data, self._ring.channels, &source)
        try:
            return self.push(source.samples, source.samples_per_channel)
        finally:
            release_pcm(&source)

    def write_view(self, n):
        """Lend free space to be filled in place, for `commit` to append.

        Args:
            n: samples per channel wanted.

        Returns:
            A writable, interleaved memoryview of int16: up to `n` samples per channel, fewer where
            less is free or where the ring's memory ends. Release it before `commit`.

        Raises:
            AudioError: another write_view is held, or the policy is "drop_oldest".
        """
        cdef Py_ssize_t at = RTA_RING_PEEK(self._ring.written) % self._ring.capacity
        cdef Py_ssize_t wanted = _count(n)
        self._refuse_where_overwritten()
        if self._write_views:
            raise AudioError("a write_view of this ring is held already")
        self._offered = min(wanted, rta_ring_room(&self._ring), self._ring.capacity - at)
        return memoryview(_lend(self, at, self._offered, True))

    def commit(self, n):
        """Append the first `n` samples per channel of the last `write_view`.

        Raises:
            AudioError: the view is still held, or was shorter than that.
        """
        cdef Py_ssize_t count = _count(n)
        if self._write_views:
            raise AudioError("the write_view of this ring is still held; release it first")
        if count > self._offered:
            raise AudioError(f"got {n} samples to commit; the last write_view held {self._offered}")
        self._offered = 0
        RTA_RING_STORE(self._ring.written, RTA_RING_PEEK(self._ring.written) + count)

    # --- the consumer ----------------------------------------------------------------------------

    def read(self, n):
        """Remove and return up to `n` of the oldest samples per channel, as int16, interleaved."""
        return self._take(n, False)

    def peek(self, n):
        """Return up to `n` of the oldest samples per channel without removing them."""
        return self._take(n, True)

    cdef object _take(self, object n, bint peek):
        cdef PcmView target
        cdef Py_ssize_t count, wanted = _count(n)
        cdef Py_ssize_t room = min(wanted, rta_ring_stored(&self._ring))
        if not peek:
            self._check_no_peek_views()
        result = new_pcm(room, self._ring.channels, 1, &target)
        try:
            count = self.pull(target.samples, room, peek)
        finally:
            release_pcm(&target)
        if count < wanted and not peek:
            rta_ring_underrun(&self._ring, wanted - count)
        return result if count == room else result[: count * self._ring.channels]

    def read_into(self, out):
        """Remove the oldest samples into a buffer, without allocating.

        Args:
            out: writable PCM16 buffer; filled from its start, the rest is left as it was.

        Returns:
            Samples per channel written: what fits into `out`, or all there are if that is less.

        Raises:
            AudioError: `out` is not writable PCM16 of this many channels, or a `peek_view` is held.
        """
        cdef PcmView target
        cdef Py_ssize_t count
        borrow_pcm_out(out, self._ring.channels, &target)
        try:
            self._check_no_peek_views()
            count = self.pull(target.samples, target.samples_per_channel, False)
            if count < target.samples_per_channel:
                rta_ring_underrun(&self._ring, target.samples_per_channel - count)
        finally:
            release_pcm(&target)
        return count

    def peek_view(self, n):
        """Lend the oldest samples as they lie in memory, without copying or removing them.

        Args:
            n: samples per channel wanted.

        Returns:
            A read-only, interleaved memoryview of int16: up to `n` samples per channel, fewer where
            fewer are stored or where the ring's memory ends; `skip` then leads to the rest. Until
            it is released nothing can be removed, so the producer cannot reach it either.

        Raises:
            AudioError: the policy is "drop_oldest", under which a view could change while it is
                read.
        """
        cdef Py_ssize_t at, wanted = _count(n)
        self._refuse_where_overwritten()
        at = RTA_RING_PEEK(self._ring.read) % self._ring.capacity
        wanted = min(wanted, rta_ring_stored(&self._ring), self._ring.capacity - at)
        return memoryview(_lend(self, at, wanted, False))

    def skip(self, n):
        """Remove up to `n` of the oldest samples per channel; returns how many there were."""
        cdef int64_t count = _count(n)
        cdef int64_t position
        self._check_no_peek_views()
        position = rta_ring_oldest(&self._ring)
        count = min(count, rta_ring_stored(&self._ring))
        rta_ring_release(&self._ring, position, position + count)
        return count

    def clear(self):
        """Remove everything that is stored; counters go on."""
        self.skip(self._ring.capacity)

    # --- either side -----------------------------------------------------------------------------

    def _refuse_where_overwritten(self):
        if self._overflow == DROP_OLDEST:
            raise AudioError(
                'a ring with overflow="drop_oldest" lends no views: they could be written over'
            )

    def __len__(self):
        return rta_ring_stored(&self._ring)

    def __repr__(self):
        return (
            f"<RingBuffer {len(self)}/{self._ring.capacity} samples, "
            f"{self._ring.channels} channel(s), overflow={OVERFLOWS[self._overflow]!r}>"
        )

    @property
    def free(self):
        """Samples per channel that can still be written without dropping any."""
        return rta_ring_room(&self._ring)

    @property
    def capacity(self):
        """Samples per channel that fit."""
        return self._ring.capacity

    @property
    def channels(self):
        """Interleaved channels."""
        return self._ring.channels

    @property
    def overflow(self):
        """The overflow policy: "error", "drop_oldest" or "drop_newest"."""
        return OVERFLOWS[self._overflow]

    @property
    def overruns(self):
        """Writes so far that did not fit, whatever the policy did with them."""
        return RTA_RING_PEEK(self._ring.overruns)

    @property
    def dropped(self):
        """Samples per channel that the policy has dropped so far."""
        return rta_ring_dropped(&self._ring)

    @property
    def underruns(self):
        """Calls of `read` and `read_into` so far that got less than they asked for."""
        return RTA_RING_PEEK(self._ring.underruns)

    @property
    def missed(self):
        """Samples per channel that those calls lacked."""
        return RTA_RING_PEEK(self._ring.missed)


@cython.final
cdef class _Lent:
    """Part of a ring's memory, as the buffer behind a memoryview; keeps the ring alive."""

    cdef RingBuffer _owner
    cdef s16 *_values
    cdef Py_ssize_t _length, _stride
    cdef bint _writable

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        if flags & PyBUF_WRITABLE and not self._writable:
            raise BufferError("this part of a RingBuffer is lent for reading only")
        buffer.buf = self._values
        buffer.obj = self
        buffer.len = self._length * sizeof(s16)
        buffer.itemsize = sizeof(s16)
        buffer.readonly = not self._writable
        buffer.ndim = 1
        buffer.format = S16_FORMAT if flags & PyBUF_FORMAT else NULL
        buffer.shape = &self._length if flags & PyBUF_ND else NULL
        buffer.strides = &self._stride if flags & PyBUF_STRIDES == PyBUF_STRIDES else NULL
        buffer.suboffsets = NULL
        buffer.internal = NULL
        if self._writable:
            self._owner._write_views += 1
        else:
            self._owner._peek_views += 1

    def __releasebuffer__(self, Py_buffer *_buffer):
        if self._writable:
            self._owner._write_views -= 1
        else:
            self._owner._peek_views -= 1


cdef _Lent _lend(RingBuffer owner, Py_ssize_t at, Py_ssize_t samples_per_channel, bint writable):
    cdef _Lent lent = _Lent.__new__(_Lent)
    lent._owner = owner
    lent._values = owner._ring.values + at * owner._ring.channels
    lent._length = samples_per_channel * owner._ring.channels
    lent._stride = sizeof(s16)
    lent._writable = writable
    return lent
