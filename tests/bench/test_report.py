"""Reports survive being written and read, and say where they were made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rtaudio.bench import Report, load_report, save_report
from rtaudio.bench.cases import installed_version
from rtaudio.bench.environment import describe
from rtaudio.bench.report import Row
from rtaudio.bench.signals import Material
from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

ROW = Row(
    subject="wire",
    family="PCM to append event",
    variant="",
    unit="100 ms",
    contender="json + base64",
    package="",
    version="",
    ours=False,
    status="ok",
    samples=60,
    minimum_us=21.0,
    median_us=22.0,
    p90_us=23.0,
)


def test_a_report_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "report.json"
    report = Report(environment={"CPU": "a | b <c>"}, rows=[ROW])
    save_report(report, path)
    assert load_report(path) == report
    assert json.loads(path.read_text())["rows"][0]["minimum_us"] == 21.0


@pytest.mark.parametrize("text", ["", "[]", '{"rows": []}', '{"environment": {"CPU": 3}}'])
def test_a_file_that_is_no_report_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"other\.json is not a report"):
        load_report(path)


def test_the_environment_names_what_a_number_depends_on() -> None:
    facts = describe(Material.synthetic())
    for name in ("date", "commit", "CPU", "SIMD", "Python", "Python's compiler flags", "libopus"):
        assert facts[name], name
    assert f"numpy {installed_version('numpy')}" in facts["peers"]
    assert facts["speech"].startswith("synthetic")


def test_a_peer_that_is_not_installed_is_named_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtaudio.bench.environment.PEERS", ("no-such-distribution",))
    assert describe()["peers"] == "no-such-distribution absent"
