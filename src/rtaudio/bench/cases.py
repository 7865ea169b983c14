"""What a race is made of: groups, their contenders, and one contender's trial."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Absent", "Contender", "Group", "Trial", "installed_version", "need"]


class Absent(Exception):  # no mistake of anybody's, hence not an RtAudioError
    """A contender cannot take part here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A contender that is ready to run.

    Attributes:
        call: the timed work: as many units as the group says per call. It may carry state from
            call to call, as a live stream does.
        result: does the same work on something that can be verified, from a fresh state, and
            returns what the group's `check` examines.
    """

    call: Callable[[], object]
    result: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do a group's work.

    Attributes:
        name: as shown in tables; the same library has the same name in every group of a family.
        make: builds a trial; raises `Absent` where something is not installed.
        package: the distributions whose versions are reported, with spaces between; None for
            Python's own library.
        ours: whether it is rtaudio.
    """

    name: str
    make: Callable[[], Trial]
    package: str | None = None
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """One task and everybody who does it.

    Attributes:
        subject: what `rtaudio bench` calls it on the command line, such as `resample`.
        family: one row of the figures. Groups of a family are variants of one task, and their
            geometric mean is what is compared.
        variant: tells apart the groups of a family; empty where there is one.
        unit: what the time is given per, such as "20 ms".
        units: how many of them one call does.
        contenders: ours first.
        check: looks at a trial's result and tells what is wrong with it, or None.
    """

    subject: str
    family: str
    variant: str
    unit: str
    units: int
    contenders: tuple[Contender, ...]
    check: Callable[[Any], str | None]

    @property
    def name(self) -> str:
        """Family and variant, as in `resample stream 24>16`."""
        return f"{self.family} {self.variant}".strip()

    def problem_of(self, trial: Trial) -> str | None:
        """Run the trial's check; whatever goes wrong in it is a wrong result.

        Returns:
            What is wrong with the result, or None.
        """
        try:
            return self.check(trial.result())
        except Exception as error:  # whatever a foreign library comes up with
            return f"{type(error).__name__}: {error}"


def need(module: str) -> Any:
    """Import a peer.

    Raises:
        Absent: it is not installed, or does not load.
    """
    try:
        with warnings.catch_warnings():
            # audioop announces its removal; its absence is reported, not its leave-taking.
            warnings.simplefilter("ignore", DeprecationWarning)
            return importlib.import_module(module)
    except Exception as error:  # opuslib raises a bare Exception where libopus is missing
        raise Absent(f"{module} cannot be imported: {error}") from error


def installed_version(package: str | None) -> str:
    """The versions of distributions, as in `3.13.0 + 1.5.1`; empty where none is installed."""
    found = []
    for name in (package or "").split():
        try:
            found.append(version(name))
        except PackageNotFoundError:
            continue
    return " + ".join(found)
