"""Packets from a network, put in order and given out at an even pace.

`include/jitter.h` and `include/jitter_turns.h` say how; here stand their calls, and what a buffer
knows of its packets.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from rtaudio._native._types cimport u8


cdef extern from "jitter_delay.h" nogil:
    ctypedef struct rta_delay:
        double jitter_us
        double late_share
        double memory_us

    void rta_delay_start(
        rta_delay *delay, int64_t longest_us, double late_share, double memory_us
    ) noexcept


cdef extern from "jitter_turns.h" nogil:  # which includes jitter.h
    enum:
        RTA_OVERFLOW_ERROR
        RTA_PUSH_NO_MEMORY
        RTA_PUSH_NO_ROOM
        RTA_PUSH_DROPPED
        RTA_PUSH_KEPT
        RTA_TURN_SILENCE
        RTA_TURN_PACKET
        RTA_TURN_FEC
        RTA_TURN_CONCEAL

    ctypedef struct rta_slot:
        int64_t position
        uint8_t *bytes
        int32_t length
        int32_t ticks

    ctypedef struct rta_turn:
        int kind
        int32_t ticks
        bint comfort
        bint fades
        const rta_slot *slot
        int64_t spare_us

    ctypedef struct rta_jitter_counts:
        int64_t received
        int64_t duplicated
        int64_t reordered
        int64_t late
        int64_t lost
        int64_t discarded
        int64_t malformed
        int64_t restarts
        int64_t played
        int64_t concealed
        int64_t recovered
        int64_t concealed_ticks
        int64_t shortened_us
        int64_t lengthened_us

    ctypedef struct rta_jitter:
        rta_slot *slots
        int64_t capacity
        int32_t clock_rate
        int overflow
        bint live
        bint stretches
        int64_t least_us
        int64_t most_us
        int64_t initial_us
        rta_delay delay
        bint playing
        int64_t newest
        int64_t next
        int64_t next_position
        int64_t held
        int32_t ticks
        int64_t delay_us
        rta_jitter_counts counts

    ctypedef struct rta_packet:
        const uint8_t *bytes
        int32_t length
        int32_t ticks
        bint has_fec
        bint is_dtx
        bint is_piece
        bint sequenced
        bint has_source
        uint16_t sequence
        uint32_t timestamp
        uint32_t source
        int64_t arrival_us

    int64_t rta_jitter_to_us(const rta_jitter *jitter, int64_t ticks) noexcept
    # How much later than the quickest packet the sound at `position` is when played now, and ought
    # to be.
    int64_t rta_jitter_delay_at(const rta_jitter *jitter, int64_t position, int64_t now_us) noexcept
    int64_t rta_jitter_target(const rta_jitter *jitter) noexcept
    int64_t rta_jitter_end(const rta_jitter *jitter) noexcept
    void rta_jitter_clear(rta_jitter *jitter) noexcept
    # The bytes are copied. One of the RTA_PUSH_ codes.
    int rta_jitter_push(rta_jitter *jitter, const rta_packet *packet) noexcept
    void rta_jitter_end_utterance(rta_jitter *jitter) noexcept
    # What is to be played now; `turn.slot` holds until the next push.
    void rta_jitter_take(rta_jitter *jitter, int64_t now_us, rta_turn *turn) noexcept
    # Whether that would be a packet that follows the last one without a gap.
    bint rta_jitter_ready(const rta_jitter *jitter) noexcept
    # How much shorter the delay could have been all the time lately.
    void rta_jitter_note_spare(rta_jitter *jitter, int64_t spare_us, int64_t span_us) noexcept
    int64_t rta_jitter_spare(const rta_jitter *jitter) noexcept
    void rta_jitter_shortened(rta_jitter *jitter, int64_t us) noexcept
    # Leave out the next packet; rta_jitter_ready must hold.
    void rta_jitter_skip(rta_jitter *jitter) noexcept


# What a packet's bytes are.
cdef enum Encoding:
    ENCODING_OPUS
    ENCODING_PCMU
    ENCODING_PCMA
    ENCODING_PCM16

# A time in seconds that a caller gave, in microseconds. AudioError unless it is a finite number.
cdef int64_t as_time_us(str what, object seconds) except? -1


cdef class JitterBuffer:
    # The slots are allocated once, their bytes as packets come; all is freed with the object.
    cdef rta_jitter jitter
    cdef cython.pymutex mutex  # guards `jitter`
    cdef Encoding kind
    cdef int bytes_per_tick  # of PCM and G.711
    cdef int64_t since_skipped_us  # of sound, since `pull` left a packet out
    cdef int numbered  # whether packets come with sequence numbers; -1 until the first one
    cdef readonly str encoding
    cdef readonly int clock_rate  # Hz
    cdef readonly int channels

    # Cuts, measures and stores what a caller pushed, as `describe` described it; True if any of it
    # was kept. Takes the lock.
    cdef bint take_in(self, object payload, rta_packet *packet) except -1
    cdef bint keep(self, const u8 *data, Py_ssize_t length, rta_packet *packet) except -1
    # What a caller's arguments say of a packet, beside its bytes.
    cdef int describe(
        self, object arrival_s, object sequence, object timestamp, object ssrc, rta_packet *packet
    ) except -1
    # AudioError where packets came the other way so far: with sequence numbers, or without.
    cdef int check_numbered(self, bint sequenced) except -1
    cdef int _check_room(self, Py_ssize_t packets) except -1
    cdef int _count_malformed(self) except -1
