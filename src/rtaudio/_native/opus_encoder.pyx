"""PCM16 to Opus packets, one frame at a time.

Encoding runs without the GIL: at complexity 10 a 20 ms frame takes 150 to 300 us, long enough that
other sessions should not wait for it.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, int32_t

from rtaudio._native._buffer cimport (
    ByteView,
    PcmView,
    borrow_bytes_out,
    borrow_pcm,
    release_bytes,
    release_pcm,
)
from rtaudio._native.libopus cimport (
    MAX_PACKET_BYTES,
    RTA_OPUS_APPLICATION_AUDIO,
    RTA_OPUS_APPLICATION_LOWDELAY,
    RTA_OPUS_APPLICATION_VOIP,
    RTA_OPUS_AUTO,
    RTA_OPUS_BANDWIDTH_FULLBAND,
    RTA_OPUS_BANDWIDTH_MEDIUMBAND,
    RTA_OPUS_BANDWIDTH_NARROWBAND,
    RTA_OPUS_BANDWIDTH_SUPERWIDEBAND,
    RTA_OPUS_BANDWIDTH_WIDEBAND,
    RTA_OPUS_GET_APPLICATION,
    RTA_OPUS_GET_BITRATE,
    RTA_OPUS_GET_COMPLEXITY,
    RTA_OPUS_GET_DTX,
    RTA_OPUS_GET_IN_DTX,
    RTA_OPUS_GET_INBAND_FEC,
    RTA_OPUS_GET_LOOKAHEAD,
    RTA_OPUS_GET_MAX_BANDWIDTH,
    RTA_OPUS_GET_PACKET_LOSS_PERC,
    RTA_OPUS_GET_SIGNAL,
    RTA_OPUS_GET_VBR,
    RTA_OPUS_GET_VBR_CONSTRAINT,
    RTA_OPUS_SET_APPLICATION,
    RTA_OPUS_SET_BANDWIDTH,
    RTA_OPUS_SET_BITRATE,
    RTA_OPUS_SET_COMPLEXITY,
    RTA_OPUS_SET_DRED_DURATION,
    RTA_OPUS_SET_DTX,
    RTA_OPUS_SET_INBAND_FEC,
    RTA_OPUS_SET_MAX_BANDWIDTH,
    RTA_OPUS_SET_PACKET_LOSS_PERC,
    RTA_OPUS_SET_SIGNAL,
    RTA_OPUS_SET_VBR,
    RTA_OPUS_SET_VBR_CONSTRAINT,
    RTA_OPUS_SIGNAL_MUSIC,
    RTA_OPUS_SIGNAL_VOICE,
    RTA_OPUS_UNIMPLEMENTED,
    as_channels,
    as_choice,
    as_flag,
    as_number,
    as_sample_rate,
    libopus,
    listed,
    need_library,
    refuse,
    rta_opus_encoder_get,
    rta_opus_encoder_reset,
    rta_opus_encoder_set,
)

from rtaudio._native.libopus import libopus_version
from rtaudio.errors import OpusError

__all__ = ["OpusEncoder"]

_FRAME_UNITS = (1, 2, 4, 8, 16, 24, 32, 40, 48)  # legal frame lengths in units of 2.5 ms
_MIN_BITRATE, _MAX_BITRATE = 500, 512000  # bits per second, OPUS_SET_BITRATE
_MAX_COMPLEXITY = 10  # OPUS_SET_COMPLEXITY
_MAX_DRED_MS = 1040  # libopus's DRED_MAX_FRAMES of 10 ms
# The loss expected where redundancy is asked for and nothing is said. libopus writes copies and DRED
# only when it expects loss at all, and spends more of the bit rate on them the more it expects.
_LOSS_PERCENT = 10

cdef dict _APPLICATIONS = {
    "voip": RTA_OPUS_APPLICATION_VOIP,
    "audio": RTA_OPUS_APPLICATION_AUDIO,
    "lowdelay": RTA_OPUS_APPLICATION_LOWDELAY,
}
cdef dict _BANDWIDTHS = {
    "narrowband": RTA_OPUS_BANDWIDTH_NARROWBAND,
    "mediumband": RTA_OPUS_BANDWIDTH_MEDIUMBAND,
    "wideband": RTA_OPUS_BANDWIDTH_WIDEBAND,
    "superwideband": RTA_OPUS_BANDWIDTH_SUPERWIDEBAND,
    "fullband": RTA_OPUS_BANDWIDTH_FULLBAND,
}
cdef dict _BANDWIDTHS_OR_AUTO = {**_BANDWIDTHS, None: RTA_OPUS_AUTO}
cdef dict _SIGNALS = {
    "voice": RTA_OPUS_SIGNAL_VOICE,
    "music": RTA_OPUS_SIGNAL_MUSIC,
    None: RTA_OPUS_AUTO,
}
# Two bits: OPUS_SET_VBR, and OPUS_SET_VBR_CONSTRAINT above it.
cdef dict _RATE_CONTROLS = {"vbr": 1, "constrained_vbr": 3, "cbr": 0}


cdef str _name_of(dict choices, int32_t code):
    for name, each in choices.items():
        if each == code:
            return name
    return None


@cython.final
cdef class OpusEncoder:
    """Encodes one stream of PCM16 into Opus packets.

    Every option is also a property that can be set while the stream runs; it takes effect with the
    next frame. Threads may share an encoder, but the order of packets is then theirs to keep.

    Args:
        sample_rate: of the PCM, in Hz: 8000, 12000, 16000, 24000 or 48000.
        channels: 1 or 2, interleaved.
        application: "voip" (speech), "audio" (music and mixed), or "lowdelay" (no speech modes,
            4 ms of lookahead less). Once a frame was encoded it can change only after `reset()`.
        bitrate: target in bits per second, 500 to 512000, for all channels together; None lets
            libopus choose by rate, channels and frame length. libopus lowers what a stream cannot
            use; reading the property tells the target in force.
        complexity: 0 (fastest) to 10 (best).
        rate_control: "constrained_vbr" (varies, but never needs more than one frame of buffering at
            the target rate), "vbr" (varies freely) or "cbr" (every packet equally long).
        fec: adds to packets of speech a coarse copy of the frame before, for
            `OpusDecoder.decode(..., fec=True)`. Costs bit rate.
        packet_loss_percent: loss to prepare for, 0 to 100; the more, the more is spent on `fec` and
            `dred_ms`, which at 0 write nothing. None means 10 with either of them, otherwise 0.
        dtx: sends next to nothing during silence: see `in_dtx`.
        bandwidth: coded always: "narrowband" (up to 4 kHz), "mediumband" (6), "wideband" (8),
            "superwideband" (12) or "fullband" (20). None lets libopus choose.
        max_bandwidth: the most that libopus may choose; one of the same names.
        signal: "voice" or "music" helps libopus choose its modes; None lets it find out.
        dred_ms: how much of the past each packet also carries as deep redundancy, 0 to 1040 ms in
            steps of 10. Needs a libopus built with DRED: see `libopus_features`.

    Raises:
        OpusError: an argument is outside its range, or there is no libopus, or none with DRED.
    """

    def __cinit__(
        self,
        sample_rate,
        channels=1,
        *,
        application="voip",
        bitrate=None,
        complexity=10,
        rate_control="constrained_vbr",
        fec=False,
        packet_loss_percent=None,
        dtx=False,
        bandwidth=None,
        max_bandwidth="fullband",
        signal=None,
        dred_ms=0,
    ):
        cdef int error = 0
        need_library()
        self.sample_rate = as_sample_rate(sample_rate)
        self.channels = as_channels(channels)
        self.state = libopus.encoder_create(
            self.sample_rate,
            self.channels,
            as_choice("application", application, _APPLICATIONS),
            &error,
        )
        if self.state == NULL:
            refuse("could not make an encoder", error)
        self.bitrate = bitrate
        self.complexity = complexity
        self.rate_control = rate_control
        self.fec = fec
        self.packet_loss_percent = packet_loss_percent
        self.dtx = dtx
        self.bandwidth = bandwidth
        self.max_bandwidth = max_bandwidth
        self.signal = signal
        self.dred_ms = dred_ms

    def __dealloc__(self):
        if self.state != NULL:
            libopus.encoder_destroy(self.state)

    def __repr__(self):
        return f"OpusEncoder({self.sample_rate}, channels={self.channels})"

    cdef int set(self, str what, int request, int32_t value) except -1:
        cdef int code
        with self.mutex:
            code = rta_opus_encoder_set(&libopus, self.state, request, value)
        if code < 0:
            refuse(f"could not set {what}", code)
        return 0

    cdef int32_t get(self, int request) except? -1:
        cdef int32_t value = 0
        cdef int code
        with self.mutex:
            code = rta_opus_encoder_get(&libopus, self.state, request, &value)
        if code < 0:
            refuse(f"could not read control {request}", code)
        return value

    @property
    def lookahead(self) -> int:
        """Samples per channel, at `sample_rate`, by which decoded sound lags behind."""
        return self.get(RTA_OPUS_GET_LOOKAHEAD)

    @property
    def in_dtx(self) -> bool:
        """Whether the last frame was taken for silence by `dtx`; its packet need not be sent."""
        return self.get(RTA_OPUS_GET_IN_DTX) != 0

    @property
    def application(self) -> str:
        """What the encoder is tuned for; can be set before the first frame and after a reset."""
        return _name_of(_APPLICATIONS, self.get(RTA_OPUS_GET_APPLICATION))

    @application.setter
    def application(self, value):
        self.set(
            "the application, which can change only before the first frame and after reset()",
            RTA_OPUS_SET_APPLICATION,
            as_choice("application", value, _APPLICATIONS),
        )

    @property
    def bitrate(self) -> int:
        """The target in force, in bits per second; set None to let libopus choose.

        What libopus chooses depends on the length of the frames, and is known after the first.
        """
        return self.get(RTA_OPUS_GET_BITRATE)

    @bitrate.setter
    def bitrate(self, value):
        cdef int32_t target = RTA_OPUS_AUTO
        if value is not None:
            target = <int32_t>as_number("a bit rate of", value, _MIN_BITRATE, _MAX_BITRATE)
        self.set("the bit rate", RTA_OPUS_SET_BITRATE, target)

    @property
    def complexity(self) -> int:
        """0 (fastest) to 10 (best)."""
        return self.get(RTA_OPUS_GET_COMPLEXITY)

    @complexity.setter
    def complexity(self, value):
        self.set(
            "the complexity",
            RTA_OPUS_SET_COMPLEXITY,
            <int32_t>as_number("complexity", value, 0, _MAX_COMPLEXITY),
        )

    @property
    def rate_control(self) -> str:
        """"constrained_vbr", "vbr" or "cbr"."""
        if not self.get(RTA_OPUS_GET_VBR):
            return "cbr"
        return "constrained_vbr" if self.get(RTA_OPUS_GET_VBR_CONSTRAINT) else "vbr"

    @rate_control.setter
    def rate_control(self, value):
        cdef int32_t bits = as_choice("rate_control", value, _RATE_CONTROLS)
        self.set("rate_control", RTA_OPUS_SET_VBR, bits & 1)
        self.set("rate_control", RTA_OPUS_SET_VBR_CONSTRAINT, bits >> 1)

    @property
    def fec(self) -> bool:
        """Whether packets of speech carry a coarse copy of the frame before."""
        return self.get(RTA_OPUS_GET_INBAND_FEC) != 0

    @fec.setter
    def fec(self, value):
        self.set("fec", RTA_OPUS_SET_INBAND_FEC, as_flag("fec", value))
        self.packet_loss_percent = self.asked_loss

    @property
    def packet_loss_percent(self) -> int:
        """The loss prepared for; set None for 10 with `fec` or `dred_ms`, and otherwise 0."""
        return self.get(RTA_OPUS_GET_PACKET_LOSS_PERC)

    @packet_loss_percent.setter
    def packet_loss_percent(self, value):
        cdef int32_t percent = _LOSS_PERCENT if self.fec or self.asked_dred_ms else 0
        if value is not None:
            percent = <int32_t>as_number("packet_loss_percent", value, 0, 100)
        self.set("packet_loss_percent", RTA_OPUS_SET_PACKET_LOSS_PERC, percent)
        self.asked_loss = value

    @property
    def dtx(self) -> bool:
        """Whether next to nothing is sent during silence."""
        return self.get(RTA_OPUS_GET_DTX) != 0

    @dtx.setter
    def dtx(self, value):
        self.set("dtx", RTA_OPUS_SET_DTX, as_flag("dtx", value))

    @property
    def bandwidth(self) -> str | None:
        """The bandwidth asked for, or None; `opus_packet_info` tells what a packet has."""
        return self.asked_bandwidth

    @bandwidth.setter
    def bandwidth(self, value):
        code = as_choice("bandwidth", value, _BANDWIDTHS_OR_AUTO)
        self.set("the bandwidth", RTA_OPUS_SET_BANDWIDTH, code)
        self.asked_bandwidth = value

    @property
    def max_bandwidth(self) -> str:
        """The most that libopus may choose where `bandwidth` is None."""
        return _name_of(_BANDWIDTHS, self.get(RTA_OPUS_GET_MAX_BANDWIDTH))

    @max_bandwidth.setter
    def max_bandwidth(self, value):
        code = as_choice("max_bandwidth", value, _BANDWIDTHS)
        self.set("max_bandwidth", RTA_OPUS_SET_MAX_BANDWIDTH, code)

    @property
    def signal(self) -> str | None:
        """"voice", "music" or None."""
        return _name_of(_SIGNALS, self.get(RTA_OPUS_GET_SIGNAL))

    @signal.setter
    def signal(self, value):
        self.set("signal", RTA_OPUS_SET_SIGNAL, as_choice("signal", value, _SIGNALS))

    @property
    def dred_ms(self) -> int:
        """How much of the past each packet carries as deep redundancy, in ms."""
        return self.asked_dred_ms

    @dred_ms.setter
    def dred_ms(self, value):
        cdef int32_t span = <int32_t>as_number("dred_ms", value, 0, _MAX_DRED_MS)
        if span % 10:
            raise OpusError(f"got dred_ms {span}; it is a multiple of 10")
        if span == self.asked_dred_ms:
            return
        try:
            self.set("dred_ms", RTA_OPUS_SET_DRED_DURATION, span // 10)
        except OpusError as error:
            if error.code != RTA_OPUS_UNIMPLEMENTED:
                raise
            raise OpusError(
                f"got dred_ms {span}, but libopus {libopus_version()} here was built without DRED; "
                "RTAUDIO_LIBOPUS may name a libopus of 1.5 or newer that has it",
                code=error.code,
            ) from None
        self.asked_dred_ms = span
        self.packet_loss_percent = self.asked_loss

    cdef Py_ssize_t encode_s16(
        self,
        const int16_t *pcm,
        Py_ssize_t samples_per_channel,
        unsigned char *packet,
        Py_ssize_t capacity,
    ) except -1:
        cdef int32_t written
        cdef int unit = self.sample_rate // 400
        if samples_per_channel % unit or samples_per_channel // unit not in _FRAME_UNITS:
            legal = listed([count * unit for count in _FRAME_UNITS])
            raise OpusError(
                f"got {samples_per_channel} samples per channel; "
                f"a {self.sample_rate} Hz Opus frame is {legal}"
            )
        if capacity < 1:
            raise OpusError("got no room for the packet; 7662 bytes always do")
        with nogil:
            with self.mutex:
                written = libopus.encode(
                    self.state,
                    pcm,
                    <int>samples_per_channel,
                    packet,
                    <int32_t>min(capacity, <Py_ssize_t>MAX_PACKET_BYTES),
                )
        if written < 0:
            refuse(f"could not encode into {capacity} bytes", written)
        return written

    def encode(self, pcm) -> bytes:
        """Encode one frame.

        Args:
            pcm: PCM16 as bytes-like or int16 array, interleaved or of shape (samples_per_channel,
                channels), of 2.5, 5, 10, 20, 40, 60, 80, 100 or 120 ms. The length may change from
                frame to frame.

        Returns:
            The packet.

        Raises:
            AudioError: `pcm` is not PCM16.
            OpusError: the frame has another length.
        """
        cdef PcmView view
        cdef unsigned char[MAX_PACKET_BYTES] packet
        cdef Py_ssize_t length
        borrow_pcm(pcm, self.channels, &view)
        try:
            length = self.encode_s16(
                view.samples, view.samples_per_channel, packet, MAX_PACKET_BYTES
            )
        finally:
            release_pcm(&view)
        return PyBytes_FromStringAndSize(<const char *>packet, length)

    def encode_into(self, pcm, buf) -> int:
        """Encode one frame into the caller's memory; otherwise as `encode`.

        Args:
            pcm: as in `encode`; must not overlap `buf`.
            buf: writable bytes-like. libopus fits the packet into it by lowering the quality; 7662
                bytes hold any packet.

        Returns:
            The length of the packet in bytes.

        Raises:
            AudioError: `pcm` is not PCM16, or `buf` is not writable bytes.
            OpusError: the frame's length is none of Opus's, or `buf` is too small for any packet.
        """
        cdef PcmView view
        cdef ByteView packet
        borrow_pcm(pcm, self.channels, &view)
        try:
            borrow_bytes_out(buf, &packet)
            try:
                return self.encode_s16(
                    view.samples, view.samples_per_channel, packet.data, packet.length
                )
            finally:
                release_bytes(&packet)
        finally:
            release_pcm(&view)

    def reset(self) -> None:
        """Forget the stream so far, as if newly made; options stay.

        Only with `fec`, near the lowest bit rate that has room for it, may the next packets differ
        from a new encoder's: libopus still knows whether it wrote copies before.
        """
        cdef int code
        with nogil:
            with self.mutex:
                code = rta_opus_encoder_reset(&libopus, self.state)
        if code < 0:
            refuse("could not reset the encoder", code)
