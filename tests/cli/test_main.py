"""The command line as a whole: its commands, version, and plain messages for user mistakes."""

from __future__ import annotations

import os
import subprocess
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


def run_apart(*arguments: str, simd: str = "", without: str = "") -> tuple[int, str, str]:
    """The command in a process of its own, at a vector level, or without one of the kernels."""
    code = "import sys; from rtaudio.cli.main import main; "
    if without:
        code += f"sys.modules['rtaudio._native.{without}'] = None; "
    done = subprocess.run(
        [sys.executable, "-c", code + "main()", *arguments],
        env={**os.environ, "RTAUDIO_SIMD": simd},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_doctor_says_that_an_unknown_vector_level_was_asked_for() -> None:
    code, shown, errors = run_apart("doctor", simd="sse9")
    assert (code, errors) == (1, "")
    found = [line for line in shown.splitlines() if "RTAUDIO_SIMD='sse9'" in line]
    assert len(found) == 1
    assert "must be one of baseline" in found[0]
    assert "- unset RTAUDIO_SIMD" in shown
    assert "The core does not work." in shown


@pytest.mark.parametrize("kernel", ["resample", "simd", "_buffer"])
def test_doctor_says_that_kernels_cannot_be_loaded(kernel: str) -> None:
    code, shown, errors = run_apart("doctor", without=kernel)
    assert (code, errors) == (1, "")
    assert f"rtaudio._native.{kernel}" in shown
    assert "- build the kernels" in shown


def test_other_commands_say_so_in_one_line() -> None:
    code, _, errors = run_apart("transcribe", "a.wav", simd="sse9")
    assert code == 2
    assert errors.startswith("rtaudio: got RTAUDIO_SIMD='sse9'; on this machine it must be one of")
    assert errors.count("\n") == 1
    code, _, errors = run_apart("serve", without="resample")
    assert code == 1
    assert errors.startswith("rtaudio: cannot load the kernels: import of rtaudio._native.resample")
    assert errors.endswith("see rtaudio doctor\n")
    assert errors.count("\n") == 1
