"""Plots: three files, whole, with everything in them that was measured."""

from __future__ import annotations

import importlib.util
import re
import struct
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from rtaudio.bench.report import Report
from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

from rtaudio.bench.plot import save_plots

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)


@pytest.fixture(scope="module")
def saved(report: Report, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    pytest.importorskip("matplotlib")
    paths = save_plots(report, tmp_path_factory.mktemp("new") / "plots")
    return {path.suffix: path for path in paths}


def test_the_three_files_are_named_and_exist(saved: dict[str, Path]) -> None:
    assert {path.name for path in saved.values()} == {"bench.png", "bench.svg", "bench.html"}
    assert all(path.is_file() for path in saved.values())


def test_the_png_is_whole_and_not_blank(saved: dict[str, Path]) -> None:
    data = saved[".png"].read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert data.endswith(b"IEND" + struct.pack(">I", 0xAE426082))
    width, height = struct.unpack(">II", data[16:24])
    assert width > 500
    assert height > 300
    assert len(data) > 10_000


def test_the_svg_is_xml_with_every_contender_that_was_measured(saved: dict[str, Path]) -> None:
    root = ET.parse(saved[".svg"]).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = " ".join(piece.strip() for piece in root.itertext() if piece.strip())
    for name in ("rtaudio balanced", "rtaudio high", "soxr HQ", "resample stream", "one <& only>"):
        assert name in text
    # Who has no number is in the tables, and nowhere in the picture.
    assert "PyAV" not in text


@needs_matplotlib
def test_what_sessions_cost_is_drawn_too(session_report: Report, tmp_path: Path) -> None:
    _, svg, _ = save_plots(session_report, tmp_path)
    text = " ".join(ET.parse(svg).getroot().itertext())
    for name in ("an hour", "list of items", "20.00x", "an idle session", "session without"):
        assert name in text
    assert "lossy list" not in text
    assert "openai-agents" not in text


def test_the_page_stands_alone(saved: dict[str, Path]) -> None:
    page = saved[".html"].read_text("utf-8")
    assert page.count("<svg") == page.count("</svg>") == 1
    assert page.rstrip().endswith("</html>")
    # Nothing is fetched from elsewhere: names of namespaces are no addresses to load.
    assert not re.search(r"<(script|link|img|iframe)\b", page)
    assert not re.search(r"url\(\s*['\"]?http", page)
    assert "<?xml" not in page


def test_the_page_has_the_tables_and_the_facts(saved: dict[str, Path]) -> None:
    page = saved[".html"].read_text("utf-8")
    assert "one &lt;&amp; only&gt;" in page
    assert "PyAV is absent: av cannot be imported" in page
    assert "<h2>targets</h2>" in page


@needs_matplotlib
def test_a_report_with_nothing_in_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to draw"):
        save_plots(Report(environment={}), tmp_path)


@needs_matplotlib
def test_a_part_of_the_figures_can_be_drawn_alone(report: Report, tmp_path: Path) -> None:
    part = Report(environment=report.environment, quality=report.quality)
    assert len(save_plots(part, tmp_path)) == 3


@needs_matplotlib
def test_the_settings_of_an_application_are_left_alone(report: Report, tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    save_plots(report, tmp_path)
    assert dict(matplotlib.rcParams) == before


def test_without_matplotlib_it_says_how_to_get_it(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"pip install 'rtaudio\[bench\]'"):
        save_plots(report, tmp_path)
