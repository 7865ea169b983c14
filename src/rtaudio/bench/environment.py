"""Where and with what a run was made: a number without it cannot be compared with another."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sysconfig
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rtaudio._native.simd import detected_level, simd_level
from rtaudio.audio import libopus_path, libopus_version
from rtaudio.bench.cases import installed_version

if TYPE_CHECKING:
    from rtaudio.bench.signals import Material

__all__ = ["PEERS", "describe"]

PEERS = (
    "numpy",
    "msgspec",
    "av",
    "soxr",
    "samplerate",
    "scipy",
    "opuslib",
    "orjson",
    "pybase64",
    "websockets",
    "picows",
    "aiortc",
    "openai",
    "openai-agents",
)


def describe(material: Material | None = None) -> dict[str, str]:
    """Name to value, in the order to show them."""
    level, detected = simd_level(), detected_level()
    facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "rtaudio": installed_version("rtaudio") or "source tree",
        "commit": _commit(),
        "CPU": f"{_cpu()}, {os.cpu_count()} cores",
        "SIMD": level if level == detected else f"{level} (the processor has {detected})",
        "Python": f"{platform.python_version()}, {platform.python_compiler()}",
        "Python's compiler flags": sysconfig.get_config_var("CFLAGS") or "unknown",
        "system": f"{platform.system()} {platform.machine()}",
        "libopus": f"{libopus_version()} ({Path(libopus_path()).name})",
        "system's libopus": _system_libopus(),
        "peers": ", ".join(f"{name} {installed_version(name) or 'absent'}" for name in PEERS),
    }
    if material is not None:
        facts["speech"] = material.source
    return facts


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _commit() -> str:
    """Of the source tree that this package runs from, with `+` where it was changed since."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        # Installed inside some other project's tree, git would name that project's commit.
        git("ls-files", "--error-unmatch", Path(__file__).name)
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=10", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return "not a source tree"


def _system_libopus() -> str:
    from ctypes.util import find_library

    name = find_library("opus")
    if name is None:
        return "none"
    try:
        version = ctypes.CDLL(name).opus_get_version_string
    except (OSError, AttributeError) as error:
        return f"{name}: {error}"
    version.restype = ctypes.c_char_p
    return str(version().decode("ascii").removeprefix("libopus "))
