"""Figures of a running service, in Prometheus' text format.

Labels are the service's own words: names of events and paths, codes of errors. Should one of them
ever come from outside, a metric still has no more than `_MAX_ROWS` rows.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CONTENT_TYPE", "Counter", "Gauge", "Histogram", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_MAX_ROWS = 200
_OTHER = "other"
# Seconds; from what no ear notices to where people ask whether anybody is there.
_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)


class Counter:
    """A sum that only grows, for each combination of labels."""

    def __init__(self, name: str, text: str, labels: tuple[str, ...] = ()) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0.0}

    def add(self, amount: float, *values: str) -> None:
        """Add an amount to the row of these values of the labels."""
        if values not in self._values and len(self._values) >= _MAX_ROWS:
            values = (_OTHER,) * len(values)
        self._values[values] = self._values.get(values, 0.0) + amount

    def lines(self) -> Iterator[str]:
        """Write the metric."""
        yield from _head(self._name, self._text, "counter")
        for values, amount in self._values.items():
            pairs = zip(self._labels, values, strict=True)
            yield f"{self._name}{_labels(*pairs)} {_number(amount)}"


class Gauge:
    """A value that is looked up when it is asked for.

    Args:
        read: returns it, with several as a mapping by the value of `label`.
    """

    def __init__(
        self,
        name: str,
        text: str,
        read: Callable[[], float | dict[str, int]],
        label: str = "",
    ) -> None:
        self._name = name
        self._text = text
        self._read = read
        self._label = label

    def lines(self) -> Iterator[str]:
        """Write the metric."""
        yield from _head(self._name, self._text, "gauge")
        value = self._read()
        rows = value if isinstance(value, dict) else {"": value}
        for key, amount in rows.items():
            labels = _labels((self._label, key)) if self._label else ""
            yield f"{self._name}{labels} {_number(amount)}"


class Histogram:
    """How many durations fell below which bound, and their sum."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text
        self._counts = [0] * (len(_BUCKETS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Take up one duration."""
        self._counts[bisect_left(_BUCKETS, seconds)] += 1
        self._sum += seconds

    def lines(self) -> Iterator[str]:
        """Write the metric."""
        yield from _head(self._name, self._text, "histogram")
        bounds = [*map(_number, _BUCKETS), "+Inf"]
        for bound, count in zip(bounds, accumulate(self._counts), strict=True):
            yield f"{self._name}_bucket{_labels(('le', bound))} {count}"
        yield f"{self._name}_sum {_number(self._sum)}"
        yield f"{self._name}_count {sum(self._counts)}"


class Metrics:
    """All figures of one service.

    Args:
        sessions: tells how many there are, by what carries them.
        waiting: tells how many stretches of speech wait for the recogniser.
        running: tells how many are in it.
    """

    def __init__(
        self,
        *,
        sessions: Callable[[], dict[str, int]],
        waiting: Callable[[], int],
        running: Callable[[], int],
    ) -> None:
        by_type = ("type",)
        self.sessions_begun = Counter("rtaudio_sessions_total", "Sessions begun.", ("transport",))
        self.refused = Counter(
            "rtaudio_sessions_refused_total", "Sessions that were refused.", ("code",)
        )
        self.received = Counter(
            "rtaudio_events_received_total", "Valid events from clients.", by_type
        )
        self.sent = Counter("rtaudio_events_sent_total", "Events to clients.", by_type)
        self.errors = Counter("rtaudio_errors_total", "Error events to clients.", ("code",))
        self.audio_received = Counter(
            "rtaudio_audio_received_seconds_total", "Sound from clients, in seconds."
        )
        self.audio_sent = Counter(
            "rtaudio_audio_sent_seconds_total", "Sound to clients, in seconds."
        )
        self.recogniser_busy = Counter(
            "rtaudio_recogniser_busy_seconds_total",
            "Time spent recognising, in seconds, summed over its workers.",
        )
        self.to_transcript = Histogram(
            "rtaudio_first_transcript_seconds",
            "From the end of a turn to the first of its transcript that comes after it.",
        )
        self.to_audio = Histogram(
            "rtaudio_first_audio_seconds",
            "From the end of a turn, or the request for its answer, to the answer's first sound.",
        )
        self.secrets = Counter("rtaudio_client_secrets_total", "Ephemeral keys made.")
        self.http_requests = Counter(
            "rtaudio_http_requests_total", "Requests answered.", ("path", "status")
        )
        self._gauges = (
            Gauge("rtaudio_sessions", "Sessions that are open.", sessions, "transport"),
            Gauge("rtaudio_recogniser_waiting", "Stretches of speech that wait.", waiting),
            Gauge("rtaudio_recogniser_running", "Stretches being recognised.", running),
        )

    def text(self) -> str:
        """Write all of them, as `CONTENT_TYPE`."""
        kinds = (Counter, Histogram)
        metrics = [*self._gauges, *(one for one in vars(self).values() if isinstance(one, kinds))]
        return "".join(f"{line}\n" for metric in metrics for line in metric.lines())


def _head(name: str, text: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _labels(*pairs: tuple[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(float(value))
