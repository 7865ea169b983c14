"""The C loop over libopus: compiled on the spot where there is a compiler, and called by ctypes."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rtaudio.bench.cases import Absent

if TYPE_CHECKING:
    from rtaudio.audio import Samples

__all__ = ["DecodeLoop", "EncodeLoop"]

SOURCE = Path(__file__).with_name("opus_loop.c")

# Of opus_defines.h.
APPLICATION_VOIP = 2048
SET_BITRATE = 4002
SET_COMPLEXITY = 4010
ROOM = 1500  # bytes for a packet; the largest Opus makes of 20 ms is 1275


class EncodeLoop:
    """Encodes speech frame by frame without leaving C.

    Args:
        libopus: path of the library, or a name the loader knows.
        pcm: mono samples, whole frames.
        frame_size: samples per frame.
        sample_rate: in Hz.
        bitrate: in bits per second.
        complexity: 0 to 10.

    Raises:
        Absent: there is no C compiler, or no such library.
    """

    def __init__(
        self,
        libopus: str,
        pcm: Samples,
        frame_size: int,
        *,
        sample_rate: int,
        bitrate: int,
        complexity: int,
    ) -> None:
        self._loop = _library().rta_encode_loop
        opus = _load(libopus)
        error = ctypes.c_int()
        create = opus.opus_encoder_create
        create.restype = ctypes.c_void_p
        # The state is never freed: a benchmark's process ends soon, and its trials outlive a race.
        state = ctypes.c_void_p(create(sample_rate, 1, APPLICATION_VOIP, ctypes.byref(error)))
        if error.value:
            raise Absent(f"libopus refuses an encoder: {error.value}")
        control = opus.opus_encoder_ctl
        control(state, SET_BITRATE, ctypes.c_int(bitrate))
        control(state, SET_COMPLEXITY, ctypes.c_int(complexity))
        frames = len(pcm) // frame_size
        self._pcm = pcm
        self._packets = np.zeros((frames, ROOM), np.uint8)
        self._lengths = np.zeros(frames, np.int32)
        self._arguments = (
            ctypes.cast(opus.opus_encode, ctypes.c_void_p),
            state,
            _at(pcm),
            frames,
            frame_size,
            _at(self._packets),
            ROOM,
            _at(self._lengths),
        )

    def run(self) -> None:
        """Encode everything once; the state goes on from call to call."""
        code = self._loop(*self._arguments)
        if code:
            raise RuntimeError(f"opus_encode returned {code}")

    def packets(self) -> list[bytes]:
        """What the last run encoded."""
        pairs = zip(self._packets, self._lengths, strict=True)
        return [bytes(packet[:length]) for packet, length in pairs]


class DecodeLoop:
    """Decodes packets one after the other without leaving C.

    Args:
        libopus: path of the library, or a name the loader knows.
        packets: mono, all of `frame_size` samples.
        frame_size: samples per frame at `sample_rate`.
        sample_rate: in Hz.

    Raises:
        Absent: there is no C compiler, or no such library.
    """

    def __init__(
        self, libopus: str, packets: list[bytes], frame_size: int, *, sample_rate: int
    ) -> None:
        self._loop = _library().rta_decode_loop
        opus = _load(libopus)
        error = ctypes.c_int()
        create = opus.opus_decoder_create
        create.restype = ctypes.c_void_p
        state = ctypes.c_void_p(create(sample_rate, 1, ctypes.byref(error)))
        if error.value:
            raise Absent(f"libopus refuses a decoder: {error.value}")
        self._packets = np.zeros((len(packets), ROOM), np.uint8)
        for row, packet in zip(self._packets, packets, strict=True):
            row[: len(packet)] = np.frombuffer(packet, np.uint8)
        self._lengths = np.array([len(packet) for packet in packets], np.int32)
        self.pcm = np.zeros(len(packets) * frame_size, np.int16)
        self._arguments = (
            ctypes.cast(opus.opus_decode, ctypes.c_void_p),
            state,
            _at(self._packets),
            ROOM,
            _at(self._lengths),
            len(packets),
            frame_size,
            _at(self.pcm),
        )

    def run(self) -> None:
        """Decode everything once into `pcm`; the state goes on from call to call."""
        code = self._loop(*self._arguments)
        if code:
            raise RuntimeError(f"opus_decode returned {code}")


def _at(array: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _load(libopus: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(libopus)
    except OSError as error:
        raise Absent(f"{libopus} cannot be loaded: {error}") from error


@cache
def _library() -> ctypes.CDLL:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise Absent("there is no C compiler (gcc or cc)")
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder, "opus_loop.so")
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(built), str(SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Absent(f"{compiler} fails: {done.stderr.strip()[:200]}")
        # Once loaded, the file itself is not needed any more.
        return ctypes.CDLL(str(built))
