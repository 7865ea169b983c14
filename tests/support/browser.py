"""A headless Chromium whose microphone plays a file."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rtaudio.audio import AudioClip, save

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Page

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--use-fake-ui-for-media-stream",  # allows the microphone
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",  # there may be no other network
)


def find_chromium() -> str:
    """Return the browser's program, or skip the test and say what is missing."""
    pytest.importorskip("playwright", reason="tests in a browser need `pip install playwright`")
    found = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if found is None:
        pytest.skip("tests in a browser need Chromium; on Debian: apt-get install chromium")
    return found


def write_microphone(path: Path, speech: AudioClip, *, before_s: float = 0.5) -> None:
    """Write what a microphone hears: silence, speech, and half a minute of silence.

    Behind the end of a file Chromium's own processing would turn up its noise.
    """
    rate = speech.sample_rate
    before, after = (np.zeros(int(seconds * rate), np.int16) for seconds in (before_s, 30))
    save(path, AudioClip(np.concatenate([before, speech.samples, after]), rate))


@asynccontextmanager
async def open_page(microphone: Path | None = None) -> AsyncIterator[Page]:
    """Start the browser with an empty page.

    Args:
        microphone: the file that it plays, from the moment on in which a page opens it. None beeps.
    """
    program = find_chromium()
    from playwright.async_api import async_playwright

    flags = list(_FLAGS)
    if microphone is not None:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=program, args=flags) as browser,
    ):
        yield await browser.new_page()
