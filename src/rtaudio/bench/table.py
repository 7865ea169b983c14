"""A report as tables: on the terminal, in Markdown and in HTML, all from the same cells."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtaudio.bench.budgets import judge_sessions
from rtaudio.bench.compare import Entry, Family, families, judge, worst_line_db

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table as RichTable

    from rtaudio.bench.report import GrowthRow, LatencyRow, MemoryRow, QualityRow, Report

__all__ = ["TextTable", "as_html", "as_markdown", "as_rich", "tables"]


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table of text.

    Attributes:
        title: what it is about.
        columns: heads; the first column is text, numbers stand in the others.
        rows: cells, as many as there are columns.
        ours: indices of the rows that are rtaudio's.
        notes: sentences to stand below.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    ours: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()


def tables(report: Report) -> list[TextTable]:
    """Times by family, what sessions cost, latency, quality, networks, and the targets."""
    made = [_times(family) for family in families(report.rows)]
    if report.growth:
        made.append(_growth(report.growth))
    if report.memory:
        made.append(_memory(report.memory))
    if report.latency:
        made.append(_latency(report))
    if report.quality:
        made.append(_quality(report))
    if report.networks:
        made.append(_networks(report))
    verdicts = [*judge(report), *judge_sessions(report)]
    if verdicts:
        words = {True: "yes", False: "NO", None: "?"}
        rows = [[v.claim, v.found, words[v.reached]] for v in verdicts]
        made.append(TextTable("targets", ["target", "measured", "reached"], rows))
    return made


def _times(family: Family) -> TextTable:
    ours = [entry.contender for entry in family.entries if entry.ours]
    over = f", geometric mean over {len(family.variants)}" if len(family.variants) > 1 else ""
    title = f"{family.name}, us per {family.unit}{over}"
    heads = [f"x {name}" for name in ours]
    columns = ["", "version", "least", "median", *heads]
    rows = [_times_row(family, entry, ours) for entry in family.entries]
    is_ours = _indices(entry.ours for entry in family.entries)
    return TextTable(title, columns, rows, is_ours, _problems(family.entries))


def _times_row(family: Family, entry: Entry, ours: list[str]) -> list[str]:
    if entry.minimum_us is None or entry.median_us is None:
        return [entry.contender, entry.version, entry.status, *[""] * (len(ours) + 1)]
    ratios = [family.ratio(entry.contender, name) for name in ours]
    return [
        entry.contender,
        entry.version,
        _number(entry.minimum_us),
        _number(entry.median_us),
        *("" if ratio is None else _number(ratio) for ratio in ratios),
    ]


def _growth(rows: Sequence[GrowthRow]) -> TextTable:
    columns = ["", "first minute", "last minute", "last / first", "median first", "median last"]
    cells = []
    for row in rows:
        times = (row.first_us, row.last_us, row.first_median_us, row.last_median_us)
        first, last, *medians = ("" if us is None else _number(us) for us in times)
        ratio = "" if row.first_us is None else f"{(row.last_us or 0.0) / row.first_us:.2f}"
        cells.append([row.contender, first or row.status, last, ratio, *medians])
    title = f"an hour of conversation: {rows[0].items} items, {rows[0].events} events; us per event"
    is_ours = _indices(row.ours for row in rows)
    return TextTable(title, columns, cells, is_ours, _problems(rows))


def _memory(rows: Sequence[MemoryRow]) -> TextTable:
    columns = ["", "version", "process grows by", "allocated", "left when it has ended"]
    cells = []
    for row in rows:
        sizes = (row.resident_kib, row.traced_kib, row.left_kib)
        grown, *others = ("" if kib is None else f"{kib:.{3 if kib < 1 else 1}f}" for kib in sizes)
        cells.append([row.contender, row.version, grown or row.status, *others])
    title = f"{rows[0].sessions} idle sessions, KiB per session"
    return TextTable(title, columns, cells, _indices(row.ours for row in rows), _problems(rows))


def _latency(report: Report) -> TextTable:
    columns = ["", "least ms", "worst ms", "empty chunks %", "irregular chunks %"]
    rows, is_ours = [], []
    for name in dict.fromkeys(row.contender for row in report.latency):
        own = [row for row in report.latency if row.contender == name]
        chunks = sum(row.chunks for row in own)
        rows.append(
            [
                name,
                f"{min(row.least_ms for row in own):.1f}",
                f"{min(r.worst_ms for r in own):.1f} to {max(r.worst_ms for r in own):.1f}",
                f"{100 * sum(row.empty for row in own) / chunks:.0f}",
                f"{100 * sum(row.irregular for row in own) / chunks:.0f}",
            ]
        )
        is_ours.append(own[0].ours)
    title = f"added latency of live resampling in chunks of 20 ms, over {_ratios(report.latency)}"
    return TextTable(title, columns, rows, _indices(is_ours))


def _quality(report: Report) -> TextTable:
    columns = ["", "flat to", "ripple dB", "image, alias dB", "above 1.15 dB", "SNR dB"]
    rows, is_ours = [], []
    for name in dict.fromkeys(row.contender for row in report.quality):
        own = [row for row in report.quality if row.contender == name]
        far = [row.alias_db for row in own if row.alias_db is not None]
        rows.append(
            [
                name,
                f"{min(row.edge for row in own):.3f}",
                f"{max(row.ripple_db for row in own):.3f}",
                f"{-min(map(worst_line_db, own)):.1f}",
                f"{-min(far):.1f}" if far else "",
                f"{min(row.snr_db for row in own):.1f}",
            ]
        )
        is_ours.append(own[0].ours)
    title = (
        f"quality of resampling, the worst of {_ratios(report.quality)}; frequencies relative to "
        "the lower Nyquist frequency, ripple up to 0.85 of it"
    )
    return TextTable(title, columns, rows, _indices(is_ours))


def _networks(report: Report) -> TextTable:
    columns = ["", "network", "delay ms", "99 % ms", "not heard %", "longest gap ms"]
    ordered = sorted(
        report.networks,
        key=lambda row: [each.network for each in report.networks].index(row.network),
    )
    rows = [
        [
            row.contender,
            row.network,
            f"{row.delay_ms:.0f}",
            f"{row.worst_delay_ms:.0f}",
            f"{100 * row.missing:.1f}",
            f"{row.gap_ms:.0f}",
        ]
        for row in ordered
    ]
    title = "jitter buffers on simulated networks: delay that they add, and what is not heard"
    return TextTable(title, columns, rows, _indices(row.ours for row in ordered))


def _ratios(rows: Sequence[LatencyRow | QualityRow]) -> str:
    return f"{len({row.ratio for row in rows})} pairs of rates"


def _number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _problems(entries: Iterable[Entry | GrowthRow | MemoryRow]) -> tuple[str, ...]:
    return tuple(f"{e.contender} is {e.status}: {e.problem}" for e in entries if e.problem)


def _indices(flags: Iterable[bool]) -> frozenset[int]:
    return frozenset(at for at, flag in enumerate(flags) if flag)


def as_rich(table: TextTable) -> RichTable:
    """For a terminal."""
    from rich.table import Table
    from rich.text import Text

    made = Table(
        title=Text(table.title),
        title_justify="left",
        caption=Text("\n".join(table.notes)) if table.notes else None,
        caption_justify="left",
    )
    for at, head in enumerate(table.columns):
        made.add_column(head, justify="right" if at else "left", overflow="fold")
    for at, cells in enumerate(table.rows):
        style = "bold" if at in table.ours else "red" if cells[-1] == "NO" else ""
        made.add_row(*(Text(cell) for cell in cells), style=style)
    return made


def as_markdown(table: TextTable) -> str:
    """For a README."""

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    ruler = "|" + "---|" + "---:|" * (len(table.columns) - 1)
    parts = [f"**{table.title}**", "", line(table.columns), ruler]
    for at, cells in enumerate(table.rows):
        name = f"**{cells[0]}**" if at in table.ours else cells[0]
        parts.append(line([name, *cells[1:]]))
    parts += [f"\n{note}" for note in table.notes]
    return "\n".join(parts) + "\n"


def as_html(table: TextTable) -> str:
    """For a page: a heading and a table, all text escaped."""

    def row(tag: str, cells: list[str], style: str = "") -> str:
        inner = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
        return f"<tr{style}>{inner}</tr>"

    body = [
        row("td", cells, ' class="ours"' if at in table.ours else "")
        for at, cells in enumerate(table.rows)
    ]
    head = row("th", table.columns)
    title = f"<h2>{html.escape(table.title)}</h2>"
    notes = [f"<p>{html.escape(note)}</p>" for note in table.notes]
    return "\n".join([title, "<table>", head, *body, "</table>", *notes])
