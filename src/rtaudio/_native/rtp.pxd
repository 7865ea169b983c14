"""RTP as far as one stream of sound each way needs it: RFC 3550."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from rtaudio._native._types cimport u8
from rtaudio._native.playout cimport PlayoutBuffer


# A packet's header, and where in it the payload lies.
cdef struct RtpHeader:
    uint8_t payload_type
    uint16_t sequence
    uint32_t timestamp
    uint32_t source
    Py_ssize_t start
    Py_ssize_t length


# False where that is no packet: `header` is undefined then.
cdef bint parse_rtp(const u8 *data, Py_ssize_t length, RtpHeader *header) noexcept nogil


cdef class RtpReceiver:
    cdef PlayoutBuffer buffer
    cdef readonly object source
    # Of the source: sequence numbers with the times they wrapped in front; -1 before the first.
    cdef int64_t first, highest
    cdef int64_t received
    cdef int64_t expected_before, received_before  # when `take_fraction_lost` was asked last
    cdef double mean_jitter  # ticks
    cdef double transit  # ticks; of the packet before
    cdef bint has_transit

    cdef void begin(self, int64_t sequence) noexcept
    cdef void count(self, const RtpHeader *header, double now_s) noexcept


cdef class RtpSender:
    cdef bytes header  # what stays the same: twelve bytes to be filled in, and the extension
    cdef readonly uint32_t ssrc
    cdef uint8_t payload_type
    cdef uint16_t sequence
    cdef uint32_t first_timestamp
    cdef readonly uint32_t timestamp
    cdef int64_t sent, sent_octets
