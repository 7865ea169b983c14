"""Opus packets to and from PCM16.

The codec is libopus, loaded when this module is imported; `libopus_path` has the rules of where it
is looked for. Importing always works. Where no library loads, making an encoder or a decoder raises
an OpusError that says what was tried.

Encoding runs without the GIL: at complexity 10 a 20 ms frame takes 150 to 300 us, long enough that
other sessions should not wait for it. Decoding takes a tenth of that and keeps the GIL, since with
another Python thread busy taking it back can wait for a whole switch interval of 5 ms.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, int32_t

from rtaudio._native._buffer cimport (
    ByteView,
    PcmView,
    borrow_bytes,
    borrow_bytes_out,
    borrow_pcm,
    borrow_pcm_out,
    new_pcm,
    release_bytes,
    release_pcm,
)

import os

from rtaudio._native.libopus_path import ENVIRONMENT_VARIABLE, choose
from rtaudio.errors import OpusError

__all__ = ["OpusDecoder", "OpusEncoder", "libopus_path", "libopus_version"]

_SAMPLE_RATES = (8000, 12000, 16000, 24000, 48000)  # Hz, opus_encoder_create
_FRAME_UNITS = (1, 2, 4, 8, 16, 24, 32, 40, 48)  # legal frame lengths in units of 2.5 ms
_APPLICATIONS = {
    "voip": RTA_OPUS_APPLICATION_VOIP,
    "audio": RTA_OPUS_APPLICATION_AUDIO,
    "lowdelay": RTA_OPUS_APPLICATION_LOWDELAY,
}
_MIN_BITRATE, _MAX_BITRATE = 500, 512000  # bits per second, OPUS_SET_BITRATE
_MAX_COMPLEXITY = 10  # OPUS_SET_COMPLEXITY
# The loss that the encoder expects when FEC is asked for. libopus writes the redundant copy only
# when it expects loss at all, and spends more of the bit rate on it the more it expects.
_EXPECTED_LOSS_PERCENT = 10
_INVALID_PACKET = -4  # OPUS_INVALID_PACKET

cdef rta_opus_api _api
cdef str _missing = ""


def _probe(str name not None) -> str:
    """Load `name` for a moment and return its version text; OSError where it is no libopus."""
    cdef rta_opus_api api
    cdef const char *error = rta_opus_open(os.fsencode(name), &api)
    if error != NULL:
        # The loader begins most messages with the name, and so does ours.
        raise OSError(os.fsdecode(error).removeprefix(f"{name}: "))
    try:
        return api.get_version_string().decode("ascii", "replace")
    finally:
        rta_opus_close(&api)


cdef int _load() except -1:
    global _missing
    choice = choose(_probe)
    if choice.name is None or rta_opus_open(os.fsencode(choice.name), &_api) != NULL:
        _missing = (
            f"no libopus could be loaded ({'; '.join(choice.tried)}); install PyAV (av) or the "
            f"system's libopus0, or set {ENVIRONMENT_VARIABLE} to the path of a libopus"
        )
    return 0


_load()


cdef int _need_library() except -1:
    if _api.handle == NULL:
        raise OpusError(_missing)
    return 0


cdef int _refused(str what, int code) except -1:
    """Raise libopus's error `code` as OpusError."""
    reason = _api.strerror(code).decode("ascii", "replace")
    raise OpusError(f"{what}: {reason} (libopus error {code})", code=code)


cdef int _check_stream(object sample_rate, object channels) except -1:
    if sample_rate not in _SAMPLE_RATES:
        raise OpusError(f"got a sample rate of {sample_rate!r} Hz; Opus has {_listed(_SAMPLE_RATES)}")
    if channels not in (1, 2):
        raise OpusError(f"got {channels!r} channels; an Opus stream has 1 or 2")
    return 0


cdef bint _is_within(object value, int low, int high) except -1:
    return isinstance(value, int) and low <= value <= high


cdef str _listed(object values):
    *most, last = [str(value) for value in values]
    return f"{', '.join(most)} or {last}"


def libopus_version() -> str:
    """Return the version of the libopus in use, such as `1.6.1`.

    Raises:
        OpusError: none could be loaded; the message says what was tried.
    """
    _need_library()
    return _api.get_version_string().decode("ascii", "replace").removeprefix("libopus ")


def libopus_path() -> str:
    """Return the file of the libopus in use.

    Raises:
        OpusError: none could be loaded; the message says what was tried.
    """
    _need_library()
    cdef const char *path = rta_opus_file(&_api)
    return "unknown" if path == NULL else os.fsdecode(path)


@cython.final
cdef class OpusEncoder:
    """Encodes one stream of PCM16 into Opus packets.

    Threads may share an encoder, but the order of packets is then theirs to keep.

    Args:
        sample_rate: of the PCM, in Hz: 8000, 12000, 16000, 24000 or 48000.
        channels: 1 or 2, interleaved.
        application: "voip" (speech), "audio" (music and mixed), or "lowdelay" (no speech modes,
            5 ms of lookahead less).
        bitrate: target in bits per second, 500 to 512000; None lets libopus choose.
        complexity: 0 (fastest) to 10 (best).
        fec: adds to each packet of speech a coarse copy of the frame before, for
            `OpusDecoder.decode(..., fec=True)`. Costs bit rate; tuned for a loss of 10 %.
        dtx: sends next to nothing during silence: packets of 1 or 2 bytes need not be sent.

    Attributes:
        lookahead: samples per channel, at `sample_rate`, by which decoded sound lags behind.

    Raises:
        OpusError: an argument is outside its range, or there is no libopus.
    """

    def __cinit__(
        self,
        sample_rate,
        channels=1,
        application="voip",
        bitrate=None,
        complexity=10,
        bint fec=False,
        bint dtx=False,
    ):
        cdef int error = 0
        cdef int32_t lookahead = 0
        _need_library()
        _check_stream(sample_rate, channels)
        if application not in _APPLICATIONS:
            raise OpusError(f"got application {application!r}; it is {_listed(_APPLICATIONS)}")
        if bitrate is not None and not _is_within(bitrate, _MIN_BITRATE, _MAX_BITRATE):
            raise OpusError(
                f"got a bit rate of {bitrate!r} bit/s; it is {_MIN_BITRATE} to {_MAX_BITRATE}, or "
                "None for libopus's choice"
            )
        if not _is_within(complexity, 0, _MAX_COMPLEXITY):
            raise OpusError(f"got complexity {complexity!r}; it is 0 to {_MAX_COMPLEXITY}")
        self.sample_rate = sample_rate
        self.channels = channels
        self.state = _api.encoder_create(
            self.sample_rate, self.channels, _APPLICATIONS[application], &error
        )
        if self.state == NULL:
            _refused("could not make an encoder", error)
        self._set(RTA_OPUS_SET_BITRATE, RTA_OPUS_AUTO if bitrate is None else bitrate)
        self._set(RTA_OPUS_SET_COMPLEXITY, complexity)
        self._set(RTA_OPUS_SET_INBAND_FEC, fec)
        self._set(RTA_OPUS_SET_PACKET_LOSS_PERC, _EXPECTED_LOSS_PERCENT if fec else 0)
        self._set(RTA_OPUS_SET_DTX, dtx)
        error = rta_opus_encoder_get(&_api, self.state, RTA_OPUS_GET_LOOKAHEAD, &lookahead)
        if error < 0:
            _refused("could not read the encoder's lookahead", error)
        self.lookahead = lookahead

    def __dealloc__(self):
        if self.state != NULL:
            _api.encoder_destroy(self.state)

    def __repr__(self):
        return f"OpusEncoder({self.sample_rate}, channels={self.channels})"

    cdef int _set(self, int request, int32_t value) except -1:
        cdef int code = rta_opus_encoder_set(&_api, self.state, request, value)
        if code < 0:
            _refused(f"could not set control {request} to {value}", code)
        return 0

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
            legal = _listed([count * unit for count in _FRAME_UNITS])
            raise OpusError(
                f"got {samples_per_channel} samples per channel; "
                f"a {self.sample_rate} Hz Opus frame is {legal}"
            )
        if capacity < 1:
            raise OpusError("got no room for the packet; 7662 bytes always do")
        with nogil:
            with self.mutex:
                written = _api.encode(
                    self.state,
                    pcm,
                    <int>samples_per_channel,
                    packet,
                    <int32_t>min(capacity, <Py_ssize_t>MAX_PACKET_BYTES),
                )
        if written < 0:
            _refused(f"could not encode into {capacity} bytes", written)
        return written

    def encode(self, pcm) -> bytes:
        """Encode one frame.

        Args:
            pcm: PCM16 as bytes-like or int16 array, interleaved or of shape (samples_per_channel,
                channels), of 2.5, 5, 10, 20, 40, 60, 80, 100 or 120 ms.

        Returns:
            The packet. With `dtx`, one of 1 or 2 bytes need not be sent.

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
        """Forget the stream so far, as if newly made; options stay."""
        cdef int code
        with nogil:
            with self.mutex:
                code = rta_opus_encoder_reset(&_api, self.state)
        if code < 0:
            _refused("could not reset the encoder", code)


@cython.final
cdef class OpusDecoder:
    """Decodes one stream of Opus packets into PCM16.

    Whatever a packet was encoded from, sound comes out at this decoder's rate and channels.

    Args:
        sample_rate: of the PCM wanted, in Hz: 8000, 12000, 16000, 24000 or 48000.
        channels: 1 or 2.

    Raises:
        OpusError: an argument is outside its range, or there is no libopus.
    """

    def __cinit__(self, sample_rate, channels=1):
        cdef int error = 0
        _need_library()
        _check_stream(sample_rate, channels)
        self.sample_rate = sample_rate
        self.channels = channels
        self.state = _api.decoder_create(self.sample_rate, self.channels, &error)
        if self.state == NULL:
            _refused("could not make a decoder", error)

    def __dealloc__(self):
        if self.state != NULL:
            _api.decoder_destroy(self.state)

    def __repr__(self):
        return f"OpusDecoder({self.sample_rate}, channels={self.channels})"

    cdef Py_ssize_t packet_samples(
        self, const unsigned char *packet, Py_ssize_t length
    ) except -1:
        cdef int count
        if length == 0:
            raise OpusError("got an empty packet; fill in for a lost one with conceal()")
        count = _INVALID_PACKET
        if length <= MAX_INPUT_BYTES:
            count = _api.packet_get_nb_samples(packet, <int32_t>length, self.sample_rate)
        if count <= 0:
            _refused(f"{length} bytes are no Opus packet", count if count else _INVALID_PACKET)
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
            written = _api.decode(
                self.state, packet, <int32_t>length, pcm, <int>samples_per_channel, fec
            )
        if written < 0:
            _refused(f"could not decode a packet of {length} bytes", written)
        return written

    def decode(self, packet, bint fec=False):
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
        borrow_bytes(packet, &view)
        try:
            count = self.packet_samples(view.data, view.length)
            pcm = new_pcm(count, self.channels, self.channels, &out)
            try:
                written = self.decode_s16(view.data, view.length, out.samples, count, fec)
            finally:
                release_pcm(&out)
        finally:
            release_bytes(&view)
        return pcm if written == count else pcm[:written]

    def decode_into(self, packet, out, bint fec=False) -> int:
        """Decode one packet into the caller's memory; otherwise as `decode`.

        Args:
            packet: as in `decode`; must not overlap `out`.
            out: writable int16 array or bytes-like at an even address, interleaved or of shape
                (n, channels); what lies beyond the decoded samples is left alone. 120 ms hold any
                packet.

        Returns:
            Samples per channel written.

        Raises:
            AudioError: `packet` is not bytes-like, or `out` is not writable PCM16.
            OpusError: as in `decode`, or `out` is too small.
        """
        cdef ByteView view
        cdef PcmView pcm
        cdef Py_ssize_t count
        borrow_bytes(packet, &view)
        try:
            borrow_pcm_out(out, self.channels, &pcm)
            try:
                count = self.packet_samples(view.data, view.length)
                if count > pcm.samples_per_channel:
                    raise OpusError(
                        f"got room for {pcm.samples_per_channel} samples per channel; "
                        f"the packet has {count}"
                    )
                return self.decode_s16(view.data, view.length, pcm.samples, count, fec)
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
        cdef int unit = self.sample_rate // 400
        longest = 48 * unit
        if not _is_within(samples_per_channel, 1, longest) or samples_per_channel % unit:
            raise OpusError(
                f"got {samples_per_channel!r} samples per channel; at {self.sample_rate} Hz a gap "
                f"is a multiple of {unit}, up to {longest}"
            )
        pcm = new_pcm(samples_per_channel, self.channels, self.channels, &out)
        try:
            self.decode_s16(NULL, 0, out.samples, out.samples_per_channel, False)
        finally:
            release_pcm(&out)
        return pcm

    def reset(self) -> None:
        """Forget the stream so far, as if newly made."""
        cdef int code
        with self.mutex:
            code = rta_opus_decoder_reset(&_api, self.state)
        if code < 0:
            _refused("could not reset the decoder", code)
