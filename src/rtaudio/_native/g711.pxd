"""G.711 mu-law and A-law: one byte per PCM16 sample, channels interleaved as they come."""

from rtaudio._native._types cimport s16, u8


cdef extern from "g711.h" nogil:
    u8 rta_ulaw_from_s16(s16 sample) noexcept
    u8 rta_alaw_from_s16(s16 sample) noexcept
    s16 rta_s16_from_ulaw(u8 code) noexcept
    s16 rta_s16_from_alaw(u8 code) noexcept
    # `count` values; in and out may not overlap.
    void rta_ulaw_encode(const s16 *samples, Py_ssize_t count, u8 *out) noexcept
    void rta_alaw_encode(const s16 *samples, Py_ssize_t count, u8 *out) noexcept
    void rta_g711_decode(const s16 *table, const u8 *codes, Py_ssize_t count, s16 *out) noexcept
