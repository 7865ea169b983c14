"""Builds the Cython kernels; everything else about the package stands in pyproject.toml.

RTAUDIO_SANITIZE, as in `address,undefined`, is handed to the compiler as -fsanitize=, for builds
that look for mistakes (tools/instrument.py makes them in a copy of the tree).
"""

from __future__ import annotations

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

NATIVE = Path("src/rtaudio/_native")

DIRECTIVES = {
    "language_level": 3,
    "embedsignature": True,
    "boundscheck": True,
    "wraparound": False,
    "cdivision": False,
}

# Without contraction on every compiler: a product fused with an addition rounds once instead of
# twice, and where that happens is not left to compilers, or vector levels would no longer agree to
# the bit. The resampler fuses by intrinsics.
COMPILE = ["-std=c11", "-ffp-contract=off", "-Wall", "-Wno-unused-function"]
LINK: list[str] = []

SANITIZE = os.environ.get("RTAUDIO_SANITIZE", "")
if SANITIZE:
    # -fno-wrapv, because Python hands down -fwrapv, under which no overflow counts as a mistake.
    COMPILE += ["-O1", "-g", "-fno-omit-frame-pointer", "-fno-wrapv"]
    COMPILE += [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all"]
    LINK += [f"-fsanitize={SANITIZE}"]
else:
    COMPILE += ["-O3"]

extensions = [
    Extension(
        f"rtaudio._native.{source.stem}",
        [str(source)],
        include_dirs=[str(NATIVE / "include")],
        depends=["setup.py", *map(str, sorted(NATIVE.glob("include/*.h")))],
        extra_compile_args=COMPILE,
        extra_link_args=LINK,
        libraries=["dl"],
    )
    for source in sorted(NATIVE.glob("*.pyx"))
]

setup(
    ext_modules=cythonize(
        extensions,
        compiler_directives=DIRECTIVES,
        include_path=["src"],
    )
)
