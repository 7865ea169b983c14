"""The whole suite: which subjects there are, and one run over some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rtaudio.bench import g711, jitter, levels, opus, resample, ring, session_delta, wire
from rtaudio.bench.environment import describe
from rtaudio.bench.measure import Effort, measure_group
from rtaudio.bench.report import Report
from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from rtaudio.bench.cases import Group
    from rtaudio.bench.signals import Material

__all__ = ["SUBJECTS", "make_groups", "run"]

_TIMED: dict[str, Callable[[Material], list[Group]]] = {
    "resample": resample.groups,
    "opus": opus.groups,
    "wire": wire.groups,
    "ring": ring.groups,
    "jitter": jitter.groups,
    "g711": g711.groups,
    "levels": levels.groups,
    "session": session_delta.groups,
}
SUBJECTS = (*_TIMED, "hour", "memory", "latency", "quality", "networks")
"""What can be asked for by name. The last three take no times: two are of resamplers, one is of
jitter buffers."""

Progress = Callable[[str], None]


def make_groups(material: Material, subjects: Iterable[str] = tuple(_TIMED)) -> list[Group]:
    """The timed groups of some subjects, in the order of `SUBJECTS`."""
    wanted = set(subjects)
    return [group for name, make in _TIMED.items() if name in wanted for group in make(material)]


def run(
    material: Material,
    subjects: Iterable[str] = (),
    *,
    quick: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Race everybody on this machine.

    Args:
        material: speech to race with.
        subjects: some of `SUBJECTS`; empty means all.
        quick: a first look, in about a fifth of the time.
        progress: called with the name of each group before it starts.

    Raises:
        ConfigError: there is no such subject.
    """
    from rtaudio.bench.latency import measure_latencies
    from rtaudio.bench.networks import measure_networks
    from rtaudio.bench.quality import measure_qualities
    from rtaudio.bench.session import measure_sessions
    from rtaudio.bench.session_hour import measure_hour
    from rtaudio.bench.session_idle import measure_idle

    wanted = set(subjects) or set(SUBJECTS)
    unknown = sorted(wanted - set(SUBJECTS))
    if unknown:
        raise ConfigError(f"no group {unknown[0]!r}; there are {', '.join(SUBJECTS)}")
    say = progress or (lambda _name: None)
    report = Report(environment=describe(material))
    effort = Effort.quick() if quick else Effort()
    for group in make_groups(material, wanted):
        say(group.name)
        report.rows += measure_group(group, effort)
    if "session" in wanted:
        say("session")
        report.rows += measure_sessions(rounds=1 if quick else 4)
    if "hour" in wanted:
        say("hour")
        report.growth = measure_hour(rounds=2 if quick else 6)
    if "memory" in wanted:
        say("memory")
        report.memory = measure_idle(rounds=1 if quick else 3, count=200 if quick else 1000)
    ratios = resample.RATIOS[:2] if quick else resample.RATIOS
    if "latency" in wanted:
        say("latency")
        report.latency = measure_latencies(ratios)
    if "quality" in wanted:
        say("quality")
        report.quality = measure_qualities(ratios)
    if "networks" in wanted:
        say("networks")
        report.networks = measure_networks(material)
    return report
