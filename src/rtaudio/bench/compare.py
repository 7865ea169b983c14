"""From single times to what is claimed: means over variants, ratios between contenders, targets."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtaudio.bench.report import LatencyRow, QualityRow, Report, Row

__all__ = ["TARGETS", "Entry", "Family", "Target", "Verdict", "families", "geometric_mean", "judge"]


@dataclass(frozen=True, slots=True)
class Target:
    """How many times as fast as a peer a contender of ours is to be.

    Attributes:
        family: of groups.
        ours: our contender.
        peer: what it is held to.
        factor: the peer's time over ours, at least.
    """

    family: str
    ours: str
    peer: str
    factor: float


LOOP = "C loop, same libopus"
OPUSLIB = "opuslib, system's libopus"

TARGETS = (
    Target("resample stream", "rtaudio balanced", "soxr HQ", 3.0),
    Target("resample stream", "rtaudio high", "soxr HQ", 2.0),
    Target("resample whole", "rtaudio balanced", "soxr HQ", 1.5),
    # Within 3 % of the loop, that is.
    Target("Opus decode", "rtaudio", LOOP, 1 / 1.03),
    Target("Opus encode", "rtaudio", LOOP, 1 / 1.03),
    Target("Opus decode", "rtaudio", OPUSLIB, 1.8),
    Target("Opus encode", "rtaudio", OPUSLIB, 1.4),
    Target("audio delta event to PCM", "rtaudio", "json + base64", 25.0),
    Target("audio delta event to PCM", "rtaudio", "orjson + pybase64", 5.0),
    Target("PCM to append event", "rtaudio", "json + base64", 15.0),
    Target("PCM to append event", "rtaudio", "orjson + pybase64", 1.0),
    Target("ring buffer", "rtaudio read_into", "bytearray", 1.0),
    Target("ring buffer", "rtaudio read_into", "numpy concatenate", 5.0),
    Target("client CPU, delta received", "rtaudio", "openai-agents", 10.0),
    Target("client CPU, delta received", "rtaudio", "bare socket read", 1 / 2.5),
    Target("client CPU, chunk sent", "rtaudio", "openai-agents", 3.5),
    Target("client CPU, chunk sent", "rtaudio", "picows + orjson + pybase64", 1.0),
)

# What is added to live sound, in ms; twice as much where one side is 8 kHz, whose filters are as
# long in samples.
MAX_LATENCY_MS = 3.0
MAX_LATENCY_8K_MS = 6.0

# Rounding of the analysis, not a difference.
EDGE_TOLERANCE = 0.005
# Where spurious lines are this far down, all of them lie within the noise of PCM16, which is at 98.
INAUDIBLE_DB = 98.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One contender over all variants of a family.

    Attributes:
        status: `ok` where it was timed in every variant, else `absent` or `wrong`.
        problem: what is missing or wrong, and in which variants.
        minimum_us: geometric mean over variants of the least times; None unless `ok`.
        median_us: the same of the medians.
        by_variant: least time of each variant that was timed.
    """

    contender: str
    version: str
    ours: bool
    status: str
    problem: str
    minimum_us: float | None
    median_us: float | None
    by_variant: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """One row of the figures: a task with everybody's times."""

    name: str
    unit: str
    variants: list[str]
    entries: list[Entry]

    def entry(self, contender: str) -> Entry | None:
        """The entry of that name, if it took part."""
        return next((e for e in self.entries if e.contender == contender), None)

    def ratio(self, contender: str, ours: str) -> float | None:
        """The contender's time over ours, above 1 where ours is faster; None without both times."""
        theirs, own = self.entry(contender), self.entry(ours)
        if theirs is None or own is None or theirs.minimum_us is None or own.minimum_us is None:
            return None
        return theirs.minimum_us / own.minimum_us


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target, and what was reached.

    Attributes:
        claim: what is to be, in words.
        found: what was measured.
        reached: whether it is; None where it could not be measured here.
    """

    claim: str
    found: str
    reached: bool | None


def geometric_mean(values: Iterable[float]) -> float:
    """Of at least one number, all above 0."""
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms))


def families(rows: list[Row]) -> list[Family]:
    """Gather rows by family, in the order in which they come."""
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        found.setdefault(row.family, {}).setdefault(row.contender, []).append(row)
    return [
        Family(
            name=name,
            unit=next(iter(contenders.values()))[0].unit,
            variants=list(dict.fromkeys(r.variant for each in contenders.values() for r in each)),
            entries=[_entry(each) for each in contenders.values()],
        )
        for name, contenders in found.items()
    ]


def _entry(rows: list[Row]) -> Entry:
    first = rows[0]
    bad = [row for row in rows if row.status != "ok"]
    status = bad[0].status if bad else "ok"
    problem = ""
    if bad:
        where = f" (in {len(bad)} of {len(rows)} variants)" if len(rows) > 1 else ""
        problem = bad[0].problem + where
    minima = [row.minimum_us for row in rows if row.minimum_us is not None]
    medians = [row.median_us for row in rows if row.median_us is not None]
    timed = not bad and len(minima) == len(medians) == len(rows)
    return Entry(
        contender=first.contender,
        version=first.version,
        ours=first.ours,
        status=status,
        problem=problem,
        # A mean over fewer variants than the others' would compare different work.
        minimum_us=geometric_mean(minima) if timed else None,
        median_us=geometric_mean(medians) if timed else None,
        by_variant={row.variant: row.minimum_us for row in rows if row.minimum_us is not None},
    )


def judge(report: Report) -> list[Verdict]:
    """Hold a report to the targets; those whose family was not run are left out."""
    by_name = {family.name: family for family in families(report.rows)}
    verdicts = []
    for target in TARGETS:
        family = by_name.get(target.family)
        if family is not None:
            verdicts.append(_judge_ratio(family, target))
    verdicts += _judge_latency([row for row in report.latency if row.ours])
    verdicts += _judge_quality(report.quality)
    return verdicts


def _judge_ratio(family: Family, target: Target) -> Verdict:
    need = f"{target.factor:.2f}".rstrip("0").rstrip(".")
    claim = f"{family.name}: {target.ours} at least {need}x as fast as {target.peer}"
    if target.factor < 1:
        most = f"{1 / target.factor:.2f}".rstrip("0").rstrip(".")
        claim = f"{family.name}: {target.ours} takes at most {most}x the time of {target.peer}"
    ratio = family.ratio(target.peer, target.ours)
    if ratio is None:
        return Verdict(claim, "not measured", None)
    if target.factor < 1:
        return Verdict(claim, f"{1 / ratio:.3f}x", ratio >= target.factor)
    return Verdict(claim, f"{ratio:.3f}x" if ratio < 2 else f"{ratio:.2f}x", ratio >= target.factor)


def _judge_latency(rows: list[LatencyRow]) -> list[Verdict]:
    def limit(row: LatencyRow) -> float:
        return MAX_LATENCY_8K_MS if "8" in row.ratio.split(">") else MAX_LATENCY_MS

    balanced = [row for row in rows if row.contender == "rtaudio balanced"]
    if not balanced:
        return []
    worst = max(balanced, key=lambda row: row.worst_ms / limit(row))
    uneven = sum(row.irregular for row in rows)
    return [
        Verdict(
            "latency: rtaudio balanced adds at most 3 ms, 6 ms where one side is 8 kHz",
            f"{worst.worst_ms:.2f} ms at {worst.ratio}",
            worst.worst_ms <= limit(worst),
        ),
        Verdict(
            "latency: every 20 ms in give exactly their 20 ms out",
            f"{uneven} of {sum(row.chunks for row in rows)} chunks do not",
            uneven == 0,
        ),
    ]


def _judge_quality(rows: list[QualityRow]) -> list[Verdict]:
    def of(name: str) -> list[QualityRow]:
        return [row for row in rows if row.contender == name]

    ours, theirs = of("rtaudio high"), of("soxr HQ")
    if not ours:
        return []
    if not theirs:
        return [Verdict("quality: rtaudio high no worse than soxr HQ", "not measured", None)]
    edge, their_edge = min(r.edge for r in ours), min(r.edge for r in theirs)
    down, their_down = min(map(worst_line_db, ours)), min(map(worst_line_db, theirs))
    return [
        Verdict(
            "quality: rtaudio high is flat as far up as soxr HQ",
            f"to {edge:.3f} and {their_edge:.3f}",
            edge >= their_edge - EDGE_TOLERANCE,
        ),
        Verdict(
            "quality: rtaudio high has images and aliases as far down as soxr HQ, or below the "
            "noise of PCM16",
            f"{down:.1f} and {their_down:.1f} dB",
            down >= min(their_down, INAUDIBLE_DB),
        ),
    ]


def worst_line_db(row: QualityRow) -> float:
    """The strongest image or alias of a resampler at one pair of rates, in dB below the tone."""
    return min(v for v in (row.image_db, row.alias_db, row.near_alias_db) if v is not None)
