"""Ring buffer of PCM16 between a producer and a consumer with chunks of different sizes."""

cimport cython
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.string cimport memcpy

from rtaudio._native._buffer cimport (
    PcmView,
    borrow_pcm,
    borrow_pcm_out,
    check_channels,
    new_pcm,
    release_pcm,
)
from rtaudio._native._types cimport s16

from rtaudio.errors import AudioError

__all__ = ["RingBuffer"]

cdef enum Overflow:
    OVERFLOW_ERROR
    DROP_OLDEST
    DROP_NEWEST

cdef tuple OVERFLOWS = ("error", "drop_oldest", "drop_newest")  # in the order of the enum

cdef Py_ssize_t MAX_BYTES = (<size_t>-1) >> 1


cdef inline void ring_copy_in_s16(
    s16 *ring, Py_ssize_t capacity, Py_ssize_t at, const s16 *source, Py_ssize_t count
) noexcept nogil:
    """Write `count` <= capacity values from position `at` < capacity on, wrapping once."""
    cdef Py_ssize_t first = min(count, capacity - at)
    memcpy(ring + at, source, first * sizeof(s16))
    memcpy(ring, source + first, (count - first) * sizeof(s16))


cdef inline void ring_copy_out_s16(
    const s16 *ring, Py_ssize_t capacity, Py_ssize_t at, s16 *target, Py_ssize_t count
) noexcept nogil:
    """Read `count` <= capacity values from position `at` < capacity on, wrapping once."""
    cdef Py_ssize_t first = min(count, capacity - at)
    memcpy(target, ring + at, first * sizeof(s16))
    memcpy(target + first, ring, (count - first) * sizeof(s16))


cdef int _check_count(Py_ssize_t n) except -1:
    if n < 0:
        raise AudioError(f"got {n} samples; a count must be 0 or more")
    return 0


@cython.final
cdef class RingBuffer:
    """A first-in first-out store of PCM16 with a fixed capacity.

    All counts are samples per channel. Reading takes what there is: asking for more than is stored
    is no error. One thread at a time may use a ring.

    Args:
        capacity: samples per channel that fit, at least 1.
        channels: interleaved channels, 1 to 8.
        overflow: what `write` does with more than fits: "error" refuses all of it, "drop_oldest"
            makes room by forgetting the oldest, "drop_newest" keeps only what fits.

    Raises:
        AudioError: an argument is out of range.
    """

    def __cinit__(self, Py_ssize_t capacity, int channels=1, str overflow="error"):
        if capacity < 1:
            raise AudioError(f"got a capacity of {capacity} samples; it must be 1 or more")
        check_channels(channels)
        if overflow not in OVERFLOWS:
            raise AudioError(f"got overflow={overflow!r}; it must be one of {', '.join(OVERFLOWS)}")
        if capacity > MAX_BYTES // (<Py_ssize_t>sizeof(s16) * channels):
            raise AudioError(f"got a capacity of {capacity} samples; that many cannot be addressed")
        self._samples = <s16 *>PyMem_RawMalloc(capacity * channels * sizeof(s16))
        if self._samples == NULL:
            raise MemoryError(f"no memory for {capacity} samples of {channels} channel(s)")
        self._capacity = capacity
        self._channels = channels
        self._overflow = OVERFLOWS.index(overflow)
        self._start = 0
        self._count = 0

    def __dealloc__(self):
        PyMem_RawFree(self._samples)

    def __reduce__(self):
        raise TypeError("a RingBuffer cannot be copied or pickled")

    # --- methods over C memory -------------------------------------------------------------------

    cdef Py_ssize_t push(self, const s16 *samples, Py_ssize_t samples_per_channel) except -1:
        cdef Py_ssize_t room = self._capacity - self._count
        cdef Py_ssize_t kept = samples_per_channel
        cdef Py_ssize_t end
        if kept > room:
            if self._overflow == OVERFLOW_ERROR:
                raise AudioError(
                    f"got {samples_per_channel} samples per channel to write; "
                    f"{room} of {self._capacity} are free"
                )
            if self._overflow == DROP_NEWEST:
                kept = room
            else:
                if kept > self._capacity:
                    samples += (kept - self._capacity) * self._channels
                    kept = self._capacity
                self.drop(kept - room)
        end = self._start + self._count
        if end >= self._capacity:
            end -= self._capacity
        ring_copy_in_s16(
            self._samples,
            self._capacity * self._channels,
            end * self._channels,
            samples,
            kept * self._channels,
        )
        self._count += kept
        return kept

    cdef Py_ssize_t copy_out(self, s16 *out, Py_ssize_t samples_per_channel) noexcept nogil:
        cdef Py_ssize_t count = min(samples_per_channel, self._count)
        ring_copy_out_s16(
            self._samples,
            self._capacity * self._channels,
            self._start * self._channels,
            out,
            count * self._channels,
        )
        return count

    cdef Py_ssize_t drop(self, Py_ssize_t samples_per_channel) noexcept nogil:
        cdef Py_ssize_t count = min(samples_per_channel, self._count)
        self._start += count
        if self._start >= self._capacity:
            self._start -= self._capacity
        self._count -= count
        return count

    # --- what users call -------------------------------------------------------------------------

    def write(self, data):
        """Append PCM16.

        Args:
            data: interleaved PCM16 as bytes-like or int16 array; copied.

        Returns:
            Samples per channel of `data` that are now stored: fewer than given where the overflow
            policy dropped some of them.

        Raises:
            AudioError: `data` is not PCM16 of this many channels, or does not fit and the policy is
                "error"; nothing is stored then.
        """
        cdef PcmView source
        borrow_pcm(data, self._channels, &source)
        try:
            return self.push(source.samples, source.samples_per_channel)
        finally:
            release_pcm(&source)

    def read(self, Py_ssize_t n):
        """Remove and return up to `n` of the oldest samples per channel, as int16, interleaved."""
        return self._take(n, True)

    def peek(self, Py_ssize_t n):
        """Return up to `n` of the oldest samples per channel without removing them."""
        return self._take(n, False)

    cdef object _take(self, Py_ssize_t n, bint remove):
        cdef PcmView target
        cdef Py_ssize_t count
        _check_count(n)
        n = min(n, self._count)
        result = new_pcm(n, self._channels, 1, &target)
        try:
            # Making the array can run other code through the garbage collector, so count again.
            count = self.copy_out(target.samples, n)
            if remove:
                self.drop(count)
        finally:
            release_pcm(&target)
        return result if count == n else result[: count * self._channels]

    def read_into(self, out):
        """Remove the oldest samples into a buffer, without allocating.

        Args:
            out: writable PCM16 buffer; filled from its start, the rest is left as it was.

        Returns:
            Samples per channel written: what fits into `out`, or all there are if that is less.

        Raises:
            AudioError: `out` is not writable PCM16 of this many channels.
        """
        cdef PcmView target
        cdef Py_ssize_t count
        borrow_pcm_out(out, self._channels, &target)
        count = self.copy_out(target.samples, target.samples_per_channel)
        self.drop(count)
        release_pcm(&target)
        return count

    def skip(self, Py_ssize_t n):
        """Remove up to `n` of the oldest samples per channel; returns how many there were."""
        _check_count(n)
        return self.drop(n)

    def clear(self):
        """Remove everything."""
        self._start = 0
        self._count = 0

    def __len__(self):
        return self._count

    def __repr__(self):
        return (
            f"<RingBuffer {self._count}/{self._capacity} samples, {self._channels} channel(s), "
            f"overflow={OVERFLOWS[self._overflow]!r}>"
        )

    @property
    def free(self):
        """Samples per channel that can still be written without dropping any."""
        return self._capacity - self._count

    @property
    def capacity(self):
        """Samples per channel that fit."""
        return self._capacity

    @property
    def channels(self):
        """Interleaved channels."""
        return self._channels

    @property
    def overflow(self):
        """The overflow policy: "error", "drop_oldest" or "drop_newest"."""
        return OVERFLOWS[self._overflow]
