"""PCM16 to Opus packets."""

cimport cython
from libc.stdint cimport int16_t, int32_t

from rtaudio._native.libopus cimport rta_opus_encoder


cdef class OpusEncoder:
    # libopus allocates the state; the object frees it. NULL only while __cinit__ runs.
    cdef rta_opus_encoder *state
    # Guards `state`, because encoding runs without the GIL.
    cdef cython.pymutex mutex
    cdef readonly int sample_rate  # Hz
    cdef readonly int channels
    # What was asked for, where libopus tells only what it made of it.
    cdef object asked_bandwidth
    cdef object asked_loss
    cdef int asked_dred_ms

    cdef int set(self, str what, int request, int32_t value) except -1
    cdef int32_t get(self, int request) except? -1

    # Encodes one frame, without the GIL. Returns the packet's length in bytes. `pcm` and `packet`
    # must not overlap. OpusError unless the frame has a legal length.
    cdef Py_ssize_t encode_s16(
        self,
        const int16_t *pcm,
        Py_ssize_t samples_per_channel,
        unsigned char *packet,
        Py_ssize_t capacity,
    ) except -1
