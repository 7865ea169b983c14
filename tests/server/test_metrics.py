"""Figures in Prometheus' text format."""

from __future__ import annotations

import pytest

from rtaudio.server.metrics import Counter, Gauge, Histogram, Metrics


def test_a_counter_adds_up_by_labels() -> None:
    counter = Counter("n_total", "Things.", ("kind", "place"))
    counter.add(1, "a", "x")
    counter.add(1.5, "a", "x")
    counter.add(2, "b", "y")
    assert list(counter.lines()) == [
        "# HELP n_total Things.",
        "# TYPE n_total counter",
        'n_total{kind="a",place="x"} 2.5',
        'n_total{kind="b",place="y"} 2',
    ]


def test_a_counter_without_labels_shows_from_the_beginning() -> None:
    assert list(Counter("n_total", "Things.").lines())[-1] == "n_total 0"


def test_label_values_are_escaped() -> None:
    counter = Counter("n_total", "Things.", ("kind",))
    counter.add(1, 'a"b\\c\nd')
    assert list(counter.lines())[-1] == r'n_total{kind="a\"b\\c\nd"} 1'


def test_rows_have_a_bound_and_no_amount_is_lost() -> None:
    counter = Counter("n_total", "Things.", ("kind",))
    for index in range(1000):
        counter.add(1, str(index))
    rows = list(counter.lines())[2:]
    assert len(rows) == 201
    assert rows[-1] == 'n_total{kind="other"} 800'


def test_a_gauge_is_read_when_it_is_asked_for() -> None:
    value = {"websocket": 3}
    gauge = Gauge("n", "Things.", lambda: value, "transport")
    value["webrtc"] = 1
    assert list(gauge.lines())[2:] == ['n{transport="websocket"} 3', 'n{transport="webrtc"} 1']


def test_a_histogram_counts_what_is_below_each_bound() -> None:
    histogram = Histogram("t_seconds", "Times.")
    for seconds in (0.01, 0.05, 0.06, 4.0, 1000.0):
        histogram.observe(seconds)
    lines = list(histogram.lines())
    assert lines[1] == "# TYPE t_seconds histogram"
    counts = {line.split('"')[1]: int(line.split()[-1]) for line in lines if "_bucket" in line}
    assert counts["0.05"] == 2
    assert counts["0.1"] == counts["3"] == 3
    assert counts["5"] == counts["20"] == 4
    assert counts["+Inf"] == 5
    assert lines[-1] == "t_seconds_count 5"
    assert float(lines[-2].split()[1]) == pytest.approx(1004.12)


def test_all_metrics_are_in_the_text() -> None:
    metrics = Metrics(sessions=lambda: {"websocket": 2}, waiting=lambda: 3, running=lambda: 1)
    metrics.errors.add(1, "invalid_value")
    text = metrics.text()
    assert text.endswith("\n")
    for line in (
        'rtaudio_sessions{transport="websocket"} 2',
        "rtaudio_recogniser_waiting 3",
        "rtaudio_recogniser_running 1",
        'rtaudio_errors_total{code="invalid_value"} 1',
        "rtaudio_audio_sent_seconds_total 0",
        "rtaudio_first_audio_seconds_count 0",
    ):
        assert line in text.splitlines()
