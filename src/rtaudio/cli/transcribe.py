"""`rtaudio transcribe`: files in, transcripts out."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import re
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rtaudio.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from rich.console import Console

    from rtaudio.server.engines.base import Recogniser
    from rtaudio.session import RealtimeSession
    from rtaudio.transcribe.inputs import Input
    from rtaudio.transcribe.runner import Outcome
    from rtaudio.transcribe.scoring import Reference, Score, Scorer
    from rtaudio.transcribe.summary import Summary
    from rtaudio.transcribe.writers import Writer

    # Makes sessions, and says at which rate in Hz they want their audio.
    Service = contextlib.AbstractAsyncContextManager[tuple[Callable[[], RealtimeSession], int]]

__all__ = ["transcribe"]

LOCAL_RATE = 16_000
"""Hz. Whisper's own rate: the embedded service then needs no second resampling."""

REMOTE_RATE = 24_000
"""Hz. The one rate that every realtime service takes for PCM."""

REMOTE_MODEL = "gpt-4o-mini-transcribe"
REMOTE_CONCURRENCY = 4

SOME_FAILED = 1
INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""

REFERENCE_NAME = "reference.jsonl"


def transcribe(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Audio or video files, folders, and patterns.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File of rows (jsonl; - is standard output) or folder (txt, srt, vtt). "
            "Default: transcripts.jsonl or transcripts/.",
        ),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="jsonl, txt, srt or vtt.")
    ] = "jsonl",
    url: Annotated[
        str | None,
        typer.Option(
            help="Realtime service to use (key: OPENAI_API_KEY). "
            "Default: the embedded one, offline."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Recogniser: a model folder or name, or the service's name.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Two-letter code. Default: found out from the speech.")
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=64, help="Sessions at the same time.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep what an earlier run finished; do the rest.")
    ] = False,
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl",
            help='Rows {"path", "text"} to score against. '
            "Default: reference.jsonl in the folders given.",
        ),
    ] = None,
) -> None:
    """Transcribe recordings through a realtime session.

    Without --url everything happens on this machine: no key, no network.

    Exit status: 0 all went well, 1 some files failed, 2 wrong options.
    """
    from rich.console import Console

    from rtaudio.transcribe.inputs import discover
    from rtaudio.transcribe.line import check_url
    from rtaudio.transcribe.writers import open_writer

    if url is not None:
        check_url(url)
    if language is not None and not re.fullmatch("[a-z]{2,3}", language):
        raise ConfigError(f"--language is a two-letter code such as en or de, got {language!r}")
    inputs = discover(paths)
    if not inputs:
        raise ConfigError(f"nothing to transcribe: no media files in {' '.join(paths)}")
    messages = Console(stderr=True, highlight=False)
    known, scorer = _references(reference, paths, language, messages)
    service = _remote(url, model, language) if url is not None else _local(model, language)
    writer = open_writer(output, format_, inputs, resume=resume, stdout=sys.stdout.buffer)
    tables = messages if str(output) == "-" else Console(highlight=False)
    batch = _Batch(inputs, writer, known, scorer, messages)
    started = time.monotonic()
    try:
        asyncio.run(batch.run(service, concurrency or (REMOTE_CONCURRENCY if url else _cores())))
    except KeyboardInterrupt:
        messages.print(
            f"\nInterrupted; {batch.done} of {len(inputs)} files are done.", style="bold"
        )
        if str(output) != "-":
            messages.print("Their transcripts are kept. To go on:")
            messages.out("  " + _resume_command(sys.argv), highlight=False)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        writer.close()
    wall_s = time.monotonic() - started
    tables.print(batch.summary.table(wall_s))
    tables.print(batch.summary.totals(wall_s))
    if writer.target != Path("-"):
        tables.out(f"Transcripts: {writer.target}", highlight=False)
    if batch.summary.failed:
        raise typer.Exit(SOME_FAILED)


def _cores() -> int:
    """Sessions for the embedded service: one per recogniser thread, which it has one per core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, 4))


def _resume_command(argv: Sequence[str]) -> str:
    words = ["rtaudio", *argv[1:]]
    if "--resume" not in words:
        words.append("--resume")
    return shlex.join(words)


def _references(
    reference: Path | None, paths: Sequence[str], language: str | None, messages: Console
) -> tuple[Reference | None, Scorer | None]:
    from rtaudio.transcribe.scoring import Reference, Scorer

    files = [reference] if reference is not None else []
    if reference is None:
        candidates = [Path(path) / REFERENCE_NAME for path in paths if os.path.isdir(path)]
        files = [path for path in candidates if path.is_file()]
    known = Reference()
    known.add_files(files)
    if not len(known):
        return None, None
    try:
        return known, Scorer(language)
    except ConfigError as error:
        messages.print(f"No WER: {error}", style="yellow", markup=False)
        return known, None


def _local(model: str | None, language: str | None) -> Service:
    """Return the embedded service; a model that does not exist is found out here and now.

    Raises:
        ConfigError: `model` names no model.
    """
    from rtaudio.server.engines.whisper import WhisperRecogniser

    return _serving(WhisperRecogniser(model, language), language)


@contextlib.asynccontextmanager
async def _serving(
    recogniser: Recogniser, language: str | None
) -> AsyncIterator[tuple[Callable[[], RealtimeSession], int]]:
    from rtaudio.audio import AudioFormat
    from rtaudio.server import Limits, RealtimeServer
    from rtaudio.session import RealtimeSession
    from rtaudio.transcribe.line import transcription_config

    await asyncio.to_thread(recogniser.load)
    # The embedded service has one recogniser; a session's model name is only repeated back.
    config = transcription_config(sample_rate=LOCAL_RATE, model="whisper-1", language=language)
    audio = AudioFormat("pcm16", LOCAL_RATE, channels=1)
    # A batch takes as long as it takes, on one session.
    limits = Limits(session_s=math.inf)
    async with RealtimeServer(recogniser=recogniser, limits=limits) as server:
        url = server.url
        yield lambda: RealtimeSession(None, url=url, config=config, input_audio=audio), LOCAL_RATE


@contextlib.asynccontextmanager
async def _remote(
    url: str, model: str | None, language: str | None
) -> AsyncIterator[tuple[Callable[[], RealtimeSession], int]]:
    from rtaudio.audio import AudioFormat
    from rtaudio.session import RealtimeSession
    from rtaudio.transcribe.line import transcription_config

    config = transcription_config(
        sample_rate=REMOTE_RATE, model=model or REMOTE_MODEL, language=language
    )
    audio = AudioFormat("pcm16", REMOTE_RATE, channels=1)
    api_key = os.environ.get("OPENAI_API_KEY") or None
    yield (
        lambda: RealtimeSession(None, url=url, api_key=api_key, config=config, input_audio=audio),
        REMOTE_RATE,
    )


class _Batch:
    """One run: what is to be done, where it goes, and what the terminal shows meanwhile."""

    def __init__(
        self,
        inputs: Sequence[Input],
        writer: Writer,
        known: Reference | None,
        scorer: Scorer | None,
        messages: Console,
    ) -> None:
        from rtaudio.transcribe.runner import Outcome
        from rtaudio.transcribe.summary import Summary

        self._writer = writer
        self._known = known
        self._scorer = scorer
        self._messages = messages
        self.summary: Summary = Summary()
        wanted = {item.name: item for item in inputs}
        kept = {row.path: row for row in writer.kept if row.path in wanted}
        self._inputs = [item for item in inputs if item.name not in kept]
        for name, row in kept.items():
            outcome = Outcome(row, None)
            self.summary.add(outcome, self._score(outcome, wanted[name]))

    @property
    def done(self) -> int:
        return self.summary.files

    async def run(
        self,
        service: Service,
        concurrency: int,
    ) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        from rtaudio.transcribe.line import SessionLine
        from rtaudio.transcribe.runner import run

        if not self._inputs:
            return
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._messages,
            transient=True,
            disable=not self._messages.is_terminal,
        )
        with progress:
            task = progress.add_task("starting", total=self.done + len(self._inputs))
            progress.update(task, completed=self.done)

            def emit(outcome: Outcome, item: Input) -> None:
                score = self._score(outcome, item)
                if score is not None:
                    outcome.row.wer = round(score.wer, 4)
                self._writer.write(outcome.row, item)
                self.summary.add(outcome, score)
                if outcome.row.error is not None:
                    message = f"{outcome.row.path}: {outcome.row.error}"
                    self._messages.print(message, style="red", markup=False, soft_wrap=True)

            async with service as (open_session, sample_rate):
                progress.update(task, description="transcribing")
                await run(
                    self._inputs,
                    lambda: SessionLine(open_session),
                    emit,
                    sample_rate=sample_rate,
                    concurrency=concurrency,
                    # Within files too, or one long recording would look like standstill.
                    advance=lambda fraction: progress.advance(task, fraction),
                )

    def _score(self, outcome: Outcome, item: Input) -> Score | None:
        if self._known is None or self._scorer is None:
            return None
        text = self._known.text_for(item.path)
        return None if text is None else self._scorer.score(text, outcome.row.text)
