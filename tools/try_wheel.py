"""Installs the wheel of a dist folder into a fresh virtual environment and uses it there.

Usage: python tools/try_wheel.py DIST

The trial runs outside the source tree, without compilers' output or extras to lean on: what
passes here is what `pip install rtaudio` gives a user.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

TRIAL = """
import numpy as np
import rtaudio
from aiohttp import web
from rtaudio.audio import OpusDecoder, OpusEncoder, Resampler
from rtaudio.protocol import decode_server_event, encode_audio_append
from rtaudio.server.console import add_console

pcm = (8000 * np.sin(np.arange(480) * 0.1)).astype(np.int16)
assert len(Resampler(24000, 16000).process(pcm)) == 320
assert len(OpusDecoder(24000).decode(OpusEncoder(24000).encode(pcm))) == 480
assert encode_audio_append(pcm).startswith(b'{"type":"input_audio_buffer.append"')
assert decode_server_event(b'{"type":"input_audio_buffer.cleared","event_id":"e"}').event_id == "e"
add_console(app := web.Application())
paths = {resource.canonical for resource in app.router.resources()}
assert {"/", "/console/main.js", "/console/style/theme.css"} <= paths, paths
print("rtaudio", rtaudio.__version__, "works from", rtaudio.__file__)
"""


def main(dist: Path) -> None:
    wheels = sorted(dist.glob("*.whl"))
    if len(wheels) != 1 or not list(dist.glob("*.tar.gz")):
        raise SystemExit(
            f"{dist} should hold one wheel and its sdist, found: {sorted(dist.iterdir())}"
        )
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, wheels[0].resolve()], check=True)
        subprocess.run([python, "-c", TRIAL], check=True, cwd=folder)
        subprocess.run([python.with_name("rtaudio"), "doctor"], check=True, cwd=folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
