"""DRED and deep PLC on a libopus that has them, as far as the kernels can tell."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rtaudio.audio import libopus_path

# Runs in a process of its own, for a process has one libopus.
CODE = """
import ctypes
import os

import numpy as np
import rtaudio.audio as a
from rtaudio.cli.doctor import examine

double = ctypes.CDLL(os.environ["RTAUDIO_LIBOPUS"])
assert a.libopus_features() == {"dred", "deep_plc"}, a.libopus_features()
assert "no" not in dict(examine().facts)["libopus built with"]

encoder = a.OpusEncoder(16000, dred_ms=1040)
assert (encoder.dred_ms, double.features_dred_frames()) == (1040, 104)
assert encoder.packet_loss_percent == 10
encoder.dred_ms = 200
assert (encoder.dred_ms, double.features_dred_frames()) == (200, 20)
encoder.dred_ms = 0
assert (encoder.dred_ms, double.features_dred_frames()) == (0, 0)

tone = (8000 * np.sin(np.arange(3200) / 5)).astype(np.int16)
packets = a.encode_clip(tone, 16000, dred_ms=100)
assert double.features_dred_frames() == 10
plain, deep = a.OpusDecoder(16000), a.OpusDecoder(16000, deep_plc=True)
assert (plain.deep_plc, deep.deep_plc) == (False, True)
for packet in packets:
    assert (plain.decode(packet) == deep.decode(packet)).all()
assert (plain.conceal(320) != deep.conceal(320)).any()
deep.reset()
plain.reset()
assert (plain.conceal(320) != deep.conceal(320)).any()
lost = [*packets[:4], None, *packets[5:]]
whole = a.decode_packets(lost, 16000, fec=False)
other = a.decode_packets(lost, 16000, fec=False, deep_plc=True)
assert (whole != other).any()
print("all of it")
"""


def has_compiler() -> bool:
    """Whether there is a compiler for this very machine; under emulation gcc is the host's."""
    if shutil.which("gcc") is None:
        return False
    target = subprocess.run(["gcc", "-dumpmachine"], capture_output=True, text=True, check=True)
    return target.stdout.startswith(platform.machine())


@pytest.mark.skipif(not has_compiler(), reason="needs gcc")
def test_a_libopus_with_neural_features_is_found_out_and_asked_for_them(tmp_path: Path) -> None:
    real = Path(libopus_path()).resolve()
    double = tmp_path / "libopus-features.so"
    source = Path(__file__).with_name("opus_features.c")
    linked = ["-Wl,--no-as-needed", str(real), f"-Wl,-rpath,{real.parent}", "-ldl"]
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(double), str(source), *linked],
        check=True,
    )
    run = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "RTAUDIO_LIBOPUS": str(double)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "all of it"
