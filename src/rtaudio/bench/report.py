"""What a run found out, as one JSON document."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

import msgspec

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "GrowthRow",
    "LatencyRow",
    "MemoryRow",
    "NetworkRow",
    "QualityRow",
    "Report",
    "Row",
    "fill_times",
    "load_report",
    "save_report",
]


class Row(msgspec.Struct, kw_only=True):
    """One contender in one group.

    Attributes:
        status: `ok`, `absent` (see `problem` for what is missing) or `wrong` (what is wrong).
        samples: how many times it was timed.
        minimum_us: least time per unit, in microseconds; like the next two, None where not timed.
        median_us: median of the samples.
        p90_us: nine of ten samples took no longer.
    """

    subject: str
    family: str
    variant: str
    unit: str
    contender: str
    package: str
    version: str
    ours: bool
    status: str
    problem: str = ""
    samples: int = 0
    minimum_us: float | None = None
    median_us: float | None = None
    p90_us: float | None = None


class GrowthRow(msgspec.Struct, kw_only=True):
    """What events of a long conversation cost at its beginning and at its end.

    Attributes:
        items: how many the conversation has in the end.
        events: how many it takes.
        samples: how often it was gone through.
        first_us: time per event of the first minute in microseconds, each turn by its least; like
            the next three, None where not timed.
        last_us: the same of the last minute.
        first_median_us: the same, each turn by its median over the samples.
        last_median_us: the same of the last minute.
    """

    contender: str
    version: str
    ours: bool
    status: str
    items: int
    events: int
    problem: str = ""
    samples: int = 0
    first_us: float | None = None
    last_us: float | None = None
    first_median_us: float | None = None
    last_median_us: float | None = None


class MemoryRow(msgspec.Struct, kw_only=True):
    """What one of many idle sessions takes, in KiB (1024 bytes).

    Attributes:
        sessions: how many were open at once, and how many were opened and closed for `left_kib`.
        samples: processes in which the next was measured.
        resident_kib: by which the process grows, median over processes; like the next two, None
            where not measured.
        traced_kib: what Python's allocators give out.
        left_kib: the part of it that stays when a session has ended.
    """

    contender: str
    package: str
    version: str
    ours: bool
    status: str
    problem: str = ""
    sessions: int = 0
    samples: int = 0
    resident_kib: float | None = None
    traced_kib: float | None = None
    left_kib: float | None = None


class LatencyRow(msgspec.Struct, kw_only=True):
    """The latency of one live stream, fed in chunks of 20 ms.

    Attributes:
        ratio: such as `24>16`, in kHz.
        worst_ms: most that the newest sample to hear lagged behind the newest sample fed.
        least_ms: least of the same, once the stream was running.
        filter_ms: the part of both that is delay of the signal itself.
        empty: chunks that gave nothing.
        irregular: chunks that gave other than their own 20 ms.
        chunks: how many were fed.
    """

    contender: str
    ours: bool
    ratio: str
    worst_ms: float
    least_ms: float
    filter_ms: float
    empty: int
    irregular: int
    chunks: int


class QualityRow(msgspec.Struct, kw_only=True):
    """The quality of one resampler at one pair of rates, PCM16 in and out.

    Frequencies are relative to the lower of the two Nyquist frequencies.

    Attributes:
        edge: up to where the level stays within 0.1 dB.
        ripple_db: largest change of level up to 0.85.
        image_db: strongest image, alias or distortion of a tone up to 0.85, below that tone.
        alias_db: strongest alias from a tone at 1.15 or above, below that tone; None where no such
            tone exists, because the rate rises.
        near_alias_db: the same from 1.0 to 1.15, where short filters let some through.
        snr_db: tone to everything else, up to 0.85, the worst.
    """

    contender: str
    ours: bool
    ratio: str
    edge: float
    ripple_db: float
    image_db: float
    alias_db: float | None
    near_alias_db: float | None
    snr_db: float


class NetworkRow(msgspec.Struct, kw_only=True):
    """One jitter buffer on one simulated network.

    Attributes:
        delay_ms: how much later than the quickest packet could be, sound is heard, on average.
        worst_delay_ms: 99 of 100 packets are heard no later.
        missing: share of what was sent that is not heard in its own time: concealed or left out.
        gap_ms: longest stretch in which nothing that was sent is heard.
    """

    contender: str
    ours: bool
    network: str
    delay_ms: float
    worst_delay_ms: float
    missing: float
    gap_ms: float


class Report(msgspec.Struct, kw_only=True):
    """A run of the suite.

    Attributes:
        environment: name to value, in the order to show them.
        rows: times.
        growth: cost of events in a long conversation.
        memory: of idle sessions.
        latency: of live resampling.
        quality: of resampling.
        networks: what jitter buffers make of them.
    """

    environment: dict[str, str]
    rows: list[Row] = []
    growth: list[GrowthRow] = []
    memory: list[MemoryRow] = []
    latency: list[LatencyRow] = []
    quality: list[QualityRow] = []
    networks: list[NetworkRow] = []


def save_report(report: Report, path: Path) -> None:
    """Write a report as JSON; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")


class _PytestFile(msgspec.Struct):
    """What pytest-benchmark wrote, with the report that `bench/conftest.py` adds to it."""

    rtaudio: Report


def load_report(path: Path) -> Report:
    """Read what `save_report` or the suite in `bench/` wrote.

    Raises:
        ConfigError: it is not a report.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    try:
        try:
            return msgspec.json.decode(data, type=_PytestFile).rtaudio
        except msgspec.ValidationError:
            return msgspec.json.decode(data, type=Report)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path} is not a report of rtaudio bench: {error}") from error


def fill_times(row: Row, samples_us: list[float]) -> Row:
    """Set a row's times from its samples, in microseconds per unit; none leave it as it is."""
    if samples_us:
        ordered = sorted(samples_us)
        row.samples = len(ordered)
        row.minimum_us = ordered[0]
        row.median_us = statistics.median(ordered)
        row.p90_us = ordered[math.ceil(0.9 * len(ordered)) - 1]
    return row
