"""The sample clips are what samples/README.md and the demo promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rtaudio.audio import load

SAMPLES = Path(__file__).parent.parent / "samples"
ROWS = [json.loads(line) for line in (SAMPLES / "reference.jsonl").read_text("utf-8").splitlines()]
NOT_CLIPS = {"README.md", "make_samples.py", "reference.jsonl"}


def test_every_clip_has_a_reference_text_and_every_text_its_clip() -> None:
    clips = {path.name for path in SAMPLES.iterdir() if path.is_file()} - NOT_CLIPS
    assert sorted(row["path"] for row in ROWS) == sorted(clips)
    assert len(clips) >= 8


def test_the_clips_stay_under_two_megabytes_together() -> None:
    assert sum((SAMPLES / row["path"]).stat().st_size for row in ROWS) < 2_000_000


def test_one_clip_lasts_longer_than_a_minute() -> None:
    assert load(SAMPLES / "gettysburg.ogg").duration > 60


@pytest.mark.parametrize("name", [row["path"] for row in ROWS])
def test_the_table_states_each_clips_sample_rate_and_channels(name: str) -> None:
    table = (SAMPLES / "README.md").read_text("utf-8").splitlines()
    (line,) = [line for line in table if line.startswith(f"| `{name}`")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    clip = load(SAMPLES / name)
    assert cells[2] == f"{clip.sample_rate / 1000:g} kHz"
    assert cells[3] == str(clip.channels)
