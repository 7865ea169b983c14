"""What a transport with a track listens to: files, iterators of sound, tracks of aiortc."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from av import AudioResampler

from rtaudio.audio import AudioConverter, AudioFormat, PcmLike, load
from rtaudio.errors import ConfigError

__all__ = ["MediaTrack", "Microphone", "MicrophoneSource", "check_source"]


@runtime_checkable
class MediaTrack(Protocol):
    """A track as aiortc has them: `recv` gives audio frames of PyAV, at the pace of the sound."""

    kind: str

    async def recv(self) -> Any:
        """The next frame; an exception ends the track."""


_Source: TypeAlias = str | Path | AsyncIterable[PcmLike] | MediaTrack

#: A file to be played, an async iterator of pieces of sound, or a track; or a function that is
#: called for each connection and returns one of these, possibly awaitable.
MicrophoneSource: TypeAlias = _Source | Callable[[], _Source | Awaitable[_Source]]

_FILE_PIECE_S = 0.1
_WANTED = (
    "a path, an async iterator of sound, a track with a method recv(), or a function that returns "
    "one of these"
)


def check_source(source: object) -> None:
    """Refuse what cannot be listened to.

    Raises:
        ConfigError: `source` is none of the kinds of `MicrophoneSource`.
    """
    if not _is_source(source) and not callable(source):
        raise ConfigError(f"microphone must be {_WANTED}, got {type(source).__name__}")


def _is_source(source: object) -> bool:
    return isinstance(source, (str, Path, AsyncIterable, MediaTrack))


class Microphone:
    """Feeds what a source gives to a line.

    What a function returned is closed in the end, since it was made for this; what was given as it
    is stays open.

    Args:
        source: where the sound comes from.
        source_format: of the pieces of an iterator; None means `target`.
        target: mono PCM16 that `feed` takes.
        feed: takes sound, and waits while it has enough.
        failed: called with what went wrong; the line then has silence.
    """

    def __init__(
        self,
        source: MicrophoneSource,
        source_format: AudioFormat | None,
        target: AudioFormat,
        feed: Callable[[bytes], Awaitable[None]],
        failed: Callable[[Exception], None],
    ) -> None:
        self._given = source
        self._source_format = source_format or target
        self._target = target
        self._feed = feed
        self._failed = failed
        self._made: Any = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.get_running_loop().create_task(
            self._listen(), name="rtaudio-microphone"
        )

    async def stop(self) -> None:
        """Listen no more, and close what was made for this."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        made, self._made = self._made, None
        for name in ("aclose", "stop"):
            close = getattr(made, name, None)
            if callable(close):
                result = close()
                if inspect.isawaitable(result):
                    await result
                return

    async def _listen(self) -> None:
        try:
            async for pcm in self._pieces(await self._open()):
                await self._feed(pcm)
        except Exception as error:
            self._failed(error)

    async def _open(self) -> Any:
        source: Any = self._given
        if _is_source(source):
            return source
        source = source()
        if inspect.isawaitable(source):
            source = await source
        self._made = source
        if not _is_source(source):
            raise ConfigError(
                f"the function microphone must return a path, iterator or track, got "
                f"{type(source).__name__}"
            )
        return source

    def _pieces(self, source: Any) -> AsyncIterator[bytes]:
        if isinstance(source, (str, Path)):
            return self._file(source)
        if isinstance(source, AsyncIterable):
            return self._iterated(source)
        return self._track(source)

    async def _file(self, path: str | Path) -> AsyncIterator[bytes]:
        clip = await asyncio.to_thread(load, path)
        source_format = AudioFormat("pcm16", clip.sample_rate, clip.channels)
        converter = AudioConverter(source_format, self._target)
        step = round(clip.sample_rate * _FILE_PIECE_S)
        for start in range(0, len(clip.samples), step):
            yield converter.process(clip.samples[start : start + step].tobytes())
        yield converter.flush()

    async def _iterated(self, pieces: AsyncIterable[PcmLike]) -> AsyncIterator[bytes]:
        converter = AudioConverter(self._source_format, self._target)
        async for piece in pieces:
            yield converter.process(piece)
        yield converter.flush()

    async def _track(self, track: MediaTrack) -> AsyncIterator[bytes]:
        resampler = AudioResampler(format="s16", layout="mono", rate=self._target.sample_rate)
        while True:
            try:
                frame = await track.recv()
            except Exception as error:
                if type(error).__name__ == "MediaStreamError":
                    return  # so a track says that it has ended
                raise
            for resampled in resampler.resample(frame):
                yield bytes(resampled.planes[0])[: resampled.samples * 2]
