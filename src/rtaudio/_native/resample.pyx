"""Sample-rate conversion of PCM16, live and of whole signals.

`filter_design` says how the filter works and why latency is constant. Here: samples are dealt out
as float32 to the rows of a history, the outputs that fall due are computed, collected and rounded,
and what later outputs still need moves to the front. An output depends only on the samples around
it, added up in a fixed order, so cutting the input differently changes no bit.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memmove, memset

import math

from rtaudio._native._buffer cimport (
    PcmView,
    as_channels,
    borrow_pcm,
    borrow_pcm_out,
    new_pcm,
    release_pcm,
)
from rtaudio._native._types cimport MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ, s16
from rtaudio._native.simd cimport active_level

from rtaudio._native.filter_design import QUALITIES, design_filter
from rtaudio.errors import AudioError

__all__ = ["Resampler", "resample"]

cdef enum:
    BLOCK = 1024  # input samples per channel taken at once by rows, or as many as there are taps
    OUT_BLOCK = 1024  # output samples per channel computed at once by rows

    # By phases: periods taken at once come in this many, a whole number of the kernel's steps at
    # every vector level, and make at least so many samples per channel on the busier side: 20 ms
    # at 48 kHz, which then pass in one go.
    PERIODS = 160
    BLOCK_SAMPLES = 960

    # Products from which a whole signal takes about 1 ms (25 to 120 of them per ns), the point from
    # which giving up the GIL pays for taking it back.
    RELEASE_GIL_FROM = 50000000

# Times 192000 this is below 2^62. As sound it would be 32 TB.
cdef object MAX_COUNT = 1 << 44

cdef rta_resample_kernels KERNELS = rta_pick_resample_kernels(active_level())


cdef void *_data(object array) except NULL:
    """Where a designer's array lies: it can neither move nor be written to, only be let go."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_SIMPLE)
    PyBuffer_Release(&view)
    return view.buf


cdef int _check_sample_rate(object sample_rate, str which) except -1:
    if not isinstance(sample_rate, int) or isinstance(sample_rate, bool):
        raise AudioError(f"got {which}={sample_rate!r}; a sample rate must be an integer, in Hz")
    if not MIN_SAMPLE_RATE_HZ <= sample_rate <= MAX_SAMPLE_RATE_HZ:
        raise AudioError(
            f"got {which}={sample_rate} Hz; "
            f"it must be {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ}"
        )
    return 0


@cython.final
cdef class Resampler:
    """Converts a stream of PCM16 from one sample rate to another, with constant latency.

    After n samples per channel in, exactly ceil(n * out / in) have come out, from the first chunk
    on: 20 ms in give 20 ms out. So the stream starts with `delay` seconds of what led up to the
    signal, near silence. Output does not depend on how the input is cut into chunks, to the last
    bit, and values beyond 16 bits saturate. Equal rates pass through without delay.

    The delay is half the filter: 14, 36 or 86.5 samples of the lower rate at "fast", "balanced" or
    "high", rounded up to whole input samples. At "balanced" that is 1.5 ms where the lower rate is 24
    kHz, 2.3 ms at 16 kHz, 3.0 ms at 12 kHz, 3.3 ms at 11.025 kHz, 4.5 ms at 8 kHz and 9 ms at 4 kHz.

    All processors with fused multiply-adds (x86-64 with AVX2, aarch64) give the same bits. Others
    round products too, so a sample may be 1 off: fewer than one in 1000 of full-scale noise.

    One thread at a time may use a resampler.

    Args:
        sample_rate_in: Hz, integer, 4000 to 192000.
        sample_rate_out: Hz, integer, 4000 to 192000.
        channels: interleaved channels, 1 to 8.
        quality: relative to the lower of the two Nyquist frequencies, "fast" is flat to 0.75 with
            aliases and images at least 60 dB down, "balanced" flat to 0.85 with 96 dB, "high" flat
            to 0.925 with 125 dB. Flat means within 0.01 dB.

    Raises:
        AudioError: an argument is out of range.
    """

    def __cinit__(self, sample_rate_in, sample_rate_out, channels=1, quality="balanced"):
        _check_sample_rate(sample_rate_in, "sample_rate_in")
        _check_sample_rate(sample_rate_out, "sample_rate_out")
        self._channels = as_channels(channels)
        if not isinstance(quality, str) or quality not in QUALITIES:
            raise AudioError(f"got quality={quality!r}; it must be one of {', '.join(QUALITIES)}")
        self._sample_rate_in = sample_rate_in
        self._sample_rate_out = sample_rate_out
        self._quality = quality
        self._ndim = 1
        self._equal_rates = self._sample_rate_in == self._sample_rate_out
        if self._equal_rates:
            self._filter.up = self._filter.down = 1
            return

        common = math.gcd(sample_rate_in, sample_rate_out)
        design = design_filter(sample_rate_out // common, sample_rate_in // common, quality)
        self._design = design
        self._filter.table = <const float *>_data(design.table)
        self._filter.starts = <const int32_t *>_data(design.starts)
        self._filter.taps = design.taps
        self._filter.up = design.up
        self._filter.down = design.down
        self._filter.intervals = design.intervals
        self._filter.width = design.width
        self._filter.inverse = design.inverse
        self._filter_delay = design.delay
        self.allocate(min(design.starts) if design.width else 0)
        self.rewind(0)

    def __dealloc__(self):
        PyMem_RawFree(self._history)
        PyMem_RawFree(self._results)

    def __reduce__(self):
        raise TypeError("a Resampler cannot be copied or pickled")

    # --- methods over C memory -------------------------------------------------------------------

    @cython.cdivision(True)  # up, down and _span are at least 1
    cdef int allocate(self, Py_ssize_t first_start) except -1:
        cdef Py_ssize_t result_rows, busier = max(self._filter.up, self._filter.down)
        if self._filter.width:
            self._span = self._filter.down
            self._past = (self._span - 1 - first_start) // self._span
            self._block = PERIODS * ((BLOCK_SAMPLES + PERIODS * busier - 1) // (PERIODS * busier))
            self._results_stride = self._block + RTA_PERIOD_STEP
            result_rows = (self._filter.up + self._filter.width - 1) // self._filter.width
            result_rows *= self._filter.width
        else:
            self._span = 1
            self._past = self._filter.taps - 1
            self._block = max(<Py_ssize_t>BLOCK, self._filter.taps)
            self._results_stride = OUT_BLOCK
            result_rows = 1
        # Reading ahead of the block ends within one step.
        self._history_stride = self._past + self._block + RTA_PERIOD_STEP
        # At most 8 channels of about 20000 floats: no overflow.
        self._history = <float *>PyMem_RawMalloc(
            self._span * self._channels * self._history_stride * sizeof(float)
        )
        self._results = <float *>PyMem_RawMalloc(
            result_rows * self._channels * self._results_stride * sizeof(float)
        )
        if self._history == NULL or self._results == NULL:
            raise MemoryError("no memory for the history of a resampler")
        return 0

    cdef void rewind(self, Py_ssize_t skipped) noexcept nogil:
        self._filled = -skipped
        self._phase = 0
        self._fed = False
        if self._history != NULL:
            memset(
                self._history,
                0,
                self._span * self._channels * self._history_stride * sizeof(float),
            )

    @cython.cdivision(True)  # down is at least 1
    cdef Py_ssize_t count_outputs(self, Py_ssize_t samples_per_channel) noexcept nogil:
        # Output k stands at (phase + k * down) / up and is due when that is below the number of
        # samples; counts stay below 2^63 as no buffer holds 2^63 / 192000 samples.
        cdef int64_t ahead
        if self._equal_rates:
            return samples_per_channel
        ahead = <int64_t>(self._filled + samples_per_channel) * self._filter.up - self._phase
        if ahead <= 0:
            return 0
        return (ahead + self._filter.down - 1) // self._filter.down

    cdef Py_ssize_t run(
        self, const s16 *samples, Py_ssize_t samples_per_channel, s16 *out
    ) noexcept nogil:
        cdef Py_ssize_t rows = self._span * self._channels
        cdef Py_ssize_t consumed = 0
        cdef Py_ssize_t written = 0
        cdef Py_ssize_t taken, due
        cdef const s16 *source = samples
        self._fed = self._fed or samples_per_channel > 0
        if self._equal_rates:
            # No delay, so there is never a tail of silence to pass through.
            if samples != NULL:
                memmove(out, samples, samples_per_channel * self._channels * sizeof(s16))
            return samples_per_channel
        while consumed < samples_per_channel:
            taken = min(samples_per_channel - consumed, self._block * self._span - self._filled)
            if samples != NULL:
                source = samples + consumed * self._channels
            KERNELS.split(
                source,
                taken * self._channels,
                rows,
                (self._past * self._span + self._filled) * self._channels,
                self._history,
                self._history_stride,
            )
            due = self.count_outputs(taken)
            self._filled += taken
            consumed += taken
            if self._filter.width:
                self.by_phases(due, out + written * self._channels)
            else:
                self.by_rows(due, out + written * self._channels)
            written += due
            self.shift()
        return written

    @cython.cdivision(True)  # down and width are at least 1, all terms are positive
    cdef void by_phases(self, Py_ssize_t count, s16 *out) noexcept nogil:
        cdef Py_ssize_t stride = self._channels * self._results_stride
        cdef Py_ssize_t first = self._phase // self._filter.down
        cdef Py_ssize_t end = first + count
        cdef Py_ssize_t periods = (end + self._filter.up - 1) // self._filter.up
        cdef Py_ssize_t group, group_end
        cdef int channel
        # Within one period, only the groups that hold what is due.
        group = first // self._filter.width if periods == 1 else 0
        group_end = min(end, <Py_ssize_t>self._filter.up) + self._filter.width - 1
        group_end //= self._filter.width
        if count == 0:
            return
        while group < group_end:
            for channel in range(self._channels):
                KERNELS.phases(
                    &self._filter,
                    group,
                    self._history + channel * self._history_stride + self._past,
                    self._channels * self._history_stride,
                    periods,
                    self._results + group * self._filter.width * stride
                    + channel * self._results_stride,
                    stride,
                )
            group += 1
        KERNELS.join(
            self._results,
            self._results_stride,
            self._filter.up * self._channels,
            first * self._channels,
            count * self._channels,
            out,
        )
        self._phase += <int64_t>count * self._filter.down

    @cython.cdivision(True)  # up is at least 1, all terms are positive
    cdef void by_rows(self, Py_ssize_t count, s16 *out) noexcept nogil:
        cdef Py_ssize_t at, now
        cdef int channel
        fir = KERNELS.between_rows if self._filter.intervals else KERNELS.rows
        while count > 0:
            now = min(count, <Py_ssize_t>OUT_BLOCK)
            at = self._past + self._phase // self._filter.up
            for channel in range(self._channels):
                fir(
                    &self._filter,
                    self._history + channel * self._history_stride + at,
                    <int32_t>(self._phase % self._filter.up),
                    now,
                    self._results + channel * self._results_stride,
                )
            KERNELS.join(
                self._results, self._results_stride, self._channels, 0, now * self._channels, out
            )
            out += now * self._channels
            count -= now
            self._phase += <int64_t>now * self._filter.down

    @cython.cdivision(True)  # up and _span are at least 1, all terms are positive
    cdef void shift(self) noexcept nogil:
        cdef Py_ssize_t places = self._phase // (<int64_t>self._filter.up * self._span)
        cdef Py_ssize_t kept = self._filled // self._span + 1 - places + self._past
        cdef float *history = self._history
        cdef Py_ssize_t row
        if places == 0:
            return
        for row in range(self._span * self._channels):
            memmove(history, history + places, kept * sizeof(float))
            history += self._history_stride
        self._filled -= places * self._span
        self._phase -= <int64_t>places * self._span * self._filter.up

    # --- what users call -------------------------------------------------------------------------

    def process(self, data):
        """Convert the next chunk of the stream.

        Args:
            data: interleaved PCM16 as bytes-like, or an int16 array, one-dimensional or of shape
                (samples_per_channel, channels); any length, borrowed for the call.

        Returns:
            A fresh int16 array of `output_length` samples per channel: two-dimensional where `data`
            is, else interleaved.

        Raises:
            AudioError: `data` is not PCM16 of this many channels; the stream is unchanged.
        """
        cdef PcmView source, target
        borrow_pcm(data, self._channels, &source)
        try:
            result = new_pcm(
                self.count_outputs(source.samples_per_channel), self._channels, source.ndim, &target
            )
            self._ndim = source.ndim
            self.run(source.samples, source.samples_per_channel, target.samples)
            release_pcm(&target)
        finally:
            release_pcm(&source)
        return result

    def process_into(self, data, out):
        """Convert the next chunk of the stream into a buffer, without allocating.

        Args:
            data: as for `process`; it may not share memory with `out`.
            out: writable PCM16 with room for `output_length` samples per channel; filled from its
                start, the rest is left as it was.

        Returns:
            Samples per channel written.

        Raises:
            AudioError: `data` is not PCM16 of this many channels, or `out` is not writable or too
                small; the stream is unchanged.
        """
        cdef PcmView source, target
        cdef Py_ssize_t needed
        borrow_pcm(data, self._channels, &source)
        try:
            borrow_pcm_out(out, self._channels, &target)
            try:
                needed = self.count_outputs(source.samples_per_channel)
                if target.samples_per_channel < needed:
                    raise AudioError(
                        f"got room for {target.samples_per_channel} samples per channel; "
                        f"this chunk of {source.samples_per_channel} gives {needed}"
                    )
                self._ndim = source.ndim
                return self.run(source.samples, source.samples_per_channel, target.samples)
            finally:
                release_pcm(&target)
        finally:
            release_pcm(&source)

    def flush(self):
        """End the stream: return what is still due, and be as new.

        Returns:
            The last `delay` seconds of the signal, as a fresh int16 array of as many dimensions as
            the last input; empty where nothing came in. Over the whole stream, ceil((n + delay *
            in) * out / in) samples per channel have come out for n.
        """
        cdef PcmView target
        cdef Py_ssize_t tail = self._filter_delay if self._fed else 0
        result = new_pcm(self.count_outputs(tail), self._channels, self._ndim, &target)
        self.run(NULL, tail, target.samples)
        release_pcm(&target)
        self.rewind(0)
        return result

    def reset(self):
        """Forget the stream so far: be as new."""
        self.rewind(0)

    def output_length(self, samples_per_channel):
        """Return how many samples per channel the next chunk of this many, 0 to 2**44, will give."""
        if not isinstance(samples_per_channel, int) or isinstance(samples_per_channel, bool):
            raise AudioError(f"got {samples_per_channel!r} samples; a count must be an integer")
        if not 0 <= samples_per_channel <= MAX_COUNT:
            raise AudioError(f"got {samples_per_channel} samples; a count must be 0 to 2**44")
        return self.count_outputs(samples_per_channel)

    def __repr__(self):
        return (
            f"<Resampler {self._sample_rate_in} Hz to {self._sample_rate_out} Hz, "
            f"{self._channels} channel(s), quality={self._quality!r}>"
        )

    @property
    def delay(self):
        """Algorithmic delay in seconds; 0.0 at equal rates."""
        return self._filter_delay / self._sample_rate_in

    @property
    def sample_rate_in(self):
        """Hz."""
        return self._sample_rate_in

    @property
    def sample_rate_out(self):
        """Hz."""
        return self._sample_rate_out

    @property
    def channels(self):
        """Interleaved channels."""
        return self._channels

    @property
    def quality(self):
        """The quality: "fast", "balanced" or "high"."""
        return self._quality


def resample(data, sample_rate_in, sample_rate_out, quality="balanced", *, channels=None):
    """Convert a whole signal; the result lies on the same time axis, without delay.

    Runs without the GIL where that takes longer than about 1 ms.

    Args:
        data: interleaved PCM16 as bytes-like, or an int16 array, one-dimensional or of shape
            (samples_per_channel, channels).
        sample_rate_in: Hz, integer, 4000 to 192000.
        sample_rate_out: Hz, integer, 4000 to 192000.
        quality: as for `Resampler`.
        channels: interleaved channels, 1 to 8; None takes the second dimension of the array, or 1.

    Returns:
        A fresh int16 array of ceil(n * out / in) samples per channel: two-dimensional where `data`
        is, else interleaved.

    Raises:
        AudioError: `data` is not PCM16 of this many channels, or an argument is out of range.
    """
    cdef PcmView source, target
    cdef Resampler resampler
    cdef Py_ssize_t first, last
    if channels is None:
        channels = data.shape[1] if getattr(data, "ndim", 1) == 2 else 1
    resampler = Resampler(sample_rate_in, sample_rate_out, channels, quality)
    # The first output stands `delay` into the stream; feeding that much silence brings the rest.
    resampler.rewind(resampler._filter_delay)
    borrow_pcm(data, resampler._channels, &source)
    try:
        last = resampler.count_outputs(source.samples_per_channel + resampler._filter_delay)
        result = new_pcm(last, resampler._channels, source.ndim, &target)
        if last * resampler._filter.taps * resampler._channels < RELEASE_GIL_FROM:
            first = resampler.run(source.samples, source.samples_per_channel, target.samples)
            resampler.run(
                NULL, resampler._filter_delay, target.samples + first * resampler._channels
            )
        else:
            with nogil:
                first = resampler.run(source.samples, source.samples_per_channel, target.samples)
                resampler.run(
                    NULL, resampler._filter_delay, target.samples + first * resampler._channels
                )
        release_pcm(&target)
    finally:
        release_pcm(&source)
    return result
