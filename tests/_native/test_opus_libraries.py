"""Every control against opuslib on the same libopus: the newest one here, and the system's."""

from __future__ import annotations

import ctypes
import importlib
import os
import subprocess
import sys
import wave
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtaudio.audio import (
    OpusDecoder,
    OpusEncoder,
    decode_packets,
    encode_clip,
    resample,
)

SAMPLES = Path(__file__).parent.parent.parent / "samples"
SYSTEM_LIBRARY = "libopus.so.0"
RATES = (8000, 12000, 16000, 24000, 48000)
FRAMES_MS = (2.5, 5, 10, 20, 40, 60, 80, 100, 120)
BANDWIDTHS = {
    "narrowband": 1101,
    "mediumband": 1102,
    "wideband": 1103,
    "superwideband": 1104,
    "fullband": 1105,
}
AUTO = -1000
# Option: what opuslib's names for it are, and what each value is to libopus.
CONTROLS: dict[str, tuple[tuple[str, ...], dict[Any, tuple[int, ...]]]] = {
    "bitrate": (
        ("SET_BITRATE_REQUEST",),
        {None: (AUTO,), **{rate: (rate,) for rate in (500, 9000, 20000, 32000, 96000, 512000)}},
    ),
    "complexity": (("SET_COMPLEXITY_REQUEST",), {value: (value,) for value in range(11)}),
    "rate_control": (
        ("SET_VBR_REQUEST", "SET_VBR_CONSTRAINT_REQUEST"),
        {"vbr": (1, 0), "constrained_vbr": (1, 1), "cbr": (0, 0)},
    ),
    "fec": (
        ("SET_INBAND_FEC_REQUEST", "SET_PACKET_LOSS_PERC_REQUEST"),
        {False: (0, 0), True: (1, 10)},
    ),
    "packet_loss_percent": (
        ("SET_PACKET_LOSS_PERC_REQUEST",),
        {0: (0,), 1: (1,), 25: (25,), 100: (100,)},
    ),
    "dtx": (("SET_DTX_REQUEST",), {False: (0,), True: (1,)}),
    "bandwidth": (
        ("SET_BANDWIDTH_REQUEST",),
        {None: (AUTO,), **{name: (code,) for name, code in BANDWIDTHS.items()}},
    ),
    "max_bandwidth": (
        ("SET_MAX_BANDWIDTH_REQUEST",),
        {name: (code,) for name, code in BANDWIDTHS.items()},
    ),
    "signal": (
        ("SET_SIGNAL_REQUEST",),
        {None: (AUTO,), "voice": (3001,), "music": (3002,)},
    ),
}
APPLICATIONS = {"voip": 2048, "audio": 2049, "lowdelay": 2051}
DEFAULTS = {"complexity": 10}


@cache
def speech(sample_rate: int, channels: int) -> np.ndarray[Any, Any]:
    """Two seconds of a voice, one of digital silence and one of the voice again."""
    with wave.open(str(SAMPLES / "pride.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (24000, 1)
        said = np.frombuffer(file.readframes(24000 * 3), np.int16)
    said = np.concatenate([said[: 2 * 24000], np.zeros(24000, np.int16), said[2 * 24000 :]])
    mono = said if sample_rate == 24000 else resample(said, 24000, sample_rate)
    other = mono // 3 if channels == 2 else mono
    return np.ascontiguousarray(np.stack([mono, other][:channels], axis=1))


class Reference:
    """opuslib's functions, pointed at the libopus that the kernels use.

    Its classes are of no use here: some of their properties drop what they are set to.
    """

    def __init__(self, opuslib: Any) -> None:
        self.names = opuslib
        self.encoding = importlib.import_module("opuslib.api.encoder")
        self.decoding = importlib.import_module("opuslib.api.decoder")
        self.ctl = importlib.import_module("opuslib.api.ctl")

    def encoder(self, sample_rate: int, channels: int, application: str) -> Any:
        return self.encoding.create_state(sample_rate, channels, APPLICATIONS[application])

    def set(self, encoder: Any, option: str, value: Any) -> None:
        requests, values = CONTROLS[option]
        for request, number in zip(requests, values[value], strict=True):
            change = self.ctl.ctl_set(getattr(self.names, request))
            self.encoding.encoder_ctl(encoder, change, number)

    def encode(self, encoder: Any, block: np.ndarray[Any, Any]) -> bytes:
        packet: bytes = self.encoding.encode(encoder, block.tobytes(), len(block), 7662)
        return packet

    def decoder(self, sample_rate: int, channels: int) -> Any:
        return self.decoding.create_state(sample_rate, channels)

    def decode(
        self, decoder: Any, packet: bytes | None, count: int, channels: int, *, fec: bool = False
    ) -> bytes:
        length = 0 if packet is None else len(packet)
        pcm: bytes = self.decoding.decode(decoder, packet, length, count, fec, channels)
        return pcm


@pytest.fixture(scope="module")
def reference(opuslib: Any) -> Reference:
    return Reference(opuslib)


def race(
    reference: Reference,
    sample_rate: int,
    channels: int,
    application: Any,
    frame_ms: float,
    options: dict[str, Any],
    changes: dict[int, tuple[str, Any]],
    blocks: int,
) -> None:
    """Encode and decode on both sides; `changes` are made before the block of that index."""
    ours = OpusEncoder(sample_rate, channels, application=application, **options)
    theirs = reference.encoder(sample_rate, channels, application)
    for option, value in {**DEFAULTS, **options}.items():
        reference.set(theirs, option, value)
    decoder, control = OpusDecoder(sample_rate, channels), reference.decoder(sample_rate, channels)
    count = int(sample_rate * frame_ms / 1000)
    pcm = speech(sample_rate, channels)
    for i in range(min(blocks, len(pcm) // count)):
        block = pcm[i * count : (i + 1) * count]
        if i in changes:
            option, value = changes[i]
            setattr(ours, option, value)
            reference.set(theirs, option, value)
        packet = ours.encode(block)
        assert packet == reference.encode(theirs, block), i
        assert decoder.decode(packet).tobytes() == reference.decode(
            control, packet, count, channels
        )
    reference.encoding.destroy(theirs)
    reference.decoding.destroy(control)


@pytest.mark.parametrize(
    ("option", "value"),
    [(option, value) for option, (_, values) in CONTROLS.items() for value in values],
)
def test_each_value_of_each_control_gives_the_packets_of_opuslib(
    reference: Reference, option: str, value: Any
) -> None:
    options = {option: value} if option == "bitrate" else {"bitrate": 20000, option: value}
    race(reference, 16000, 1, "voip", 20, options, {}, 12)


@pytest.mark.parametrize("application", APPLICATIONS)
@pytest.mark.parametrize("frame_ms", FRAMES_MS)
def test_every_frame_length_gives_the_packets_of_opuslib(
    reference: Reference, application: str, frame_ms: float
) -> None:
    race(reference, 24000, 1, application, frame_ms, {}, {}, 6)


def test_silence_under_dtx_gives_the_packets_of_opuslib(reference: Reference) -> None:
    race(reference, 16000, 1, "voip", 20, {"dtx": True, "complexity": 2}, {}, 200)


def choice() -> st.SearchStrategy[tuple[str, Any]]:
    return st.sampled_from(
        [
            (option, value)
            for option, (_, values) in CONTROLS.items()
            for value in values
            # What fec alone makes of the loss expected is its own test.
            if option != "fec"
        ]
    )


def test_controls_changed_in_mid_stream_give_the_packets_of_opuslib(reference: Reference) -> None:
    @settings(max_examples=200)
    @given(
        sample_rate=st.sampled_from(RATES),
        channels=st.sampled_from((1, 2)),
        application=st.sampled_from(sorted(APPLICATIONS)),
        frame_ms=st.sampled_from(FRAMES_MS),
        options=st.lists(choice(), max_size=4).map(dict),
        fec=st.booleans(),
        changes=st.dictionaries(st.integers(0, 5), choice(), max_size=3),
    )
    def search(
        sample_rate: int,
        channels: int,
        application: str,
        frame_ms: float,
        options: dict[str, Any],
        fec: bool,
        changes: dict[int, tuple[str, Any]],
    ) -> None:
        if fec:
            # In this order, for on the other side the latter decides about the loss.
            options = {"fec": True, "packet_loss_percent": 25, **options}
        race(reference, sample_rate, channels, application, frame_ms, options, changes, 6)

    search()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frame_ms", [10, 20, 60])
def test_clips_are_encoded_and_repaired_as_opuslib_does_it(
    reference: Reference, channels: int, frame_ms: int
) -> None:
    count = 24 * frame_ms
    pcm = speech(24000, channels)[: 24000 + 77]
    packets = encode_clip(
        pcm, 24000, channels, frame_ms=frame_ms, bitrate=32000, fec=True, complexity=3
    )
    theirs = reference.encoder(24000, channels, "voip")
    reference.set(theirs, "bitrate", 32000)
    reference.set(theirs, "fec", True)
    reference.set(theirs, "complexity", 3)
    padded = np.zeros((len(packets) * count, channels), np.int16)
    padded[: len(pcm)] = pcm
    blocks = padded.reshape(len(packets), count, channels)
    assert list(packets) == [reference.encode(theirs, block) for block in blocks]

    # First, one, several in a row, and last.
    lost = {0, 5, 8, 9, 10, len(packets) - 1}
    arrived = [None if i in lost else packet for i, packet in enumerate(packets)]
    for fec in (True, False):
        control = reference.decoder(24000, channels)
        expected = b""
        for i, packet in enumerate(arrived):
            after = arrived[i + 1] if i + 1 < len(arrived) else None
            copy = fec and packet is None and after is not None
            source = after if copy else packet
            expected += reference.decode(control, source, count, channels, fec=copy)
        assert decode_packets(arrived, 24000, channels, fec=fec).tobytes() == expected


def test_all_of_this_holds_on_the_systems_libopus() -> None:
    try:
        ctypes.CDLL(SYSTEM_LIBRARY)
    except OSError:
        pytest.skip("the system has no libopus")
    if os.environ.get("RTAUDIO_LIBOPUS") == SYSTEM_LIBRARY:
        pytest.skip("this is that run")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        env={**os.environ, "RTAUDIO_LIBOPUS": SYSTEM_LIBRARY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
