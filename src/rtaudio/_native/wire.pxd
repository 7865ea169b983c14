"""The two events that carry sound, between JSON text and bytes."""

from rtaudio._native._types cimport u8


cdef extern from "rta_base64.h" nogil:
    void rta_base64_init(int level) noexcept
    Py_ssize_t rta_base64_encode(const u8 *data, Py_ssize_t length, u8 *out) noexcept
    Py_ssize_t rta_base64_decoded_length(const u8 *text, Py_ssize_t length) noexcept
    int rta_base64_decode(const u8 *text, Py_ssize_t length, u8 *out) noexcept


cdef struct Span:
    const u8 *start  # NULL: not there
    Py_ssize_t length  # bytes


# The fields of an audio delta, as they stand in the text between `text` and its end.
cdef struct AudioDelta:
    Span event_id
    Span response_id
    Span item_id
    Span delta  # base64, not looked at yet
    Py_ssize_t output_index
    Py_ssize_t content_index


# Finds an audio delta's fields. 1 when `text` is one, written plainly; 0 for everything else, which
# says nothing about whether it is valid. Never reads outside text[:length].
cdef int scan_audio_delta(const u8 *text, Py_ssize_t length, AudioDelta *found) noexcept nogil
