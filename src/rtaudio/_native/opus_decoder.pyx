"""Opus packets to PCM16, one packet at a time.

A packet takes a tenth of the time that its encoding took, some 25 us, and keeps the GIL: with
another Python thread busy, taking it back can wait for a whole switch interval of 5 ms.
"""

cimport cython
from libc.stdint cimport int16_t, int32_t

from rtaudio._native._buffer cimport (
    ByteView,
    PcmView,
    borrow_bytes,
    borrow_pcm_out,
    new_pcm,
    release_bytes,
    release_pcm,
)
from rtaudio._native.libopus cimport (
    DEEP_PLC_COMPLEXITY,
    RTA_OPUS_SET_COMPLEXITY,
    as_channels,
    as_flag,
    as_sample_rate,
    as_whole,
    libopus,
    need_library,
    packet_samples,
    refuse,
    rta_opus_decoder_reset,
    rta_opus_decoder_set,
    shown,
)

from rtaudio._native.libopus import libopus_features, libopus_version
from rtaudio.errors import OpusError

__all__ = ["OpusDecoder"]


@cython.final
cdef class OpusDecoder:
    """Decodes one stream of Opus packets into PCM16.

    Whatever a packet was encoded from, sound comes out at this decoder's rate and channels. A
    packet that raises leaves the decoder usable: go on with the next one.

    Args:
        sample_rate: of the PCM wanted, in Hz: 8000, 12000, 16000, 24000 or 48000.
        channels: 1 or 2.
        deep_plc: conceals what is lost with a neural vocoder. Needs a libopus built with it: see
            `libopus_features`.

    Raises:
        OpusError: an argument is outside its range, or there is no libopus, or none with deep PLC.
    """

    def __cinit__(self, sample_rate, channels=1, *, deep_plc=False):
        cdef int error = 0
        need_library()
        self.sample_rate = as_sample_rate(sample_rate)
        self.channels = as_channels(channels)
        self.deep_plc = as_flag("deep_plc", deep_plc)
        if self.deep_plc and "deep_plc" not in libopus_features():
            raise OpusError(
                f"got deep_plc=True, but libopus {libopus_version()} here was built without deep "
                "PLC; RTAUDIO_LIBOPUS may name a libopus of 1.5 or newer that has it"
            )
        self.state = libopus.decoder_create(self.sample_rate, self.channels, &error)
        if self.state == NULL:
            refuse("could not make a decoder", error)
        if self.deep_plc:
            error = rta_opus_decoder_set(
                &libopus, self.state, RTA_OPUS_SET_COMPLEXITY, DEEP_PLC_COMPLEXITY
            )
            if error < 0:
                refuse("could not switch deep PLC on", error)

    def __dealloc__(self):
        if self.state != NULL:
            libopus.decoder_destroy(self.state)

    def __repr__(self):
        return f"OpusDecoder({self.sample_rate}, channels={self.channels})"

    cdef Py_ssize_t count_samples(self, const unsigned char *packet, Py_ssize_t length) except -1:
        cdef int count
        if length == 0:
            raise OpusError("got an empty packet; fill in for a lost one with conceal()")
        count = packet_samples(packet, length, self.sample_rate)
        if count < 0:
            refuse(f"{length} bytes are no Opus packet", count)
        return count

    cdef int check_gap(self, object samples_per_channel) except -1:
        cdef int unit = self.sample_rate // 400
        cdef int longest = 48 * unit
        count = as_whole(samples_per_channel)
        if count is None or not 0 < count <= longest or count % unit:
            raise OpusError(
                f"got {shown(samples_per_channel)} samples per channel; at {self.sample_rate} Hz "
                f"a gap is a multiple of {unit}, up to {longest}"
            )
        return count

    cdef Py_ssize_t decode_s16(
        self,
        const unsigned char *packet,
        Py_ssize_t length,
        int16_t *pcm,
        Py_ssize_t samples_per_channel,
        bint fec,
    ) except -1:
        cdef int written
        with self.mutex:
            written = libopus.decode(
                self.state, packet, <int32_t>length, pcm, <int>samples_per_channel, fec
            )
        if written < 0:
            refuse(f"could not decode a packet of {length} bytes", written)
        return written

    def decode(self, packet, fec=False):
        """Decode one packet.

        Args:
            packet: bytes-like, one whole packet.
            fec: do not decode the packet itself but the frame before it, which was lost, from the
                coarse copy that an encoder with `fec` put into this one; concealed where there is
                none. The lost frame is taken to have been as long as this one. Decode the packet
                again without `fec` afterwards.

        Returns:
            A fresh int16 array of shape (samples_per_channel,), or (samples_per_channel, 2) in
            stereo.

        Raises:
            AudioError: `packet` is not bytes-like.
            OpusError: it is empty, or no valid Opus packet. The stream goes on with the next one.
        """
        cdef ByteView view
        cdef PcmView out
        cdef Py_ssize_t count
        cdef bint before = as_flag("fec", fec)
        borrow_bytes(packet, &view)
        try:
            count = self.count_samples(view.data, view.length)
            pcm = new_pcm(count, self.channels, self.channels, &out)
            try:
                written = self.decode_s16(view.data, view.length, out.samples, count, before)
            finally:
                release_pcm(&out)
        finally:
            release_bytes(&view)
        return pcm if written == count else pcm[:written]

    def decode_into(self, packet, out, fec=False) -> int:
        """Decode one packet into the caller's memory; otherwise as `decode`.

        Args:
            packet: as in `decode`; must not overlap `out`.
            out: writable int16 array or bytes-like at an even address, interleaved or of shape
                (n, channels); what lies beyond the decoded samples is left alone. 120 ms hold any
                packet.
            fec: as in `decode`.

        Returns:
            Samples per channel written.

        Raises:
            AudioError: `packet` is not bytes-like, or `out` is not writable PCM16.
            OpusError: as in `decode`, or `out` is too small.
        """
        cdef ByteView view
        cdef PcmView pcm
        cdef Py_ssize_t count
        cdef bint before = as_flag("fec", fec)
        borrow_bytes(packet, &view)
        try:
            borrow_pcm_out(out, self.channels, &pcm)
            try:
                count = self.count_samples(view.data, view.length)
                if count > pcm.samples_per_channel:
                    raise OpusError(
                        f"got room for {pcm.samples_per_channel} samples per channel; "
                        f"the packet has {count}"
                    )
                return self.decode_s16(view.data, view.length, pcm.samples, count, before)
            finally:
                release_pcm(&pcm)
        finally:
            release_bytes(&view)

    def conceal(self, samples_per_channel):
        """Fill in for lost packets with sound that continues what was decoded before.

        Args:
            samples_per_channel: how much was lost, at most 120 ms in one call: a multiple of 2.5
                ms, such as 480 for 20 ms at 24000 Hz.

        Returns:
            A fresh int16 array of that length, shaped as by `decode`.

        Raises:
            OpusError: the length is no such multiple.
        """
        cdef PcmView out
        cdef int count = self.check_gap(samples_per_channel)
        pcm = new_pcm(count, self.channels, self.channels, &out)
        try:
            self.decode_s16(NULL, 0, out.samples, count, False)
        finally:
            release_pcm(&out)
        return pcm

    def conceal_into(self, out) -> int:
        """Fill all of the caller's memory as `conceal` would.

        Args:
            out: as in `decode_into`; its length is how much was lost.

        Returns:
            Samples per channel written.

        Raises:
            AudioError: `out` is not writable PCM16.
            OpusError: it is not 2.5 to 120 ms in steps of 2.5 ms.
        """
        cdef PcmView pcm
        borrow_pcm_out(out, self.channels, &pcm)
        try:
            self.check_gap(pcm.samples_per_channel)
            return self.decode_s16(NULL, 0, pcm.samples, pcm.samples_per_channel, False)
        finally:
            release_pcm(&pcm)

    def reset(self) -> None:
        """Forget the stream so far, as if newly made."""
        cdef int code
        with self.mutex:
            code = rta_opus_decoder_reset(&libopus, self.state)
        if code < 0:
            refuse("could not reset the decoder", code)
