"""RTP as far as one stream of sound each way needs it: RFC 3550."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.math cimport fabs
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from rtaudio._native._buffer cimport ByteView, borrow_bytes, release_bytes
from rtaudio._native.jitter cimport as_time_us, rta_packet
from rtaudio._native.playout cimport PlayoutBuffer

from rtaudio.errors import AudioError

__all__ = ["RtpReceiver", "RtpSender"]

cdef enum:
    HEADER_BYTES = 12
    EXTENSION_BYTES = 4
    VERSION = 0x80
    VERSION_MASK = 0xC0
    PADDING = 0x20
    EXTENSION = 0x10
    SOURCES_MASK = 0x0F
    MARKER = 0x80
    TYPE_MASK = 0x7F
    MAX_DROPOUT = 3000  # numbers that jump further are another stream's: appendix A.1
    MAX_LOST = 1 << 23  # of a report: 24 bits, signed


cdef inline uint16_t read_16(const u8 *at) noexcept nogil:
    return <uint16_t>(at[0] << 8 | at[1])


cdef inline uint32_t read_32(const u8 *at) noexcept nogil:
    return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]


cdef inline void write_16(u8 *at, uint16_t value) noexcept nogil:
    at[0] = <u8>(value >> 8)
    at[1] = <u8>(value & 0xFF)


cdef inline void write_32(u8 *at, uint32_t value) noexcept nogil:
    write_16(at, <uint16_t>(value >> 16))
    write_16(at + 2, <uint16_t>(value & 0xFFFF))


cdef bint parse_rtp(const u8 *data, Py_ssize_t length, RtpHeader *header) noexcept nogil:
    cdef Py_ssize_t start, end = length
    if length < HEADER_BYTES or data[0] & VERSION_MASK != VERSION:
        return False
    start = HEADER_BYTES + 4 * (data[0] & SOURCES_MASK)
    if data[0] & EXTENSION:
        if end < start + EXTENSION_BYTES:
            return False
        start += EXTENSION_BYTES + 4 * <Py_ssize_t>read_16(data + start + 2)
    if data[0] & PADDING:
        end -= data[length - 1]
    if end < start:
        return False
    header.payload_type = data[1] & TYPE_MASK
    header.sequence = read_16(data + 2)
    header.timestamp = read_32(data + 4)
    header.source = read_32(data + 8)
    header.start = start
    header.length = end - start
    return True


cdef int64_t _number(str what, object value, int64_t highest) except -1:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
        raise AudioError(f"got {what}={value!r}; it must be an integer, 0 to {highest}")
    return value


@cython.final
cdef class RtpReceiver:
    """Reads the packets of a sender into a buffer, and counts what there is to report of it.

    Where packets of another sender come, the counts begin anew; the buffer sees to the rest.

    Args:
        buffer: takes the sound in.

    Attributes:
        source: the sender's SSRC; None before the first packet.
    """

    def __cinit__(self, PlayoutBuffer buffer not None):
        self.buffer = buffer
        self.source = None
        self.begin(-1)

    def __reduce__(self):
        raise TypeError("an RtpReceiver cannot be copied or pickled")

    cdef void begin(self, int64_t sequence) noexcept:
        self.first = self.highest = sequence
        self.received = self.expected_before = self.received_before = 0
        self.mean_jitter = 0.0
        self.has_transit = False

    cdef void count(self, const RtpHeader *header, double now_s) noexcept:
        cdef int64_t step
        cdef double transit, late
        # The shorter way between two numbers that wrap around.
        step = ((header.sequence - self.highest + 0x8000) & 0xFFFF) - 0x8000
        if self.highest < 0 or not -MAX_DROPOUT <= step <= MAX_DROPOUT:
            self.begin(header.sequence)
        elif step > 0:
            self.highest += step
        self.received += 1
        # Section 6.4.1. A timestamp that wrapped makes the difference huge.
        transit = now_s * self.buffer.buffer.clock_rate - header.timestamp
        if self.has_transit:
            late = fabs(transit - self.transit)
            if late < self.buffer.buffer.clock_rate:
                self.mean_jitter += (late - self.mean_jitter) / 16
        self.transit = transit
        self.has_transit = True

    def receive(self, packet, now_s) -> bool:
        """Take in a packet.

        Args:
            packet: bytes-like: as it was sent, header and all, decrypted.
            now_s: the time, in seconds, on a clock that never goes back.

        Returns:
            Whether it carried anything; False too for what is no packet of RTP.

        Raises:
            AudioError: `packet` is not bytes-like, `now_s` no finite number, or the buffer takes
                sound without sequence numbers.
        """
        cdef ByteView view
        cdef RtpHeader header
        cdef rta_packet described
        cdef int64_t now_us = as_time_us("now_s", now_s)
        borrow_bytes(packet, &view)
        try:
            if not parse_rtp(view.data, view.length, &header):
                return False
            if self.source is None or self.source != header.source:
                self.source = header.source
                self.begin(-1)
            self.count(&header, now_s)
            if not header.length:
                return False
            self.buffer.buffer.check_numbered(True)
            described.arrival_us = now_us
            described.sequenced = described.has_source = True
            described.sequence = header.sequence
            described.timestamp = header.timestamp
            described.source = header.source
            self.buffer.buffer.keep(view.data + header.start, header.length, &described)
            return True
        finally:
            release_bytes(&view)

    @property
    def highest_sequence(self) -> int:
        """The highest sequence number, modulo 2^32: in its upper half, how often they wrapped."""
        return self.highest & 0xFFFFFFFF

    @property
    def jitter(self) -> int:
        """The mean difference of delays between packets, in ticks of the clock rate."""
        return <int64_t>self.mean_jitter

    @property
    def lost(self) -> int:
        """Packets missing so far, within 24 bits; what came twice counts against them."""
        return max(-MAX_LOST, min(self.highest - self.first + 1 - self.received, MAX_LOST - 1))

    def take_fraction_lost(self) -> int:
        """Of 256 packets, how many were lost since this was asked for last; at most 255."""
        cdef int64_t expected = self.highest - self.first + 1
        cdef int64_t due = expected - self.expected_before
        cdef int64_t missing = due - (self.received - self.received_before)
        self.expected_before, self.received_before = expected, self.received
        return 0 if due <= 0 or missing <= 0 else min(<int64_t>255, missing * 256 // due)


@cython.final
cdef class RtpSender:
    """Writes packets.

    Args:
        ssrc: of the sender, 0 to 2^32 - 1.
        payload_type: what the payload is, 0 to 127.
        sequence: of the first packet, 0 to 65535.
        timestamp: of the first tick, 0 to 2^32 - 1.
        extension: a header extension with its own four bytes in front, in whole words.

    Attributes:
        ssrc: the same.
        timestamp: of the packet that was written last; before it, of the first tick.

    Raises:
        AudioError: an argument is out of range.
    """

    def __cinit__(self, ssrc, payload_type, sequence=0, timestamp=0, bytes extension not None=b""):
        cdef Py_ssize_t size = len(extension)
        self.ssrc = <uint32_t>_number("ssrc", ssrc, 0xFFFFFFFF)
        self.payload_type = <uint8_t>_number("payload_type", payload_type, TYPE_MASK)
        self.sequence = <uint16_t>_number("sequence", sequence, 0xFFFF)
        self.first_timestamp = <uint32_t>_number("timestamp", timestamp, 0xFFFFFFFF)
        self.timestamp = self.first_timestamp
        if size and (
            size < EXTENSION_BYTES
            or size != EXTENSION_BYTES + 4 * (extension[2] << 8 | extension[3])
        ):
            raise AudioError(
                f"got an extension of {size} bytes; its head says another length"
            )
        self.header = bytes(HEADER_BYTES) + extension

    def __reduce__(self):
        raise TypeError("an RtpSender cannot be copied or pickled")

    def pack(self, bytes payload not None, int64_t position, bint marker=False) -> bytes:
        """Write the next packet.

        Args:
            payload: what it carries.
            position: its first tick, counted from the first of all; not wrapped.
            marker: sound begins with it after silence.
        """
        cdef Py_ssize_t head = PyBytes_GET_SIZE(self.header), size = PyBytes_GET_SIZE(payload)
        cdef bytes packet = PyBytes_FromStringAndSize(NULL, head + size)
        cdef u8 *at = <u8 *>PyBytes_AS_STRING(packet)
        self.timestamp = <uint32_t>((self.first_timestamp + position) & 0xFFFFFFFF)
        memcpy(at, PyBytes_AS_STRING(self.header), head)
        memcpy(at + head, PyBytes_AS_STRING(payload), size)
        at[0] = VERSION | (EXTENSION if head > HEADER_BYTES else 0)
        at[1] = self.payload_type | (MARKER if marker else 0)
        write_16(at + 2, self.sequence)
        write_32(at + 4, self.timestamp)
        write_32(at + 8, self.ssrc)
        self.sequence = <uint16_t>((self.sequence + 1) & 0xFFFF)
        self.sent += 1
        self.sent_octets += size
        return packet

    @property
    def packets(self) -> int:
        """Packets written so far, modulo 2^32."""
        return self.sent & 0xFFFFFFFF

    @property
    def octets(self) -> int:
        """Bytes of payload written so far, modulo 2^32."""
        return self.sent_octets & 0xFFFFFFFF
