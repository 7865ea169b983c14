"""Builds the kernels with a compiler's instrumentation, in a copy of the tree under build/.

The copy leaves the modules in src/ as they are, so whoever uses them meanwhile notices nothing.
Only files that changed are copied and compiled again.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "build_copy", "checks_on", "copy_tree", "environment_for", "runtime_library"]

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "src", "tests", "samples")
_SWITCHED_OFF = re.compile(r"cython\.(?:boundscheck\((False)\)|cdivision\((True)\))")


def checks_on(source: str) -> str:
    """A kernel's text with the checks that single functions switch off switched on again."""
    return _SWITCHED_OFF.sub(
        lambda found: "cython.boundscheck(True)" if found[1] else "cython.cdivision(False)", source
    )


def is_made(path: Path) -> bool:
    """Whether a build made this file, of this tree or of the copy."""
    return path.suffix == ".so" or (path.suffix == ".c" and path.with_suffix(".pyx").exists())


def copy_tree(source: Path, target: Path) -> None:
    """Make `target` the same as `source`, but for what builds make and what is the same already."""
    wanted = set()
    for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
        relative = path.relative_to(source)
        if path.is_dir() or is_made(path) or "__pycache__" in relative.parts:
            continue
        copy = target / relative if source.is_dir() else target
        wanted.add(copy)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8") if path.suffix == ".pyx" else None
        if text is not None and checks_on(text) != text:
            if not copy.exists() or copy.read_text("utf-8") != checks_on(text):
                copy.write_text(checks_on(text), "utf-8")
        elif not copy.exists() or not filecmp.cmp(path, copy, shallow=False):
            shutil.copyfile(path, copy)
    if source.is_dir():
        for path in target.rglob("*"):
            # What was built stays as long as its source does: it would be imported in its place.
            kernel = path.with_name(path.name.partition(".")[0] + ".pyx")
            made_here = is_made(path) and kernel in wanted
            if path.is_file() and path not in wanted and not made_here:
                path.unlink()


def build_copy(name: str, sanitize: str, compiler: str) -> Path:
    """Build the kernels under build/`name` with -fsanitize=`sanitize`; returns that folder."""
    folder = ROOT / "build" / name
    for part in COPIED:
        if (ROOT / part).exists():
            copy_tree(ROOT / part, folder / part)
    environment = {
        **os.environ,
        "RTAUDIO_SANITIZE": sanitize,
        "CC": compiler,
        "LDSHARED": f"{compiler} -shared",
    }
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return folder


def runtime_library(compiler: str, name: str) -> str:
    """The path of one of a compiler's shared run-time libraries, as in `libasan.so`."""
    asked = subprocess.run(
        [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
    )
    path = asked.stdout.strip()
    if not Path(path).is_absolute():
        raise SystemExit(f"{compiler} comes without {name}; install its sanitizers' run time")
    return str(Path(path).resolve())


def environment_for(folder: Path, preload: list[str]) -> dict[str, str]:
    """The environment in which Python imports rtaudio from `folder` with sanitizers at work."""
    return {
        **os.environ,
        "PYTHONPATH": str(folder / "src"),
        "LD_PRELOAD": " ".join(preload),
        # Python's own allocator would hide small overruns inside its pools.
        "PYTHONMALLOC": "malloc",
        # The interpreter keeps much until it exits, which is no leak of ours.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
