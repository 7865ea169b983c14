"""Borrowing PCM16 and encoded bytes from whatever the caller holds them in.

A typed memoryview cannot be this boundary: `const int16_t[::1]` refuses bytes and bytearray, and
asking for raw memory alone would take float32 for PCM. So the format is asked for and checked by
hand, once, here.
"""

from cpython.buffer cimport (
    PyBUF_FORMAT,
    PyBUF_ND,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_CheckBuffer,
    PyObject_GetBuffer,
)
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy

import numpy as np

from rtaudio._native._types cimport MAX_CHANNELS

from rtaudio.errors import AudioError

__all__ = ["as_pcm16"]

cdef object _empty = np.empty
cdef object _int16 = np.dtype(np.int16)


cdef inline bint _is_byte_format(const char *form) noexcept nogil:
    # NULL means unsigned bytes (PEP 3118).
    return form == NULL or (form[0] in (b"B", b"b", b"c") and form[1] == 0)


cdef inline bint _is_s16_format(const char *form) noexcept nogil:
    # '<h' is native only on little-endian machines, the only ones that are built for.
    if form == NULL:
        return False
    if form[0] in (b"<", b"=", b"@"):
        form += 1
    return form[0] == b"h" and form[1] == 0


cdef int _get_buffer(object owner, Py_buffer *buffer, int flags) except -1:
    """`PyObject_GetBuffer` whose refusals are all AudioError."""
    if not PyObject_CheckBuffer(owner):
        raise AudioError(
            f"got {type(owner).__name__}; audio must be bytes, bytearray, memoryview "
            "or a numpy array of int16"
        )
    try:
        PyObject_GetBuffer(owner, buffer, flags)
    except (BufferError, ValueError, TypeError) as error:
        # numpy reports what is not contiguous as ValueError, others as BufferError; a buffer that
        # is read only comes as either, so try again to say which of the two it is.
        if flags & PyBUF_WRITABLE:
            try:
                PyObject_GetBuffer(owner, buffer, flags & ~PyBUF_WRITABLE)
            except (BufferError, ValueError, TypeError):
                pass
            else:
                PyBuffer_Release(buffer)
                raise AudioError(
                    f"got a read-only {type(owner).__name__} to write to; "
                    "it must be a writable buffer, such as a bytearray or a numpy array"
                ) from error
        raise AudioError(
            f"cannot borrow the memory of this {type(owner).__name__} ({error}); "
            "audio must be contiguous, in C order"
        ) from error
    return 0


cdef int _refuse_format(object owner, Py_buffer *buffer, str wanted) except -1:
    got = (<bytes>buffer.format).decode("ascii", "replace") if buffer.format != NULL else "B"
    raise AudioError(f"got {type(owner).__name__} of format {got!r}; it must hold {wanted}")


cdef int _check_pcm(object owner, int channels, PcmView *view) except -1:
    cdef Py_buffer *buffer = &view.buffer
    if not (_is_byte_format(buffer.format) or _is_s16_format(buffer.format)):
        _refuse_format(owner, buffer, "PCM16 (int16, little endian, or bytes of it)")
    view.ndim = 1
    if buffer.ndim == 2 and buffer.itemsize == 2:
        if buffer.shape[1] != channels:
            raise AudioError(
                f"got an array of shape ({buffer.shape[0]}, {buffer.shape[1]}); "
                f"with {channels} channel(s) it must be (samples_per_channel, {channels})"
            )
        view.ndim = 2
    elif buffer.ndim != 1:
        raise AudioError(
            f"got an array of {buffer.ndim} dimensions; it must be one-dimensional "
            "(interleaved) or (samples_per_channel, channels)"
        )
    if buffer.len % (2 * channels):
        raise AudioError(
            f"got {buffer.len} bytes; PCM16 of {channels} channel(s) must be "
            f"a multiple of {2 * channels} bytes"
        )
    view.samples = <s16 *>buffer.buf
    view.samples_per_channel = buffer.len // (2 * channels)
    view.aligned_copy = NULL
    return 0


cdef int borrow_pcm(object data, int channels, PcmView *view) except -1:
    _get_buffer(data, &view.buffer, PyBUF_ND | PyBUF_FORMAT)
    try:
        _check_pcm(data, channels, view)
        if <uintptr_t>view.buffer.buf & 1:
            # A slice of bytes may start anywhere; reading int16 there is undefined behaviour in C.
            view.aligned_copy = PyMem_RawMalloc(max(view.buffer.len, 1))
            if view.aligned_copy == NULL:
                raise MemoryError()
            memcpy(view.aligned_copy, view.buffer.buf, view.buffer.len)
            view.samples = <s16 *>view.aligned_copy
    except BaseException:
        PyBuffer_Release(&view.buffer)
        raise
    return 0


cdef int borrow_pcm_out(object out, int channels, PcmView *view) except -1:
    _get_buffer(out, &view.buffer, PyBUF_ND | PyBUF_FORMAT | PyBUF_WRITABLE)
    try:
        _check_pcm(out, channels, view)
        if <uintptr_t>view.buffer.buf & 1:
            raise AudioError(
                "got a buffer to write to at an odd address; PCM16 must start at an even one"
            )
    except BaseException:
        PyBuffer_Release(&view.buffer)
        raise
    return 0


cdef void release_pcm(PcmView *view) noexcept:
    if view.aligned_copy != NULL:
        PyMem_RawFree(view.aligned_copy)
        view.aligned_copy = NULL
    PyBuffer_Release(&view.buffer)


cdef int _borrow_bytes(object owner, ByteView *view, int flags) except -1:
    _get_buffer(owner, &view.buffer, flags)
    if not _is_byte_format(view.buffer.format):
        try:
            _refuse_format(owner, &view.buffer, "bytes")
        finally:
            PyBuffer_Release(&view.buffer)
    view.data = <u8 *>view.buffer.buf
    view.length = view.buffer.len
    return 0


cdef int borrow_bytes(object data, ByteView *view) except -1:
    return _borrow_bytes(data, view, PyBUF_ND | PyBUF_FORMAT)


cdef int borrow_bytes_out(object out, ByteView *view) except -1:
    return _borrow_bytes(out, view, PyBUF_ND | PyBUF_FORMAT | PyBUF_WRITABLE)


cdef void release_bytes(ByteView *view) noexcept:
    PyBuffer_Release(&view.buffer)


cdef object new_pcm(Py_ssize_t samples_per_channel, int channels, int ndim, PcmView *view):
    if ndim == 2:
        array = _empty((samples_per_channel, channels), _int16)
    else:
        array = _empty(samples_per_channel * channels, _int16)
    borrow_pcm_out(array, channels, view)
    return array


def as_pcm16(data, int channels=1):
    """Copy PCM16 from any buffer into a new int16 array.

    Args:
        data: interleaved PCM16 as bytes, bytearray, memoryview, or an int16 array that is
            one-dimensional or of shape (samples_per_channel, channels).
        channels: interleaved channels, 1 to 8.

    Returns:
        A fresh int16 array, with two dimensions where `data` had two, otherwise one.

    Raises:
        AudioError: `data` is not contiguous PCM16, is not a whole number of samples for each
            channel, or `channels` is out of range.
    """
    cdef PcmView source, target
    check_channels(channels)
    borrow_pcm(data, channels, &source)
    try:
        result = new_pcm(source.samples_per_channel, channels, source.ndim, &target)
        memcpy(target.samples, source.samples, source.buffer.len)
        release_pcm(&target)
    finally:
        release_pcm(&source)
    return result


cdef int check_channels(int channels) except -1:
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(f"got {channels} channels; it must be 1 to {MAX_CHANNELS}")
    return 0
