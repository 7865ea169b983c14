"""Packets from a network, put in order and given out at an even pace."""

cimport cython
from cpython.buffer cimport PyObject_CheckBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from libc.math cimport isfinite, llrint
from libc.stdlib cimport free

from rtaudio._native._buffer cimport (
    ByteView,
    PcmView,
    as_channels,
    borrow_bytes,
    borrow_pcm,
    release_bytes,
    release_pcm,
)
from rtaudio._native._types cimport MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ, s16
from rtaudio._native.libopus cimport MAX_PACKET_BYTES
from rtaudio._native.opus_packet cimport PacketLayout, packet_has_fec, parse_packet

from rtaudio._native.jitter_results import JitterStats, Playout
from rtaudio.errors import AudioError

__all__ = ["JitterBuffer"]

cdef tuple ENCODINGS = ("opus", "pcmu", "pcma", "pcm16")  # in the order of the enum
cdef tuple OVERFLOWS = ("error", "drop_oldest", "drop_newest")  # in the order of rta_overflow
cdef dict CLOCK_RATES = {"opus": 48000, "pcmu": 8000, "pcma": 8000}  # RFC 7587, RFC 3551

cdef enum:
    OPUS_CLOCK_RATE = 48000
    UNIT_TICKS = 120  # 2.5 ms, in which Opus counts
    DTX_BYTES = 2  # a packet of no more has no sound: RFC 6716 section 2.1.9
    MAX_CAPACITY = 1 << 20
    MAX_DELAY_MS = 60_000
    LONGEST_PER_SECOND = 25  # of a packet: 120 ms is 3 / 25 of a second

cdef double MAX_TIME_S = 1e10

# For how long a packet's delay is remembered: seconds of sound until it counts 1/e.
cdef double MEMORY_US = 4e6
# Packets are left out only where the delay stays so much too long after it, and one of several.
cdef int64_t SHED_MARGIN_US = 5_000
cdef int64_t SHED_PACE_US = 100_000


cdef object _silence = "silence", _comfort = "comfort"
cdef object _packet = "packet", _fec = "fec", _conceal = "conceal"
cdef object _new_playout = Playout._make


cdef int64_t as_time_us(str what, object seconds) except? -1:
    cdef double value
    try:
        value = seconds
    except (TypeError, OverflowError):
        raise AudioError(f"got {what}={seconds!r}; it must be a time in seconds") from None
    if not isfinite(value) or not -MAX_TIME_S <= value <= MAX_TIME_S:
        raise AudioError(f"got {what}={seconds!r}; it must be a finite time in seconds")
    return llrint(value * 1e6)


cdef double _as_ms(str what, object value, double low, double high) except? -1:
    cdef double number
    try:
        number = value
    except (TypeError, OverflowError):
        raise AudioError(f"got {what}={value!r}; it must be a number") from None
    if not low <= number <= high:
        raise AudioError(f"got {what}={value!r}; it must be {low:g} to {high:g}")
    return number


cdef int64_t _as_bits(str what, object value, int64_t highest) except -1:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
        raise AudioError(f"got {what}={value!r}; it must be an integer, 0 to {highest}")
    return value


@cython.final
cdef class JitterBuffer:
    """Packets in as a network delivers them, out in order and at an even pace.

    Sequence numbers and timestamps may wrap around, packets may be doubled, reordered, late or
    lost, and senders may begin anew. How long sound is held back follows the delays that packets
    had lately: so long that all but `late_share` of them came in time. There is no clock inside:
    times are arguments, in seconds on one clock that never goes back, such as `time.monotonic()`.

    `pull` gives packets out to be decoded elsewhere; it can shorten the delay only by leaving out
    a packet, and make it longer only by concealing one. `PlayoutBuffer` decodes them itself, and
    does both by playing slightly faster or slower.

    Calls from several threads exclude each other.

    Args:
        encoding: "opus", "pcmu", "pcma" or "pcm16": tells how long packets are, and which have FEC.
        clock_rate: of timestamps, in Hz. None means 48000 for Opus, which has no other, and 8000
            for G.711; PCM16 needs one, 4000 to 192000.
        channels: interleaved channels of PCM16 and G.711, 1 to 8.
        min_delay_ms: the target is never shorter; 0 or more.
        max_delay_ms: the target is never longer, and sound that lies further behind is skipped
            where `live`; up to 60,000. It must be longer than what is pushed at once.
        initial_delay_ms: the target until a second of sound has been heard, unless it needs to be
            longer.
        late_share: of the packets, may come too late: 0.001 to 0.5.
        capacity: packets held, 2 to 1,048,576; of up to 7,674 bytes where Opus, otherwise of up to
            120 ms.
        overflow: what happens where a packet is further ahead than that: "drop_oldest" skips to
            where it fits, "drop_newest" does without it, "error" refuses it with an AudioError.
        live: sound arrives as fast as it is heard, so a delay above the target is to be shortened.
            False for what may come faster, such as the answer of a model: then everything is played.

    Raises:
        AudioError: an argument is out of range.
    """

    def __cinit__(
        self,
        encoding,
        clock_rate=None,
        channels=1,
        *,
        min_delay_ms=10,
        max_delay_ms=500,
        initial_delay_ms=60,
        late_share=0.02,
        capacity=256,
        overflow="drop_oldest",
        live=True,
    ):
        cdef int64_t i
        cdef double least, most, initial, share
        if encoding not in ENCODINGS:
            raise AudioError(
                f"got encoding={encoding!r}; it must be one of {', '.join(ENCODINGS)}"
            )
        self.encoding = encoding
        self.kind = <Encoding><int>ENCODINGS.index(encoding)
        if clock_rate is None:
            clock_rate = CLOCK_RATES.get(encoding)
        if (
            not isinstance(clock_rate, int)
            or isinstance(clock_rate, bool)
            or not MIN_SAMPLE_RATE_HZ <= clock_rate <= MAX_SAMPLE_RATE_HZ
        ):
            raise AudioError(
                f"got clock_rate={clock_rate!r}; it must be {MIN_SAMPLE_RATE_HZ} to "
                f"{MAX_SAMPLE_RATE_HZ} Hz"
            )
        if self.kind == ENCODING_OPUS and clock_rate != OPUS_CLOCK_RATE:
            raise AudioError(
                f"got clock_rate={clock_rate}; timestamps of Opus count {OPUS_CLOCK_RATE} Hz"
            )
        self.clock_rate = clock_rate
        self.channels = as_channels(channels)
        self.bytes_per_tick = self.channels
        if self.kind == ENCODING_PCM16:
            self.bytes_per_tick *= sizeof(s16)
        most = _as_ms("max_delay_ms", max_delay_ms, 1, MAX_DELAY_MS)
        least = _as_ms("min_delay_ms", min_delay_ms, 0, most)
        initial = _as_ms("initial_delay_ms", initial_delay_ms, 0, MAX_DELAY_MS)
        share = _as_ms("late_share", late_share, 0.001, 0.5)
        if overflow not in OVERFLOWS:
            raise AudioError(
                f"got overflow={overflow!r}; it must be one of {', '.join(OVERFLOWS)}"
            )
        if not isinstance(live, bool):
            raise AudioError(f"got live={live!r}; it must be True or False")
        if (
            not isinstance(capacity, int)
            or isinstance(capacity, bool)
            or not 2 <= capacity <= MAX_CAPACITY
        ):
            raise AudioError(f"got capacity={capacity!r}; it must be 2 to {MAX_CAPACITY} packets")
        self.jitter.slots = <rta_slot *>PyMem_RawCalloc(capacity, sizeof(rta_slot))
        if self.jitter.slots == NULL:
            raise MemoryError(f"no memory for {capacity} packets")
        self.jitter.capacity = capacity
        self.jitter.clock_rate = clock_rate
        self.jitter.overflow = OVERFLOWS.index(overflow)
        self.jitter.live = live
        self.jitter.least_us = llrint(least * 1000)
        self.jitter.most_us = llrint(most * 1000)
        self.jitter.initial_us = llrint(initial * 1000)
        rta_delay_start(&self.jitter.delay, self.jitter.most_us, share, MEMORY_US)
        rta_jitter_clear(&self.jitter)
        self.numbered = -1

    def __dealloc__(self):
        cdef int64_t i
        if self.jitter.slots != NULL:
            for i in range(self.jitter.capacity):
                free(self.jitter.slots[i].bytes)
            PyMem_RawFree(self.jitter.slots)

    def __reduce__(self):
        raise TypeError("a JitterBuffer cannot be copied or pickled")

    # --- methods over C memory -------------------------------------------------------------------

    cdef int describe(
        self, object arrival_s, object sequence, object timestamp, object ssrc, rta_packet *packet
    ) except -1:
        packet.arrival_us = as_time_us("arrival_s", arrival_s)
        packet.sequenced = sequence is not None
        packet.has_source = ssrc is not None
        packet.sequence = 0
        packet.timestamp = packet.source = 0
        if packet.sequenced != (timestamp is not None):
            raise AudioError(
                f"got sequence={sequence!r} and timestamp={timestamp!r}; give both, or neither "
                "where sound arrives in order"
            )
        if packet.sequenced:
            packet.sequence = <uint16_t>_as_bits("sequence", sequence, 0xFFFF)
            packet.timestamp = <uint32_t>_as_bits("timestamp", timestamp, 0xFFFFFFFF)
        if packet.has_source:
            packet.source = <uint32_t>_as_bits("ssrc", ssrc, 0xFFFFFFFF)
        self.check_numbered(packet.sequenced)
        return 0

    cdef int check_numbered(self, bint sequenced) except -1:
        if self.numbered >= 0 and self.numbered != sequenced:
            raise AudioError(
                "got a packet "
                + ("with a sequence number after some without" if sequenced
                   else "without a sequence number after some with one")
                + "; a buffer takes either, until it is reset"
            )
        return 0

    cdef bint take_in(self, object payload, rta_packet *packet) except -1:
        cdef ByteView view
        cdef PcmView pcm
        if (
            self.kind == ENCODING_PCM16
            and not isinstance(payload, bytes)
            and PyObject_CheckBuffer(payload)
            and memoryview(payload).itemsize == sizeof(s16)
        ):
            borrow_pcm(payload, self.channels, &pcm)
            try:
                return self.keep(
                    <u8 *>pcm.samples, pcm.samples_per_channel * self.bytes_per_tick, packet
                )
            finally:
                release_pcm(&pcm)
        borrow_bytes(payload, &view)
        try:
            return self.keep(view.data, view.length, packet)
        finally:
            release_bytes(&view)

    cdef bint keep(self, const u8 *data, Py_ssize_t length, rta_packet *packet) except -1:
        cdef PacketLayout layout
        cdef Py_ssize_t ticks, piece = length, at = 0
        cdef bint kept = False
        cdef int code
        packet.has_fec = packet.is_dtx = packet.is_piece = False
        if self.kind == ENCODING_OPUS:
            if length > MAX_PACKET_BYTES or parse_packet(data, length, &layout) != 0:
                self._count_malformed()
                return False
            packet.ticks = layout.frames * layout.frame_units * UNIT_TICKS
            packet.has_fec = packet_has_fec(data, &layout)
            packet.is_dtx = length <= DTX_BYTES
        else:
            ticks = length // self.bytes_per_tick
            if ticks == 0 or ticks * self.bytes_per_tick != length or (
                packet.sequenced and ticks * LONGEST_PER_SECOND > 3 * self.clock_rate
            ):
                self._count_malformed()
                return False
            packet.ticks = <int32_t>ticks
            if not packet.sequenced:
                packet.is_piece = True
                piece = self.clock_rate // 50 * self.bytes_per_tick
        with self.mutex:
            if not packet.sequenced:
                self._check_room((length + piece - 1) // piece)
            self.numbered = packet.sequenced
            while at < length:
                packet.bytes = data + at
                packet.length = <int32_t>min(piece, length - at)
                if packet.is_piece:
                    packet.ticks = packet.length // self.bytes_per_tick
                code = rta_jitter_push(&self.jitter, packet)
                if code == RTA_PUSH_NO_MEMORY:
                    raise MemoryError(f"no memory for a packet of {packet.length} bytes")
                if code == RTA_PUSH_NO_ROOM:
                    raise AudioError(
                        f"got packet {packet.sequence}, too far ahead of the next to be played; "
                        f"the buffer holds {self.jitter.capacity} packets"
                    )
                kept |= code == RTA_PUSH_KEPT
                at += packet.length
        return kept

    cdef int _check_room(self, Py_ssize_t packets) except -1:
        """Where overflow is an error, all of a chunk is refused or nothing."""
        cdef int64_t room = self.jitter.capacity
        if self.jitter.held:
            room += self.jitter.next - self.jitter.newest - 1
        if packets > room and self.jitter.overflow == RTA_OVERFLOW_ERROR:
            raise AudioError(
                f"got {packets} packets of 20 ms; the buffer has room for {room} of its "
                f"{self.jitter.capacity}"
            )
        return 0

    cdef int _count_malformed(self) except -1:
        with self.mutex:
            self.jitter.counts.malformed += 1
        return 0

    # --- the network's side ----------------------------------------------------------------------

    def push(self, packet, arrival_s, sequence=None, timestamp=None, ssrc=None):
        """Take in a packet, or a chunk of sound.

        Args:
            packet: its payload, bytes-like, or an int16 array where that is PCM16; copied.
            arrival_s: when it arrived, in seconds.
            sequence: its RTP sequence number, 0 to 65535. None, with no timestamp either, for sound
                that arrives in order, as over a WebSocket: its place is where the sound before
                ended; PCM16 and G.711 of any length are then cut into packets of up to 20 ms.
            timestamp: its RTP timestamp, 0 to 2^32 - 1, at the clock rate.
            ssrc: its source, 0 to 2^32 - 1; where it changes, the sender has begun anew.

        Returns:
            Whether it was kept. What is late, doubled, malformed or too far ahead is not; `stats`
            counts each.

        Raises:
            AudioError: an argument is not of its kind or range, or `overflow` is "error" and there
                is no room.
        """
        cdef rta_packet described
        self.describe(arrival_s, sequence, timestamp, ssrc, &described)
        return self.take_in(packet, &described)

    def end_utterance(self):
        """Tell that what was pushed last ends an utterance: what is missing after it is silence.

        For senders whose packets do not show it, such as a WebSocket's. What is pushed next begins
        anew, at the target delay.
        """
        with self.mutex:
            rta_jitter_end_utterance(&self.jitter)

    # --- the player's side -----------------------------------------------------------------------

    def pull(self, now_s):
        """Take out what is to be played next.

        Call it at the pace of the sound: again when `ticks` of it have been played.

        Args:
            now_s: the time, in seconds.

        Returns:
            A `Playout`.

        Raises:
            AudioError: `now_s` is no finite number.
        """
        cdef rta_turn turn
        cdef int64_t now_us = as_time_us("now_s", now_s)
        cdef object packet = None, kind = _silence
        cdef int64_t length_us, stored_us
        with self.mutex:
            length_us = rta_jitter_to_us(&self.jitter, self.jitter.ticks)
            self.since_skipped_us += length_us
            if (
                self.jitter.live
                and self.since_skipped_us >= SHED_PACE_US
                and rta_jitter_spare(&self.jitter) >= length_us + SHED_MARGIN_US
                and rta_jitter_ready(&self.jitter)
            ):
                rta_jitter_skip(&self.jitter)
                self.since_skipped_us = 0
            rta_jitter_take(&self.jitter, now_us, &turn)
            if turn.kind == RTA_TURN_PACKET:
                kind = _packet
                stored_us = rta_jitter_to_us(
                    &self.jitter, rta_jitter_end(&self.jitter) - self.jitter.next_position
                )
                rta_jitter_note_spare(&self.jitter, min(turn.spare_us, stored_us), length_us)
            elif turn.kind == RTA_TURN_FEC:
                kind = _fec
            elif turn.kind == RTA_TURN_CONCEAL:
                kind = _conceal
            elif turn.comfort:
                kind = _comfort
            if turn.slot != NULL:
                packet = PyBytes_FromStringAndSize(<char *>turn.slot.bytes, turn.slot.length)
        return _new_playout((kind, packet, turn.ticks))

    def reset(self):
        """Forget the stream and what was learnt of the network; `stats` go on."""
        with self.mutex:
            rta_jitter_clear(&self.jitter)
            self.numbered = -1

    # --- either side -----------------------------------------------------------------------------

    def __len__(self):
        return self.jitter.held

    def __repr__(self):
        return (
            f"<JitterBuffer {self.encoding} at {self.clock_rate} Hz, "
            f"{self.jitter.held}/{self.jitter.capacity} packets, "
            f"target {self.target_ms:g} ms>"
        )

    @property
    def capacity(self):
        """Packets that fit."""
        return self.jitter.capacity

    @property
    def target_ms(self):
        """How much later than the quickest packet could be, sound is to be played, in ms."""
        return rta_jitter_target(&self.jitter) / 1000

    @property
    def stats(self):
        """A `JitterStats` of this moment."""
        cdef rta_jitter_counts *counts = &self.jitter.counts
        return JitterStats(
            received=counts.received,
            played=counts.played,
            lost=counts.lost,
            late=counts.late,
            duplicated=counts.duplicated,
            reordered=counts.reordered,
            discarded=counts.discarded,
            malformed=counts.malformed,
            restarts=counts.restarts,
            concealed=counts.concealed,
            concealed_ms=counts.concealed_ticks * 1000 / self.clock_rate,
            recovered=counts.recovered,
            shortened_ms=counts.shortened_us / 1000,
            lengthened_ms=counts.lengthened_us / 1000,
            delay_ms=self.jitter.delay_us / 1000,
            target_ms=self.target_ms,
            jitter_ms=self.jitter.delay.jitter_us / 1000,
        )
