"""The libopus that the Opus kernels use, loaded when this module is imported.

`libopus_path` has the rules of where it is looked for. Importing always works. Where no library
loads, making an encoder or a decoder raises an OpusError that says what was tried.
"""

from libc.stdint cimport int16_t, int32_t
from libc.string cimport memcmp

import operator
import os

from rtaudio._native.libopus_path import ENVIRONMENT_VARIABLE, choose
from rtaudio.errors import OpusError

__all__ = ["libopus_features", "libopus_path", "libopus_version"]

_SAMPLE_RATES = (8000, 12000, 16000, 24000, 48000)  # Hz, opus_encoder_create
_SHOWN_CHARACTERS = 60

cdef str _missing = ""
cdef object _features = None


def _probe(str name not None) -> str:
    """Load `name` for a moment and return its version text; OSError where it is no libopus."""
    cdef rta_opus_api api
    cdef const char *error = rta_opus_open(os.fsencode(name), &api)
    if error != NULL:
        # The loader begins most messages with the name, and so does ours.
        raise OSError(os.fsdecode(error).removeprefix(f"{name}: "))
    try:
        return api.get_version_string().decode("ascii", "replace")
    finally:
        rta_opus_close(&api)


cdef int _load() except -1:
    global _missing
    choice = choose(_probe)
    if choice.name is None or rta_opus_open(os.fsencode(choice.name), &libopus) != NULL:
        _missing = (
            f"no libopus could be loaded ({'; '.join(choice.tried)}); install PyAV (av) or the "
            f"system's libopus0, or set {ENVIRONMENT_VARIABLE} to the path of a libopus"
        )
    return 0


_load()


cdef int need_library() except -1:
    if libopus.handle == NULL:
        raise OpusError(_missing)
    return 0


cdef int refuse(str what, int code) except -1:
    reason = libopus.strerror(code).decode("ascii", "replace")
    raise OpusError(f"{what}: {reason} (libopus error {code})", code=code)


cdef str listed(object values):
    *most, last = [str(value) for value in values]
    return f"{', '.join(most)} or {last}"


cdef str shown(object value):
    # Someone may have handed over sound by mistake, which belongs in no message.
    if value is None or isinstance(value, (int, float, str)):
        text = repr(value)
        if len(text) <= _SHOWN_CHARACTERS:
            return text
    return f"a {type(value).__name__}"


cdef object as_whole(object value):
    if type(value) is int:
        return value
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


cdef int as_sample_rate(object value) except -1:
    if as_whole(value) not in _SAMPLE_RATES:
        raise OpusError(f"got a sample rate of {shown(value)} Hz; Opus has {listed(_SAMPLE_RATES)}")
    return value


cdef int as_channels(object value) except -1:
    if as_whole(value) not in (1, 2):
        raise OpusError(f"got {shown(value)} channels; an Opus stream has 1 or 2")
    return value


cdef Py_ssize_t as_number(str what, object value, Py_ssize_t low, Py_ssize_t high) except? -1:
    number = as_whole(value)
    if number is None or not low <= number <= high:
        raise OpusError(f"got {what} {shown(value)}; it is a whole number of {low} to {high}")
    return number


cdef int32_t as_choice(str what, object value, dict choices) except? -1:
    if not (value is None or isinstance(value, str)) or value not in choices:
        names = listed([repr(name) for name in choices])
        raise OpusError(f"got {what} {shown(value)}; it is {names}")
    return choices[value]


cdef bint as_flag(str what, object value) except -1:
    if value is True:
        return True
    if value is False:
        return False
    raise OpusError(f"got {what} {shown(value)}; it is True or False")


cdef int packet_samples(
    const unsigned char *packet, Py_ssize_t length, int sample_rate
) noexcept nogil:
    cdef int count = 0
    if 0 < length <= MAX_INPUT_BYTES:
        count = libopus.packet_get_nb_samples(packet, <int32_t>length, sample_rate)
    return count if count else RTA_OPUS_INVALID_PACKET


def libopus_version() -> str:
    """Return the version of the libopus in use, such as `1.6.1`.

    Raises:
        OpusError: none could be loaded; the message says what was tried.
    """
    need_library()
    return libopus.get_version_string().decode("ascii", "replace").removeprefix("libopus ")


def libopus_path() -> str:
    """Return the file of the libopus in use.

    Raises:
        OpusError: none could be loaded; the message says what was tried.
    """
    need_library()
    cdef const char *path = rta_opus_file(&libopus)
    return "unknown" if path == NULL else os.fsdecode(path)


def libopus_features() -> frozenset[str]:
    """Return which of the neural features of libopus 1.5 and newer the one in use was built with.

    Found by trying, once, which takes a few milliseconds: the version does not tell.

    Returns:
        Any of "dred" (deep redundancy: `OpusEncoder(dred_ms=...)`) and "deep_plc" (concealment by a
        neural vocoder: `OpusDecoder(deep_plc=True)`).

    Raises:
        OpusError: no libopus could be loaded.
    """
    global _features
    need_library()
    if _features is None:
        found = {"dred": _has_dred(), "deep_plc": _has_deep_plc()}
        _features = frozenset(name for name, here in found.items() if here)
    return _features


cdef bint _has_dred() except -1:
    cdef int error = 0
    cdef rta_opus_encoder *encoder = libopus.encoder_create(
        16000, 1, RTA_OPUS_APPLICATION_VOIP, &error
    )
    if encoder == NULL:
        refuse("could not make an encoder", error)
    error = rta_opus_encoder_set(&libopus, encoder, RTA_OPUS_SET_DRED_DURATION, 0)
    libopus.encoder_destroy(encoder)
    return error == 0


cdef bint _has_deep_plc() except -1:
    """Whether a decoder conceals otherwise at the complexity from which deep PLC is used."""
    cdef int error = 0
    cdef rta_opus_encoder *encoder = NULL
    cdef rta_opus_decoder *plain = NULL
    cdef rta_opus_decoder *deep = NULL
    cdef int16_t[320] pcm  # 20 ms at 16 kHz
    cdef int16_t[320] other
    cdef unsigned char[1275] packet
    cdef int32_t length
    cdef int i, frame
    try:
        encoder = libopus.encoder_create(16000, 1, RTA_OPUS_APPLICATION_VOIP, &error)
        plain = libopus.decoder_create(16000, 1, &error)
        deep = libopus.decoder_create(16000, 1, &error)
        if encoder == NULL or plain == NULL or deep == NULL:
            refuse("could not make an encoder and two decoders", error)
        if rta_opus_decoder_set(&libopus, deep, RTA_OPUS_SET_COMPLEXITY, DEEP_PLC_COMPLEXITY) != 0:
            return False
        for frame in range(10):
            for i in range(320):  # a sawtooth of 100 Hz, which is coded as voice
                pcm[i] = <int16_t>((i % 160) * 100 - 8000)
            length = libopus.encode(encoder, pcm, 320, packet, sizeof(packet))
            libopus.decode(plain, packet, length, pcm, 320, 0)
            libopus.decode(deep, packet, length, other, 320, 0)
        libopus.decode(plain, NULL, 0, pcm, 320, 0)
        libopus.decode(deep, NULL, 0, other, 320, 0)
        return memcmp(pcm, other, sizeof(pcm)) != 0
    finally:
        if encoder != NULL:
            libopus.encoder_destroy(encoder)
        if plain != NULL:
            libopus.decoder_destroy(plain)
        if deep != NULL:
            libopus.decoder_destroy(deep)
