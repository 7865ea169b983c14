"""A service with a real recogniser and a real voice, and the clients of others that talk to it.

Clients that don't fit into this environment run as programs: each plays all its scenarios in one
go and prints as JSON what came of them, and the tests look at that.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.audio import AudioConverter, AudioFormat, load
from rtaudio.errors import ConfigError
from rtaudio.server import RealtimeServer
from rtaudio.server.engines.espeak import EspeakVoice
from rtaudio.server.engines.script import ScriptResponder
from rtaudio.server.engines.voices import choose_voice
from rtaudio.server.engines.whisper import WhisperRecogniser

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rtaudio.server.engines.base import Voice

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WIRE = AudioFormat("pcm16", 24000)  # what all these clients send and take unless told otherwise
TOKEN = "the-token-of-the-service"
LIMIT_S = 100  # for all scenarios of one client; most take under 10 s
OLDEST_NODE = 20

# What a client of the real service would hear from a model. The two long answers take longer to be
# sent than the tests, so that they can be cut.
SCRIPT = {
    "rules": [
        {
            "when": ["weather"],
            "call": "weather",
            "arguments": {"city": "Oslo"},
            "then": "There is {output}.",
        },
        # One library names a handoff's function in capitals as the agent is, the other doesn't.
        {"when": ["money back"], "call": "transfer_to_Refunds", "then": "Refunds is here."},
        {"when": ["money back"], "call": "transfer_to_refunds", "then": "Refunds is here."},
        {
            "when": ["order"],
            "call": "refund",
            "arguments": {"order": 7},
            "then": "Done: {output}.",
        },
        {"when": ["guardrail", "blocked"], "say": "Let me put it differently."},
        {"when": ["key"], "say": "Let me see. The password is this. " + "And so it goes on. " * 60},
        {"when": ["story"], "say": "Once upon a time there was a king. " * 60},
    ],
    "otherwise": "You said: {heard}",
}


@pytest.fixture(scope="session")
def recogniser() -> WhisperRecogniser:
    return WhisperRecogniser(language="en")


@pytest.fixture(scope="session")
def voice() -> Voice:
    try:
        return EspeakVoice()  # the one that computes least
    except ConfigError:
        choice = choose_voice()
    if choice.voice is None:
        pytest.skip(f"no voice is installed; {choice.advice}")
    return choice.voice


@pytest.fixture(scope="session")
def speech() -> bytes:
    """Seven seconds of Alice, who is tired of sitting by her sister on the bank."""
    clip = load(ROOT / "samples" / "alice.flac")
    source = AudioFormat("pcm16", clip.sample_rate, channels=clip.channels)
    converter = AudioConverter(source, WIRE)
    return converter.process(clip.samples) + converter.flush()


@pytest.fixture(scope="session")
def heard(recogniser: WhisperRecogniser) -> Callable[[bytes | str], str]:
    """What the recogniser understands of sound that a client was sent, or its base64."""

    def listen(sound: bytes | str) -> str:
        pcm = base64.b64decode(sound) if isinstance(sound, str) else sound
        converter = AudioConverter(WIRE, AudioFormat("pcm16", recogniser.sample_rate))
        samples = np.frombuffer(converter.process(pcm) + converter.flush(), np.int16)
        return "".join(recogniser.transcribe(samples, language="en", prompt=None))

    return listen


@pytest.fixture(scope="session")
def make_service(recogniser: WhisperRecogniser, voice: Voice) -> Callable[..., RealtimeServer]:
    """Makes a service that answers by the script, or as told."""

    def make(**options: Any) -> RealtimeServer:
        engines = {"recogniser": recogniser, "voice": voice, "responder": ScriptResponder(SCRIPT)}
        return RealtimeServer(**{**engines, **options})

    return make


async def _run(service: RealtimeServer, command: Callable[[str], list[str | Path]]) -> str:
    async with service:
        process = await asyncio.create_subprocess_exec(
            *command(service.url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=HERE,
            env={**os.environ, "OPENAI_AGENTS_DISABLE_TRACING": "1", "TOKEN": TOKEN},
        )
        try:
            async with asyncio.timeout(LIMIT_S):
                output, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0, errors.decode()
    return output.decode()


@pytest.fixture(scope="session")
def run(make_service: Callable[..., RealtimeServer]) -> Callable[..., str]:
    """Runs a program, made from the service's address, against a service; returns its output."""

    def start(command: Callable[[str], list[str | Path]], **options: Any) -> str:
        return asyncio.run(_run(make_service(**options), command))

    return start


@pytest.fixture(scope="session")
def play(
    run: Callable[..., str], speech: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Callable[[str], Mapping[str, Any]]]:
    """Plays a client's scenarios; what it returns gives the outcome of one by its name."""
    file = tmp_path_factory.mktemp("speech") / "alice.pcm"
    file.write_bytes(speech)

    def start(program: Path, source: str) -> Callable[[str], Mapping[str, Any]]:
        outcomes = json.loads(run(lambda url: [program, HERE / source, url, file], token=TOKEN))

        def outcome(name: str) -> Mapping[str, Any]:
            found: Mapping[str, Any] = outcomes[name]
            if "error" in found:
                pytest.fail(f"{found['error']}\n\nwhat came before: {found['seen']}", pytrace=False)
            return found

        return outcome

    return start


@pytest.fixture(scope="session")
def agents_python() -> Path:
    """The interpreter that has openai-agents, which wants other packages than we do."""
    environment = ROOT / ".venv" / "clients"
    if not (environment / ".done").exists():
        pytest.skip("openai-agents is not installed for these tests; run 'make clients'")
    return environment / "bin" / "python"


@pytest.fixture(scope="session")
def node() -> Path:
    """Node, with the packages of package.json beside this file."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node is not installed; on Debian: apt-get install nodejs npm, 'make clients'")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    found = re.match(r"v(\d+)", version.stdout)
    if found is None or int(found[1]) < OLDEST_NODE:
        pytest.skip(f"Node is {version.stdout.strip()}; these tests need {OLDEST_NODE} or newer")
    if not (HERE / "node_modules" / ".done").exists():
        pytest.skip("the packages for Node are not installed; run 'make clients'")
    return Path(program)
