"""The entry point: registers the subcommands and turns our own errors into plain messages."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rtaudio.cli.bench import bench
from rtaudio.cli.doctor import doctor
from rtaudio.cli.serve import serve
from rtaudio.cli.transcribe import transcribe
from rtaudio.errors import ConfigError, RtAudioError

__all__ = ["app", "main"]

USAGE_ERROR = 2
"""Exit status for wrong options, the shell's and click's own convention."""

app = typer.Typer(
    name="rtaudio",
    help="Live speech with realtime models, and batch transcription through them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(transcribe)
app.command()(serve)
app.command()(bench)
app.command()(doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"rtaudio {version('rtaudio')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; the process's exit status says how it went."""
    try:
        app()
    except ConfigError as error:
        sys.stderr.write(f"rtaudio: {error}\n")
        sys.exit(USAGE_ERROR)
    except ImportError as error:
        if not (error.name or "").startswith("rtaudio._native"):
            raise
        sys.stderr.write(f"rtaudio: cannot load the kernels: {error}; see rtaudio doctor\n")
        sys.exit(1)
    except (RtAudioError, OSError) as error:
        # Such as a disk that is full: nothing a traceback would explain better.
        sys.stderr.write(f"rtaudio: {error}\n")
        sys.exit(1)
