"""What is known of the libopus in use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rtaudio.audio import libopus_features, libopus_path, libopus_version


def test_the_librarys_version_and_place_are_known() -> None:
    assert libopus_version()[0].isdigit()
    assert Path(libopus_path()).exists()


def test_the_neural_features_are_found_by_trying() -> None:
    features = libopus_features()
    assert features <= {"dred", "deep_plc"}
    assert libopus_features() is features


def test_without_a_library_the_kernels_import_and_refuse() -> None:
    code = (
        "import rtaudio.audio as a\n"
        "for each in (lambda: a.OpusEncoder(24000), lambda: a.OpusDecoder(24000),\n"
        "             lambda: a.encode_clip(b'', 24000), lambda: a.decode_packets([], 24000),\n"
        "             a.libopus_version, a.libopus_path, a.libopus_features):\n"
        "    try:\n"
        "        each()\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__, '/nowhere/libopus.so' in str(error))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "RTAUDIO_LIBOPUS": "/nowhere/libopus.so"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[:-1] == ["OpusError True"] * 7
