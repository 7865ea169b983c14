"""Opus packets to PCM16."""

cimport cython
from libc.stdint cimport int16_t

from rtaudio._native.libopus cimport rta_opus_decoder


cdef class OpusDecoder:
    # libopus allocates the state; the object frees it. NULL only while __cinit__ runs.
    cdef rta_opus_decoder *state
    cdef cython.pymutex mutex  # guards `state`
    cdef readonly int sample_rate  # Hz
    cdef readonly int channels
    cdef readonly bint deep_plc

    # Samples per channel that the packet decodes to; OpusError where it is no Opus packet.
    cdef Py_ssize_t count_samples(self, const unsigned char *packet, Py_ssize_t length) except -1

    # OpusError unless this is a length that can be concealed.
    cdef int check_gap(self, object samples_per_channel) except -1

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
