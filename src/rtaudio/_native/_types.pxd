"""Sample and index types, and the limits that every kernel shares.

Counts, lengths and offsets are always signed `Py_ssize_t`, in samples per channel unless a name
says otherwise.
"""

from libc.stdint cimport int16_t, uint8_t

ctypedef int16_t s16  # one PCM16 sample of one channel, native endian
ctypedef uint8_t u8  # one byte of encoded sound

cdef extern from "types.h":
    ctypedef float f32 "rta_f32"  # one sample of full scale 1.0, at any address

cdef enum:
    MAX_CHANNELS = 8
    MIN_SAMPLE_RATE_HZ = 4000
    MAX_SAMPLE_RATE_HZ = 192000
