"""A jitter buffer that decodes: packets in, PCM16 out, at an even pace and without gaps."""

cimport cython
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memmove, memset

from rtaudio._native._buffer cimport PcmView, borrow_pcm_out, new_pcm, release_pcm
from rtaudio._native._types cimport s16
from rtaudio._native.g711 cimport rta_g711_kernels, rta_pick_g711_kernels
from rtaudio._native.jitter cimport (
    ENCODING_OPUS,
    ENCODING_PCM16,
    ENCODING_PCMA,
    ENCODING_PCMU,
    RTA_TURN_CONCEAL,
    RTA_TURN_FEC,
    RTA_TURN_PACKET,
    JitterBuffer,
    as_time_us,
    rta_jitter_delay_at,
    rta_jitter_end,
    rta_jitter_note_spare,
    rta_jitter_ready,
    rta_jitter_shortened,
    rta_jitter_spare,
    rta_jitter_take,
    rta_jitter_to_us,
    rta_packet,
    rta_turn,
)
from rtaudio._native.opus_decoder cimport OpusDecoder
from rtaudio._native.simd cimport active_level

from rtaudio.errors import AudioError, OpusError

__all__ = ["PlayoutBuffer"]

cdef rta_g711_kernels G711 = rta_pick_g711_kernels(active_level())

cdef enum:
    MAX_READ = 1 << 30
    # The sound is made longer where its delay is so much below the target, and shorter where so much
    # can be spared and a margin stays; not more often than every 50 ms, or 30 where the difference
    # is large.
    SHORT_US = 1_000
    LONG_US = 10_000
    MARGIN_US = 5_000
    FAR_US = 80_000
    PACE_US = 50_000
    FAST_PACE_US = 30_000

# How alike two periods must be for one to be left out or played twice (NetEQ's is 0.9), and what
# will do where the difference is large.
cdef double ALIKE = 0.85
cdef double ROUGHLY_ALIKE = 0.5


@cython.final
cdef class PlayoutBuffer:
    """Packets in as a network delivers them, PCM16 out, as much as is asked for and when it is.

    A `JitterBuffer` with a decoder behind it. What is lost comes from the copy in the next packet,
    where Opus has one, or is concealed: by libopus, or by repeating the last period of the voice.
    Where sound is played later or earlier than need be, a period is left out or played twice now
    and then, at a quarter faster or slower at most (twice that where it is far off), without a
    change of pitch; only where periods are alike, or in silence.

    Calls from several threads exclude each other: one may push while another reads.

    Args:
        encoding: "opus", "pcmu", "pcma" or "pcm16" (little endian; RTP's L16 is not).
        sample_rate: of the sound that comes out, in Hz: one that Opus has, or that of G.711 or
            PCM16 as it comes in; 4000 to 192000.
        channels: of the sound that comes out: 1 or 2 for Opus, otherwise 1 to 8 and the same as
            comes in.
        deep_plc: as of `OpusDecoder`.
        min_delay_ms, max_delay_ms, initial_delay_ms, late_share, capacity, overflow, live: as of
            `JitterBuffer`.

    Raises:
        AudioError: an argument is out of range.
        OpusError: the same, or there is no libopus.
    """

    def __cinit__(
        self,
        encoding,
        sample_rate,
        channels=1,
        *,
        deep_plc=False,
        min_delay_ms=10,
        max_delay_ms=500,
        initial_delay_ms=60,
        late_share=0.02,
        capacity=256,
        overflow="drop_oldest",
        live=True,
    ):
        cdef Py_ssize_t before, values
        self.buffer = JitterBuffer(
            encoding,
            None if encoding == "opus" else sample_rate,
            channels,
            min_delay_ms=min_delay_ms,
            max_delay_ms=max_delay_ms,
            initial_delay_ms=initial_delay_ms,
            late_share=late_share,
            capacity=capacity,
            overflow=overflow,
            live=live,
        )
        self.buffer.jitter.stretches = True
        if self.buffer.kind == ENCODING_OPUS:
            self.decoder = OpusDecoder(sample_rate, channels, deep_plc=deep_plc)
        elif deep_plc is not False:
            raise AudioError(f"got deep_plc={deep_plc!r}; only Opus has it, not {encoding}")
        self.expand = G711.alaw_decode if self.buffer.kind == ENCODING_PCMA else G711.ulaw_decode
        self.sample_rate = sample_rate
        self.channels = channels
        self.scale = rta_timescale_for(self.sample_rate, self.channels)
        self.longest_read = self.sample_rate * 3 // 25  # as long as the longest packet: 120 ms
        before = 2 * self.scale.longest_lag
        # A read, the packet that completes it, one more that is looked at, and a lag.
        self.room = 3 * self.longest_read + self.scale.longest_lag
        values = before + self.room + self.scale.longest_lag + self.scale.fade
        self.memory = <s16 *>PyMem_RawCalloc(values * self.channels, sizeof(s16))
        if self.memory == NULL:
            raise MemoryError(f"no memory for {values} samples of {channels} channel(s)")
        self.playing = self.memory + before * self.channels
        self.continuation.period = self.playing + self.room * self.channels
        self.mixed = self.continuation.period + self.scale.longest_lag * self.channels

    def __dealloc__(self):
        PyMem_RawFree(self.memory)

    def __reduce__(self):
        raise TypeError("a PlayoutBuffer cannot be copied or pickled")

    def __repr__(self):
        return (
            f"<PlayoutBuffer {self.buffer.encoding}, {self.sample_rate} Hz, {self.channels} "
            f"channel(s), {len(self.buffer)} packets, target {self.target_ms:g} ms>"
        )

    # --- methods over C memory -------------------------------------------------------------------

    cdef int64_t to_us(self, Py_ssize_t samples) noexcept:
        return <int64_t>samples * 1_000_000 // self.sample_rate

    cdef int fill(self, s16 *out, Py_ssize_t count, int64_t now_us) except -1:
        cdef Py_ssize_t piece, before = 2 * self.scale.longest_lag
        with self.buffer.mutex:
            while count > 0:
                piece = min(count, self.longest_read)
                self.prepare(piece, now_us)
                memcpy(out, self.playing, piece * self.channels * sizeof(s16))
                self.ready -= piece
                memmove(
                    self.memory,
                    self.memory + piece * self.channels,
                    (before + self.ready) * self.channels * sizeof(s16),
                )
                out += piece * self.channels
                count -= piece
        return 0

    cdef int prepare(self, Py_ssize_t count, int64_t now_us) except -1:
        cdef rta_turn turn
        cdef bint heard = False
        cdef int64_t behind_us
        while self.ready < count:
            self.append(count, now_us, &turn)
            heard = turn.kind == RTA_TURN_PACKET
        self.since_scaled += count
        if heard:
            self.adjust(count, now_us, turn.spare_us)
            behind_us = self.to_us(self.ready)
            while self.ready < count:
                self.append(count, now_us, &turn)
            self.buffer.jitter.delay_us = behind_us + rta_jitter_delay_at(
                &self.buffer.jitter, self.buffer.jitter.next_position, now_us
            )
        return 0

    cdef int append(self, Py_ssize_t count, int64_t now_us, rta_turn *turn) except -1:
        cdef s16 *out = self.playing + self.ready * self.channels
        cdef Py_ssize_t unit, samples
        rta_jitter_take(&self.buffer.jitter, now_us, turn)
        samples = <int64_t>turn.ticks * self.sample_rate // self.buffer.clock_rate
        if turn.kind == RTA_TURN_PACKET or turn.kind == RTA_TURN_FEC:
            self.decode(turn, out, samples)
            if self.faded:
                rta_fade_in(out, min(samples, self.scale.fade), self.channels)
                self.faded = False
        elif turn.kind == RTA_TURN_CONCEAL:
            self.conceal(out, samples)
            if turn.fades:
                rta_fade_out(out, samples, self.channels)
                self.faded = True
        else:
            samples = count - self.ready
            if turn.comfort and self.decoder is not None:
                unit = self.sample_rate // 400
                samples = (samples + unit - 1) // unit * unit
                self.conceal(out, samples)
            else:
                memset(out, 0, samples * self.channels * sizeof(s16))
        self.ready += samples
        return 0

    cdef int decode(self, const rta_turn *turn, s16 *out, Py_ssize_t samples) except -1:
        cdef Py_ssize_t values = samples * self.channels
        if self.buffer.kind == ENCODING_OPUS:
            try:
                self.decoder.decode_s16(
                    turn.slot.bytes, turn.slot.length, out, samples, turn.kind == RTA_TURN_FEC
                )
            except OpusError:
                # Packets were checked when they came; should a libopus be stricter, sound goes on.
                self.buffer.jitter.counts.malformed += 1
                self.conceal(out, samples)
            return 0
        if self.buffer.kind == ENCODING_PCM16:
            memcpy(out, turn.slot.bytes, values * sizeof(s16))
        else:
            self.expand(turn.slot.bytes, values, out)
        rta_rejoin(&self.scale, &self.continuation, out, samples, self.mixed)
        return 0

    cdef int conceal(self, s16 *out, Py_ssize_t samples) except -1:
        if self.decoder is not None:
            self.decoder.decode_s16(NULL, 0, out, samples, False)
            return 0
        if not self.continuation.lag:
            rta_continue_from(&self.scale, &self.continuation, out)
        rta_continue(&self.scale, &self.continuation, out, samples)
        return 0

    cdef int adjust(self, Py_ssize_t count, int64_t now_us, int64_t spare_us) except -1:
        cdef rta_turn turn
        cdef int64_t step_us = self.to_us(count), played_us = self.to_us(self.since_scaled)
        cdef int64_t stored_us, steps_us = 0, allowed_us
        cdef int32_t lag = 0, longest
        # Packets are wanted at reads. What lies ready beyond whole reads can go without any being
        # wanted sooner; taking out more has them wanted one whole read sooner.
        stored_us = rta_jitter_to_us(
            &self.buffer.jitter,
            rta_jitter_end(&self.buffer.jitter) - self.buffer.jitter.next_position,
        )
        if spare_us > MARGIN_US:
            steps_us = (spare_us - MARGIN_US) // step_us * step_us
        allowed_us = self.to_us((self.ready - count) % count) + min(steps_us, stored_us)
        rta_jitter_note_spare(
            &self.buffer.jitter, 0 if spare_us < -SHORT_US else allowed_us, step_us
        )
        allowed_us = rta_jitter_spare(&self.buffer.jitter)

        if spare_us < -SHORT_US:
            if played_us < (FAST_PACE_US if spare_us < -FAR_US else PACE_US):
                return 0
            if self.ready < self.scale.fade or self.ready + self.scale.longest_lag > self.room:
                return 0
            lag = rta_find_lag(
                &self.scale, self.playing, self.scale.fade, -1, self.scale.shortest_lag,
                self.scale.longest_lag, ROUGHLY_ALIKE if spare_us < -FAR_US else ALIKE,
            )
            if lag:
                self.ready = rta_lengthen(&self.scale, self.playing, self.ready, lag, self.mixed)
                self.buffer.jitter.counts.lengthened_us += self.to_us(lag)
        elif self.buffer.jitter.live and allowed_us >= LONG_US:
            if played_us < (FAST_PACE_US if allowed_us > FAR_US else PACE_US):
                return 0
            while (
                self.ready < self.scale.longest_lag + self.scale.fade
                and rta_jitter_ready(&self.buffer.jitter)
            ):
                self.append(count, now_us, &turn)
            longest = <int32_t>min(
                self.scale.longest_lag,
                self.ready - self.scale.fade,
                min(allowed_us, 1_000_000) * self.sample_rate // 1_000_000,
            )
            lag = rta_find_lag(
                &self.scale, self.playing, self.scale.fade, 1, self.scale.shortest_lag, longest,
                ROUGHLY_ALIKE if allowed_us > FAR_US else ALIKE,
            )
            if lag:
                self.ready = rta_shorten(&self.scale, self.playing, self.ready, lag)
                rta_jitter_shortened(&self.buffer.jitter, self.to_us(lag))
        if lag:
            self.since_scaled = 0
        return 0

    # --- the network's side ----------------------------------------------------------------------

    def push(self, packet, arrival_s, sequence=None, timestamp=None, ssrc=None):
        """Take in a packet, or a chunk of sound, as `JitterBuffer.push` does."""
        cdef rta_packet described
        self.buffer.describe(arrival_s, sequence, timestamp, ssrc, &described)
        return self.buffer.take_in(packet, &described)

    def end_utterance(self):
        """Tell that what was pushed last ends an utterance, as `JitterBuffer.end_utterance` does."""
        self.buffer.end_utterance()

    # --- the player's side -----------------------------------------------------------------------

    def read(self, n, now_s):
        """Take out the next sound.

        Args:
            n: samples per channel, 0 or more; 10 or 20 ms is usual.
            now_s: the time, in seconds.

        Returns:
            A fresh int16 array of shape (n,), or (n, channels) where there are several. It is
            silent where there is nothing to be played.

        Raises:
            AudioError: `n` is no such number, or `now_s` no finite one.
        """
        cdef PcmView out
        cdef int64_t now_us = as_time_us("now_s", now_s)
        if not isinstance(n, int) or isinstance(n, bool) or not 0 <= n <= MAX_READ:
            raise AudioError(f"got {n!r} samples to read; it must be an integer, 0 to {MAX_READ}")
        pcm = new_pcm(n, self.channels, 1 if self.channels == 1 else 2, &out)
        try:
            self.fill(out.samples, out.samples_per_channel, now_us)
        finally:
            release_pcm(&out)
        return pcm

    def read_into(self, out, now_s) -> int:
        """Fill all of the caller's memory with the next sound, without allocating.

        Args:
            out: writable PCM16, interleaved or of shape (n, channels).
            now_s: as in `read`.

        Returns:
            Samples per channel written.

        Raises:
            AudioError: `out` is not writable PCM16, or `now_s` is no finite number.
        """
        cdef PcmView pcm
        cdef int64_t now_us = as_time_us("now_s", now_s)
        borrow_pcm_out(out, self.channels, &pcm)
        try:
            self.fill(pcm.samples, pcm.samples_per_channel, now_us)
            return pcm.samples_per_channel
        finally:
            release_pcm(&pcm)

    def reset(self):
        """Forget the stream, what was learnt of the network, and sound not read; `stats` go on."""
        self.buffer.reset()
        with self.buffer.mutex:
            memset(self.memory, 0, (self.playing - self.memory) * sizeof(s16))
            self.ready = self.since_scaled = 0
            self.continuation.lag = 0
            self.faded = False
        if self.decoder is not None:
            self.decoder.reset()

    # --- either side -----------------------------------------------------------------------------

    @property
    def encoding(self):
        """What packets are."""
        return self.buffer.encoding

    @property
    def is_playing(self):
        """Whether an utterance is being played; otherwise it is silence that is read."""
        return self.ready > 0 or bool(self.buffer.jitter.playing)

    @property
    def target_ms(self):
        """As of `JitterBuffer`."""
        return self.buffer.target_ms

    @property
    def stats(self):
        """A `JitterStats` of this moment."""
        return self.buffer.stats
