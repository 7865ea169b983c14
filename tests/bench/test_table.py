"""Tables: the same cells on a terminal, in Markdown and in HTML."""

from __future__ import annotations

import copy
import io
from html.parser import HTMLParser

import pytest
from rich.console import Console

from rtaudio.bench.report import Report
from rtaudio.bench.table import TextTable, as_html, as_markdown, as_rich, tables


def shown(table: TextTable, width: int = 200) -> str:
    output = io.StringIO()
    Console(file=output, width=width).print(as_rich(table))
    return output.getvalue()


def test_times_stand_with_the_ratio_of_each_peer_to_ours(report: Report) -> None:
    times = tables(report)[0]
    assert times.title == "resample stream, us per 20 ms, geometric mean over 2"
    assert times.columns == ["", "version", "least", "median", "x rtaudio balanced"]
    assert times.rows[:2] == [
        ["rtaudio balanced", "1.2.3", "1.50", "1.88", "1.00"],
        ["soxr HQ", "1.2.3", "4.50", "5.62", "3.00"],
    ]
    assert times.ours == {0}


def test_who_is_absent_or_wrong_has_no_number_and_a_note_why(report: Report) -> None:
    times = tables(report)[0]
    assert times.rows[2] == ["PyAV", "1.2.3", "absent", "", ""]
    assert times.rows[3] == ["broken | <peer>", "1.2.3", "wrong", "", ""]
    assert times.notes == (
        "PyAV is absent: av cannot be imported (in 2 of 2 variants)",
        "broken | <peer> is wrong: clicks & pops (in 2 of 2 variants)",
    )


def test_latency_quality_networks_and_targets_follow(report: Report) -> None:
    _, latency, quality, networks, targets = tables(report)
    assert latency.rows == [
        ["rtaudio balanced", "2.5", "2.5 to 2.5", "0", "0"],
        ["soxr HQ", "2.5", "40.0 to 40.0", "15", "30"],
    ]
    assert quality.rows[0] == ["rtaudio high", "0.914", "0.012", "-104.5", "-108.0", "95.0"]
    assert networks.rows == [
        ["rtaudio playout", "calm", "30", "61", "1.2", "40"],
        ["aiortc", "calm", "97", "194", "1.2", "40"],
        ["rtaudio playout", "1 % lost", "30", "61", "1.2", "40"],
        ["aiortc", "1 % lost", "97", "194", "1.2", "40"],
    ]
    assert networks.ours == {0, 2}
    assert next(row[2] for row in targets.rows if "soxr HQ" in row[0]) == "yes"
    # `high` was not timed in this report.
    assert [
        "resample stream: rtaudio high at least 2x as fast as soxr HQ",
        "not measured",
        "?",
    ] in (targets.rows)


def test_what_sessions_cost_stands_in_tables_of_its_own(session_report: Report) -> None:
    growth, memory, targets = tables(session_report)
    assert growth.title == "an hour of conversation: 2000 items, 50000 events; us per event"
    assert growth.rows == [
        ["rtaudio", "3.00", "3.30", "1.10", "6.00", "6.60"],
        ["list of items", "1.00", "20.0", "20.00", "2.00", "40.0"],
        ["lossy list", "wrong", "", "", "", ""],
    ]
    assert growth.notes == ("lossy list is wrong: history lost an item",)
    assert memory.title == "1000 idle sessions, KiB per session"
    assert memory.rows[0] == ["rtaudio", "1.2.3", "23.0", "22.0", "0.010"]
    assert memory.rows[2] == ["openai-agents", "1.2.3", "absent", "", ""]
    assert memory.ours == {0, 1}
    assert [row[2] for row in targets.rows] == ["yes"] * 4


def test_every_row_has_a_cell_for_every_column(report: Report) -> None:
    for table in tables(report):
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.title


def test_an_empty_report_has_no_tables() -> None:
    assert tables(Report(environment={})) == []


def test_markdown_escapes_what_would_end_a_cell(report: Report) -> None:
    text = as_markdown(tables(report)[0])
    lines = text.splitlines()
    assert lines[0] == "**resample stream, us per 20 ms, geometric mean over 2**"
    assert lines[4] == "| **rtaudio balanced** | 1.2.3 | 1.50 | 1.88 | 1.00 |"
    assert lines[7].startswith(r"| broken \| <peer> |")
    assert "PyAV is absent" in text


def test_html_is_balanced_and_escaped(report: Report) -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []
            self.text: list[str] = []

        def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
            self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

        def handle_data(self, data: str) -> None:
            self.text.append(data)

    reader = Reader()
    reader.feed("".join(as_html(table) for table in tables(report)))
    assert reader.open == []
    assert "broken | <peer>" in reader.text
    assert any("clicks & pops" in text for text in reader.text)


@pytest.mark.parametrize("width", [60, 200])
def test_the_terminal_shows_every_cell_however_narrow_it_is(report: Report, width: int) -> None:
    for table in tables(report):
        squeezed = "".join(shown(table, width).split())
        if width == 200:
            for row in table.rows:
                for cell in row:
                    assert "".join(cell.split()) in squeezed
        assert "…" not in squeezed


@pytest.mark.parametrize(
    ("us", "cell"),
    [(123.456, "123"), (99.94, "99.9"), (12.345, "12.3"), (9.876, "9.88"), (0.12345, "0.123")],
)
def test_numbers_have_three_digits_that_say_something(report: Report, us: float, cell: str) -> None:
    row = copy.copy(report.rows[0])
    row.minimum_us = us
    assert tables(Report(environment={}, rows=[row]))[0].rows[0][2] == cell
