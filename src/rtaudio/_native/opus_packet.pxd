"""What an Opus packet says of itself (RFC 6716, section 3), read without libopus."""

from rtaudio._native._types cimport u8


cdef enum:
    # RFC 6716 section 3.4, rules R2 and R5; the units are those of frame_units.
    OPUS_MAX_FRAME_BYTES = 1275
    OPUS_MAX_PACKET_UNITS = 48

# Why bytes are no Opus packet. Parsing returns 0 or one of these, which are negative.
cdef enum:
    PACKET_EMPTY = -1
    PACKET_FRAME_TOO_LONG = -2
    PACKET_UNEQUAL_FRAMES = -3
    PACKET_CUT = -4
    PACKET_NO_FRAMES = -5
    PACKET_TOO_LONG = -6

cdef struct PacketLayout:
    int config  # 0 to 31, RFC 6716 table 2
    int channels  # 1 or 2
    int frames  # 1 to 48
    int frame_units  # length of each frame, in units of 2.5 ms
    Py_ssize_t first_offset  # where the first frame begins in the packet
    Py_ssize_t first_bytes  # its length, 0 to OPUS_MAX_FRAME_BYTES

# Reads no more than `length` bytes; checks all rules of section 3.4. `layout` is whole only where 0
# was returned.
cdef int parse_packet(const u8 *packet, Py_ssize_t length, PacketLayout *layout) noexcept nogil

# Whether the first frame carries a copy (LBRR) of what came before the packet. `layout` must be that
# of `packet`.
cdef bint packet_has_fec(const u8 *packet, const PacketLayout *layout) noexcept nogil
