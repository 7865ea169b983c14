"""A report as pictures: PNG, SVG, and one HTML page that holds the SVG, the tables and the facts.

Times differ by factors of hundreds, so they are dots on a logarithmic axis; bars would need a zero,
which such an axis does not have. Everything else starts at zero.
"""

from __future__ import annotations

import html
import io
import math
from typing import TYPE_CHECKING, Any

from rtaudio.bench.compare import families, worst_line_db
from rtaudio.bench.table import as_html, tables
from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from rtaudio.bench.compare import Family
    from rtaudio.bench.report import Report

__all__ = ["save_plots"]

OURS, PEERS = "#c0392b", "#34495e"
COLUMNS = 2
PANEL_INCHES = (7.0, 2.9)
PNG_DPI = 110

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 75em; color: #222; }
svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; margin-bottom: 2em; }
td, th { padding: .2em .8em; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; }
tr.ours { font-weight: 600; color: #c0392b; }
h2 { font-size: 1.05em; margin-bottom: .4em; }
"""


def save_plots(report: Report, folder: Path) -> list[Path]:
    """Write `bench.png`, `bench.svg` and `bench.html`.

    Args:
        report: with at least one time, latency or quality.
        folder: made where it does not exist.

    Returns:
        The files.

    Raises:
        ConfigError: matplotlib is not installed, or there is nothing to draw.
        OSError: they cannot be written.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise ConfigError("plots need matplotlib: pip install 'rtaudio[bench]'") from error
    # Settings inside, so that an application's own are left alone; the figure needs no display.
    with matplotlib.rc_context({"svg.fonttype": "none", "font.size": 9}):
        figure = _draw(report)
        picture, vector = io.BytesIO(), io.StringIO()
        figure.savefig(picture, format="png", dpi=PNG_DPI)
        figure.savefig(vector, format="svg")
    svg = vector.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    png_path, svg_path, html_path = (folder / f"bench.{kind}" for kind in ("png", "svg", "html"))
    png_path.write_bytes(picture.getvalue())
    svg_path.write_text(svg, "utf-8")
    html_path.write_text(_page(report, svg), "utf-8")
    return [png_path, svg_path, html_path]


def _draw(report: Report) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels: list[Any] = [
        (lambda axes, family=family: _times(axes, family)) for family in families(report.rows)
    ]
    if report.growth:
        panels.append(lambda axes: _growth(axes, report))
    if report.memory:
        panels.append(lambda axes: _memory(axes, report))
    if report.latency:
        panels.append(lambda axes: _latency(axes, report))
    if report.quality:
        panels += [lambda axes: _lines(axes, report), lambda axes: _edges(axes, report)]
    if not panels:
        raise ConfigError("there is nothing to draw: the report holds no figures")
    columns = min(COLUMNS, len(panels))
    lines = math.ceil(len(panels) / columns)
    size = (PANEL_INCHES[0] * columns, PANEL_INCHES[1] * lines + 0.4)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes in grid:
        axes.set_axis_off()
    for axes, draw in zip(grid, panels, strict=False):
        axes.set_axis_on()
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        axes.invert_yaxis()
    facts = report.environment
    shown = [facts[name] for name in ("CPU", "SIMD", "Python", "date") if name in facts]
    figure.suptitle(
        f"rtaudio and its peers: {', '.join(shown)}\n"
        "times on logarithmic axes: dots are the least, lines reach to the median"
    )
    return figure


def _times(axes: Any, family: Family) -> None:
    timed = [entry for entry in family.entries if entry.minimum_us is not None]
    for at, entry in enumerate(timed):
        least, median = entry.minimum_us or 0.0, entry.median_us or 0.0
        colour = OURS if entry.ours else PEERS
        axes.plot([least, max(least, median)], [at, at], color=colour, linewidth=1)
        axes.plot(least, at, "o", color=colour)
        axes.annotate(
            f"{least:.3g}", (least, at), (0, 5), textcoords="offset points", ha="center", fontsize=8
        )
    _logarithmic(axes)
    axes.margins(x=0.08, y=0.12)
    _names(axes, [entry.contender for entry in timed])
    over = f", geometric mean of {len(family.variants)}" if len(family.variants) > 1 else ""
    axes.set_title(f"{family.name}: us per {family.unit}{over}", loc="left")


def _growth(axes: Any, report: Report) -> None:
    timed = [row for row in report.growth if row.first_us is not None]
    for at, row in enumerate(timed):
        ends = [row.first_us or 0.0, row.last_us or 0.0]
        axes.plot(ends, [at, at], "o-", color=OURS if row.ours else PEERS)
        axes.annotate(f"   {ends[1] / ends[0]:.2f}x", (max(ends), at), va="center", fontsize=8)
    _logarithmic(axes)
    axes.margins(x=0.15, y=0.2)
    _names(axes, [row.contender for row in timed])
    axes.set_title("an hour: us per event, first and last minute", loc="left")


def _memory(axes: Any, report: Report) -> None:
    measured = [row for row in report.memory if row.resident_kib is not None]
    for at, row in enumerate(measured):
        kib = row.resident_kib or 0.0
        axes.barh(at, kib, color=OURS if row.ours else PEERS)
        axes.annotate(f" {kib:.1f}", (kib, at), va="center", fontsize=8)
    axes.set_xlim(left=0)
    _names(axes, [row.contender for row in measured])
    axes.set_title("an idle session: KiB", loc="left")


def _latency(axes: Any, report: Report) -> None:
    names = list(dict.fromkeys(row.contender for row in report.latency))
    for at, name in enumerate(names):
        own = [row for row in report.latency if row.contender == name]
        low, high = min(row.least_ms for row in own), max(row.worst_ms for row in own)
        axes.plot([low, high], [at, at], "o-", color=OURS if own[0].ours else PEERS)
        axes.annotate(f"   {low:.1f} to {high:.1f}", (high, at), va="center", fontsize=8)
    axes.set_xlim(0, 1.15 * max(row.worst_ms for row in report.latency))
    _names(axes, names)
    axes.set_title("added latency of live resampling, ms, least to worst", loc="left")


def _lines(axes: Any, report: Report) -> None:
    _quality(axes, report, lambda own: min(map(worst_line_db, own)), ".0f")
    axes.set_title("worst image or alias: dB below the tone, through PCM16", loc="left")


def _edges(axes: Any, report: Report) -> None:
    _quality(axes, report, lambda own: min(row.edge for row in own), ".3f")
    axes.set_title("flat within 0.1 dB up to this part of the lower Nyquist frequency", loc="left")


def _quality(axes: Any, report: Report, value_of: Any, form: str) -> None:
    names = list(dict.fromkeys(row.contender for row in report.quality))
    for at, name in enumerate(names):
        own = [row for row in report.quality if row.contender == name]
        value = value_of(own)
        axes.barh(at, value, color=OURS if own[0].ours else PEERS)
        axes.annotate(f" {value:{form}}", (max(value, 0), at), va="center", fontsize=8)
    axes.set_xlim(left=0)
    _names(axes, names)


def _logarithmic(axes: Any) -> None:
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _names(axes: Any, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)


def _page(report: Report, svg: str) -> str:
    facts = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>"
        for name, value in report.environment.items()
    )
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8"><title>rtaudio bench</title>',
        f"<style>{STYLE}</style></head><body>",
        "<h1>rtaudio and its peers</h1>",
        "<p>Measured by <code>rtaudio bench</code>, all contenders alternating in one process. "
        "Ratios are times of the row over times of ours, by the least time of each: above 1, ours "
        "is faster. A contender whose result is wrong gets no number.</p>",
        # Inside a page, SVG has neither an XML declaration nor a document type.
        svg[svg.index("<svg") :],
        *(as_html(table) for table in tables(report)),
        f"<h2>where and with what</h2><table>{facts}</table>",
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"
