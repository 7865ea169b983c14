"""Whole clips to Opus packets and back, without the GIL.

The loops over frames are in C, and other threads run meanwhile. Between blocks of some thousand
frames, half a second of work, the GIL is taken for a moment, so that Ctrl-C still ends a long clip.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc, PyMem_RawRealloc
from libc.stdint cimport int16_t, int32_t
from libc.string cimport memcpy, memset

from rtaudio._native._buffer cimport (
    ByteView,
    PcmView,
    borrow_bytes,
    borrow_pcm,
    new_pcm,
    release_bytes,
    release_pcm,
)
from rtaudio._native.libopus cimport (
    MAX_PACKET_BYTES,
    RTA_OPUS_ALLOC_FAIL,
    as_flag,
    as_number,
    libopus,
    listed,
    packet_samples,
    refuse,
    rta_opus_decoder,
    rta_opus_encoder,
    shown,
)
from rtaudio._native.opus_decoder cimport OpusDecoder
from rtaudio._native.opus_encoder cimport OpusEncoder

from rtaudio.errors import OpusError

cdef extern from "Python.h":
    const Py_ssize_t PY_SSIZE_T_MAX

__all__ = ["OpusPackets", "decode_packets", "encode_clip"]

_FRAMES_MS = (2.5, 5, 10, 20, 40, 60, 80, 100, 120)  # the frame lengths that Opus has

cdef enum:
    ENCODE_BLOCK = 4096  # frames between two looks for signals; 0.6 s at complexity 10
    DECODE_BLOCK = 16384  # 0.4 s
    FIRST_CAPACITY = 1 << 16  # bytes


class OpusPackets(list):
    """The packets of a clip: a list of bytes that knows what its decoder has to know.

    Attributes:
        sample_rate: of what was encoded, in Hz.
        channels: 1 or 2.
        frame: samples per channel in each packet.
        pre_skip: samples per channel by which the decoded sound begins late: the encoder's
            lookahead, which `decode_packets` leaves out when it is told.
        samples_per_channel: how long the clip was. The packets hold more: `pre_skip`, and silence
            up to the end of the last frame.
    """

    def __init__(self, packets, *, sample_rate, channels, frame, pre_skip, samples_per_channel):
        super().__init__(packets)
        self.sample_rate = sample_rate
        self.channels = channels
        self.frame = frame
        self.pre_skip = pre_skip
        self.samples_per_channel = samples_per_channel

    def __repr__(self):
        return (
            f"<OpusPackets: {len(self)} packets, {self.samples_per_channel} samples per channel "
            f"at {self.sample_rate} Hz, channels={self.channels}>"
        )


cdef int encode_frames_s16(
    rta_opus_encoder *encoder,
    const int16_t *pcm,
    Py_ssize_t samples_per_channel,
    int channels,
    int frame,
    Py_ssize_t first,
    Py_ssize_t last,
    int16_t *padded,
    PacketStore *store,
) noexcept nogil:
    cdef Py_ssize_t i, here
    cdef const int16_t *source
    cdef unsigned char *grown
    cdef int32_t length
    for i in range(first, last):
        if store.capacity - store.used < MAX_PACKET_BYTES:
            grown = <unsigned char *>PyMem_RawRealloc(store.bytes, 2 * store.capacity)
            if grown == NULL:
                return RTA_OPUS_ALLOC_FAIL
            store.bytes = grown
            store.capacity *= 2
        here = samples_per_channel - i * frame
        if here >= frame:
            source = pcm + i * frame * channels
        else:
            source = padded
            memset(padded, 0, frame * channels * sizeof(int16_t))
            if here > 0:
                memcpy(padded, pcm + i * frame * channels, here * channels * sizeof(int16_t))
        length = libopus.encode(
            encoder, source, frame, store.bytes + store.used, MAX_PACKET_BYTES
        )
        if length < 0:
            return length
        store.lengths[i] = length
        store.used += length
    return 0


def encode_clip(pcm, sample_rate, channels=1, *, frame_ms=20, **options):
    """Encode a whole clip into Opus packets, without the GIL.

    Args:
        pcm: PCM16 as bytes-like or int16 array, interleaved or of shape (samples_per_channel,
            channels). Must not change meanwhile.
        sample_rate: in Hz: 8000, 12000, 16000, 24000 or 48000.
        channels: 1 or 2.
        frame_ms: sound in each packet: 2.5, 5, 10, 20, 40, 60, 80, 100 or 120 ms.
        options: those of `OpusEncoder`.

    Returns:
        A list of packets that together hold all of the clip: their sound begins with `pre_skip`
        samples to leave out, and ends with silence. `decode_packets` returns the clip when it is
        given the list's `pre_skip` and `samples_per_channel`. No packets where there is no sound.

    Raises:
        AudioError: `pcm` is not PCM16 of that many channels.
        OpusError: an option is outside its range, or there is no libopus.
    """
    cdef OpusEncoder encoder = OpusEncoder(sample_rate, channels, **options)
    cdef PcmView view
    cdef PacketStore store
    cdef Py_ssize_t i, frames, first, last, start
    cdef int code, frame
    cdef int16_t *padded = NULL
    cdef list packets = []
    if not isinstance(frame_ms, (int, float)) or frame_ms not in _FRAMES_MS:
        raise OpusError(f"got frame_ms {shown(frame_ms)}; it is {listed(_FRAMES_MS)}")
    frame = <int>(frame_ms * encoder.sample_rate / 1000)
    lookahead = encoder.lookahead
    store.used, store.capacity = 0, FIRST_CAPACITY
    store.bytes, store.lengths = NULL, NULL
    borrow_pcm(pcm, encoder.channels, &view)
    try:
        frames = 0
        if view.samples_per_channel:
            # The last sample comes out of the decoder `lookahead` later than it went in.
            frames = (view.samples_per_channel + <Py_ssize_t>lookahead + frame - 1) // frame
        store.bytes = <unsigned char *>PyMem_RawMalloc(store.capacity)
        store.lengths = <int32_t *>PyMem_RawMalloc((frames + 1) * sizeof(int32_t))
        padded = <int16_t *>PyMem_RawMalloc(frame * encoder.channels * sizeof(int16_t))
        if store.bytes == NULL or store.lengths == NULL or padded == NULL:
            raise MemoryError()
        for first in range(0, frames, ENCODE_BLOCK):
            last = min(first + ENCODE_BLOCK, frames)
            start = store.used
            with nogil:
                # No lock: nobody else has this encoder.
                code = encode_frames_s16(
                    encoder.state,
                    view.samples,
                    view.samples_per_channel,
                    encoder.channels,
                    frame,
                    first,
                    last,
                    padded,
                    &store,
                )
            if code == RTA_OPUS_ALLOC_FAIL:
                raise MemoryError()
            if code < 0:
                refuse("could not encode the clip", code)
            PyErr_CheckSignals()
            for i in range(first, last):
                packets.append(
                    PyBytes_FromStringAndSize(<char *>store.bytes + start, store.lengths[i])
                )
                start += store.lengths[i]
        return OpusPackets(
            packets,
            sample_rate=encoder.sample_rate,
            channels=encoder.channels,
            frame=frame,
            pre_skip=lookahead,
            samples_per_channel=view.samples_per_channel,
        )
    finally:
        PyMem_RawFree(store.bytes)
        PyMem_RawFree(store.lengths)
        PyMem_RawFree(padded)
        release_pcm(&view)


cdef Py_ssize_t decode_packets_s16(
    rta_opus_decoder *decoder,
    const PacketRef *packets,
    Py_ssize_t count,
    Py_ssize_t first,
    Py_ssize_t last,
    bint fec,
    int channels,
    int16_t *pcm,
    Py_ssize_t *failed,
) noexcept nogil:
    cdef Py_ssize_t i, written = 0
    cdef const PacketRef *source
    cdef bint before
    cdef int code
    for i in range(first, last):
        source = &packets[i]
        before = False
        if source.data == NULL and fec and i + 1 < count and packets[i + 1].data != NULL:
            source, before = &packets[i + 1], True
        code = libopus.decode(
            decoder,
            source.data,
            source.length,
            pcm + written * channels,
            packets[i].samples_per_channel,
            before,
        )
        if code < 0:
            failed[0] = i + before
            return code
        written += code
    return written


cdef object _own(object packet):
    """The packet as bytes, which nobody can change while the GIL is free; None stays None."""
    cdef ByteView view
    if packet is None or type(packet) is bytes:
        return packet
    borrow_bytes(packet, &view)
    try:
        return PyBytes_FromStringAndSize(<char *>view.data, view.length)
    finally:
        release_bytes(&view)


cdef Py_ssize_t _measure(list owned, PacketRef *refs, int sample_rate) except -1:
    """Fill in `refs`; returns the samples per channel of all of them."""
    cdef Py_ssize_t i, total = 0
    cdef int samples, before = 0
    for i, packet in enumerate(owned):
        if packet is None:
            refs[i].data, refs[i].length, samples = NULL, 0, before
        else:
            refs[i].data = packet
            refs[i].length = <int32_t>min(len(packet), 1 << 30)
            samples = packet_samples(refs[i].data, len(packet), sample_rate)
            if samples < 0:
                refuse(
                    f"packet {i}, of {len(packet)} bytes, is no Opus packet (None stands for a "
                    "lost one)",
                    samples,
                )
        refs[i].samples_per_channel = before = samples
    # What was lost before the first packet lasted as long as that one did.
    for i in range(<Py_ssize_t>len(owned) - 1, -1, -1):
        if refs[i].samples_per_channel == 0:
            refs[i].samples_per_channel = before
        before = refs[i].samples_per_channel
        total += before
    if owned and not total:
        raise OpusError("got lost packets only; one that arrived must tell how long they were")
    return total


def decode_packets(
    packets,
    sample_rate,
    channels=1,
    *,
    fec=True,
    pre_skip=0,
    samples_per_channel=None,
    deep_plc=False,
):
    """Decode all packets of a stream, without the GIL.

    Args:
        packets: an iterable of bytes-like packets. None stands for a lost one: it lasts as long as
            the packet before it and is recovered from the copy in the packet after it, where an
            encoder with `fec` put one, and otherwise concealed.
        sample_rate: of the PCM wanted, in Hz: 8000, 12000, 16000, 24000 or 48000.
        channels: 1 or 2, whatever was encoded.
        fec: False conceals all that was lost.
        pre_skip: samples per channel, at `sample_rate`, to leave out at the start.
        samples_per_channel: how many to return at most; None returns all.
        deep_plc: as of `OpusDecoder`.

    Returns:
        A fresh int16 array of shape (n,), or (n, 2) in stereo. With the packets of `encode_clip`
        and their `pre_skip` and `samples_per_channel` it is as long as the clip was.

    Raises:
        AudioError: a packet is not bytes-like.
        OpusError: a packet is empty or no valid Opus packet (the message has its index), all are
            lost, an argument is outside its range, or there is no libopus.
    """
    cdef OpusDecoder decoder = OpusDecoder(sample_rate, channels, deep_plc=deep_plc)
    cdef bint recover = as_flag("fec", fec)
    cdef Py_ssize_t skipped = as_number("pre_skip", pre_skip, 0, PY_SSIZE_T_MAX)
    cdef Py_ssize_t wanted = PY_SSIZE_T_MAX
    cdef PcmView out
    cdef PacketRef *refs = NULL
    cdef Py_ssize_t count, total, first, written, done = 0, failed = 0
    cdef int16_t *target
    if samples_per_channel is not None:
        wanted = as_number("samples_per_channel", samples_per_channel, 0, PY_SSIZE_T_MAX)
    owned = [_own(packet) for packet in packets]
    count = len(owned)
    refs = <PacketRef *>PyMem_RawMalloc((count + 1) * sizeof(PacketRef))
    if refs == NULL:
        raise MemoryError()
    try:
        total = _measure(owned, refs, decoder.sample_rate)
        pcm = new_pcm(total, decoder.channels, decoder.channels, &out)
        try:
            for first in range(0, count, DECODE_BLOCK):
                target = out.samples + done * decoder.channels
                with nogil:
                    # No lock: nobody else has this decoder.
                    written = decode_packets_s16(
                        decoder.state,
                        refs,
                        count,
                        first,
                        min(first + DECODE_BLOCK, count),
                        recover,
                        decoder.channels,
                        target,
                        &failed,
                    )
                if written < 0:
                    refuse(f"could not decode packet {failed}", <int>written)
                done += written
                PyErr_CheckSignals()
        finally:
            release_pcm(&out)
    finally:
        PyMem_RawFree(refs)
    return pcm[min(skipped, done) : done][:wanted]
