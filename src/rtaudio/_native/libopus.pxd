"""libopus as the Opus kernels call it: the table of its functions, its errors, checks of arguments."""


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
    int rta_opus_decoder_set(
        const rta_opus_api *api, rta_opus_decoder *state, int request, int32_t value
    ) noexcept
    int rta_opus_decoder_reset(const rta_opus_api *api, rta_opus_decoder *state) noexcept

    enum:
        RTA_OPUS_AUTO
        RTA_OPUS_ALLOC_FAIL
        RTA_OPUS_UNIMPLEMENTED
        RTA_OPUS_INVALID_PACKET
        RTA_OPUS_APPLICATION_VOIP
        RTA_OPUS_APPLICATION_AUDIO
        RTA_OPUS_APPLICATION_LOWDELAY
        RTA_OPUS_SIGNAL_VOICE
        RTA_OPUS_SIGNAL_MUSIC
        RTA_OPUS_BANDWIDTH_NARROWBAND
        RTA_OPUS_BANDWIDTH_MEDIUMBAND
        RTA_OPUS_BANDWIDTH_WIDEBAND
        RTA_OPUS_BANDWIDTH_SUPERWIDEBAND
        RTA_OPUS_BANDWIDTH_FULLBAND
        RTA_OPUS_SET_APPLICATION
        RTA_OPUS_GET_APPLICATION
        RTA_OPUS_SET_BITRATE
        RTA_OPUS_GET_BITRATE
        RTA_OPUS_SET_MAX_BANDWIDTH
        RTA_OPUS_GET_MAX_BANDWIDTH
        RTA_OPUS_SET_VBR
        RTA_OPUS_GET_VBR
        RTA_OPUS_SET_BANDWIDTH
        RTA_OPUS_SET_COMPLEXITY
        RTA_OPUS_GET_COMPLEXITY
        RTA_OPUS_SET_INBAND_FEC
        RTA_OPUS_GET_INBAND_FEC
        RTA_OPUS_SET_PACKET_LOSS_PERC
        RTA_OPUS_GET_PACKET_LOSS_PERC
        RTA_OPUS_SET_DTX
        RTA_OPUS_GET_DTX
        RTA_OPUS_SET_VBR_CONSTRAINT
        RTA_OPUS_GET_VBR_CONSTRAINT
        RTA_OPUS_SET_SIGNAL
        RTA_OPUS_GET_SIGNAL
        RTA_OPUS_GET_LOOKAHEAD
        RTA_OPUS_GET_IN_DTX
        RTA_OPUS_SET_DRED_DURATION


cdef enum:
    # RFC 6716 section 3.2.5: the longest frame is 1275 bytes. A 120 ms packet has at most six of
    # them that long, a two-byte header, and five two-byte lengths.
    MAX_PACKET_BYTES = 6 * 1275 + 2 + 5 * 2
    MAX_INPUT_BYTES = 1 << 20  # far beyond any packet, with padding; libopus counts in 32 bits
    # The complexity of a decoder from which libopus conceals by deep PLC; from 6 on it would also
    # change what it decodes.
    DEEP_PLC_COMPLEXITY = 5


# The functions of the libopus in use, which stay where they are until the process ends; all NULL
# where none could be loaded.
cdef rta_opus_api libopus

# OpusError where no library could be loaded.
cdef int need_library() except -1

# Raises libopus's error `code` as OpusError, with `what` before its text.
cdef int refuse(str what, int code) except -1

# Arguments: each returns its value as libopus takes it, or raises an OpusError that names what was
# got and what would be right. A bool or a float is no number here, and a number no flag: where a
# flag stands, other bindings have a number of samples.
cdef int as_sample_rate(object value) except -1
cdef int as_channels(object value) except -1
cdef Py_ssize_t as_number(str what, object value, Py_ssize_t low, Py_ssize_t high) except? -1
cdef int32_t as_choice(str what, object value, dict choices) except? -1
cdef bint as_flag(str what, object value) except -1

# The value as an int, or None where it is not a whole number.
cdef object as_whole(object value)

# `1, 2 or 3`, and a value as a message may show it.
cdef str listed(object values)
cdef str shown(object value)

# Samples per channel that a packet decodes to at `sample_rate`, or libopus's (negative) error.
cdef int packet_samples(
    const unsigned char *packet, Py_ssize_t length, int sample_rate
) noexcept nogil
