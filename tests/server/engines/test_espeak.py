"""The espeak-ng voice: how the program is started, read and ended. A script stands in for it."""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from rtaudio.errors import ConfigError, RtAudioError
from rtaudio.server.engines.espeak import EspeakVoice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def header(sample_rate: int = 22050) -> bytes:
    """Return what stands before endless sound."""
    size = 0x7FFFF000
    fmt = struct.pack("<IHHIIHH", 16, 1, 1, sample_rate, sample_rate * 2, 2, 16)
    return b"RIFF" + struct.pack("<I", size) + b"WAVEfmt " + fmt + b"data" + struct.pack("<I", size)


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a program which notes its arguments, input and pid."""

    def make(then: str) -> Path:
        path = tmp_path / "espeak-ng"
        path.write_text(
            f"#!{sys.executable} -S\n"
            "import json, os, sys, time\n"
            "text = sys.stdin.read()\n"
            "noted = {'arguments': sys.argv[1:], 'text': text, 'pid': os.getpid()}\n"
            f"open({str(tmp_path / 'noted.json')!r}, 'w').write(json.dumps(noted))\n"
            f"HEADER = {header()!r}\n"
            "def write(data):\n"
            "    sys.stdout.buffer.write(data)\n"
            "    sys.stdout.buffer.flush()\n" + then
        )
        path.chmod(0o700)
        return path

    return make


async def spoken(voice: EspeakVoice, text: str = "Hello.") -> bytes:
    return b"".join([chunk async for chunk in voice.speak(text)])


async def test_text_goes_in_by_standard_input_and_sound_comes_out(
    program: Callable[[str], Path], tmp_path: Path
) -> None:
    voice = EspeakVoice("de+f3", program=program("write(HEADER + bytes(range(250)))"))
    assert await spoken(voice, "--version; $(id) `id` Grüße") == bytes(range(250))
    noted = json.loads((tmp_path / "noted.json").read_text())
    assert noted["text"] == "--version; $(id) id Grüße"
    options = ["--stdin", "--stdout", "-b", "1", "-v", "de+f3", "-s"]
    assert noted["arguments"] == [*options, "175"]
    assert [chunk async for chunk in voice.speak("Quick.", speed=1.5)]
    noted = json.loads((tmp_path / "noted.json").read_text())
    assert noted["arguments"] == [*options, "262"]


async def test_chunks_are_whole_samples_however_the_program_writes(
    program: Callable[[str], Path],
) -> None:
    then = "write(HEADER[:5])\nfor i in range(5): write((HEADER[5:] if not i else b'') + bytes(3))"
    voice = EspeakVoice(program=program(then))
    sizes = [len(chunk) async for chunk in voice.speak("Hello.")]
    assert all(size % 2 == 0 for size in sizes)
    assert sum(sizes) == 14


async def test_a_closed_iterator_ends_the_program(
    program: Callable[[str], Path], tmp_path: Path
) -> None:
    voice = EspeakVoice(program=program("write(HEADER)\nwhile True: write(bytes(1000))"))
    async with aclosing(voice.speak("Hello.")) as chunks:
        assert await anext(chunks)
    pid = json.loads((tmp_path / "noted.json").read_text())["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_program_that_fails_is_an_error(program: Callable[[str], Path]) -> None:
    voice = EspeakVoice("qq", program=program("sys.exit(3)"))
    with pytest.raises(RtAudioError, match=r"status 3; is there a voice 'qq'"):
        await spoken(voice)


async def test_a_program_that_ends_before_it_reads_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "espeak-ng"
    path.write_text("#!/bin/sh\nexit 1\n")
    path.chmod(0o700)
    with pytest.raises(RtAudioError, match="status 1"):
        await spoken(EspeakVoice(program=path), "word " * 2000)


async def test_sound_of_another_rate_is_refused(program: Callable[[str], Path]) -> None:
    voice = EspeakVoice("mb-de2", program=program(f"write({header(16000)!r} + bytes(100))"))
    with pytest.raises(ConfigError, match="does not speak at 22050 Hz"):
        await spoken(voice)


async def test_a_file_that_is_no_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "espeak-ng"
    path.write_bytes(b"\x00")
    path.chmod(0o700)
    with pytest.raises(ConfigError, match="cannot start"):
        await spoken(EspeakVoice(program=path))


def test_a_missing_program_is_told_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="not installed at"):
        EspeakVoice(program=tmp_path / "nothing")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ConfigError, match="apt-get install espeak-ng"):
        EspeakVoice()


@pytest.mark.parametrize("language", ["", "-w", "../../etc/passwd", "en us", "en\n"])
def test_a_language_that_is_no_name_is_refused(language: str) -> None:
    with pytest.raises(ConfigError, match="language"):
        EspeakVoice(language, program=sys.executable)
