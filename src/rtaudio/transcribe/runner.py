"""Running many files through a few realtime sessions.

Each session ("line") serves two files at a time: while the last turns of one are being recognised,
the next is decoded in a thread and its first turns are queued behind them, so the recogniser never
waits for a disk or a decoder. Memory is bounded by the files being worked on, two per line.

A line that loses its connection opens a new one; the files it was working on send the turns they
have no text for again, once each. Whatever happens to a file ends in its row.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rtaudio.errors import AudioError, ConnectionLost, RtAudioError
from rtaudio.transcribe.prepare import Prepared, prepare
from rtaudio.transcribe.rows import Row, RowSegment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from rtaudio.transcribe.inputs import Input

__all__ = ["Line", "Outcome", "TurnFailed", "run"]

FILES_PER_LINE = 2
"""One being recognised, one being decoded and queued behind it."""

_logger = logging.getLogger(__name__)


class TurnFailed(RtAudioError):
    """The service could not transcribe one turn; the connection is still good."""


class Line(Protocol):
    """A transcription session that takes turns. Turns may overlap; it bounds how many do."""

    async def turn(self, pcm: NDArray[np.int16]) -> str:
        """Send one turn and return its transcript.

        Connects first where there is no connection.

        Raises:
            TurnFailed: this turn was refused.
            ConnectionLost: the connection ended; the next call opens a new one.
            RtAudioError: anything else that is wrong with the service or the options.
        """

    async def close(self) -> None:
        """Close the connection; turns still waiting fail."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished file.

    Attributes:
        row: what is written down.
        wall_s: seconds from the start of decoding to the last transcript, or None for a row that
            was kept from an earlier run.
    """

    row: Row
    wall_s: float | None


async def run(
    inputs: Sequence[Input],
    open_line: Callable[[], Line],
    emit: Callable[[Outcome, Input], None],
    *,
    sample_rate: int,
    concurrency: int,
    load: Callable[[Path, int], Prepared] = prepare,
    advance: Callable[[float], None] = lambda _: None,
) -> None:
    """Transcribe inputs and hand each outcome to `emit` as it is finished.

    Args:
        inputs: what to transcribe, in the order to begin with them.
        open_line: makes a line; called at most `concurrency` times.
        emit: called on the event loop once per input, in order of completion.
        sample_rate: what lines expect, in Hz.
        concurrency: how many lines to use, at least 1.
        load: decodes a file; replaced in tests.
        advance: told about progress as fractions of a file, turn by turn; they add up to 1 for
            each file.

    Raises:
        Exception: whatever `emit` raises; it ends the run. Nothing else does.
    """
    waiting = iter(inputs)

    async def work(line: Line) -> None:
        for item in waiting:
            started = time.monotonic()
            turns_done: list[float] = []

            def turn_done(fraction: float, told: list[float] = turns_done) -> None:
                told.append(fraction)
                advance(fraction)

            row = await _transcribe(item, line, sample_rate, load, turn_done)
            emit(Outcome(row, time.monotonic() - started), item)
            advance(1 - sum(turns_done))

    lines = [open_line() for _ in range(min(concurrency, len(inputs)))]
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(FILES_PER_LINE):
                for line in lines:
                    group.create_task(work(line))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        await asyncio.gather(*(line.close() for line in lines), return_exceptions=True)


async def _transcribe(
    item: Input,
    line: Line,
    sample_rate: int,
    load: Callable[[Path, int], Prepared],
    advance: Callable[[float], None],
) -> Row:
    try:
        prepared = await asyncio.to_thread(load, item.path, sample_rate)
    except (AudioError, OSError) as error:
        # The row names the file already.
        return Row(item.name, "", 0.0, [], str(error).removeprefix(f"{item.path}: "))
    except Exception as error:  # one strange file must not end a run over thousands
        _logger.debug("decoding failed", exc_info=True)
        return Row(item.name, "", 0.0, [], f"cannot be decoded: {type(error).__name__}: {error}")

    texts: list[str | None] = [None] * len(prepared.spans)
    error_text = await _send(prepared, line, texts, advance)
    if error_text is None:
        error_text = await _send(prepared, line, texts, advance, last_attempt=True)
    problems = [text for text in (prepared.problem, error_text) if text]
    segments = [
        RowSegment(round(span.start_s, 3), round(span.end_s, 3), text)
        for span, text in zip(prepared.spans, texts, strict=True)
        if text
    ]
    return Row(
        item.name,
        " ".join(segment.text for segment in segments),
        round(prepared.duration_s, 3),
        segments,
        "; ".join(problems) or None,
    )


async def _send(
    prepared: Prepared,
    line: Line,
    texts: list[str | None],
    advance: Callable[[float], None],
    *,
    last_attempt: bool = False,
) -> str | None:
    """Fill in the texts still missing.

    Returns:
        What went wrong for good, or None: all is there, or a lost connection makes another
        attempt worth while.
    """
    missing = [index for index, text in enumerate(texts) if text is None]
    if not missing:
        return None

    async def turn(index: int) -> None:
        texts[index] = (await line.turn(prepared.pcm(prepared.spans[index]))).strip()
        advance(1 / len(texts))

    results = await asyncio.gather(*(turn(index) for index in missing), return_exceptions=True)
    error_text = None
    for result in results:
        if result is None or (isinstance(result, ConnectionLost) and not last_attempt):
            continue
        if isinstance(result, RtAudioError | OSError | TimeoutError):
            error_text = error_text or str(result) or type(result).__name__
        elif isinstance(result, Exception):
            _logger.debug("a turn failed", exc_info=result)
            error_text = error_text or f"{type(result).__name__}: {result}"
        else:
            raise result
    return error_text
