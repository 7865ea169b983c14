"""The two events that carry sound, between JSON text and bytes, without a stop in between.

Sound is nearly all of what a session sends and receives, and it travels as base64 inside JSON.
Writing is one pass from the samples into the finished text. Reading is a scan for the fields of an
audio delta as services write it: one flat object of short texts and small numbers. The scan accepts
less than JSON does, on purpose: at the first thing out of the ordinary (an escape, a nested value, a
field given twice, a character that is not ASCII) it gives up, and the caller uses a full parser.
What the scan does accept is valid JSON that means exactly what it returns.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.string cimport memchr, memcmp, memcpy

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
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    const u8 *PyUnicode_1BYTE_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)

cdef enum:
    MAX_INDEX_DIGITS = 9  # keeps an index inside 32 bits

rta_base64_init(active_level())

cdef bytes _HEAD = b'{"type":"input_audio_buffer.append",'
cdef bytes _AUDIO = b'"audio":"'
cdef bytes _TAIL = b'"}'


cdef object _append(const u8 *data, Py_ssize_t length, object event_id):
    cdef bytes head = _HEAD
    cdef u8 *out
    if event_id is not None:
        head += b'"event_id":' + encode_basestring_ascii(event_id).encode("ascii") + b","
    head += _AUDIO
    cdef Py_ssize_t head_length = PyBytes_GET_SIZE(head)
    text = PyBytes_FromStringAndSize(NULL, head_length + (length + 2) // 3 * 4 + 2)
    out = <u8 *>PyBytes_AS_STRING(text)
    memcpy(out, PyBytes_AS_STRING(head), head_length)
    out += head_length
    out += rta_base64_encode(data, length, out)
    memcpy(out, PyBytes_AS_STRING(_TAIL), 2)
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
    if isinstance(pcm, (bytes, bytearray)) or getattr(pcm, "itemsize", 1) == 1:
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
    cdef AudioDelta found
    cdef Py_ssize_t audio_length
    if not scan_audio_delta(text, length, &found):
        return None
    audio_length = rta_base64_decoded_length(found.delta.start, found.delta.length)
    if audio_length < 0:
        return None
    audio = PyBytes_FromStringAndSize(NULL, audio_length)
    # No one else can see `audio` yet; an empty one is shared, but then nothing is written.
    if rta_base64_decode(
        found.delta.start, found.delta.length, <u8 *>PyBytes_AS_STRING(audio)
    ):
        return None
    return (
        None if found.event_id.start == NULL else _text(&found.event_id),
        _text(&found.response_id),
        _text(&found.item_id),
        found.output_index,
        found.content_index,
        audio,
    )


cdef inline object _text(const Span *span):
    return PyUnicode_DecodeASCII(<const char *>span.start, span.length, NULL)


cdef inline const u8 *_skip_space(const u8 *at, const u8 *end) noexcept nogil:
    while at < end and (at[0] == c" " or at[0] == c"\n" or at[0] == c"\r" or at[0] == c"\t"):
        at += 1
    return at


cdef inline const u8 *_skip_mark(const u8 *at, const u8 *end, u8 mark) noexcept nogil:
    """Past `mark` and the space on both its sides, or NULL where there is no `mark`."""
    at = _skip_space(at, end)
    if at == end or at[0] != mark:
        return NULL
    return _skip_space(at + 1, end)


cdef inline const u8 *_read_text(const u8 *at, const u8 *end, Span *span) noexcept nogil:
    """Past a text of printable ASCII without escapes, or NULL."""
    if at == end or at[0] != c'"':
        return NULL
    at += 1
    span.start = at
    while at < end:
        if at[0] == c'"':
            span.length = at - span.start
            return at + 1
        if at[0] < 0x20 or at[0] > 0x7E or at[0] == c"\\":
            return NULL
        at += 1
    return NULL


cdef inline const u8 *_read_base64(const u8 *at, const u8 *end, Span *span) noexcept nogil:
    """Past a text of any characters up to the next quote, which decoding will check, or NULL."""
    cdef const u8 *quote
    if at == end or at[0] != c'"':
        return NULL
    at += 1
    quote = <const u8 *>memchr(at, c'"', end - at)
    if quote == NULL:
        return NULL
    span.start = at
    span.length = quote - at
    return quote + 1


cdef inline const u8 *_read_index(const u8 *at, const u8 *end, Py_ssize_t *index) noexcept nogil:
    """Past a number of 1 to 9 digits without sign, fraction or leading zeros, or NULL."""
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


cdef inline bint _is(const Span *span, const char *text, Py_ssize_t length) noexcept nogil:
    return span.length == length and memcmp(span.start, text, length) == 0


cdef int scan_audio_delta(const u8 *text, Py_ssize_t length, AudioDelta *found) noexcept nogil:
    cdef const u8 *end = text + length
    cdef const u8 *at
    cdef Span key, value
    cdef bint is_audio_delta = False
    found.event_id.start = NULL
    found.response_id.start = NULL
    found.item_id.start = NULL
    found.delta.start = NULL
    found.output_index = -1
    found.content_index = -1

    at = _skip_mark(text, end, c"{")
    while at != NULL:
        at = _read_text(at, end, &key)
        if at == NULL:
            return 0
        at = _skip_mark(at, end, c":")
        if at == NULL:
            return 0
        if _is(&key, b"delta", 5):
            if found.delta.start != NULL:
                return 0
            at = _read_base64(at, end, &found.delta)
        elif _is(&key, b"output_index", 12):
            if found.output_index >= 0:
                return 0
            at = _read_index(at, end, &found.output_index)
        elif _is(&key, b"content_index", 13):
            if found.content_index >= 0:
                return 0
            at = _read_index(at, end, &found.content_index)
        else:
            at = _read_text(at, end, &value)
            if at == NULL:
                return 0
            if _is(&key, b"type", 4):
                if is_audio_delta:
                    return 0
                is_audio_delta = _is(&value, b"response.output_audio.delta", 27) or _is(
                    &value, b"response.audio.delta", 20
                )
                if not is_audio_delta:
                    return 0
            elif _is(&key, b"response_id", 11):
                if found.response_id.start != NULL:
                    return 0
                found.response_id = value
            elif _is(&key, b"item_id", 7):
                if found.item_id.start != NULL:
                    return 0
                found.item_id = value
            elif _is(&key, b"event_id", 8):
                if found.event_id.start != NULL:
                    return 0
                found.event_id = value
        if at == NULL:
            return 0
        at = _skip_space(at, end)
        if at == end:
            return 0
        if at[0] == c"}":
            at += 1
            break
        at = _skip_mark(at, end, c",")

    if at == NULL or _skip_space(at, end) != end:
        return 0
    return (
        is_audio_delta
        and found.delta.start != NULL
        and found.response_id.start != NULL
        and found.item_id.start != NULL
        and found.output_index >= 0
        and found.content_index >= 0
    )
