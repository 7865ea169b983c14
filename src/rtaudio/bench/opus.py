"""Opus: speech of 20 ms frames at 24 kHz, mono, 24 kb/s, encoded at complexity 10, and decoded."""

from __future__ import annotations

import ctypes.util
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from rtaudio.audio import OpusDecoder, OpusEncoder, libopus_path
from rtaudio.bench.cases import Absent, Contender, Group, Trial, need
from rtaudio.bench.opus_loop import DecodeLoop, EncodeLoop
from rtaudio.bench.signals import SAMPLE_RATE, Material

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtaudio.audio import Samples

__all__ = ["DECODE", "ENCODE", "groups"]

DECODE = "Opus decode"
ENCODE = "Opus encode"
FRAME = SAMPLE_RATE // 50
FRAMES = 25  # per call
CHECK_FRAMES = 150
BITRATE = 24_000
COMPLEXITY = 10

# The codec changes the waveform; what it makes of speech at this rate still correlates with it.
MIN_CORRELATION = 0.85
MAX_DELAY_S = 0.03
# Of the wanted bit rate: it varies with what is said.
BITRATE_RANGE = (0.5, 2.0)


def groups(material: Material) -> list[Group]:
    """Decoding and encoding."""
    sound = material.at(SAMPLE_RATE, CHECK_FRAMES * FRAME / SAMPLE_RATE)
    encoder = OpusEncoder(SAMPLE_RATE, bitrate=BITRATE, complexity=COMPLEXITY)
    packets = [encoder.encode(frame) for frame in _frames(sound)]
    here = "C loop, same libopus"
    systems = "C loop, system's libopus"
    decoders = (
        Contender("rtaudio", partial(_ours_decode, packets), "rtaudio", ours=True),
        Contender(here, partial(_loop_decode, packets, libopus_path)),
        Contender(systems, partial(_loop_decode, packets, _system_libopus)),
        Contender("opuslib, system's libopus", partial(_opuslib_decode, packets), "opuslib"),
        Contender("PyAV + resampling", partial(_pyav_decode, packets), "av"),
    )
    encoders = (
        Contender("rtaudio", partial(_ours_encode, sound), "rtaudio", ours=True),
        Contender(here, partial(_loop_encode, sound, libopus_path)),
        Contender(systems, partial(_loop_encode, sound, _system_libopus)),
        Contender("opuslib, system's libopus", partial(_opuslib_encode, sound), "opuslib"),
        Contender("PyAV", partial(_pyav_encode, sound), "av"),
    )
    decoded, encoded = partial(decoding_problem, sound), partial(encoding_problem, sound)
    return [
        Group("opus", DECODE, "", "20 ms", FRAMES, decoders, decoded),
        Group("opus", ENCODE, "", "20 ms", FRAMES, encoders, encoded),
    ]


def decoding_problem(sound: Samples, pcm: Samples) -> str | None:
    """Compare decoded speech with the speech, at the delay that fits best.

    Returns:
        What is wrong, or None.
    """
    if abs(len(pcm) - len(sound)) > FRAME:
        return f"{len(sound)} samples became {len(pcm)}"
    most = round(MAX_DELAY_S * SAMPLE_RATE)
    count = min(len(pcm), len(sound)) - most
    given, got = sound[:count].astype(float), pcm[: count + most].astype(float)
    # By FFT rather than a product per delay: BLAS would start threads, and wait for busy cores.
    size = 1 << (count + most).bit_length()
    spectrum = np.fft.rfft(got, size) * np.conj(np.fft.rfft(given, size))
    products = np.fft.irfft(spectrum, size)[:most]
    energy = np.concatenate([[0.0], np.cumsum(np.square(got))])
    energies = energy[count : count + most] - energy[:most]
    power = float(np.sum(np.square(given)))
    best = float(np.max(products / np.sqrt(power * energies + 1.0)))
    return None if best >= MIN_CORRELATION else f"correlates with the speech by only {best:.2f}"


def encoding_problem(sound: Samples, packets: list[bytes]) -> str | None:
    """Look at the bit rate of packets, and at what they decode to.

    Returns:
        What is wrong, or None.
    """
    rate = sum(map(len, packets)) * 8 / (len(sound) / SAMPLE_RATE)
    low, high = (factor * BITRATE for factor in BITRATE_RANGE)
    if not low <= rate <= high:
        return f"{rate / 1000:.1f} kb/s, where {BITRATE / 1000:g} were asked for"
    decoder = OpusDecoder(SAMPLE_RATE)
    return decoding_problem(sound, np.concatenate([decoder.decode(each) for each in packets]))


def _frames(sound: Samples) -> list[Samples]:
    return [sound[at : at + FRAME].copy() for at in range(0, len(sound), FRAME)]


def _system_libopus() -> str:
    name = ctypes.util.find_library("opus")
    if name is None:
        raise Absent("the system has no libopus")
    return name


def _loop_decode(packets: list[bytes], libopus: Callable[[], str]) -> Trial:
    def make(some: list[bytes]) -> DecodeLoop:
        return DecodeLoop(libopus(), some, FRAME, sample_rate=SAMPLE_RATE)

    def result() -> Samples:
        loop = make(packets)
        loop.run()
        return loop.pcm

    return Trial(make(packets[-FRAMES:]).run, result)


def _loop_encode(sound: Samples, libopus: Callable[[], str]) -> Trial:
    def make(some: Samples) -> EncodeLoop:
        return EncodeLoop(
            libopus(),
            some,
            FRAME,
            sample_rate=SAMPLE_RATE,
            bitrate=BITRATE,
            complexity=COMPLEXITY,
        )

    def result() -> list[bytes]:
        loop = make(sound)
        loop.run()
        return loop.packets()

    return Trial(make(sound[-FRAMES * FRAME :].copy()).run, result)


def _each(make: Callable[[], Callable[[Any], Any]], inputs: list[Any]) -> Trial:
    """A trial that calls a stateful function with the last of the inputs, and checks it on all."""
    function = make()
    timed = inputs[-FRAMES:]

    def call() -> None:
        for each in timed:
            function(each)

    def result() -> list[Any]:
        fresh = make()
        return [fresh(each) for each in inputs]

    return Trial(call, result)


def _joined(trial: Trial) -> Trial:
    def result() -> Samples:
        return np.concatenate([np.frombuffer(part, np.int16) for part in trial.result()])

    return Trial(trial.call, result)


def _ours_decode(packets: list[bytes]) -> Trial:
    return _joined(_each(lambda: OpusDecoder(SAMPLE_RATE).decode, packets))


def _ours_encode(sound: Samples) -> Trial:
    def make() -> Callable[[Any], bytes]:
        return OpusEncoder(SAMPLE_RATE, bitrate=BITRATE, complexity=COMPLEXITY).encode

    return _each(make, _frames(sound))


def _opuslib_decode(packets: list[bytes]) -> Trial:
    opuslib = need("opuslib")

    def make() -> Callable[[bytes], Any]:
        decode = opuslib.Decoder(SAMPLE_RATE, 1).decode
        return lambda packet: decode(packet, FRAME)

    return _joined(_each(make, packets))


def _opuslib_encode(sound: Samples) -> Trial:
    opuslib = need("opuslib")

    def make() -> Callable[[bytes], Any]:
        encoder = opuslib.Encoder(SAMPLE_RATE, 1, opuslib.APPLICATION_VOIP)
        encoder.bitrate = BITRATE
        encoder.complexity = COMPLEXITY
        encode = encoder.encode
        return lambda pcm: encode(pcm, FRAME)

    return _each(make, [frame.tobytes() for frame in _frames(sound)])


def _pyav_decode(packets: list[bytes]) -> Trial:
    av = need("av")

    def make() -> Callable[[bytes], Any]:
        # FFmpeg decodes Opus to 48 kHz whatever is asked for, so its resampler must follow.
        context = _pyav_context(av, "r")
        resample = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE).resample

        def decode(packet: bytes) -> Any:
            parts = [f for frame in context.decode(av.Packet(packet)) for f in resample(frame)]
            return np.concatenate([part.to_ndarray().reshape(-1) for part in parts])

        return decode

    return _joined(_each(make, list(packets)))


def _pyav_encode(sound: Samples) -> Trial:
    av = need("av")

    def make() -> Callable[[Samples], bytes]:
        context = _pyav_context(av, "w")

        def encode(pcm: Samples) -> bytes:
            frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            (packet,) = context.encode(frame)
            return bytes(packet)

        return encode

    return _each(make, _frames(sound))


def _pyav_context(av: Any, mode: str) -> Any:
    try:
        context = av.CodecContext.create("libopus", mode)
    except Exception as error:
        raise Absent(f"PyAV was built without libopus: {error}") from error
    context.sample_rate = SAMPLE_RATE
    context.layout = "mono"
    context.format = "s16"
    if mode == "w":
        context.bit_rate = BITRATE
        context.time_base = Fraction(1, SAMPLE_RATE)
        context.options = {"application": "voip", "compression_level": str(COMPLEXITY)}
    return context
