"""Whole clips to Opus packets and back, without the GIL."""

from libc.stdint cimport int16_t, int32_t

from rtaudio._native.libopus cimport rta_opus_decoder, rta_opus_encoder


# The packets of a clip while it is encoded: one after the other in memory that grows.
cdef struct PacketStore:
    unsigned char *bytes  # from PyMem_RawMalloc, as `lengths`
    Py_ssize_t used
    Py_ssize_t capacity  # bytes
    int32_t *lengths  # of each packet, in bytes


# A packet of a stream to decode.
cdef struct PacketRef:
    const unsigned char *data  # NULL where it was lost
    int32_t length  # bytes
    int32_t samples_per_channel


# Encode frames `first` to `last` (not included) of a clip of `samples_per_channel` and append them
# to the store. What the last frame lacks is silence, for which `padded` has room for one frame.
# Returns 0 or libopus's (negative) error.
cdef int encode_frames_s16(
    rta_opus_encoder *encoder,
    const int16_t *pcm,
    Py_ssize_t samples_per_channel,
    int channels,
    int frame,
    Py_ssize_t first,
    Py_ssize_t last,
    int16_t *padded,
    PacketStore *store,
) noexcept nogil

# Decode packets `first` to `last` (not included) of `count`, one after the other from `pcm` on.
# Returns the samples per channel written, or libopus's error with `failed` set to the packet.
cdef Py_ssize_t decode_packets_s16(
    rta_opus_decoder *decoder,
    const PacketRef *packets,
    Py_ssize_t count,
    Py_ssize_t first,
    Py_ssize_t last,
    bint fec,
    int channels,
    int16_t *pcm,
    Py_ssize_t *failed,
) noexcept nogil
