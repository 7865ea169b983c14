"""Builds the Cython kernels; everything else about the package stands in pyproject.toml."""

from __future__ import annotations

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

extensions = [
    Extension(
        f"rtaudio._native.{source.stem}",
        [str(source)],
        include_dirs=[str(NATIVE / "include")],
        depends=[str(header) for header in sorted(NATIVE.glob("include/*.h"))],
        extra_compile_args=["-O3", "-std=c11", "-Wall", "-Wno-unused-function"],
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
