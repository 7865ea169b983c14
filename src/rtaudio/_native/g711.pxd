"""G.711 mu-law and A-law: one byte per PCM16 sample, channels interleaved as they come."""

from rtaudio._native._types cimport s16, u8


cdef extern from "g711.h" nogil:
    # `count` values; in and out may not overlap.
    ctypedef void (*rta_g711_encoder)(const s16 *samples, Py_ssize_t count, u8 *out) noexcept nogil
    ctypedef void (*rta_g711_decoder)(const u8 *codes, Py_ssize_t count, s16 *out) noexcept nogil

    ctypedef struct rta_g711_kernels:
        rta_g711_encoder ulaw_encode
        rta_g711_encoder alaw_encode
        rta_g711_decoder ulaw_decode
        rta_g711_decoder alaw_decode

    rta_g711_kernels rta_pick_g711_kernels(int level) noexcept
