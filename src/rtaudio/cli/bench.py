"""`rtaudio bench`: the kernels against their peers, on this machine."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

__all__ = ["bench"]


def bench(
    groups: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to measure: resample, opus, wire, ring, jitter, g711, levels, session, "
            "hour, memory, latency, quality, networks. Default: all.",
            metavar="[GROUP]...",
            show_default=False,
        ),
    ] = None,
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw them: bench.png, bench.svg and bench.html in this folder."),
    ] = None,
    speech: Annotated[
        Path | None, typer.Option(help="A recording to race with. Default: made-up speech.")
    ] = None,
    earlier: Annotated[
        Path | None,
        typer.Option("--from", help="Show figures kept earlier (JSON), and measure nothing."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A first look, less exact.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the tables as Markdown.")
    ] = False,
) -> None:
    """Race rtaudio's kernels against other libraries: time, latency and quality.

    Each result is checked before it is timed. Peers that are not installed are left out and named;
    pip install 'rtaudio\\[bench]' brings them all.
    """
    from rich.console import Console

    from rtaudio.bench import load_report, run, save_report
    from rtaudio.bench.signals import Material
    from rtaudio.bench.table import as_markdown, as_rich, tables
    from rtaudio.errors import ConfigError

    if plot is not None:
        import importlib.util

        # Found out now rather than after minutes.
        if importlib.util.find_spec("matplotlib") is None:
            raise ConfigError("--plot needs matplotlib: pip install 'rtaudio[bench]'")
    if earlier is not None:
        report = load_report(earlier)
    else:
        material = Material.synthetic() if speech is None else Material.from_file(speech)
        with Console(stderr=True).status("getting ready") as status:
            report = run(material, groups or (), quick=quick, progress=status.update)
    if json_path is not None:
        save_report(report, json_path)
    if markdown:
        for table in tables(report):
            typer.echo(as_markdown(table))
    else:
        console = Console()
        for name, value in report.environment.items():
            console.print(f"{name}: {value}", markup=False, highlight=False)
        for table in tables(report):
            console.print()
            console.print(as_rich(table))
    if plot is not None:
        from rtaudio.bench.plot import save_plots

        for path in save_plots(report, plot):
            typer.echo(f"wrote {path}")
