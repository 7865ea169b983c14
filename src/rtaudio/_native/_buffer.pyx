"""Borrowing PCM16 and encoded bytes from whatever the caller holds them in.

A typed memoryview cannot be this boundary: `const int16_t[::1]` refuses bytes and bytearray, and
asking for raw memory alone would take float32 for PCM. So the format is asked for and checked by
hand, once, here.
"""

cimport cython
from cpython.buffer cimport (
    PyBUF_FORMAT,
    PyBUF_ND,
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_FillInfo,
    PyBuffer_Release,
    PyObject_CheckBuffer,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_Clear
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.object cimport Py_TYPE, PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy

import importlib

import numpy as np

from rtaudio._native._types cimport MAX_CHANNELS, f32, s16, u8

from rtaudio.errors import AudioError

__all__ = ["as_pcm16"]

cdef extern from "Python.h":
    # As PyObject_GetBuffer, for those who look at the result themselves.
    int try_get_buffer "PyObject_GetBuffer"(
        object owner, Py_buffer *buffer, int flags
    ) noexcept

cdef extern from "ndarray.h":
    ctypedef struct rta_ndarray:
        char *data
        int nd
        Py_ssize_t *dimensions
        PyObject *descr

    int RTA_NDARRAY_C_CONTIGUOUS, RTA_NDARRAY_ALIGNED, RTA_NDARRAY_WRITEABLE

    bint rta_releases_by_reference(object array) noexcept
    bint rta_ndarray_has(const rta_ndarray *array, int flags) noexcept
    void rta_ndarray_borrow(
        object array, Py_ssize_t itemsize, char *format, Py_buffer *buffer
    ) noexcept

    ctypedef object (*rta_new_array)(
        PyTypeObject *type,
        PyObject *descr,
        int nd,
        const Py_ssize_t *dimensions,
        const Py_ssize_t *strides,
        void *data,
        int flags,
        PyObject *owner,
    )
    rta_new_array rta_find_new_array(object capsule) noexcept

cdef object _empty = np.empty
cdef object _int16 = np.dtype(np.int16)
cdef object _float32 = np.dtype(np.float32)
cdef char *S16_FORMAT = b"h"
cdef char *F32_FORMAT = b"f"


cdef PyTypeObject *_type_of_known_arrays() except? NULL:
    """numpy's array type, or NULL where arrays do not look as ndarray.h says."""
    cdef int readable = RTA_NDARRAY_C_CONTIGUOUS | RTA_NDARRAY_ALIGNED
    array = _empty((3, 2), _int16)
    column = array[:, :1]
    locked = array[1:]
    locked.flags.writeable = False
    if np.ndarray.__basicsize__ < sizeof(rta_ndarray) or not rta_releases_by_reference(array):
        return NULL
    cdef rta_ndarray *seen = <rta_ndarray *><PyObject *>array
    if (
        <uintptr_t>seen.data != <uintptr_t>array.ctypes.data
        or seen.nd != 2
        or seen.dimensions[0] != 3
        or seen.dimensions[1] != 2
        or seen.descr != <PyObject *>_int16
        or not rta_ndarray_has(seen, readable | RTA_NDARRAY_WRITEABLE)
        or rta_ndarray_has(<rta_ndarray *><PyObject *>column, readable)
        or not rta_ndarray_has(<rta_ndarray *><PyObject *>locked, readable)
        or rta_ndarray_has(<rta_ndarray *><PyObject *>locked, RTA_NDARRAY_WRITEABLE)
    ):
        return NULL
    return Py_TYPE(array)


cdef PyTypeObject *_array_type = _type_of_known_arrays()


cdef rta_new_array _maker_of_arrays() except? NULL:
    """numpy's own function, or NULL where it is not where ndarray.h looks for it."""
    for package in ("numpy._core", "numpy.core"):  # of 2.x and of 1.x
        try:
            module = importlib.import_module(f"{package}._multiarray_umath")
        except ImportError:
            continue
        return rta_find_new_array(module._ARRAY_API)
    return NULL


cdef rta_new_array _new_array = _maker_of_arrays() if _array_type != NULL else NULL


cdef inline bint _is_byte_format(const char *form) noexcept nogil:
    # NULL means unsigned bytes (PEP 3118).
    return form == NULL or (form[0] in (b"B", b"b", b"c") and form[1] == 0)


cdef inline bint _is_s16_format(const char *form) noexcept nogil:
    return _is_format(form, b"h")


cdef inline bint _is_format(const char *form, char item) noexcept nogil:
    # '<' is native only on little-endian machines, the only ones that are built for.
    if form == NULL:
        return False
    if form[0] in (b"<", b"=", b"@"):
        form += 1
    return form[0] == item and form[1] == 0


cdef inline bint _borrow_array(
    object owner, object dtype, Py_ssize_t itemsize, char *form, Py_buffer *buffer, int flags
) noexcept:
    """Borrow an ordinary array of one or two dimensions; False where that is another object."""
    cdef rta_ndarray *array
    cdef int needed = RTA_NDARRAY_C_CONTIGUOUS | RTA_NDARRAY_ALIGNED
    if Py_TYPE(owner) != _array_type:
        return False
    array = <rta_ndarray *><PyObject *>owner
    if flags & PyBUF_WRITABLE:
        needed |= RTA_NDARRAY_WRITEABLE
    if array.descr != <PyObject *>dtype or not rta_ndarray_has(array, needed):
        return False
    if array.nd != 1 and array.nd != 2:
        return False
    rta_ndarray_borrow(owner, itemsize, form, buffer)
    return True


cdef inline int _get_buffer(object owner, Py_buffer *buffer, int flags) except -1:
    """`PyObject_GetBuffer` whose refusals are all AudioError."""
    if try_get_buffer(owner, buffer, flags) == 0:
        return 0
    PyErr_Clear()
    return _get_buffer_or_say_why(owner, buffer, flags)


cdef int _get_buffer_or_say_why(object owner, Py_buffer *buffer, int flags) except -1:
    if not PyObject_CheckBuffer(owner):
        raise AudioError(
            f"got {type(owner).__name__}; audio must be a buffer, such as bytes, bytearray, "
            "memoryview or a numpy array"
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


@cython.cdivision(True)  # by 1 or more
cdef inline bint _accept_pcm(int channels, PcmView *view) noexcept:
    """Fill in what `view` tells of its buffer; False where that is no PCM16 of so many channels."""
    cdef Py_buffer *buffer = &view.buffer
    cdef Py_ssize_t block = <Py_ssize_t>sizeof(s16) * max(channels, 1)
    if not (_is_s16_format(buffer.format) or _is_byte_format(buffer.format)):
        return False
    if buffer.ndim == 2 and buffer.itemsize == 2:
        if buffer.shape[1] != channels and channels > 0:
            return False
    elif buffer.ndim != 1:
        return False
    view.samples_per_channel = buffer.len // block
    if view.samples_per_channel * block != buffer.len:
        return False
    view.ndim = buffer.ndim
    view.samples = <s16 *>buffer.buf
    view.aligned_copy = NULL
    return True


cdef int _refuse_pcm(object owner, int channels, Py_buffer *buffer) except -1:
    """Say why `_accept_pcm` did not."""
    if not (_is_byte_format(buffer.format) or _is_s16_format(buffer.format)):
        _refuse_format(owner, buffer, "PCM16 (int16, little endian, or bytes of it)")
    if buffer.ndim == 2 and buffer.itemsize == 2 and buffer.shape[1] != channels and channels:
        raise AudioError(
            f"got an array of shape ({buffer.shape[0]}, {buffer.shape[1]}); "
            f"with {channels} channel(s) it must be (samples_per_channel, {channels})"
        )
    if buffer.ndim != 1 and not (buffer.ndim == 2 and buffer.itemsize == 2):
        raise AudioError(
            f"got an array of {buffer.ndim} dimensions; it must be one-dimensional "
            "(interleaved) or (samples_per_channel, channels)"
        )
    channels = max(channels, 1)
    raise AudioError(
        f"got {buffer.len} bytes; PCM16 of {channels} channel(s) must be "
        f"a multiple of {2 * channels} bytes"
    )


cdef inline int _borrow(object owner, int channels, PcmView *view, int flags) except -1:
    if not _borrow_array(owner, _int16, sizeof(s16), S16_FORMAT, &view.buffer, flags):
        _get_buffer(owner, &view.buffer, flags | PyBUF_ND | PyBUF_FORMAT)
    if not _accept_pcm(channels, view):
        try:
            _refuse_pcm(owner, channels, &view.buffer)
        finally:
            PyBuffer_Release(&view.buffer)
    return 0


cdef int _align(PcmView *view) except -1:
    # A slice of bytes may start anywhere; reading int16 there is undefined behaviour in C.
    view.aligned_copy = PyMem_RawMalloc(max(view.buffer.len, 1))
    if view.aligned_copy == NULL:
        PyBuffer_Release(&view.buffer)
        raise MemoryError()
    memcpy(view.aligned_copy, view.buffer.buf, view.buffer.len)
    view.samples = <s16 *>view.aligned_copy
    return 0


cdef int borrow_pcm(object data, int channels, PcmView *view) except -1:
    _borrow(data, channels, view, 0)
    if <uintptr_t>view.buffer.buf & 1:
        _align(view)
    return 0


cdef int borrow_pcm_out(object out, int channels, PcmView *view) except -1:
    _borrow(out, channels, view, PyBUF_WRITABLE)
    if <uintptr_t>view.buffer.buf & 1:
        PyBuffer_Release(&view.buffer)
        raise AudioError(
            "got a buffer to write to at an odd address; PCM16 must start at an even one"
        )
    return 0


cdef void release_pcm(PcmView *view) noexcept:
    if view.aligned_copy != NULL:
        PyMem_RawFree(view.aligned_copy)
        view.aligned_copy = NULL
    PyBuffer_Release(&view.buffer)


cdef int _borrow_floats(object owner, FloatView *view, int flags) except -1:
    if not _borrow_array(owner, _float32, sizeof(f32), F32_FORMAT, &view.buffer, flags):
        _get_buffer(owner, &view.buffer, flags | PyBUF_ND | PyBUF_FORMAT)
    if not _is_format(view.buffer.format, b"f"):
        try:
            _refuse_format(owner, &view.buffer, "float32")
        finally:
            PyBuffer_Release(&view.buffer)
    view.samples = <f32 *>view.buffer.buf
    view.count = view.buffer.len // <Py_ssize_t>sizeof(f32)
    return 0


cdef int borrow_floats(object data, FloatView *view) except -1:
    return _borrow_floats(data, view, 0)


cdef int borrow_floats_out(object out, FloatView *view) except -1:
    return _borrow_floats(out, view, PyBUF_WRITABLE)


cdef void release_floats(FloatView *view) noexcept:
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
    if PyBytes_CheckExact(data):  # as most packets are; nothing has to be asked of them
        view.data = <u8 *>PyBytes_AS_STRING(data)
        view.length = PyBytes_GET_SIZE(data)
        return PyBuffer_FillInfo(&view.buffer, data, view.data, view.length, True, PyBUF_SIMPLE)
    return _borrow_bytes(data, view, PyBUF_ND | PyBUF_FORMAT)


cdef int borrow_bytes_out(object out, ByteView *view) except -1:
    return _borrow_bytes(out, view, PyBUF_ND | PyBUF_FORMAT | PyBUF_WRITABLE)


cdef void release_bytes(ByteView *view) noexcept:
    PyBuffer_Release(&view.buffer)


cdef object new_pcm(Py_ssize_t samples_per_channel, int channels, int ndim, PcmView *view):
    cdef Py_ssize_t *shape = [samples_per_channel, channels]
    if ndim != 2:
        ndim = 1
        shape[0] *= channels
    if _new_array == NULL:
        array = _empty((shape[0], shape[1])[:ndim], _int16)
        borrow_pcm_out(array, channels, view)
        return array
    Py_INCREF(_int16)
    array = _new_array(_array_type, <PyObject *>_int16, ndim, shape, NULL, NULL, 0, NULL)
    rta_ndarray_borrow(array, sizeof(s16), S16_FORMAT, &view.buffer)
    view.aligned_copy = NULL
    view.samples = <s16 *>view.buffer.buf
    view.samples_per_channel = samples_per_channel
    view.ndim = ndim
    return array


def as_pcm16(data, channels=1):
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
    cdef int count = as_channels(channels)
    borrow_pcm(data, count, &source)
    try:
        result = new_pcm(source.samples_per_channel, count, source.ndim, &target)
        memcpy(target.samples, source.samples, source.buffer.len)
        release_pcm(&target)
    finally:
        release_pcm(&source)
    return result


cdef int as_channels(object channels) except -1:
    if not isinstance(channels, int) or isinstance(channels, bool):
        raise AudioError(f"got {channels!r} channels; it must be an integer")
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(f"got {channels} channels; it must be 1 to {MAX_CHANNELS}")
    return channels
