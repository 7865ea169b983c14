"""Races rtaudio against its peers on this machine: time, latency and quality.

A *group* is one task, such as 20 ms of sound from 24 to 16 kHz; its *contenders* are rtaudio and
every peer that does the same. They are defined once, one module per subject, and run in two ways:
by `rtaudio bench`, which needs nothing but an installed package, and by the pytest-benchmark
modules in the source tree's `bench/`. Either way a contender's result is checked before it is
timed, and a wrong result gets no number.

Peers are no dependencies. One that is not installed is listed as absent.
"""

from __future__ import annotations

from rtaudio.bench.cases import Absent, Contender, Group, Trial
from rtaudio.bench.report import Report, load_report, save_report
from rtaudio.bench.suite import SUBJECTS, make_groups, run

__all__ = [
    "SUBJECTS",
    "Absent",
    "Contender",
    "Group",
    "Report",
    "Trial",
    "load_report",
    "make_groups",
    "run",
    "save_report",
]
