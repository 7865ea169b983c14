"""`rtaudio transcribe` from arguments to files, over a real session and service.

Only the recogniser is replaced: it reports how much sound it was given.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rtaudio.cli import transcribe as command
from rtaudio.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Run = Callable[..., tuple[int, str, str]]

RATE = 16000


class Counter:
    """A recogniser that says how long the sound was, in tenths of a second."""

    sample_rate = RATE
    workers = 1

    def __init__(self) -> None:
        self.turns: list[int] = []
        self.before: Callable[[int], None] = lambda _: None

    def load(self) -> None:
        pass

    def transcribe(
        self, samples: NDArray[np.int16], *, language: str | None, prompt: str | None
    ) -> Iterator[str]:
        del language, prompt
        self.turns.append(samples.size)
        self.before(len(self.turns))
        yield f"heard {round(samples.size / RATE * 10)}"


@pytest.fixture
def recogniser() -> Counter:
    return Counter()


@pytest.fixture
def run(
    recogniser: Counter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        command, "_local", lambda _, language: command._serving(recogniser, language)
    )

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rtaudio", "transcribe", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capfdbinary.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, shown.out.decode(), shown.err.decode()

    return run


def write_wav(name: str, seconds: float, *, level: int = 8000) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(seconds * RATE)) / RATE
    samples = (level * np.sin(2 * np.pi * 440 * times)).astype(np.int16)
    with wave.open(name, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path


def rows(path: str = "transcripts.jsonl") -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    return {row["path"]: row for row in found}


def test_files_become_rows_and_a_table(run: Run) -> None:
    write_wav("in/a.wav", 1.0)
    write_wav("in/deep/b.wav", 2.0)
    code, table, progress = run("in")
    assert code == 0
    assert rows()["in/a.wav"] == {
        "path": "in/a.wav",
        "text": "heard 10",
        "duration_s": 1.0,
        "segments": [{"start_s": 0.0, "end_s": 1.0, "text": "heard 10"}],
        "error": None,
    }
    assert rows()["in/deep/b.wav"]["text"] == "heard 20"
    assert "2 files" in table
    assert progress == ""


def test_long_files_are_sent_as_several_turns(run: Run, recogniser: Counter) -> None:
    write_wav("long.wav", 70.0)
    assert run("long.wav")[0] == 0
    row = rows()["long.wav"]
    assert len(row["segments"]) == 3
    assert sum(recogniser.turns) == pytest.approx(70 * RATE, abs=RATE // 50)
    assert [segment["end_s"] for segment in row["segments"]][-1] == 70.0


def test_broken_inputs_have_rows_and_the_others_go_on(run: Run) -> None:
    write_wav("good.wav", 1.0)
    write_wav("silent.wav", 2.0, level=0)
    half = write_wav("half.wav", 4.0)
    half.write_bytes(half.read_bytes()[: 2 * RATE * 2])
    Path("empty.wav").write_bytes(b"")
    Path("words.txt").write_text("not sound")
    names = ["missing.wav", "empty.wav", "words.txt", "half.wav", "silent.wav", "good.wav"]
    code, table, messages = run(*names)
    assert code == 1
    found = rows()
    assert set(found) == set(names)
    assert (found["good.wav"]["text"], found["good.wav"]["error"]) == ("heard 10", None)
    assert (found["silent.wav"]["text"], found["silent.wav"]["error"]) == ("", None)
    assert found["silent.wav"]["duration_s"] == 2.0
    assert found["half.wav"]["text"].startswith("heard")
    for name in ("missing.wav", "empty.wav", "words.txt", "half.wav"):
        assert found[name]["error"]
        assert name in messages
    assert "4 with an error" in " ".join(table.split())


def test_the_reference_in_a_folder_is_used_by_itself(run: Run) -> None:
    pytest.importorskip("jiwer")
    pytest.importorskip("whisper_normalizer")
    write_wav("in/a.wav", 1.0)
    write_wav("in/b.wav", 2.0)
    reference = [{"path": "a.wav", "text": "Heard 10!"}, {"path": "b.wav", "text": "saw 20"}]
    Path("in/reference.jsonl").write_text("\n".join(map(json.dumps, reference)))
    code, table, _ = run("in/")
    assert code == 0
    assert rows()["in/a.wav"]["wer"] == 0.0
    assert rows()["in/b.wav"]["wer"] == 0.5
    assert "25.0%" in table


def test_without_the_extra_there_is_no_wer_and_a_hint(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtaudio.transcribe import scoring

    monkeypatch.setattr(scoring, "scoring_available", lambda: False)
    write_wav("a.wav", 1.0)
    Path("ref.jsonl").write_text('{"path": "a.wav", "text": "x"}')
    code, table, messages = run("a.wav", "--reference", "ref.jsonl")
    assert code == 0
    assert "WER" not in table
    assert "pip install 'rtaudio[score]'" in " ".join(messages.split())


@pytest.mark.parametrize(("kind", "first"), [("txt", "heard"), ("srt", "1"), ("vtt", "WEBVTT")])
def test_text_and_subtitles_are_one_file_per_input(run: Run, kind: str, first: str) -> None:
    write_wav("in/a.wav", 1.0)
    write_wav("in/day/a.wav", 1.0)
    assert run("in", "--format", kind, "-o", "out")[0] == 0
    for name in (f"out/a.{kind}", f"out/day/a.{kind}"):
        assert Path(name).read_text("utf-8").startswith(first)


def test_rows_go_to_standard_output_and_the_table_does_not(run: Run) -> None:
    write_wav("a.wav", 1.0)
    code, shown, messages = run("a.wav", "-o", "-")
    assert code == 0
    assert json.loads(shown)["text"] == "heard 10"
    assert "1 file" in messages


def test_a_fresh_run_keeps_the_last_one_as_a_backup(run: Run) -> None:
    write_wav("a.wav", 1.0)
    write_wav("b.wav", 2.0)
    run("a.wav")
    run("b.wav")
    assert set(rows()) == {"b.wav"}
    assert set(rows("transcripts.jsonl.bak")) == {"a.wav"}


def test_resume_does_only_what_is_missing_or_failed(run: Run, recogniser: Counter) -> None:
    write_wav("a.wav", 1.0)
    Path("b.wav").write_bytes(b"")
    assert run("a.wav", "b.wav")[0] == 1
    write_wav("b.wav", 2.0)
    recogniser.turns.clear()
    code, table, _ = run("a.wav", "b.wav", "--resume")
    assert code == 0
    assert recogniser.turns == [2 * RATE]
    assert {path: row["text"] for path, row in rows().items()} == {
        "a.wav": "heard 10",
        "b.wav": "heard 20",
    }
    assert "kept" in table


def test_resume_with_nothing_left_to_do_is_done_at_once(run: Run, recogniser: Counter) -> None:
    write_wav("a.wav", 1.0)
    run("a.wav")
    recogniser.turns.clear()
    assert run("a.wav", "--resume")[0] == 0
    assert recogniser.turns == []


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(run: Run, recogniser: Counter) -> None:
    names = [str(write_wav(f"{index} of 6.wav", 1.0)) for index in range(6)]

    def interrupt(number: int) -> None:
        if number == 3:
            os.kill(os.getpid(), signal.SIGINT)

    recogniser.before = interrupt
    code, _, messages = run(*names, "--concurrency", "1")
    assert code == 130
    kept = rows()
    assert 1 <= len(kept) < 6
    assert "rtaudio transcribe '0 of 6.wav'" in messages
    assert messages.strip().endswith("--resume")
    recogniser.before = lambda _: None
    assert run(*names, "--resume")[0] == 0
    assert set(rows()) == set(names)


def test_a_recogniser_that_fails_fails_its_file_only(run: Run, recogniser: Counter) -> None:
    write_wav("a.wav", 1.0)
    write_wav("b.wav", 2.0)

    def fail(number: int) -> None:
        if number == 1:
            raise RuntimeError("out of memory")

    recogniser.before = fail
    assert run("a.wav", "b.wav", "--concurrency", "1")[0] == 1
    assert sum(row["error"] is None for row in rows().values()) == 1


def test_a_service_that_is_not_there_is_in_every_row(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    write_wav("a.wav", 1.0)
    write_wav("b.wav", 1.0)
    # Port 1 is reserved, and nothing listens there.
    code, table, messages = run("a.wav", "b.wav", "--url", "ws://127.0.0.1:1/v1/realtime")
    assert code == 1
    assert all("cannot connect" in row["error"] for row in rows().values())
    assert "sk-secret" not in table + messages + Path("transcripts.jsonl").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_a_message_and_no_traceback(run: Run) -> None:
    write_wav("a.wav", 1.0)
    code, _, messages = run("a.wav", "-o", "/dev/full")
    assert code == 1
    assert "No space left on device" in messages
    assert "Traceback" not in messages
