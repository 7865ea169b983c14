"""The sound of an answer, taken from the wire piece by piece.

Nearly all that a session receives is the next piece of a part whose beginning it knows, and what has
to be done about such a piece is always the same: take the sound out of the message, count it in a few
places, and tell of it. A `SoundStream` does so in one go, without an object for anything between the
message and what tells of it. It is opened for one part and closed when anything changes that it goes by; a message that is not simply the
next piece of that part it leaves alone, uncounted.

What it counts in are objects of those who want to know: a `SoundLength` each, and the `Playhead`.
These are state like any other; their owners read and write them as they please.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memcmp, memset

from rtaudio._native._buffer cimport ByteView, borrow_bytes, release_bytes
from rtaudio._native._types cimport u8
from rtaudio._native.wire cimport NEEDED_FIELDS, DeltaFields, Span, read_delta

from rtaudio.errors import AudioError

__all__ = ["Playhead", "SoundLength", "SoundStream"]

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    u8 *PyUnicode_1BYTE_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)


@cython.final
cdef class SoundLength:
    """How much sound there was.

    Attributes:
        ms: milliseconds.
    """

    def __reduce__(self):
        raise TypeError("a SoundLength cannot be copied or pickled")


@cython.final
cdef class Playhead:
    """Where a player is that plays each piece as soon as it has it and all before it was played.

    Args:
        waits: whether its clock stands still while it has nothing to play.

    Attributes:
        waits: the same.
        dry_at: when it will have played all that it was given, in monotonic seconds.
    """

    def __cinit__(self, *, bint waits=True):
        self.waits = waits

    def __reduce__(self):
        raise TypeError("a Playhead cannot be copied or pickled")

    def advance(self, double length_ms, double now):
        """Take a piece of sound; returns when it will begin to play."""
        return self._advance(length_ms, now)

    cdef double _advance(self, double length_ms, double now) noexcept:
        if self.waits and self.dry_at < now:
            self.dry_at = now
        cdef double start_s = self.dry_at
        self.dry_at = start_s + length_ms / 1000
        return start_s if start_s > now else now


@cython.final
cdef class SoundStream:
    """Reads and counts the pieces of one part, while that is all there is to do about them.

    Attributes:
        response_id: the part's response; "" while the stream is closed.
        item_id: the part's item; the same.
        content_index: the part's place in it.
        start_s: when the piece that was read last will begin to play, in monotonic seconds.
        pieces: pieces that were read, over all parts.
        bytes: sound in them.
    """

    def __cinit__(self):
        self.close()

    def __reduce__(self):
        raise TypeError("a SoundStream cannot be copied or pickled")

    def open(
        self,
        str response_id not None,
        str item_id not None,
        Py_ssize_t content_index,
        double bytes_per_ms,
        Playhead playhead not None,
        tuple lengths not None,
        make not None,
    ):
        """Read pieces of this part from now on.

        Does nothing where an id is not of ASCII, as services write them.

        Args:
            response_id: the part's response.
            item_id: the part's item.
            content_index: the part's place in it.
            bytes_per_ms: of the format in which sound comes; above 0.
            playhead: advances by each piece.
            lengths: of type `SoundLength`; grow by each piece.
            make: called with each piece's `data`, `response_id`, `item_id` and `content_index`.
        """
        if not bytes_per_ms > 0:
            raise ValueError(f"bytes_per_ms must be above 0, got {bytes_per_ms}")
        for length in lengths:
            if not isinstance(length, SoundLength):
                raise TypeError(f"lengths are of type SoundLength, got {type(length).__name__}")
        if PyUnicode_IS_COMPACT_ASCII(response_id) and PyUnicode_IS_COMPACT_ASCII(item_id):
            self.response_id, self.item_id = response_id, item_id
            self.content_index = content_index
            self._bytes_per_ms = bytes_per_ms
            self._playhead = playhead
            self._lengths = lengths
            self._make = make

    def close(self):
        """Read nothing any more until it is opened again."""
        self.response_id = self.item_id = ""
        self._playhead = self._lengths = self._make = None

    def read(self, message, double now):
        """Take the sound out of a message, if it is the next piece of the part, and count it.

        Args:
            message: JSON text, or its UTF-8 bytes; only read during the call.
            now: monotonic time of its arrival in seconds.

        Returns:
            What `make` gave for the sound; None where the message is anything else, or not written
            plainly, or the stream is closed. Nothing is counted then.
        """
        cdef ByteView view
        if self._playhead is None:
            return None
        if isinstance(message, bytes):
            return self._read(<const u8 *>PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message), now)
        if isinstance(message, str):
            if not PyUnicode_IS_COMPACT_ASCII(message):
                return None
            return self._read(PyUnicode_1BYTE_DATA(message), PyUnicode_GET_LENGTH(message), now)
        try:
            borrow_bytes(message, &view)
        except AudioError:
            return None
        try:
            return self._read(view.data, view.length, now)
        finally:
            release_bytes(&view)

    cdef object _read(self, const u8 *text, Py_ssize_t length, double now):
        cdef DeltaFields fields
        memset(&fields, 0, sizeof(fields))
        sound = read_delta(text, text + length, &fields)
        if sound is None or not self._is_next(&fields):
            return None
        self._count(PyBytes_GET_SIZE(sound), now)
        return self._make(
            data=sound,
            response_id=self.response_id,
            item_id=self.item_id,
            content_index=self.content_index,
        )

    cdef bint _is_next(self, const DeltaFields *fields) noexcept:
        return (
            fields.given & NEEDED_FIELDS == NEEDED_FIELDS
            and fields.content_index == self.content_index
            and _equals(self.response_id, &fields.response_id)
            and _equals(self.item_id, &fields.item_id)
        )

    cdef void _count(self, Py_ssize_t length, double now) noexcept:
        cdef double ms = length / self._bytes_per_ms
        self.pieces += 1
        self.bytes += length
        self.start_s = self._playhead._advance(ms, now)
        for each in self._lengths:
            (<SoundLength>each).ms += ms


cdef inline bint _equals(object text, const Span *span) noexcept:
    """Whether a text, which is of ASCII, is what stands there."""
    cdef Py_ssize_t length = PyUnicode_GET_LENGTH(text)
    return span.length == length and memcmp(span.start, PyUnicode_1BYTE_DATA(text), length) == 0
