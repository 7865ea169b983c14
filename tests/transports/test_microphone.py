from __future__ import annotations

import asyncio
import fractions
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from av import AudioFrame

from rtaudio.audio import AudioClip, AudioFormat, save
from rtaudio.errors import AudioError, ConfigError
from rtaudio.transports.microphone import Microphone, check_source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TARGET = AudioFormat("pcm16", 24000)


def tone(rate: int, seconds: float = 1.0) -> Any:
    return (8000 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)).astype(
        np.int16
    )


class Line:
    """Takes what a microphone feeds."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.errors: list[Exception] = []
        self.ended = asyncio.Event()

    async def feed(self, pcm: bytes) -> None:
        self.pieces.append(pcm)

    def failed(self, error: Exception) -> None:
        self.errors.append(error)
        self.ended.set()

    async def listen(self, source: Any, source_format: AudioFormat | None = None) -> Microphone:
        """Listen until the source has ended."""
        microphone = Microphone(source, source_format, TARGET, self.feed, self.failed)
        microphone.start()
        assert microphone._task is not None
        await asyncio.wait([microphone._task])
        return microphone

    @property
    def sound(self) -> Any:
        return np.frombuffer(b"".join(self.pieces), np.int16)


def assert_tone(sound: Any) -> None:
    """A second of 440 Hz at 24 kHz, and what conversion holds back and gives at the end."""
    assert abs(len(sound) - 24000) <= 60
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert abs(int(spectrum.argmax()) - 440) <= 1
    assert spectrum[430:451].sum() > 0.9 * spectrum.sum()


class Iterated:
    """Pieces of sound, and whether it was closed."""

    def __init__(self, pieces: list[Any]) -> None:
        self.pieces = pieces
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[Any]:
        for piece in self.pieces:
            yield piece

    async def aclose(self) -> None:
        self.closed = True


class Track:
    """A track as aiortc has them."""

    kind = "audio"

    def __init__(self, samples: Any, rate: int, layout: str = "mono") -> None:
        self.samples, self.rate, self.layout = samples, rate, layout
        self.position = 0
        self.stopped = False

    async def recv(self) -> Any:
        step = self.rate // 50
        piece = self.samples[self.position : self.position + step]
        if not len(piece):
            raise type("MediaStreamError", (Exception,), {})
        rows = np.repeat(piece, 2) if self.layout == "stereo" else piece
        frame = AudioFrame.from_ndarray(rows.reshape(1, -1), "s16", self.layout)
        frame.sample_rate, frame.pts = self.rate, self.position
        frame.time_base = fractions.Fraction(1, self.rate)
        self.position += step
        return frame

    def stop(self) -> None:
        self.stopped = True


async def test_an_iterator_is_heard_in_its_own_format() -> None:
    line = Line()
    pieces = [piece.tobytes() for piece in tone(16000).reshape(-1, 400)]
    await line.listen(Iterated(pieces), AudioFormat("pcm16", 16000))
    assert_tone(line.sound)


async def test_without_a_format_an_iterator_has_that_of_the_line() -> None:
    line = Line()
    await line.listen(Iterated([tone(24000)]))
    assert np.array_equal(line.sound, tone(24000))


async def test_a_file_is_played(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    stereo = np.stack([tone(44100), tone(44100)], axis=1)
    save(path, AudioClip(stereo, 44100))
    for source in (path, str(path)):
        line = Line()
        await line.listen(source)
        assert_tone(line.sound)
        assert len(line.pieces) > 5


@pytest.mark.parametrize(("rate", "layout"), [(48000, "stereo"), (16000, "mono")])
async def test_a_track_is_heard_until_it_ends(rate: int, layout: str) -> None:
    line = Line()
    await line.listen(Track(tone(rate), rate, layout))
    assert abs(len(line.sound) - 24000) < 600
    assert not line.errors


async def test_what_was_given_stays_open_and_what_a_function_made_is_closed() -> None:
    given, track = Iterated([b""]), Track(tone(24000, 0.02), 24000)
    for source in (given, track):
        await (await Line().listen(source)).stop()
    assert not given.closed
    assert not track.stopped
    for make in (lambda: given, lambda: track):
        await (await Line().listen(make)).stop()
    assert given.closed
    assert track.stopped


async def test_an_async_function_may_make_the_source_and_an_async_generator_is_one() -> None:
    async def make() -> Iterated:
        return Iterated([b"\x01\x00"])

    async def generate() -> AsyncIterator[bytes]:
        yield b"\x02\x00"

    for source, heard in ((make, b"\x01\x00"), (generate, b"\x02\x00")):
        line = Line()
        await (await line.listen(source)).stop()
        assert b"".join(line.pieces) == heard


async def test_stopping_stops_a_source_that_goes_on() -> None:
    closed = asyncio.Event()

    async def forever() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(960)
                await asyncio.sleep(0)
        finally:
            closed.set()

    line = Line()
    microphone = Microphone(forever, None, TARGET, line.feed, line.failed)
    microphone.start()
    while not line.pieces:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await microphone.stop()
    assert closed.is_set()
    await microphone.stop()


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (lambda: 5, ConfigError),
        (Iterated([object()]), AudioError),
        ("/no/such/file.wav", Exception),
    ],
)
async def test_what_goes_wrong_is_told(source: Any, error: type[Exception]) -> None:
    line = Line()
    await line.listen(source)
    (found,) = line.errors
    assert isinstance(found, error)


@pytest.mark.parametrize("source", [5, b"pcm", [b"pcm"], object()])
def test_what_cannot_be_listened_to_is_refused(source: object) -> None:
    with pytest.raises(ConfigError, match="microphone must be a path"):
        check_source(source)
