"""The two events that carry sound, between JSON text and bytes."""

from rtaudio._native._types cimport u8


cdef extern from "rta_base64.h" nogil:
    void rta_base64_init(int level) noexcept
    Py_ssize_t rta_base64_encode(const u8 *data, Py_ssize_t length, u8 *out) noexcept
    const u8 *rta_base64_decode(
        const u8 *text, const u8 *end, u8 *out, Py_ssize_t *written
    ) noexcept


cdef extern from "rta_text.h" nogil:
    const u8 *rta_plain_text_end(const u8 *at, const u8 *end) noexcept


cdef struct Span:
    const u8 *start
    Py_ssize_t length  # bytes


# What an audio delta says, apart from its sound; `given` has a bit for each field that was there.
cdef struct DeltaFields:
    Span event_id  # start NULL: null
    Span response_id
    Span item_id
    Py_ssize_t output_index
    Py_ssize_t content_index
    unsigned int given


# The event that carries sound to the service, without an id: how many bytes it takes for `length`
# bytes of sound, and the same written to `out`, which holds as many. They do not overlap.
cdef Py_ssize_t append_size(Py_ssize_t length) noexcept nogil
cdef void write_append(const u8 *data, Py_ssize_t length, u8 *out) noexcept nogil


cdef enum:
    NEEDED_FIELDS = 63  # of DeltaFields.given: all but event_id

# Read an audio delta from `at` to `end` into `fields`, which must be zeroed. Returns its sound, or
# None where this is no audio delta written plainly; it may lack fields all the same.
cdef object read_delta(const u8 *at, const u8 *end, DeltaFields *fields)
