"""Compiles the kernels for aarch64 and runs their tests there, emulated by qemu.

Usage: python tools/neon.py [PYTEST ARGUMENTS]

Needs Debian's gcc-aarch64-linux-gnu and libc6-dev-arm64-cross; without qemu-aarch64 (qemu-user),
compiling is all. Python for aarch64 and what the tests import are fetched once, from Debian and
from the package index, into build/arm64-root and build/arm64-site; nothing is installed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from instrument import ROOT, build_copy

COMPILER = "aarch64-linux-gnu-gcc"
EMULATOR = "qemu-aarch64"
ROOTFS, SITE = ROOT / "build" / "arm64-root", ROOT / "build" / "arm64-site"
VERSION = "3.11"  # Python's, of the Debian release that has it
# Debian's Python, and what it links.
PACKAGES = """libc6 libgcc-s1 libstdc++6 zlib1g libexpat1 libffi8 libssl3 libbz2-1.0 liblzma5
    libsqlite3-0 libuuid1 libcrypt1 libncursesw6 libtinfo6 libreadline8 python3.11-minimal
    libpython3.11-minimal libpython3.11-stdlib"""
WHEELS = (
    "av hypothesis msgspec numpy pytest pytest-asyncio pytest-timeout rich soxr typer websockets"
)
# Tests that start Python again get a script that does so in the emulator.
RUN = """import sys, pytest
sys.executable = sys.argv.pop(1)
sys.exit(pytest.main(sys.argv[1:]))"""


def fetch_root() -> None:
    """Unpack Debian's Python for aarch64, with apt's lists kept apart from the machine's."""
    state = ROOT / "build" / "arm64-apt"
    for folder in ("lists/partial", "cache/archives/partial", "debs"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    options = ["APT::Architecture=arm64", "APT::Architectures=arm64", "APT::Sandbox::User=root"]
    options += [f"Dir::State::lists={state}/lists", f"Dir::Cache={state}/cache"]
    options += ["Dir::State::status=/dev/null", "Debug::NoLocking=1"]
    apt = ["apt-get", "-qq", *(part for option in options for part in ("-o", option))]
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "download", *PACKAGES.split()], cwd=state / "debs", check=True)
    unpacked = ROOTFS.with_suffix(".part")
    for package in sorted((state / "debs").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True)
    unpacked.rename(ROOTFS)


def fetch_site() -> None:
    """Install wheels for aarch64 into a folder."""
    folder = SITE.with_suffix(".part")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--target", str(folder), "--python-version", VERSION, "--implementation", "cp"]
    for platform in ("manylinux2014_aarch64", "manylinux_2_28_aarch64"):
        command += ["--platform", platform]
    subprocess.run([*command, "--only-binary=:all:", *WHEELS.split()], check=True)
    opuslib = importlib.util.find_spec("opuslib")  # Python only, and not on the index as a wheel
    if opuslib is not None and opuslib.origin is not None:
        shutil.copytree(Path(opuslib.origin).parent, folder / "opuslib")
    folder.rename(SITE)


def build() -> Path:
    """Cross-compile; returns the folder of the copy.

    The headers of this machine's Python serve: both are 64-bit Linux with the same sizes.
    """
    folder = build_copy("arm64", "", COMPILER)
    subprocess.run([sys.executable, "setup.py", "-q", "egg_info"], cwd=folder, check=True)
    for module in (folder / "src/rtaudio/_native").glob("*-x86_64-linux-gnu.so"):
        name = module.name.partition(".")[0]
        shutil.copyfile(module, module.with_name(f"{name}.cpython-311-aarch64-linux-gnu.so"))
    return folder


def write_script(folder: Path) -> Path:
    """A command that is Python for aarch64."""
    script = folder / "python"
    script.write_text(
        f'#!/bin/sh\nexec {EMULATOR} -L "{ROOTFS}" "{ROOTFS}/usr/bin/python{VERSION}" "$@"\n'
    )
    script.chmod(0o755)
    return script


def main(arguments: list[str]) -> int:
    if shutil.which(COMPILER) is None:
        raise SystemExit(
            f"there is no {COMPILER}; on Debian: "
            "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
        )
    folder = build()
    print("compiled for aarch64", flush=True)
    if shutil.which(EMULATOR) is None or sys.version_info[:2] != (3, 11):
        print(f"not run: that needs {EMULATOR} (qemu-user), and Python {VERSION} here")
        return 0
    if not ROOTFS.exists():
        fetch_root()
    if not SITE.exists():
        fetch_site()
    python = write_script(folder)
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'src'}:{SITE}"}
    level = "import platform; from rtaudio._native.simd import simd_level as level; " + (
        "print(platform.machine(), level())"
    )
    subprocess.run([python, "-c", level], cwd=folder, env=environment, check=True)
    # Emulation is some 20 times slower than the processor.
    pytest = [python, "-q", "-p", "no:cacheprovider", "-o", "timeout=1200"]
    tests = arguments or ["tests/_native"]
    command = [python, "-c", RUN, *pytest, *tests]
    return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
