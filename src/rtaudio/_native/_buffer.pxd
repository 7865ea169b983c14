"""The one boundary through which sound enters and leaves the kernels.

Every view that was borrowed successfully is released exactly once, in a `finally`, after the last
read or write through its pointer. Nothing has to be released when borrowing raised.

    cdef PcmView view
    borrow_pcm(data, channels, &view)
    try:
        kernel(view.samples, view.samples_per_channel)
    finally:
        release_pcm(&view)
"""

from cpython.buffer cimport Py_buffer

from rtaudio._native._types cimport f32, s16, u8


cdef struct PcmView:
    Py_buffer buffer  # holds the owner in place; private
    void *aligned_copy  # NULL, or our copy of a buffer at an odd address; private
    s16 *samples  # interleaved, aligned; read only unless borrowed with borrow_pcm_out
    Py_ssize_t samples_per_channel
    int ndim  # 2 for an array of shape (samples_per_channel, channels), otherwise 1


cdef struct FloatView:
    Py_buffer buffer  # holds the owner in place; private
    f32 *samples  # at any address; read only unless borrowed with borrow_floats_out
    Py_ssize_t count


cdef struct ByteView:
    Py_buffer buffer  # holds the owner in place; private
    u8 *data  # read only unless borrowed with borrow_bytes_out
    Py_ssize_t length  # bytes


# The number that a caller gave. AudioError unless it is an integer, 1 to MAX_CHANNELS.
cdef int as_channels(object channels) except -1

# PCM16 to read. AudioError when `data` is no buffer, is not contiguous, has another sample format,
# or is not a whole number of samples for each of `channels` (>= 1) channels. With 0 channels, arrays
# of any two dimensions are taken too, and samples_per_channel counts all samples.
cdef int borrow_pcm(object data, int channels, PcmView *view) except -1

# PCM16 to write: the same, and the memory must be writable and at an even address.
cdef int borrow_pcm_out(object out, int channels, PcmView *view) except -1

cdef void release_pcm(PcmView *view) noexcept

# float32 of any contiguous shape, to read or to write.
cdef int borrow_floats(object data, FloatView *view) except -1
cdef int borrow_floats_out(object out, FloatView *view) except -1
cdef void release_floats(FloatView *view) noexcept

# Encoded bytes (format B, b or c, any contiguous shape) to read, or to write.
cdef int borrow_bytes(object data, ByteView *view) except -1
cdef int borrow_bytes_out(object out, ByteView *view) except -1
cdef void release_bytes(ByteView *view) noexcept

# A fresh, unshared int16 array, borrowed for writing: shape (samples_per_channel, channels) when
# `ndim` is 2, otherwise one interleaved dimension. Contents are undefined until written.
cdef object new_pcm(Py_ssize_t samples_per_channel, int channels, int ndim, PcmView *view)
