"""The two events that carry sound, between JSON text and bytes, without a stop in between.

Sound is nearly all of what a session sends and receives, and it travels as base64 inside JSON.
Writing is one pass from the samples into the finished text. Reading is one pass as well, which finds
the fields of an audio delta and decodes the sound where it meets it, into memory of the right size:
base64 tells its own end. The reader knows audio deltas as services write them, with the fields in
any order, space between them, and unknown fields of any kind beside them. It accepts less than JSON
does, on purpose: at the first thing out of the ordinary (an escape, a field given twice, a character
that is not ASCII, nesting deeper than `MAX_DEPTH`) it gives up, and the caller uses a full parser.
What the reader does accept is valid JSON that means exactly what it returns.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcmp, memcpy, memset

from json.encoder import encode_basestring_ascii

from rtaudio._native._buffer cimport (
    ByteView,
    PcmView,
    borrow_bytes,
    borrow_pcm,
    release_bytes,
    release_pcm,
)
from rtaudio._native._types cimport u8
from rtaudio._native.simd cimport active_level

from rtaudio.errors import AudioError

__all__ = ["decode_audio_delta", "encode_append"]

cdef extern from "Python.h":
    ctypedef struct PyObject
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    u8 *PyUnicode_1BYTE_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    object PyUnicode_New(Py_ssize_t length, Py_UCS4 highest)
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t length) except NULL
    char *bytes_data "PyBytes_AS_STRING"(PyObject *data) noexcept
    int resize_bytes "_PyBytes_Resize"(PyObject **data, Py_ssize_t length) except -1
    void set_size "Py_SET_SIZE"(PyObject *data, Py_ssize_t length) noexcept
    void Py_DECREF(PyObject *owned) noexcept

cdef enum:
    MAX_INDEX_DIGITS = 9  # keeps an index inside 32 bits
    MAX_SPARE_BYTES = 512  # of memory that a piece of sound may hold without need
    MAX_DEPTH = 8  # arrays and objects inside one another, in the value of an unknown field

cdef enum:  # bits of DeltaFields.given
    TYPE = 1
    RESPONSE_ID = 2
    ITEM_ID = 4
    OUTPUT_INDEX = 8
    CONTENT_INDEX = 16
    DELTA = 32
    EVENT_ID = 64

rta_base64_init(active_level())

cdef const char *_HEAD = b'{"type":"input_audio_buffer.append",'
cdef const char *_AUDIO = b'"audio":"'

cdef enum:
    HEAD_LENGTH = 36
    AUDIO_LENGTH = 9


cdef Py_ssize_t append_size(Py_ssize_t length) noexcept nogil:
    return HEAD_LENGTH + AUDIO_LENGTH + (length + 2) // 3 * 4 + 2


cdef void write_append(const u8 *data, Py_ssize_t length, u8 *out) noexcept nogil:
    memcpy(out, _HEAD, HEAD_LENGTH)
    _write_audio(data, length, out + HEAD_LENGTH)


cdef inline void _write_audio(const u8 *data, Py_ssize_t length, u8 *out) noexcept nogil:
    memcpy(out, _AUDIO, AUDIO_LENGTH)
    out += AUDIO_LENGTH
    out += rta_base64_encode(data, length, out)
    out[0] = c'"'
    out[1] = c"}"


cdef object _append(const u8 *data, Py_ssize_t length, object event_id):
    cdef bytes named = b""
    if event_id is not None:
        named = b'"event_id":' + encode_basestring_ascii(event_id).encode("ascii") + b","
    cdef Py_ssize_t named_length = PyBytes_GET_SIZE(named)
    text = PyBytes_FromStringAndSize(NULL, append_size(length) + named_length)
    cdef u8 *out = <u8 *>PyBytes_AS_STRING(text)
    memcpy(out, _HEAD, HEAD_LENGTH)
    memcpy(out + HEAD_LENGTH, PyBytes_AS_STRING(named), named_length)
    _write_audio(data, length, out + HEAD_LENGTH + named_length)
    return text


def encode_append(pcm, event_id=None):
    """Write sound as the JSON text of an `input_audio_buffer.append` event.

    Args:
        pcm: what the session's input format holds: a contiguous buffer of int16 samples, or bytes of
            any length (PCM16 little endian, or G.711 codes). It is only read during the call.
        event_id: an id for the event, any text.

    Returns:
        ASCII bytes, which begin with `{"type":"input_audio_buffer.append"`.

    Raises:
        AudioError: `pcm` is no such buffer.
    """
    cdef ByteView view
    cdef PcmView samples
    if isinstance(pcm, bytes):
        return _append(<const u8 *>PyBytes_AS_STRING(pcm), PyBytes_GET_SIZE(pcm), event_id)
    if isinstance(pcm, bytearray) or getattr(pcm, "itemsize", 1) == 1:
        borrow_bytes(pcm, &view)
        try:
            return _append(view.data, view.length, event_id)
        finally:
            release_bytes(&view)
    borrow_pcm(pcm, 1, &samples)
    try:
        return _append(<const u8 *>samples.samples, samples.samples_per_channel * 2, event_id)
    finally:
        release_pcm(&samples)


def decode_audio_delta(message):
    """Read a `response.output_audio.delta`, or the beta protocol's `response.audio.delta`.

    Args:
        message: JSON text, or its UTF-8 bytes; only read during the call.

    Returns:
        `(event_id or None, response_id, item_id, output_index, content_index, audio)`, or None where
        the message is anything but an audio delta written plainly with valid base64: use a full
        parser then, which also finds what may be wrong.
    """
    cdef ByteView view
    if isinstance(message, bytes):
        return _delta(<const u8 *>PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message))
    if isinstance(message, str):
        if not PyUnicode_IS_COMPACT_ASCII(message):
            return None
        return _delta(PyUnicode_1BYTE_DATA(message), PyUnicode_GET_LENGTH(message))
    try:
        borrow_bytes(message, &view)
    except AudioError:
        return None
    try:
        return _delta(view.data, view.length)
    finally:
        release_bytes(&view)


cdef object _delta(const u8 *text, Py_ssize_t length):
    cdef DeltaFields fields
    memset(&fields, 0, sizeof(fields))
    sound = read_delta(text, text + length, &fields)
    if sound is None or fields.given & NEEDED_FIELDS != NEEDED_FIELDS:
        return None
    return (
        _text(&fields.event_id) if fields.given & EVENT_ID else None,
        _text(&fields.response_id),
        _text(&fields.item_id),
        fields.output_index,
        fields.content_index,
        sound,
    )


cdef inline object _text(const Span *span):
    text = PyUnicode_New(span.length, 127)
    memcpy(PyUnicode_1BYTE_DATA(text), span.start, span.length)
    return text


cdef object read_delta(const u8 *at, const u8 *end, DeltaFields *fields):
    cdef Span key
    cdef unsigned int field
    sound = None
    at = _skip_mark(at, end, c"{")
    while at != NULL:
        at = _read_text(at, end, &key)
        if at == NULL:
            return None
        at = _skip_mark(at, end, c":")
        field = _field_of(&key)
        if at == NULL or field & fields.given:
            return None
        fields.given |= field
        if field == DELTA:
            sound = _read_sound(&at, end)
        else:
            at = _read_field(at, end, field, fields)
        if at == NULL:
            return None
        at = _skip_space(at, end)
        if at < end and at[0] == c"}":
            return sound if _skip_space(at + 1, end) == end else None
        at = _skip_mark(at, end, c",")
    return None


cdef object _read_sound(const u8 **at, const u8 *end):
    """Decode a text of base64; `at` is then past it, or NULL where it is not one."""
    cdef const u8 *start = at[0]
    cdef const u8 *quote
    cdef Py_ssize_t room, length = 0
    cdef PyObject *sound
    at[0] = NULL
    if start == end or start[0] != c'"':
        return None
    # All that is left, as if it were base64: nearly always what it is, but for a quote and a brace, or
    # the fields that stand behind it.
    room = ((end - start - 1) >> 2) * 3
    # No one else can see `sound` yet; an empty one is shared, but then nothing is written.
    sound = new_bytes(NULL, room)
    quote = rta_base64_decode(start + 1, end, <u8 *>bytes_data(sound), &length)
    if quote == NULL:
        Py_DECREF(sound)
        return None
    if length == 0 or room - length > MAX_SPARE_BYTES:
        resize_bytes(&sound, length)
    elif length != room:
        # To give so little back takes longer than the memory is worth.
        bytes_data(sound)[length] = 0
        set_size(sound, length)
    at[0] = quote + 1
    result = <object>sound
    Py_DECREF(sound)
    return result


cdef inline unsigned int _field_of(const Span *key) noexcept nogil:
    """The bit of the field that has this name, or 0."""
    if _is(key, b"type", 4):
        return TYPE
    if _is(key, b"delta", 5):
        return DELTA
    if _is(key, b"item_id", 7):
        return ITEM_ID
    if _is(key, b"event_id", 8):
        return EVENT_ID
    if _is(key, b"response_id", 11):
        return RESPONSE_ID
    if _is(key, b"output_index", 12):
        return OUTPUT_INDEX
    return CONTENT_INDEX if _is(key, b"content_index", 13) else 0


cdef inline const u8 *_read_field(
    const u8 *at, const u8 *end, unsigned int field, DeltaFields *fields
) noexcept nogil:
    """Past the value of a field other than `delta`, or NULL where it cannot be that."""
    cdef Span name
    if field == RESPONSE_ID:
        return _read_text(at, end, &fields.response_id)
    if field == ITEM_ID:
        return _read_text(at, end, &fields.item_id)
    if field == OUTPUT_INDEX:
        return _read_index(at, end, &fields.output_index)
    if field == CONTENT_INDEX:
        return _read_index(at, end, &fields.content_index)
    if field == TYPE:
        at = _read_text(at, end, &name)
        if _is(&name, b"response.output_audio.delta", 27) or _is(&name, b"response.audio.delta", 20):
            return at
        return NULL
    if field == EVENT_ID:
        if at < end and at[0] == c"n":
            fields.given &= ~<unsigned int>EVENT_ID  # a null is as good as no field
            return _skip_word(at, end, b"null", 4)
        return _read_text(at, end, &fields.event_id)
    return _skip_value(at, end, MAX_DEPTH)


cdef inline bint _is(const Span *span, const char *text, Py_ssize_t length) noexcept nogil:
    return span.length == length and memcmp(span.start, text, length) == 0


# Below, each function takes the text from `at` to `end` and returns the place behind what it names,
# or NULL where that does not stand there.


cdef inline const u8 *_skip_space(const u8 *at, const u8 *end) noexcept nogil:
    while at < end and (at[0] == c" " or at[0] == c"\n" or at[0] == c"\r" or at[0] == c"\t"):
        at += 1
    return at


cdef inline const u8 *_skip_mark(const u8 *at, const u8 *end, u8 mark) noexcept nogil:
    """A mark and the space on both its sides."""
    at = _skip_space(at, end)
    if at == end or at[0] != mark:
        return NULL
    return _skip_space(at + 1, end)


cdef inline const u8 *_skip_word(
    const u8 *at, const u8 *end, const char *word, Py_ssize_t length
) noexcept nogil:
    return at + length if end - at >= length and memcmp(at, word, length) == 0 else NULL


cdef inline const u8 *_read_text(const u8 *at, const u8 *end, Span *span) noexcept nogil:
    """A text of ASCII without escapes."""
    span.start = NULL
    span.length = 0
    if at == end or at[0] != c'"':
        return NULL
    span.start = at + 1
    at = rta_plain_text_end(at + 1, end)
    span.length = at - span.start
    return at + 1 if at < end and at[0] == c'"' else NULL


cdef inline const u8 *_read_index(const u8 *at, const u8 *end, Py_ssize_t *index) noexcept nogil:
    """A number of 1 to 9 digits without sign, fraction or leading zeros."""
    cdef const u8 *start = at
    cdef Py_ssize_t value = 0
    while at < end and c"0" <= at[0] <= c"9":
        if at - start == MAX_INDEX_DIGITS:
            return NULL
        value = value * 10 + (at[0] - c"0")
        at += 1
    if at == start or (start[0] == c"0" and at - start > 1):
        return NULL
    index[0] = value
    return at


cdef const u8 *_skip_value(const u8 *at, const u8 *end, int depth) noexcept nogil:
    """Any value written plainly, with arrays and objects at most `depth` deep."""
    cdef Span text
    if at == end:
        return NULL
    if at[0] == c'"':
        return _read_text(at, end, &text)
    if at[0] == c"t":
        return _skip_word(at, end, b"true", 4)
    if at[0] == c"f":
        return _skip_word(at, end, b"false", 5)
    if at[0] == c"n":
        return _skip_word(at, end, b"null", 4)
    if at[0] == c"[":
        return _skip_inside(at, end, c"]", depth - 1) if depth else NULL
    if at[0] == c"{":
        return _skip_inside(at, end, c"}", depth - 1) if depth else NULL
    return _skip_number(at, end)


cdef const u8 *_skip_inside(const u8 *at, const u8 *end, u8 close, int depth) noexcept nogil:
    """An array or object, from its opening mark to the one that closes it."""
    cdef Span key
    at = _skip_space(at + 1, end)
    if at < end and at[0] == close:
        return at + 1
    while at != NULL:
        if close == c"}":
            at = _read_text(at, end, &key)
            if at == NULL:
                return NULL
            at = _skip_mark(at, end, c":")
            if at == NULL:
                return NULL
        at = _skip_value(at, end, depth)
        if at == NULL:
            return NULL
        at = _skip_space(at, end)
        if at < end and at[0] == close:
            return at + 1
        at = _skip_mark(at, end, c",")
    return NULL


cdef const u8 *_skip_number(const u8 *at, const u8 *end) noexcept nogil:
    if at < end and at[0] == c"-":
        at += 1
    if at < end and at[0] == c"0":
        at += 1
    else:
        at = _skip_digits(at, end)
    if at != NULL and at < end and at[0] == c".":
        at = _skip_digits(at + 1, end)
    if at != NULL and at < end and (at[0] == c"e" or at[0] == c"E"):
        at += 1
        if at < end and (at[0] == c"+" or at[0] == c"-"):
            at += 1
        at = _skip_digits(at, end)
    return at


cdef inline const u8 *_skip_digits(const u8 *at, const u8 *end) noexcept nogil:
    """One digit or more."""
    cdef const u8 *start = at
    while at < end and c"0" <= at[0] <= c"9":
        at += 1
    return at if at > start else NULL
