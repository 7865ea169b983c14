"""Speech by the program espeak-ng: a robot's voice, but small, fast and in a hundred languages.

Cost: 0.01 s for the first sound, most of it the start of the program, then 0.001 s for each second
of speech.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import struct
from asyncio.subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING

from rtaudio.errors import ConfigError, RtAudioError
from rtaudio.server.engines.speakable import speakable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["EspeakVoice"]

_SAMPLE_RATE = 22050  # Hz, that of all voices that come with espeak-ng
_WORDS_PER_MINUTE = 175  # what it takes by itself; it goes down to 80
_CHUNK_BYTES = 8192  # 186 ms
_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9+_-]*")
# The header that it always writes: RIFF, WAVE, fmt; format, channels, rate, bits; data.
_HEADER = struct.Struct("<4s4x4s4s4xHHI6xH4s4x")
_EXPECTED = (b"RIFF", b"WAVE", b"fmt ", 1, 1, _SAMPLE_RATE, 16, b"data")


class EspeakVoice:
    """A `Voice` on the program espeak-ng, started once for each text.

    Args:
        language: one of the program's voices (`espeak-ng --voices`), with or without a variant:
            "en-us", "de", "fr+f3".
        program: path of the program; None looks for `espeak-ng` in PATH.

    Raises:
        ConfigError: the program is not there, or `language` can't be the name of a voice.
    """

    def __init__(
        self, language: str = "en-us", *, program: str | os.PathLike[str] | None = None
    ) -> None:
        if not _LANGUAGE.fullmatch(language):
            raise ConfigError(f"language is {language!r}, expected a name such as 'en-us' or 'de'")
        found = shutil.which("espeak-ng" if program is None else os.fspath(program))
        if found is None:
            wanted = "" if program is None else f" at {os.fspath(program)!r}"
            raise ConfigError(f"espeak-ng is not installed{wanted}: apt-get install espeak-ng")
        self._program = found
        self._language = language

    def __repr__(self) -> str:
        return f"EspeakVoice({self._language!r}, program={self._program!r})"

    @property
    def program(self) -> str:
        """Path of the program."""
        return self._program

    @property
    def sample_rate(self) -> int:
        """22050 Hz."""
        return _SAMPLE_RATE

    async def speak(self, text: str, *, speed: float = 1.0) -> AsyncIterator[bytes]:
        """Yield what the program writes as it writes it; see `Voice.speak`.

        A reader who falls behind holds the program up. Closing the iterator kills it.

        Raises:
            ConfigError: the text is longer than `MAX_CHARACTERS`, the program can't be started, or
                what it writes is not sound at `sample_rate`.
            RtAudioError: the program failed; where it does so at once, it may not know the
                language.
        """
        text = speakable(text)
        if not text:
            return
        try:
            process = await asyncio.create_subprocess_exec(
                self._program, "--stdin", "--stdout", "-b", "1", "-v", self._language,
                "-s", str(round(_WORDS_PER_MINUTE * speed)),
                stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise ConfigError(f"cannot start {self._program!r}: {error.strerror}") from error
        try:
            if await self._begin(process, text):
                assert process.stdout is not None
                half = b""  # of a sample
                while chunk := await process.stdout.read(_CHUNK_BYTES):
                    chunk = half + chunk
                    whole = len(chunk) & ~1
                    half = chunk[whole:]
                    if whole:
                        yield chunk[:whole]
            if await process.wait():
                raise RtAudioError(
                    f"espeak-ng ended with status {process.returncode}; "
                    f"is there a voice {self._language!r} in `espeak-ng --voices`?"
                )
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                # Empties the pipes too: some versions of asyncio wait for their end.
                await process.communicate()

    async def _begin(self, process: asyncio.subprocess.Process, text: str) -> bool:
        """Hand over the text and read the header; tell whether sound follows."""
        assert process.stdin is not None
        assert process.stdout is not None
        # It reads all of its input before it says anything, so this can't wait for us.
        with contextlib.suppress(ConnectionError):  # it has ended, and its status says more
            process.stdin.write(text.encode())
            await process.stdin.drain()
        process.stdin.close()
        try:
            header = await process.stdout.readexactly(_HEADER.size)
        except asyncio.IncompleteReadError:
            return False
        if _HEADER.unpack(header) != _EXPECTED:
            raise ConfigError(
                f"the voice {self._language!r} of espeak-ng does not speak at {_SAMPLE_RATE} Hz "
                "in PCM16 mono; choose another language"
            )
        return True
