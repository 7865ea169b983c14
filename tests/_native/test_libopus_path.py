"""Which libopus is taken."""

from __future__ import annotations

import os
import subprocess
import sys

from rtaudio._native.opus import libopus_path


def in_a_fresh_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_the_environment_variable_comes_first() -> None:
    code = "from rtaudio.audio import libopus_path; print(libopus_path())"
    done = in_a_fresh_process(code, RTAUDIO_LIBOPUS=libopus_path())
    assert done.stdout.strip() == libopus_path()


def test_without_a_loadable_library_only_opus_fails_and_says_what_was_tried() -> None:
    code = (
        "from rtaudio.audio import OpusEncoder, Resampler; Resampler(24000, 16000)\n"
        "OpusEncoder(24000)"
    )
    done = in_a_fresh_process(code, RTAUDIO_LIBOPUS="/nowhere/libopus.so")
    last = done.stderr.strip().splitlines()[-1]
    assert "OpusError" in last
    assert "/nowhere/libopus.so" in last
