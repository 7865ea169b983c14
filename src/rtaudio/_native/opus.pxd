"""Opus packets to and from PCM16, over a libopus that is found when this module is imported."""

cimport cython
from libc.stdint cimport int16_t, int32_t


cdef extern from "rta_opus.h" nogil:
    ctypedef struct rta_opus_encoder:
        pass

    ctypedef struct rta_opus_decoder:
        pass

    ctypedef struct rta_opus_api:
        void *handle
        const char *(*get_version_string)() noexcept nogil
        const char *(*strerror)(int error) noexcept nogil
        rta_opus_encoder *(*encoder_create)(
            int32_t rate, int channels, int application, int *error
        ) noexcept nogil
        void (*encoder_destroy)(rta_opus_encoder *state) noexcept nogil
        int32_t (*encode)(
            rta_opus_encoder *state,
            const int16_t *pcm,
            int samples_per_channel,
            unsigned char *packet,
            int32_t max_packet_bytes,
        ) noexcept nogil
        rta_opus_decoder *(*decoder_create)(int32_t rate, int channels, int *error) noexcept nogil
        void (*decoder_destroy)(rta_opus_decoder *state) noexcept nogil
        int (*decode)(
            rta_opus_decoder *state,
            const unsigned char *packet,
            int32_t packet_bytes,
            int16_t *pcm,
            int samples_per_channel,
            int fec,
        ) noexcept nogil
        int (*packet_get_nb_samples)(
            const unsigned char *packet, int32_t packet_bytes, int32_t rate
        ) noexcept nogil

    const char *rta_opus_open(const char *path, rta_opus_api *api) noexcept
    void rta_opus_close(rta_opus_api *api) noexcept
    const char *rta_opus_file(const rta_opus_api *api) noexcept
    int rta_opus_encoder_set(
        const rta_opus_api *api, rta_opus_encoder *state, int request, int32_t value
    ) noexcept
    int rta_opus_encoder_get(
        const rta_opus_api *api, rta_opus_encoder *state, int request, int32_t *value
    ) noexcept
    int rta_opus_encoder_reset(const rta_opus_api *api, rta_opus_encoder *state) noexcept
    int rta_opus_decoder_reset(const rta_opus_api *api, rta_opus_decoder *state) noexcept

    enum:
        RTA_OPUS_AUTO
        RTA_OPUS_APPLICATION_VOIP
        RTA_OPUS_APPLICATION_AUDIO
        RTA_OPUS_APPLICATION_LOWDELAY
        RTA_OPUS_SET_BITRATE
        RTA_OPUS_SET_COMPLEXITY
        RTA_OPUS_SET_INBAND_FEC
        RTA_OPUS_SET_PACKET_LOSS_PERC
        RTA_OPUS_SET_DTX
        RTA_OPUS_GET_LOOKAHEAD


cdef enum:
    # RFC 6716 section 3.2.5: the longest frame is 1275 bytes. A 120 ms packet has at most six of
    # them that long, a two-byte header, and five two-byte lengths.
    MAX_PACKET_BYTES = 6 * 1275 + 2 + 5 * 2
    MAX_INPUT_BYTES = 1 << 20  # far beyond any packet, with padding; libopus counts in 32 bits


cdef class OpusEncoder:
    # libopus allocates the state; the object frees it. NULL only while __cinit__ runs.
    cdef rta_opus_encoder *state
    # Guards `state`, because encoding runs without the GIL.
    cdef cython.pymutex mutex
    cdef readonly int sample_rate  # Hz
    cdef readonly int channels
    cdef readonly int lookahead  # samples per channel at sample_rate

    cdef int _set(self, int request, int32_t value) except -1

    # Encodes one frame, without the GIL. Returns the packet's length in bytes. `pcm` and `packet`
    # must not overlap. OpusError unless the frame has a legal length.
    cdef Py_ssize_t encode_s16(
        self,
        const int16_t *pcm,
        Py_ssize_t samples_per_channel,
        unsigned char *packet,
        Py_ssize_t capacity,
    ) except -1


cdef class OpusDecoder:
    # As in OpusEncoder.
    cdef rta_opus_decoder *state
    cdef cython.pymutex mutex
    cdef readonly int sample_rate  # Hz
    cdef readonly int channels

    # Samples per channel that the packet decodes to; OpusError where it is no Opus packet.
    cdef Py_ssize_t packet_samples(self, const unsigned char *packet, Py_ssize_t length) except -1

    # Writes exactly `samples_per_channel`, which is the packet's own count or, with `packet` NULL or
    # `fec` set, what is to be filled in. Keeps the GIL.
    cdef Py_ssize_t decode_s16(
        self,
        const unsigned char *packet,
        Py_ssize_t length,
        int16_t *pcm,
        Py_ssize_t samples_per_channel,
        bint fec,
    ) except -1
