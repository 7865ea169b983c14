"""A jitter buffer that decodes: packets in, PCM16 out, at an even pace and without gaps.

`include/timescale.h` says how sound is made shorter, longer, and continued.
"""

from libc.stdint cimport int32_t, int64_t

from rtaudio._native._types cimport s16
from rtaudio._native.g711 cimport rta_g711_decoder
from rtaudio._native.jitter cimport JitterBuffer, rta_turn
from rtaudio._native.opus_decoder cimport OpusDecoder


cdef extern from "timescale.h" nogil:
    ctypedef struct rta_timescale:
        int channels
        int32_t shortest_lag
        int32_t longest_lag
        int32_t fade

    ctypedef struct rta_continuation:
        s16 *period
        int32_t lag

    rta_timescale rta_timescale_for(int sample_rate, int channels) noexcept
    # 0 where no lag from `shortest` to `longest` is alike enough. Reads `count + longest` samples
    # per channel from `at` on, or, with `direction` -1, `count` there and `longest` before.
    int32_t rta_find_lag(
        const rta_timescale *scale, const s16 *at, int32_t count, int direction,
        int32_t shortest, int32_t longest, double least_likeness
    ) noexcept
    # Both return how many samples per channel there are then. lag + fade <= count.
    int32_t rta_shorten(
        const rta_timescale *scale, s16 *samples, int32_t count, int32_t lag
    ) noexcept
    # `lag` samples lie before, fade <= count, and there is room for `lag` more behind. `mixed` has
    # room for a fade.
    int32_t rta_lengthen(
        const rta_timescale *scale, s16 *samples, int32_t count, int32_t lag, s16 *mixed
    ) noexcept
    # Two longest lags lie before `end`.
    void rta_continue_from(
        const rta_timescale *scale, rta_continuation *continuation, const s16 *end
    ) noexcept
    void rta_continue(
        const rta_timescale *scale, rta_continuation *continuation, s16 *out, int32_t count
    ) noexcept
    void rta_rejoin(
        const rta_timescale *scale, rta_continuation *continuation, s16 *samples, int32_t count,
        s16 *room
    ) noexcept
    void rta_fade_out(s16 *samples, int32_t count, int channels) noexcept
    void rta_fade_in(s16 *samples, int32_t count, int channels) noexcept


cdef class PlayoutBuffer:
    cdef JitterBuffer buffer  # its mutex guards all of this
    cdef OpusDecoder decoder  # of Opus only
    cdef rta_g711_decoder expand  # of G.711 only
    cdef readonly int sample_rate  # Hz
    cdef readonly int channels
    cdef rta_timescale scale
    # One piece of memory, freed with the object: what was played last, what is ready to be played
    # (`ready` of it, with room for `room`), then a period that goes on, and a fade.
    cdef s16 *memory
    cdef s16 *playing  # where the ready sound begins; two longest lags lie before it
    cdef s16 *mixed
    cdef rta_continuation continuation
    cdef Py_ssize_t ready, room, longest_read
    cdef Py_ssize_t since_scaled  # samples played since the sound was last shortened or lengthened
    cdef bint faded  # concealed to silence, so what comes next is faded in

    # Writes exactly `count` samples per channel; takes the lock.
    cdef int fill(self, s16 *out, Py_ssize_t count, int64_t now_us) except -1
    # Makes `count` (up to longest_read) ready.
    cdef int prepare(self, Py_ssize_t count, int64_t now_us) except -1
    # Appends what the next turn stands for; of silence, no more than makes `count` ready.
    cdef int append(self, Py_ssize_t count, int64_t now_us, rta_turn *turn) except -1
    cdef int decode(self, const rta_turn *turn, s16 *out, Py_ssize_t samples) except -1
    cdef int conceal(self, s16 *out, Py_ssize_t samples) except -1
    # Brings the delay nearer to the target, by up to one lag.
    cdef int adjust(self, Py_ssize_t count, int64_t now_us, int64_t spare_us) except -1
    cdef int64_t to_us(self, Py_ssize_t samples) noexcept
