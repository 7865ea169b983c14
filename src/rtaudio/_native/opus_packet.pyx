"""What an Opus packet says of itself: mode, bandwidth, frames, and whether it carries FEC.

A packet begins with a byte that names one of 32 configurations, mono or stereo, and how its frames
are packed (RFC 6716, section 3.1). The rest is checked by the rules of section 3.4, so what is
described here is what a decoder takes. No libopus is needed for it.
"""

from rtaudio._native._buffer cimport ByteView, borrow_bytes, release_bytes
from rtaudio._native._types cimport u8
from rtaudio._native.libopus cimport as_sample_rate

from typing import NamedTuple

from rtaudio.errors import OpusError

__all__ = ["OpusPacketInfo", "opus_packet_info"]

_UNIT_MS = 2.5
_UNITS_PER_SECOND = 400

# RFC 6716 table 2. SILK has four lengths to a bandwidth, hybrid two, CELT four.
cdef tuple _MODES = ("silk",) * 12 + ("hybrid",) * 4 + ("celt",) * 16
cdef tuple _BANDWIDTHS = (
    ("narrowband",) * 4
    + ("mediumband",) * 4
    + ("wideband",) * 4
    + ("superwideband",) * 2
    + ("fullband",) * 2
    + ("narrowband",) * 4
    + ("wideband",) * 4
    + ("superwideband",) * 4
    + ("fullband",) * 4
)
_REASONS = {
    PACKET_EMPTY: "it has no first byte",
    PACKET_FRAME_TOO_LONG: "a frame is over 1275 bytes",
    PACKET_UNEQUAL_FRAMES: "its frames do not share its bytes equally",
    PACKET_CUT: "it ends before its frames do",
    PACKET_NO_FRAMES: "it has no frames",
    PACKET_TOO_LONG: "it is over 120 ms",
}


class OpusPacketInfo(NamedTuple):
    """What an Opus packet says of itself.

    Attributes:
        config: its number in RFC 6716 table 2, 0 to 31, from which mode, bandwidth and frame length
            follow.
        mode: "silk" (speech), "celt" (music), or "hybrid" (SILK below 8 kHz, CELT above).
        bandwidth: "narrowband" (up to 4 kHz), "mediumband" (6), "wideband" (8), "superwideband"
            (12) or "fullband" (20).
        channels: as coded, 1 or 2; a decoder turns either into what it was made for.
        frames: in the packet, 1 to 48.
        frame_ms: length of each, 2.5 to 60.
        samples_per_channel: of the whole packet, at the sample rate asked for.
        has_fec: the packet carries a coarse copy of what came before it, for
            `OpusDecoder.decode(..., fec=True)`.
    """

    config: int
    mode: str
    bandwidth: str
    channels: int
    frames: int
    frame_ms: float
    samples_per_channel: int
    has_fec: bool


def opus_packet_info(packet, sample_rate=48000):
    """Return what an Opus packet says of itself, without decoding it.

    Args:
        packet: bytes-like, one whole packet.
        sample_rate: at which its samples are counted, in Hz: 8000, 12000, 16000, 24000 or 48000.

    Raises:
        AudioError: `packet` is not bytes-like.
        OpusError: it is no Opus packet by the rules of RFC 6716 section 3.4, or Opus does not have
            the sample rate.
    """
    cdef ByteView view
    cdef PacketLayout layout
    cdef Py_ssize_t length
    cdef int code
    cdef bint fec = False
    cdef int rate = as_sample_rate(sample_rate)
    borrow_bytes(packet, &view)
    try:
        length = view.length
        code = parse_packet(view.data, length, &layout)
        if code == 0:
            fec = packet_has_fec(view.data, &layout)
    finally:
        release_bytes(&view)
    if code != 0:
        raise OpusError(f"{length} bytes are no Opus packet: {_REASONS[code]}")
    return OpusPacketInfo(
        layout.config,
        _MODES[layout.config],
        _BANDWIDTHS[layout.config],
        layout.channels,
        layout.frames,
        layout.frame_units * _UNIT_MS,
        layout.frames * layout.frame_units * (rate // _UNITS_PER_SECOND),
        fec,
    )


cdef int parse_packet(const u8 *packet, Py_ssize_t length, PacketLayout *layout) noexcept nogil:
    cdef Py_ssize_t at = 1  # what was read of the packet
    cdef Py_ssize_t left = length - 1  # what is left for frames and their lengths
    cdef Py_ssize_t size = 0
    cdef int packing, i
    if length < 1:  # R1
        return PACKET_EMPTY
    packing = packet[0] & 3
    layout.config = packet[0] >> 3
    layout.channels = 2 if packet[0] & 4 else 1
    layout.frame_units = _frame_units(layout.config)
    layout.frames = 1 if packing == 0 else 2
    if packing == 3:
        if left < 1:  # R6, R7
            return PACKET_CUT
        layout.frames = packet[1] & 63
        at, left = 2, left - 1
        if layout.frames == 0:
            return PACKET_NO_FRAMES
        if layout.frames * layout.frame_units > OPUS_MAX_PACKET_UNITS:  # R5
            return PACKET_TOO_LONG
        if packet[1] & 64:
            size = 255
            while size == 255:  # each 255 stands for 254 bytes of padding, and says that more comes
                if left < 1:
                    return PACKET_CUT
                size = packet[at]
                at, left = at + 1, left - 1 - min(size, 254)
            if left < 0:
                return PACKET_CUT

    layout.first_offset = at
    if packing == 0:
        layout.first_bytes = left
    elif packing == 1 or (packing == 3 and not packet[1] & 128):  # frames of one length
        if left % layout.frames:  # R3, R6
            return PACKET_UNEQUAL_FRAMES
        layout.first_bytes = left // layout.frames
        left = layout.first_bytes
    else:  # each but the last says its length
        for i in range(layout.frames - 1):
            size = _read_length(packet, &at, &left)
            if size > left or size < 0:  # R4, R7
                return PACKET_CUT
            if i == 0:
                layout.first_bytes = size
            # In packing 2 the only length stands right before its frame; in 3 all stand in front.
            left -= size
        layout.first_offset = at
        if layout.frames == 1:
            layout.first_bytes = left
    return PACKET_FRAME_TOO_LONG if left > OPUS_MAX_FRAME_BYTES else 0  # R2


cdef inline int _frame_units(int config) noexcept nogil:
    cdef int step = config & 3
    if config >= 16:
        return 1 << step  # 2.5, 5, 10, 20 ms
    if config >= 12:
        return 4 << (config & 1)  # 10, 20 ms
    return 24 if step == 3 else 4 << step  # 10, 20, 40, 60 ms


cdef inline Py_ssize_t _read_length(
    const u8 *packet, Py_ssize_t *at, Py_ssize_t *left
) noexcept nogil:
    """Read one length of section 3.2.1 and step over it; -1 where the packet ends within it."""
    cdef Py_ssize_t size
    if left[0] < 1:
        return -1
    size = packet[at[0]]
    at[0] += 1
    left[0] -= 1
    if size < 252:
        return size
    if left[0] < 1:
        return -1
    size += 4 * packet[at[0]]
    at[0] += 1
    left[0] -= 1
    return size


cdef bint packet_has_fec(const u8 *packet, const PacketLayout *layout) noexcept nogil:
    cdef int silk_frames, first
    if layout.config >= 16 or layout.first_bytes == 0:
        return False
    # RFC 6716 section 4.2.3: a SILK frame begins, for each channel, with one bit per 20 ms that says
    # whether there is voice, and one that says whether copies follow. These are coded as plain bits.
    silk_frames = max(layout.frame_units // 8, 1)
    first = packet[layout.first_offset]
    if first >> (7 - silk_frames) & 1:
        return True
    return layout.channels == 2 and first >> (6 - 2 * silk_frames) & 1
