"""Runs the tests of the kernels and of the audio layer under AddressSanitizer and UBSan.

Usage: python tools/sanitize.py [PYTEST ARGUMENTS]

The kernels' tests run once per vector level that this processor has, since every level is code of
its own.
"""

from __future__ import annotations

import subprocess
import sys

from instrument import build_copy, environment_for, runtime_library

COMPILER = "gcc"
# Compiles a program with a sanitizer of its own, which can't stand a second one in its process.
LEFT_OUT = "tests/_native/test_ring.py::test_two_native_threads_see_no_torn_or_lost_samples"
LEVELS = "from rtaudio._native.simd import LEVELS; print(*LEVELS)"


def main(arguments: list[str]) -> int:
    folder = build_copy("asan", "address,undefined", COMPILER)
    preload = [runtime_library(COMPILER, name) for name in ("libasan.so", "libubsan.so")]
    environment = environment_for(folder, preload)

    def python(*command: str, **changes: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env={**environment, **changes},
            stdout=subprocess.PIPE if command[0] == "-c" else None,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"under sanitizers, {' '.join(command)} ended with {done.returncode}")
        return done.stdout or ""

    where = python("-c", "import rtaudio._native.wire as wire; print(wire.__file__)").strip()
    if not where.startswith(str(folder)):
        raise SystemExit(f"the kernels came from {where}, not from {folder}")
    # Output is not captured: what a sanitizer prints before it aborts would be lost.
    pytest = [
        "-m",
        "pytest",
        "-q",
        "-s",
        "-p",
        "no:cacheprovider",
        "-o",
        "timeout=600",
        "--deselect",
        LEFT_OUT,
    ]
    if arguments:
        python(*pytest, *arguments)
        return 0
    *lower, highest = python("-c", LEVELS).split()
    for level in lower:
        print(f"kernels at {level}", flush=True)
        python(*pytest, "tests/_native", RTAUDIO_SIMD=level)
    print(f"kernels and audio layer at {highest}", flush=True)
    python(*pytest, "tests/_native", "tests/audio", RTAUDIO_SIMD=highest)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
