"""G.711 telephone codecs, bit-exact with ITU-T G.711 and its reference software (G.191)."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

from rtaudio._native._buffer cimport (
    ByteView,
    PcmView,
    borrow_bytes,
    borrow_bytes_out,
    borrow_pcm,
    borrow_pcm_out,
    new_pcm,
    release_bytes,
    release_pcm,
)
from rtaudio._native._types cimport s16, u8
from rtaudio._native.simd cimport active_level

from rtaudio.errors import AudioError

__all__ = [
    "alaw_decode",
    "alaw_decode_into",
    "alaw_encode",
    "alaw_encode_into",
    "ulaw_decode",
    "ulaw_decode_into",
    "ulaw_encode",
    "ulaw_encode_into",
]

cdef enum:
    # Samples from which a call takes up to 1 ms (0.05 to 0.4 ns per sample), the point from which
    # giving up the GIL pays for taking it back.
    RELEASE_GIL_FROM = 1 << 21

cdef rta_g711_kernels KERNELS = rta_pick_g711_kernels(active_level())


cdef inline void _encode(
    rta_g711_encoder kernel, const s16 *samples, Py_ssize_t count, u8 *out
) noexcept:
    if count < RELEASE_GIL_FROM:
        kernel(samples, count, out)
    else:
        with nogil:
            kernel(samples, count, out)


cdef inline void _decode(
    rta_g711_decoder kernel, const u8 *codes, Py_ssize_t count, s16 *out
) noexcept:
    if count < RELEASE_GIL_FROM:
        kernel(codes, count, out)
    else:
        with nogil:
            kernel(codes, count, out)


cdef int _check_room(Py_ssize_t needed, Py_ssize_t room, str unit) except -1:
    if room < needed:
        raise AudioError(f"got room for {room} {unit}; this input needs {needed}")
    return 0


cdef bytes encode(rta_g711_encoder kernel, object pcm):
    cdef PcmView source
    borrow_pcm(pcm, 1, &source)
    try:
        # The object is fresh and unshared, so its bytes may still be written.
        result = PyBytes_FromStringAndSize(NULL, source.samples_per_channel)
        _encode(kernel, source.samples, source.samples_per_channel, <u8 *>PyBytes_AS_STRING(result))
    finally:
        release_pcm(&source)
    return result


cdef Py_ssize_t encode_into(rta_g711_encoder kernel, object pcm, object out) except -1:
    cdef PcmView source
    cdef ByteView target
    cdef Py_ssize_t count
    borrow_pcm(pcm, 1, &source)
    try:
        count = source.samples_per_channel
        borrow_bytes_out(out, &target)
        try:
            _check_room(count, target.length, "bytes")
            _encode(kernel, source.samples, count, target.data)
        finally:
            release_bytes(&target)
    finally:
        release_pcm(&source)
    return count


cdef object decode(rta_g711_decoder kernel, object data):
    cdef ByteView source
    cdef PcmView target
    borrow_bytes(data, &source)
    try:
        result = new_pcm(source.length, 1, 1, &target)
        _decode(kernel, source.data, source.length, target.samples)
        release_pcm(&target)
    finally:
        release_bytes(&source)
    return result


cdef Py_ssize_t decode_into(rta_g711_decoder kernel, object data, object out) except -1:
    cdef ByteView source
    cdef PcmView target
    cdef Py_ssize_t count
    borrow_bytes(data, &source)
    try:
        count = source.length
        borrow_pcm_out(out, 1, &target)
        try:
            _check_room(count, target.samples_per_channel, "samples")
            _decode(kernel, source.data, count, target.samples)
        finally:
            release_pcm(&target)
    finally:
        release_bytes(&source)
    return count


def ulaw_encode(pcm):
    """Encode PCM16 as G.711 mu-law.

    Args:
        pcm: PCM16 as bytes-like or one-dimensional int16 array, any number of interleaved channels.

    Returns:
        One byte per sample, in the order of the samples.

    Raises:
        AudioError: `pcm` is not contiguous PCM16.
    """
    return encode(KERNELS.ulaw_encode, pcm)


def ulaw_encode_into(pcm, out):
    """Encode PCM16 as G.711 mu-law into a writable byte buffer, without allocating.

    Args:
        pcm: as for `ulaw_encode`; it may not share memory with `out`.
        out: writable bytes-like, at least one byte per sample.

    Returns:
        Bytes written.

    Raises:
        AudioError: `pcm` is not contiguous PCM16, or `out` is not writable or too small.
    """
    return encode_into(KERNELS.ulaw_encode, pcm, out)


def ulaw_decode(data):
    """Decode G.711 mu-law.

    Args:
        data: mu-law bytes, any bytes-like; every byte is a valid code.

    Returns:
        A fresh int16 array of one sample per byte.

    Raises:
        AudioError: `data` does not hold contiguous bytes.
    """
    return decode(KERNELS.ulaw_decode, data)


def ulaw_decode_into(data, out):
    """Decode G.711 mu-law into a writable PCM16 buffer, without allocating.

    Args:
        data: as for `ulaw_decode`; it may not share memory with `out`.
        out: writable PCM16, at least one sample per byte.

    Returns:
        Samples written.

    Raises:
        AudioError: `data` does not hold contiguous bytes, or `out` is not writable PCM16 or is too
            small.
    """
    return decode_into(KERNELS.ulaw_decode, data, out)


def alaw_encode(pcm):
    """Encode PCM16 as G.711 A-law.

    Args:
        pcm: PCM16 as bytes-like or one-dimensional int16 array, any number of interleaved channels.

    Returns:
        One byte per sample, in the order of the samples.

    Raises:
        AudioError: `pcm` is not contiguous PCM16.
    """
    return encode(KERNELS.alaw_encode, pcm)


def alaw_encode_into(pcm, out):
    """Encode PCM16 as G.711 A-law into a writable byte buffer, without allocating.

    Args:
        pcm: as for `alaw_encode`; it may not share memory with `out`.
        out: writable bytes-like, at least one byte per sample.

    Returns:
        Bytes written.

    Raises:
        AudioError: `pcm` is not contiguous PCM16, or `out` is not writable or too small.
    """
    return encode_into(KERNELS.alaw_encode, pcm, out)


def alaw_decode(data):
    """Decode G.711 A-law.

    Args:
        data: A-law bytes, any bytes-like; every byte is a valid code.

    Returns:
        A fresh int16 array of one sample per byte.

    Raises:
        AudioError: `data` does not hold contiguous bytes.
    """
    return decode(KERNELS.alaw_decode, data)


def alaw_decode_into(data, out):
    """Decode G.711 A-law into a writable PCM16 buffer, without allocating.

    Args:
        data: as for `alaw_decode`; it may not share memory with `out`.
        out: writable PCM16, at least one sample per byte.

    Returns:
        Samples written.

    Raises:
        AudioError: `data` does not hold contiguous bytes, or `out` is not writable PCM16 or is too
            small.
    """
    return decode_into(KERNELS.alaw_decode, data, out)
