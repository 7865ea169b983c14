"""Messages of a client, written to a socket as WebSocket frames."""

from rtaudio._native._types cimport u8


cdef extern from "frame.h" nogil:
    enum:
        RTA_FRAME_KEY_BYTES
    Py_ssize_t rta_frame_head_size(Py_ssize_t length) noexcept
    void rta_frame_write_head(u8 *head, int opcode, Py_ssize_t length, const u8 *key) noexcept
    void rta_frame_mask(u8 *payload, Py_ssize_t length, const u8 *key) noexcept


cdef extern from "<sys/random.h>" nogil:
    int getentropy(void *out, size_t length) noexcept  # of 256 bytes at most


cdef extern from "<sys/socket.h>" nogil:
    enum:
        MSG_DONTWAIT
        MSG_NOSIGNAL
    Py_ssize_t c_send "send"(int fd, const void *data, size_t length, int flags) noexcept


cdef enum:
    KEYS = 16  # fetched at a time


cdef class FrameWriter:
    cdef int _fd  # -1: all goes through `_write`
    cdef bint _has_left  # whether anything was left to the transport that may still wait there
    cdef object _waiting, _closing, _write  # methods of the transport
    cdef u8 _keys[KEYS * RTA_FRAME_KEY_BYTES]  # nobody else's
    cdef int _keys_left
    cdef unsigned int _keys_of  # the process: its number of forks when they were fetched

    cdef bint _send(self, const u8 *text, Py_ssize_t length, int opcode) except -1
    cdef int _prepare(self) except -1
    cdef int _provide_key(self) except -1
    # Mask the payload that stands behind room for its head in `frame`, and write both. False where
    # the transport is closing.
    cdef bint _finish(
        self, u8 *frame, Py_ssize_t head, Py_ssize_t length, int opcode, bint direct
    ) except -1
