"""Messages of a client, written to a socket as WebSocket frames (RFC 6455, section 5).

A client masks what it sends with a key that nobody can foresee, another one for each frame (section
5.3): each writer takes its own from the system's generator, several at a time. Sound is written from the
samples into the finished frame, in the memory from which the socket takes it, so no object is made on
the way. That memory is of the call's stack; what the socket does not take of it is copied.
"""

import os

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_SetFromErrno
from libc.string cimport memcpy

from rtaudio._native._buffer cimport ByteView, borrow_bytes, release_bytes
from rtaudio._native._types cimport u8
from rtaudio._native.wire cimport append_size, write_append

from rtaudio._native.wire import encode_append

__all__ = ["FrameWriter"]

cdef enum:  # ways of a frame
    NO_WAY
    DIRECT
    BY_TRANSPORT

cdef enum:
    TEXT = 1  # opcode
    ROOM_BYTES = 16384  # frames up to here take no memory of their own; 300 ms of sound at 24 kHz

cdef unsigned int _forks = 0  # between this process and the one that imported this first


def _count_fork():
    global _forks
    _forks += 1


# A child begins with the keys that its parent has left; two processes that use the same ones could tell
# each other's.
os.register_at_fork(after_in_child=_count_fork)


@cython.final
cdef class FrameWriter:
    """Writes frames to one connection, in the order of the calls.

    As long as nothing waits in the event loop's transport, frames go to the socket at once, past the
    transport; what the socket does not take, and all errors, are left to the transport. Nobody else
    may write to it, but for a last frame. One thread at a time may use a writer.

    Args:
        fd: of the connection's socket, which stays open as long as the writer is used; -1 where
            frames must go through the transport, as with TLS.
        transport: the event loop's.
    """

    def __cinit__(self, int fd, transport not None):
        self._fd = fd
        self._waiting = transport.get_write_buffer_size
        self._closing = transport.is_closing
        self._write = transport.write

    def __reduce__(self):
        raise TypeError("a FrameWriter cannot be copied or pickled")

    def send(self, text not None, int opcode=TEXT):
        """Write one message.

        Args:
            text: its bytes; they are only read during the call.
            opcode: what it is (section 11.8); a text unless told otherwise.

        Returns:
            Whether it was written; not where the transport is closing.

        Raises:
            AudioError: `text` is no buffer of bytes.
        """
        cdef ByteView view
        borrow_bytes(text, &view)
        try:
            return self._send(view.data, view.length, opcode)
        finally:
            release_bytes(&view)

    def send_append(self, pcm not None):
        """Write sound as an `input_audio_buffer.append` event.

        Args:
            pcm: as for `rtaudio._native.wire.encode_append`.

        Returns:
            Whether it was written; not where the transport is closing.

        Raises:
            AudioError: `pcm` is no such buffer.
        """
        if not isinstance(pcm, bytes):
            return self.send(encode_append(pcm))
        cdef Py_ssize_t length = PyBytes_GET_SIZE(pcm)
        cdef Py_ssize_t size = append_size(length)
        cdef Py_ssize_t head = rta_frame_head_size(size)
        if head + size > ROOM_BYTES:
            return self.send(encode_append(pcm))
        cdef u8 room[ROOM_BYTES]
        cdef int way = self._prepare()
        if way == NO_WAY:
            return False
        write_append(<const u8 *>PyBytes_AS_STRING(pcm), length, room + head)
        return self._finish(room, head, size, TEXT, way == DIRECT)

    cdef bint _send(self, const u8 *text, Py_ssize_t length, int opcode) except -1:
        cdef Py_ssize_t head = rta_frame_head_size(length)
        cdef u8 room[ROOM_BYTES]
        cdef u8 *frame = room
        cdef int way = self._prepare()
        if way == NO_WAY:
            return False
        if head + length > ROOM_BYTES:
            own = PyBytes_FromStringAndSize(NULL, head + length)
            frame = <u8 *>PyBytes_AS_STRING(own)
        memcpy(frame + head, text, length)
        return self._finish(frame, head, length, opcode, way == DIRECT)

    cdef int _prepare(self) except -1:
        """Find the way that a frame will take, and see to it that there is a key for it."""
        cdef int way = DIRECT
        if self._fd < 0:
            way = NO_WAY if self._closing() else BY_TRANSPORT
        elif self._has_left:
            self._has_left = <Py_ssize_t>self._waiting() > 0
            if self._closing():
                way = NO_WAY
            elif self._has_left:
                way = BY_TRANSPORT
        # Last, as the transport's methods may write through this writer.
        self._provide_key()
        return way

    cdef int _provide_key(self) except -1:
        """See to it that there is a key to take."""
        if self._keys_left == 0 or self._keys_of != _forks:
            if getentropy(self._keys, KEYS * RTA_FRAME_KEY_BYTES) != 0:
                PyErr_SetFromErrno(OSError)
            self._keys_left = KEYS
            self._keys_of = _forks
        return 0

    cdef bint _finish(
        self, u8 *frame, Py_ssize_t head, Py_ssize_t length, int opcode, bint direct
    ) except -1:
        cdef Py_ssize_t size = head + length
        cdef Py_ssize_t sent = 0
        cdef const u8 *key
        self._keys_left -= 1
        key = self._keys + self._keys_left * RTA_FRAME_KEY_BYTES
        rta_frame_write_head(frame, opcode, length, key)
        rta_frame_mask(frame + head, length, key)
        if direct:
            sent = c_send(self._fd, frame, size, MSG_DONTWAIT | MSG_NOSIGNAL)
            if sent == size:
                return True
            sent = max(sent, 0)  # the transport will meet the error, if it is one
        rest = PyBytes_FromStringAndSize(<const char *>frame + sent, size - sent)
        if direct and self._closing():
            return False
        self._has_left = True
        self._write(rest)
        return True
