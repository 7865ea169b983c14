"""The command line as a whole: its commands, version, and plain messages for user mistakes."""

from __future__ import annotations

import sys
from importlib.metadata import version

import pytest

from rtaudio.cli.main import main


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["rtaudio", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, shown.out, shown.err


def test_version_is_the_installed_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, capsys, "--version")[:2] == (0, f"rtaudio {version('rtaudio')}\n")


def test_help_names_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown, _ = run(monkeypatch, capsys, "--help")
    assert code == 0
    assert all(name in shown for name in ("transcribe", "serve", "doctor"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["transcribe"], "Missing argument"),
        (["transcribe", "*.none"], "nothing to transcribe"),
        (["transcribe", "a.wav", "--format", "docx"], "unknown format 'docx'"),
        (["transcribe", "a.wav", "--concurrency", "0"], "--concurrency"),
        (["transcribe", "a.wav", "--url", "http://x/"], "is a WebSocket address"),
        (["transcribe", "a.wav", "--reference", "none.jsonl"], "cannot read the reference"),
        (["transcribe", "a.wav", "--model", "./none"], "no model in './none'"),
        (["transcribe", "a.wav", "--language", "English"], "two-letter code such as en"),
        (["transcribe", "a.wav", "--report", "x.html"], "--report"),
        (["dance"], "dance"),
    ],
)
def test_mistakes_exit_with_2_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path_factory: pytest.TempPathFactory,
    arguments: list[str],
    message: str,
) -> None:
    folder = tmp_path_factory.mktemp("empty")
    monkeypatch.chdir(folder)
    code, _, shown = run(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in shown
    assert "Traceback" not in shown
    assert list(folder.iterdir()) == []
